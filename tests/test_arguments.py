"""Arguments of a wrong type: every published entry refuses them before its rule, naming itself and the argument."""

from __future__ import annotations

import enum
import inspect
import math
import pickle
from types import FunctionType

import numpy as np
import pytest
from support import mapped, samples

import tritonnn as torch
from tritonnn.nn import functional as F
from tritonnn.ops._table import IN_PLACE, OPS, Sample
from tritonnn.table import NAMESPACES
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
    if name == "reduction" and op.annotations[name] == "str":  # whose value PyTorch looks at before its type
        with pytest.raises(ValueError, match=rf"{op.public_name}\(\): .* is not a valid value for reduction"):
            op.function(**bound)
        return
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


# ---- calls that do not fit a signature, of every published entry ---------------------------------------------

PUBLISHED = [op for op in OPS.values() if op.api and op.samples]
# What follows the first arguments is one argument after another: there is no number too many.
IN_LINE = {
    op.name
    for op in PUBLISHED
    if op.takes_any
    and any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(op.function).parameters.values())
}


def whole_call(op):
    """A valid call."""
    return samples(op, "cpu", torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1])[0]


def called(op):
    """What the entry calls itself; a form with indices is the same call of another entry."""
    return op.public_name.removesuffix("_with_indices")


def told(call, *args, **kwargs):
    with pytest.raises((TypeError, ValueError)) as caught:
        call(*args, **kwargs)
    assert issubclass(caught.type, TypeError) or "is not a valid value for reduction" in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("op", PUBLISHED, ids=lambda op: op.name)
def test_unknown_keyword(op):
    sample = whole_call(op)
    text = told(op.function, *sample.args, **sample.kwargs, colour=1)
    assert text.startswith(f"{called(op)}() got an unexpected keyword argument 'colour'")


@pytest.mark.parametrize("op", [op for op in PUBLISHED if op.name not in IN_LINE], ids=lambda op: op.name)
def test_too_many_arguments(op):
    sample = whole_call(op)
    values = sample.args if op.takes_any else op.bind(sample.args, dict(sample.kwargs))[0][: op.n_positional]
    text = told(op.function, *values, *["more"] * 9)
    assert text.startswith(f"{called(op)}() takes ") and " were given" in text


def test_in_line_arguments_are_few():
    assert len(IN_LINE) < 35, IN_LINE


def required():
    for op in PUBLISHED:
        for name in op.names:
            if name not in op.defaults and not op.takes_any:
                yield pytest.param(op, name, id=f"{op.name}-{name}")


@pytest.mark.parametrize(("op", "name"), list(required()))
def test_missing_argument(op, name):
    sample = whole_call(op)
    given = dict(zip(op.names, op.bind(sample.args, dict(sample.kwargs))[0], strict=True))
    del given[name]
    text = told(op.function, **given)
    assert text.startswith(f"{called(op)}() missing ") and f"'{name}'" in text


@pytest.mark.parametrize("name", sorted(IN_PLACE))
def test_in_place_forms_name_themselves(name):
    op = IN_PLACE[name].op
    if not op.samples or not op.api or op.name in IN_LINE:
        return
    sample = whole_call(op)
    x = sample.args[0] if isinstance(sample.args[0], torch.Tensor) else torch.ones(2)
    assert told(IN_PLACE[name], x, colour=1).startswith(op.public_name)
    assert told(IN_PLACE[name], *["a"] * 9).startswith(op.public_name)


# ---- the same on a GPU, in modules, of methods ----------------------------------------------------------------


@pytest.mark.parametrize(("op", "name", "value"), list(scalars())[::40])
def test_devices_say_the_same(op, name, value):
    texts = []
    for device in ("cpu", "cuda"):
        sample = samples(op, "cpu", torch.float32 if torch.float32 in op.dtypes else op.dtypes[-1])[0]
        bound = dict(zip(op.names, op.bind(sample.args, dict(sample.kwargs))[0], strict=True))
        values = mapped(Sample(*bound.values()), lambda t, to=device: t.to(to)).args
        moved = dict(zip(bound, values, strict=True))
        moved[name] = value
        texts.append(told(op.function, **moved).replace("cuda:0", "cpu"))
    assert texts[0] == texts[1]


