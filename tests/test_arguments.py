"""Arguments of a wrong type: every published entry refuses them before its rule, naming itself and the argument."""

from __future__ import annotations

import enum
import inspect
import pickle

import numpy as np
import pytest
from support import mapped, samples

import tritonnn as torch
from tritonnn.nn import functional as F
from tritonnn.ops._table import OPS
from tritonnn.table.arguments import KINDS, kind_of

PUBLIC = [op for op in OPS.values() if op.api and op.samples and not op.takes_any]
WRONG = {"int": (1.5, "a", object()), "float": ("a", [1.0]), "bool": (1, "a", None), "str": (1, b"x"),
         "Number": ("a", [1]), "tuple of ints": ("a", 1.5, (1.5,)), "torch.dtype": (3, "float32")}  # fmt: skip


def scalars():
    """(op, argument, wrong value) for each checked argument that is no tensor."""
    for op in PUBLIC:
        for name, kind in zip(op.names, op.kinds, strict=True):
            if kind is None or "Tensor" in op.annotations[name]:
                continue
            for value in WRONG.get(kind.name, ()):
                if value == 1 and kind.name == "bool" and kind.accepts(1):
                    continue  # asked for its truth only: test_flags_asked_for_their_truth
                if value is not None or type(None) not in kind.classes:
                    yield pytest.param(op, name, value, id=f"{op.name}-{name}-{type(value).__name__}")


@pytest.mark.parametrize(("op", "name", "value"), list(scalars()))
def test_wrong_type_is_refused(op, name, value):
    sample = samples(op, "cpu", torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1])[0]
    bound = dict(zip(op.names, op.bind(sample.args, dict(sample.kwargs))[0], strict=True))
    bound[name] = value
    with pytest.raises(
        TypeError, match=rf"{op.public_name}\(\): argument '{name}'( \(position \d+\))? must be "
    ):
        op.function(**bound)
    if op.names.index(name) < op.n_positional:
        given = [bound[n] for n in op.names[: op.n_positional]]
        with pytest.raises(TypeError, match=rf"{op.public_name}\(\): argument '{name}'"):
            op.function(*given, **{n: bound[n] for n in op.names[op.n_positional :]})


def test_there_are_many_of_them():
    assert len(list(scalars())) > 700


class Axis(enum.IntEnum):
    ROWS = 0


@pytest.mark.parametrize("dim", [0, np.int64(0), Axis.ROWS, torch.tensor(0)])
def test_what_counts_as_an_integer(dim):
    x = torch.arange(6.0).reshape(2, 3)
    assert x.select(dim, 1).tolist() == [3.0, 4.0, 5.0]
    assert x.sum(dim).tolist() == [3.0, 5.0, 7.0]


@pytest.mark.parametrize("dim", [True, np.True_, 0.0, torch.tensor(0.0), torch.tensor([0])])
def test_what_does_not(dim):
    with pytest.raises(TypeError, match=r"select\(\): argument 'dim' \(position 2\) must be int, not"):
        torch.ones(2, 3).select(dim, 1)


IMAGE = torch.arange(32.0).reshape(1, 2, 4, 4)
# What PyTorch takes: a number of NumPy or a tensor of no dimensions, where one is asked for.
ACCEPTED = {
    "roll": lambda n: torch.ones(2, 3).roll(n(1), 0),
    "chunk": lambda n: torch.ones(4, 3).chunk(n(2))[0],
    "split": lambda n: torch.ones(4, 3).split(n(2))[0],
    "tensor_split": lambda n: torch.ones(4, 3).tensor_split(n(2))[0],
    "movedim": lambda n: torch.ones(2, 3).movedim(n(0), 1),
    "unique": lambda n: torch.ones(2, 3).unique(dim=n(0)),
    "rot90": lambda n: torch.ones(2, 3).rot90(n(1)),
    "histc": lambda n: torch.ones(3).histc(n(2)),
    "bincount": lambda n: torch.tensor([0, 1]).bincount(minlength=n(4)),
    "polygamma": lambda n: torch.polygamma(n(1), torch.ones(3)),
    "diag": lambda n: torch.ones(3).diag(n(1)),
    "rand": lambda n: torch.rand(n(3)),
    "new_zeros": lambda n: torch.ones(2).new_zeros(n(3)),
    "view": lambda n: torch.ones(6).view(n(2), -1),
    "layer_norm": lambda n: F.layer_norm(torch.ones(2, 3), [n(3)]),
    "conv2d": lambda n: F.conv2d(IMAGE, torch.ones(1, 2, 3, 3), stride=n(2), padding=n(1)),
    "max_pool2d": lambda n: F.max_pool2d(IMAGE, n(2), n(2)),
    "avg_pool2d": lambda n: F.avg_pool2d(IMAGE, n(2), (n(2), n(1))),
}
NUMBERS = {
    "nan_to_num": lambda n: torch.ones(2).nan_to_num(n(1), n(2), neginf=n(3)),
    "leaky_relu": lambda n: F.leaky_relu(-torch.ones(2), n(1)),
    "celu": lambda n: F.celu(-torch.ones(2), n(1)),
    "softplus": lambda n: F.softplus(torch.ones(2), n(1), n(20)),
    "threshold": lambda n: F.threshold(torch.ones(2), n(1), n(3)),
    "hardtanh": lambda n: F.hardtanh(torch.ones(2), n(-1), n(2)),
    "hardshrink": lambda n: F.hardshrink(torch.ones(2), n(1)),
    "add": lambda n: torch.ones(2).add(1, alpha=n(2)),
    "dropout": lambda n: F.dropout(torch.ones(2), n(0)),
    "module": lambda n: torch.nn.LeakyReLU(n(1))(-torch.ones(2)),
}


