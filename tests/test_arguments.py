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
        "Generator",
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
    for function in (torch.add, torch.softmax, F.softmax, F.linear, torch.linalg.qr, torch.special.expit):
        assert pickle.loads(pickle.dumps(function)) is function


def test_samples_pass_their_own_check():
    """What an entry gives as valid is so by its annotations, on a subclass of Tensor too."""
    for op in PUBLIC:
        dtype = torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1]
        sample = samples(op, "cpu", dtype)[0]
        op.bind(sample.args, dict(sample.kwargs))
        mine = mapped(sample, lambda t: torch.nn.Buffer(t))
        op.bind(mine.args, dict(mine.kwargs))