class Block(torch.nn.Module):
    def __init__(self, call):
        super().__init__()
        self.call = call

    def forward(self, x):
        return self.call(x)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: x.sum("a"), "sum(): argument 'dim' (position 2) must be tuple of ints, not str"),
        (lambda x: F.softmax(x, "a"), "softmax(): argument 'dim' (position 2) must be int, not str"),
        (
            lambda x: torch.add(x, "a"),
            "add(): argument 'other' (position 2) must be Tensor or Number, not str",
        ),
        (
            lambda x: torch.cat([x, 1]),
            "cat(): argument 'tensors' must be tuple of Tensors, but found element of type",
        ),
        (lambda x: torch.exp(x, x), "exp() takes 1 positional arguments but 2 were given"),
        (lambda x: torch.gather(x, 0), "gather() missing required argument 'index'"),
        (lambda x: F.linear(x, 3), "linear(): argument 'weight' (position 2) must be Tensor, not int"),
        (lambda x: torch.eq(x, x, colour=1), "eq() got an unexpected keyword argument 'colour'"),
    ],
)
def test_a_module_adds_its_path_and_the_tensors(call, words):
    net = torch.nn.Sequential()
    net.add_module("encoder", torch.nn.Sequential())
    net.encoder.add_module("fc1", Block(call))
    text = told(net, torch.ones(2, 3))
    assert text.startswith(words) and text.endswith("\n  in module 'encoder.fc1'")
    assert "(2, 3) float32 cpu" in text


def test_a_layer_given_no_tensor():
    net = torch.nn.Sequential()
    net.add_module("fc1", torch.nn.Linear(2, 2))
    text = told(net, "a")
    assert text.startswith("linear(): argument 'input' (position 1) must be Tensor, not str")
    assert "weight (2, 2) float32 cpu" in text and text.endswith("in module 'fc1'")


@pytest.mark.parametrize("name", ["size", "stride"])
@pytest.mark.parametrize("value", ["a", 1.5, [1], True])
def test_methods_of_geometry(name, value):
    with pytest.raises(
        TypeError, match=rf"{name}\(\): argument 'dim' .*must be int, not {type(value).__name__}"
    ):
        getattr(torch.ones(2, 3), name)(value)


@pytest.mark.parametrize("value", ["a", 1.5, (1.5,), {}, True])
@pytest.mark.parametrize(("name", "argument"), [
    ("view", "size"), ("reshape", "shape"), ("expand", "size"), ("permute", "dims"), ("flip", "dims"), ("tile", "dims"),
    ("repeat", "repeats"), ("broadcast_to", "size"), ("new_zeros", "size"), ("new_empty", "size"), ("resize_", "size"),
    ("sum_to_size", "size"),
])  # fmt: skip
def test_methods_of_sizes(name, argument, value):
    method = getattr(torch.ones(2, 3), name)
    for call in (lambda: method(value), lambda: method(**{argument: value})):
        with pytest.raises(TypeError, match=rf"{name}\(\): argument '{argument}' .*must be tuple of ints"):
            call()


def test_sizes_by_name():
    x = torch.arange(6.0).view(size=(2, 3))
    assert x.reshape(shape=(3, -1)).shape == (3, 2) and x.permute(dims=(1, 0)).shape == (3, 2)
    assert x.expand(size=(4, -1, 3)).shape == (4, 2, 3) and x.repeat(repeats=(2, 1)).shape == (4, 3)
    assert x.flip(dims=(0,)).tolist() == x.flip(0).tolist() and x.tile(dims=(2,)).shape == (2, 6)
    assert torch.rand(size=(2, 3)).shape == x.new_ones(size=(2, 3)).shape == (2, 3)
    with pytest.raises(TypeError, match='view\\(\\) missing 1 required positional argument: "size"'):
        x.view()