@pytest.mark.parametrize("name", ACCEPTED)
@pytest.mark.parametrize("number", [np.int64, np.int32, np.uint8, torch.tensor])
def test_integers_of_every_make(name, number):
    wanted, got = ACCEPTED[name](int), ACCEPTED[name](number)
    assert got.shape == wanted.shape and (name == "rand" or got.tolist() == wanted.tolist())


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", [np.float32, np.float64, np.int64, torch.tensor])
def test_numbers_of_every_make(name, number):
    assert NUMBERS[name](number).tolist() == NUMBERS[name](float).tolist()


def test_sizes_in_line_are_no_other_arguments():
    """Of a subclass too, whose class is looked at more closely."""
    token = torch.nn.Parameter(torch.ones(1, 1, 3))
    assert token.expand(4, -1, -1).shape == (4, 1, 3)
    assert F.cosine_similarity(token, torch.ones(1, 2, 3), dim=-1).shape == (1, 2)


@pytest.mark.parametrize("made", [
    lambda d: torch.zeros(2, dtype=d), lambda d: torch.tensor([1], dtype=d), lambda d: torch.ones(2).sum(dtype=d),
    lambda d: torch.ones(2).to(d), lambda d: torch.ones(2).to(dtype=d), lambda d: torch.ones(2).new_zeros(2, dtype=d),
    lambda d: torch.arange(3, dtype=d), lambda d: torch.ones(2).cumsum(0, dtype=d),
])  # fmt: skip
def test_types_of_python_are_dtypes(made):
    assert (made(float).dtype, made(int).dtype) == (torch.float64, torch.int64)


def test_another_type_is_no_dtype():
    with pytest.raises(TypeError, match=r"zeros\(\): argument 'dtype' must be torch.dtype, not type"):
        torch.zeros(2, dtype=np.float32)


def test_flags_asked_for_their_truth():
    """PyTorch's functions in Python take any number there; None is no flag given."""
    assert F.dropout(torch.ones(2), 0.0, inplace=1).tolist() == [1.0, 1.0]
    assert len(F.max_pool2d(IMAGE, 2, return_indices=1)) == 2
    with pytest.warns(UserWarning, match="reduction='sum'"):
        assert F.cross_entropy(torch.ones(2, 3), torch.tensor([0, 1]), size_average=0).shape == ()
    assert not torch.zeros(2, requires_grad=None, pin_memory=None).requires_grad
    assert torch.ones(2).sort(stable=None)[0].tolist() == [1.0, 1.0]


def test_names_of_numpy_in_composites():
    x = torch.arange(6.0).reshape(2, 3)
    assert x.std(axis=0, keepdims=True).shape == (1, 3)
    assert torch.stack([x, x], axis=1).shape == (2, 2, 3)
    assert torch.squeeze(x[:1], axis=0).shape == (3,)
    with pytest.raises(TypeError, match="multiple values for argument 'dim'"):
        x.std(0, axis=0)


def test_sizes_by_name():
    """What may stand in line may be given as one argument by PyTorch's name."""
    x = torch.arange(6.0).reshape(2, 3)
    assert (
        x.view(size=(3, 2)).shape == x.reshape(shape=[3, 2]).shape == x.permute(dims=(1, 0)).shape == (3, 2)
    )
    assert x.flip(dims=[0]).tolist() == x.flip(0).tolist()
    assert x.repeat(repeats=(2, 1)).shape == x.tile(dims=(2, 1)).shape == (4, 3)
    assert x.expand(size=(4, 2, 3)).shape == x.broadcast_to(size=(4, 2, 3)).shape == (4, 2, 3)
    assert x.sum_to_size(size=(1, 3)).shape == x.new_zeros(size=(1, 3)).shape == (1, 3)
    assert torch.rand(size=(2, 2)).shape == torch.randn(size=[2, 2]).shape == (2, 2)