def test_out_of_composites():
    x = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
    values, indices = torch.empty(0), torch.empty(0, dtype=torch.int64)
    result = torch.median(x, 1, out=(values, indices))
    assert result.values is values and values.tolist() == [1.0, 2.0] and indices.tolist() == [1, 0]
    total = torch.empty(())
    assert torch.prod(x, out=total) is total and total.item() == 24.0
    with pytest.raises(TypeError, match=r"median\(\): argument 'out' must be tuple of 2 Tensors"):
        torch.median(x, 1, out=values)
    with pytest.raises(TypeError, match=r"prod\(\): argument 'out' must be Tensor, not int"):
        torch.prod(x, out=3)
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        torch.prod(x.requires_grad_(), out=total)


def test_in_place_forms_of_composites():
    x = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert x.clone().float_power_(2).tolist() == [1.0, 4.0]
    assert x.clone().ldexp_(torch.tensor([1, 2])).tolist() == [2.0, 8.0]
    assert x.clone().mvlgamma_(1).tolist() == torch.mvlgamma(x, 1).tolist()
    assert x.clone().polygamma_(1).tolist() == torch.polygamma(1, x).tolist()
    m = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    assert m.clone().renorm_(2, 0, 1.0).tolist() == torch.renorm(m, 2, 0, 1.0).tolist()
    assert m.clone().as_strided_((2,), (2,)).tolist() == [3.0, pytest.approx(0.3)]
    assert torch.zero_(torch.fill_(m.clone(), 3)).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    with pytest.raises(RuntimeError, match="float_power_: the base given to float_power_ has dtype float32"):
        m.float_power_(2)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type int64"):
        torch.tensor([1, 2]).deg2rad_()


# ---- names and signatures -----------------------------------------------------------------------------------


def test_signatures_show_what_is_given_in_line():
    assert torch.empty.op.signature.startswith("empty(*sizes, size=None, ")
    assert torch.Tensor.expand.op.signature == "expand(input, *sizes, size=None, implicit=False)"
    assert torch.meshgrid.op.signature == "meshgrid(*tensors, indexing=None)"
    assert torch.Tensor.to.op.signature == "to(input, *args, **kwargs)"
    assert torch.add.op.signature == "add(input, other, *, alpha=1)"


def test_methods_are_named_as_such():
    """A method is `Tensor.name`; one that is a function as well has the function's name."""
    functions = {id(f) for names in NAMESPACES.values() for f in names.values()}
    wrong = {}
    for name, member in vars(torch.Tensor).items():
        function = member.fget if isinstance(member, property) else member
        if isinstance(function, FunctionType) and id(function) not in functions:
            found = function.__qualname__
            stands_for = vars(torch.Tensor).get(
                found.removeprefix("Tensor.")
            )  # itself, or what it is an alias of
            same = stands_for.fget if isinstance(stands_for, property) else stands_for
            shared = stands_for is not None and (same is function or hasattr(function, "op"))
            if not found.startswith("Tensor.") or not shared:
                wrong[name] = found
    assert not wrong
    assert torch.Tensor.new_zeros.__qualname__ == "Tensor.new_zeros"
    assert torch.Tensor.float.__qualname__ == "Tensor.float"
    assert torch.Tensor.__add__.__qualname__ == "Tensor.__add__"


def test_a_dimension_of_mvlgamma_too_large_is_refused_at_once():
    x = torch.tensor([30.0], dtype=torch.float64)
    with pytest.raises(RuntimeError):
        torch.mvlgamma(x, 2**50)
    terms = [math.lgamma(30.0 - i / 2) for i in range(40)]
    expected = 40 * 39 / 4 * math.log(math.pi) + math.fsum(terms)
    assert torch.mvlgamma(x, 40).item() == pytest.approx(expected, rel=1e-13)


def test_repeats_beyond_memory_are_refused_at_once():
    with pytest.raises(RuntimeError, match="can't allocate memory"):
        torch.repeat_interleave(torch.ones(2), torch.tensor([1, 2**50]))