def test_composites_in_place_keep_the_type():
    whole = torch.arange(3)
    with pytest.raises(RuntimeError, match="deg2rad_: result type float32 can't be cast"):
        whole.deg2rad_()
    assert whole.tolist() == [0, 1, 2]


def test_a_generator_is_one():
    with pytest.raises(
        TypeError, match=r"bernoulli\(\): argument 'generator' must be torch.Generator, not int"
    ):
        torch.bernoulli(torch.ones(2), generator=3)
    assert torch.bernoulli(torch.ones(2), generator=torch.Generator()).tolist() == [1.0, 1.0]


def test_a_quotient_of_a_number():
    assert (
        torch.div(2, torch.tensor([4.0])).tolist()
        == torch.true_divide(2, torch.tensor([4.0])).tolist()
        == [0.5]
    )


def test_normalize_takes_what_norms_take():
    x = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    assert (
        F.normalize(x, dim=(0, 1)).tolist() == F.normalize(x, "fro", dim=[0, 1]).tolist() == (x / 5).tolist()
    )


def test_an_element_is_named():
    with pytest.raises(TypeError, match=r"permute\(\).*'dims'.*found element of type float at pos 1"):
        torch.permute(torch.ones(2, 3), (1, 0.5))


def test_unknown_keywords_and_too_many_arguments():
    x = torch.ones(2)
    with pytest.raises(TypeError, match=r"sum\(\) got an unexpected keyword argument 'foo'"):
        x.sum(foo=1)
    with pytest.raises(TypeError, match=r"softmax\(\) got an unexpected keyword argument 'foo'"):
        F.softmax(x, 0, foo=1)
    with pytest.raises(TypeError, match=r"exp\(\) takes 1 positional arguments but 2 were given"):
        torch.exp(x, x)
    with pytest.raises(TypeError, match="softmax"):
        F.softmax()


def test_nothing_is_touched_where_it_is_refused():
    x = torch.ones(2)
    with pytest.raises(TypeError):
        x.add_(1, alpha="a")
    assert x._version == 0 and x.tolist() == [1.0, 1.0]


def test_every_annotation_of_the_table_is_known():
    """A kind of its own, or `Any` and the few that are objects of the library."""
    unchecked = {
        "Any",
        "np.ndarray",
        "Callable[[Tensor, Tensor], Any]",
        "LinearCrossEntropyOptions",
    }
    for op in PUBLIC:
        for name in op.names:
            for part in op.annotations[name].split(" | "):
                assert part in KINDS or part in unchecked, f"{op.name}: {name}: {part}"


def test_kinds_of_unions():
    kind = kind_of("int | None")
    assert kind.accepts(3) and type(None) in kind.classes and not kind.accepts("a") and kind.name == "int"
    assert kind_of("Tensor | Number").name == "Tensor or Number"
    assert kind_of("int", True).classes >= {type(None)}
    assert kind_of("Any") is None and kind_of("") is None and kind_of("int | Any") is None


def test_signatures():
    assert str(inspect.signature(torch.add)).startswith(
        "(input: 'Tensor | Number', other: 'Tensor | Number', *, alpha:"
    )
    assert list(inspect.signature(torch.sum).parameters) == ["input", "dim", "keepdim", "dtype", "out"]
    assert list(inspect.signature(torch.ones(1).sum).parameters) == ["dim", "keepdim", "dtype", "out"]
    assert list(inspect.signature(torch.Tensor.add_).parameters) == ["input", "other", "alpha"]
    assert inspect.signature(F.linear).parameters["bias"].default is None
    assert list(inspect.signature(F.softmax).parameters) == ["input", "dim", "_stacklevel", "dtype"]


def test_names_and_modules_are_the_public_ones():
    assert (torch.softmax.__name__, torch.softmax.__module__) == ("softmax", "tritonnn")
    assert (F.softmax.__name__, F.softmax.__module__) == ("softmax", "tritonnn.nn.functional")
    functions = (torch.add, torch.softmax, F.softmax, F.linear, torch.linalg.qr, torch.special.expit)
    for function in (*functions, torch.deg2rad_, torch.addmv_, torch.dropout_):
        assert pickle.loads(pickle.dumps(function)) is function


def test_samples_pass_their_own_check():
    """What an entry gives as valid is so by its annotations, on a subclass of Tensor too."""
    for op in PUBLIC:
        dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1]
        sample = samples(op, "cpu", dtype)[0]
        op.bind(sample.args, dict(sample.kwargs))
        mine = mapped(sample, lambda t: torch.nn.Buffer(t))
        op.bind(mine.args, dict(mine.kwargs))
