"""Nested tensors of both layouts beside PyTorch: values, shapes, gradients, and the exceptions of what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import torch as reference
from nested_calls import BINARY, CALLS, FUNCTIONAL, UNARY
from nested_making import MADE, tensor

import tritonnn as torch

pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested", "ignore:enable_nested_tensor")
LIBRARIES = (reference, torch)
LAYOUTS = ("jagged", "strided")
#: lengths of the components
BATCHES = {"plain": (2, 4, 1), "an empty one": (2, 0, 3), "all empty": (0, 0), "one": (3,), "equal": (2, 2)}

#: NotImplementedError is a RuntimeError
KINDS = (IndexError, ValueError, TypeError, AttributeError, AssertionError, RuntimeError)
#: what is computed here and refused by PyTorch, in one layout or both: it must be what each component gives
MORE = frozenset((
    *UNARY, *(f"F.{name}" for name in FUNCTIONAL), *(f"{name} nested" for name in BINARY), "1 - x", "x ** 2", "2 ** x",
    "~", "clamp", "where", "lerp", "threshold", "log_softmax of rows",
))  # fmt: skip
#: layout and call -> why the answers differ
DIFFERENT: dict[tuple[str, str], str] = {
    ("strided", "all 1"): "PyTorch loses the last dimension",
    ("strided", "log_softmax"): "computed here",
    ("strided", "attention"): "computed here, where PyTorch asks for contiguous ones",
    ("strided", "attention scale"): "computed here, where PyTorch asks for contiguous ones",
    **{("strided", f"{name} {dims}"): "refused as not implemented, before dimensions are looked at"
       for name in ("prod", "argmax", "argmin", "max", "min") for dims in ("01", "12", "012", "01k")},
    **{("strided", f"{name} 3"): "refused as not implemented, before dimensions are looked at"
       for name in ("prod", "argmax", "argmin", "max", "min", "mean", "amax", "amin", "any")},
}  # fmt: skip
#: calls whose gradient in PyTorch is wrong, or ends the process
NO_GRADIENT = {
    ("jagged", "softmax 1"): "its sum over a component is not 0",
    ("jagged", "split sizes"): "ends the process",
}
#: calls that PyTorch refuses, or gives a result of no meaning, where all components are empty
NO_EMPTY = frozenset((
    *(f"{name} {dim}" for name in ("amax", "amin", "argmax", "argmin", "max", "min", "all") for dim in ("1", "1k")),
    "softmax 1", "attention", "attention scale", "view wrong", "matmul outer", "matmul inner", "padded",
    "padded function", "padded size",
))  # fmt: skip


UNKNOWN = object()


def numbers(lengths: Any, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(n, 6)).round(3).astype(np.float32) for n in lengths]


def nested(library: Any, layout: str, lengths: Any, dtype: str = "float32", grad: bool = False) -> Any:
    parts = [tensor(library, array, dtype) for array in numbers(lengths)]
    return library.nested.nested_tensor(parts, layout=getattr(library, layout), requires_grad=grad)


def dense(library: Any, dtype: str = "float32") -> Any:
    def make(*shape: int) -> Any:
        return tensor(library, np.random.default_rng(len(shape)).normal(size=shape).round(3), dtype)

    return make


def shown(value: Any) -> Any:
    """Layout, types, shapes and numbers of a result."""
    if isinstance(value, (list, tuple)):
        return [shown(item) for item in value]
    if not isinstance(value, (torch.Tensor, reference.Tensor)):
        return value
    if value.is_nested:
        return ["nested", repr(value.layout), str(value.dtype), [shown(part) for part in value.unbind()]]
    return [str(value.dtype), tuple(value.shape), value.detach().double().numpy()]


def alike(got: Any, wanted: Any, rtol: float = 1e-4) -> None:
    if wanted is UNKNOWN:
        return
    if isinstance(wanted, list):
        assert isinstance(got, list) and len(got) == len(wanted), f"{got} instead of {wanted}"
        for pair in zip(got, wanted):
            alike(*pair, rtol)
    elif isinstance(wanted, np.ndarray):
        np.testing.assert_allclose(got, wanted, rtol=rtol, atol=rtol / 10)
    else:
        assert got == wanted, f"{got} instead of {wanted}"


def floating(value: Any) -> list[Any]:
    """The dense floating tensors of a result that requires grad."""
    if isinstance(value, (list, tuple)):
        return [item for part in value for item in floating(part)]
    if not isinstance(value, (torch.Tensor, reference.Tensor)) or not value.requires_grad:
        return []
    return list(value.unbind()) if value.is_nested else [value]


def outcome(call: Any, make: Any, library: Any, dtype: str = "float32", grad: bool = True) -> Any:
    """What a call with `make(library, grad)` comes to, and the gradient of that; or the name of the exception."""
    x = make(library, grad)
    try:
        result = call(library, x, dense(library, dtype))
    except KINDS as error:
        return next(kind for kind in KINDS if isinstance(error, kind)).__name__
    roots = [root for root in floating(result) if root.grad_fn is not None and root.numel()] if grad else []
    gradient = None
    if roots:
        weights = [np.random.default_rng(i).normal(size=tuple(root.shape)) for i, root in enumerate(roots)]
        given = [
            tensor(library, weight, str(root.dtype).split(".")[1]) for weight, root in zip(weights, roots)
        ]
        try:
            (gradient,) = library.autograd.grad(roots, [x], given, allow_unused=True)
        except Exception as error:  # PyTorch has none of some
            gradient = UNKNOWN if library is reference else type(error).__name__
    return [shown(result), shown(gradient)]


def by_component(call: Any, layout: str, lengths: Any, dtype: str = "float32") -> Any:
    """What the components of a result are, each computed alone by PyTorch."""
    parts = [tensor(reference, array, dtype) for array in numbers(lengths)]
    results = [call(reference, part, dense(reference, dtype)) for part in parts]
    return ["nested", f"torch.{layout}", str(results[0].dtype), [shown(result) for result in results]]


def without_gradient(layout: str, call: str) -> bool:
    return (layout, call) in NO_GRADIENT or (call.endswith("floor_divide nested"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("call", CALLS)
def test_calls(call: str, layout: str) -> None:
    if (layout, call) in DIFFERENT:
        pytest.skip(DIFFERENT[layout, call])
    grad = not without_gradient(layout, call)
    for name, lengths in BATCHES.items():
        if name == "all empty" and call in NO_EMPTY:
            continue

        def make(library: Any, grad: bool, lengths: Any = lengths) -> Any:
            return nested(library, layout, lengths, grad=grad)

        got = outcome(CALLS[call], make, torch, grad=grad)
        wanted = outcome(CALLS[call], make, reference, grad=grad)
        if isinstance(wanted, str) and not isinstance(got, str):
            wanted = [by_component(CALLS[call], layout, lengths), UNKNOWN] if call in MORE else wanted
            if call.startswith("cat"):  # of strided ones PyTorch has no gradient
                wanted = [outcome(CALLS[call], make, reference, grad=False)[0], UNKNOWN]
        alike(got, wanted)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float64", "bfloat16", "int64"])
@pytest.mark.parametrize(
    "call",
    [
        "x + 1",
        "add nested",
        "sum 2k",
        "sum 1",
        "amax 1",
        "linear",
        "relu",
        "unbind",
        "padded",
        "x > 0",
        "cat batch",
    ],
)
def test_types(call: str, dtype: str, layout: str) -> None:
    def make(library: Any, grad: bool) -> Any:
        return nested(library, layout, (2, 0, 3), dtype, grad)

    got, wanted = (outcome(CALLS[call], make, library, dtype, False) for library in (torch, reference))
    alike(got, wanted, 2e-2 if dtype == "bfloat16" else 1e-6)


# ---- the ragged dimension elsewhere, and holes -------------------------------------------------------------------


def ragged_third(library: Any, grad: bool) -> Any:
    """(3, 2, j, 3), a view of values (2, 7, 3)."""
    values = tensor(
        library, np.random.default_rng(5).normal(size=(2, 7, 3)).astype(np.float32)
    ).requires_grad_(grad)
    offsets = library.tensor([0, 2, 2, 7])
    return library.nested.nested_tensor_from_jagged(values, offsets, jagged_dim=2)


def with_holes(library: Any, grad: bool) -> Any:
    values = tensor(library, np.random.default_rng(6).normal(size=(9, 6)).astype(np.float32)).requires_grad_(
        grad
    )
    given = library.tensor([0, 3, 4, 9]), library.tensor([2, 1, 3])
    return library.nested.nested_tensor_from_jagged(values, *given)


ELSEWHERE: dict[str, Any] = {
    "mul": lambda t, x, d: x * 2 + x,
    "mul dense": lambda t, x, d: x * d(3),
    "mul (3, 2, 1, 1)": lambda t, x, d: x * d(3, 2, 1, 1),
    "mul (3, 1, 5, 3)": lambda t, x, d: x * d(3, 1, 5, 3),
    "sum ragged": lambda t, x, d: x.sum(2),
    "sum heads": lambda t, x, d: x.sum(1),
    "sum last": lambda t, x, d: x.sum(-1),
    "mean all": lambda t, x, d: x.mean(),
    "softmax": lambda t, x, d: x.softmax(-1),
    "transpose": lambda t, x, d: x.transpose(1, 2),
    "permute": lambda t, x, d: x.permute(0, 3, 2, 1),
    "flatten": lambda t, x, d: x.transpose(1, 2).flatten(-2),
    "flatten over": lambda t, x, d: x.flatten(1, 2),
    "linear": lambda t, x, d: t.nn.functional.linear(x, d(4, 3)),
    "matmul": lambda t, x, d: x @ d(3, 4),
    "padded": lambda t, x, d: x.to_padded_tensor(0.5),
    "unbind": lambda t, x, d: x.unbind(),
    "select": lambda t, x, d: x.select(1, 0),
    "unsqueeze": lambda t, x, d: x.unsqueeze(1),
    "[..., 1]": lambda t, x, d: x[..., 1],
    "values": lambda t, x, d: x.values(),
    "size": lambda t, x, d: (x.size(0), x.size(1), x.size(3), x.dim(), x.numel(), x.stride()[1:]),
    "layer_norm over it": lambda t, x, d: t.nn.functional.layer_norm(x, (5, 3), d(5, 3), d(5, 3)),
}  # fmt: skip
#: calls that PyTorch refuses, or computes up to a wrong length, by component: (library, components, dense) -> result
ALONE: dict[str, Any] = {
    "padded": lambda t, parts, d: t.stack(
        [t.nn.functional.pad(c, (0, 0, 0, 5 - c.shape[1]), value=0.5) for c in parts]
    ),
    "sum ragged": lambda t, parts, d: t.stack([c.sum(1) for c in parts]),
    "linear": lambda t, parts, d: [t.nn.functional.linear(c, d(4, 3)) for c in parts],
    "mul (3, 1, 5, 3)": lambda t, parts, d: [
        c * m[:, : c.shape[1]] for c, m in zip(parts, d(3, 1, 5, 3).unbind())
    ],
}  # fmt: skip
HOLES: dict[str, Any] = {
    **{name: CALLS[name] for name in (
        "unbind", "x + 1", "x * (6,)", "x * ('B', 1, 6)", "sum 1", "mean 1", "amax 1", "sum 2", "linear", "softmax 1",
        "softmax -1", "layer_norm", "padded", "chunk", "x[0]", "x[-1]", "contiguous", "clone", "to", "add nested",
        "transpose", "unsqueeze -1", "view", "values", "len",
    )},
    "size": lambda t, x, d: (x.size(0), x.size(2), x.numel(), x.dim(), x.is_contiguous()),
    "offsets": lambda t, x, d: (x.offsets(), x.lengths(), x.contiguous().offsets(), x.contiguous().lengths()),
    "sum of contiguous": lambda t, x, d: x.contiguous().sum(1),
}  # fmt: skip


@pytest.mark.parametrize("call", ELSEWHERE)
def test_ragged_elsewhere(call: str) -> None:
    got, wanted = (outcome(ELSEWHERE[call], ragged_third, library) for library in (torch, reference))
    if call in ALONE:
        result = ALONE[call](reference, ragged_third(reference, False).unbind(), dense(reference))
        alike(got[0][3] if isinstance(result, list) else got[0], shown(result))
        return
    alike(got, wanted)


@pytest.mark.parametrize("call", HOLES)
def test_holes(call: str) -> None:
    got, wanted = (outcome(HOLES[call], with_holes, library) for library in (torch, reference))
    alike(got, wanted)


# ---- making them -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", MADE)
def test_made(name: str, layout: str) -> None:
    def make(library: Any) -> Any:
        try:
            return shown(MADE[name](library, library.nested, getattr(library, layout)))
        except KINDS as error:
            return next(kind for kind in KINDS if isinstance(error, kind)).__name__

    alike(make(torch), make(reference))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_gradients_of_components(layout: str) -> None:
    """Through `as_nested_tensor`, layers, and a padded result."""
    results = []
    for library in LIBRARIES:
        given = [tensor(library, array).requires_grad_() for array in numbers((2, 0, 3))]
        layer = library.nn.Linear(6, 6)
        with library.no_grad():
            layer.weight.copy_(dense(library)(6, 6))
            layer.bias.copy_(dense(library)(6))
        x = library.nested.as_nested_tensor(given, layout=getattr(library, layout))
        y = library.nn.functional.layer_norm(layer(x).relu() + x, (6,), dense(library)(6), dense(library)(6))
        (y.to_padded_tensor(0.0) * dense(library)(3, 3, 6)).sum().backward()
        results.append([shown(p.grad) for p in (*given, layer.weight, layer.bias)])
    alike(results[1], results[0])


def test_leaf_gradients_are_nested() -> None:
    for layout in LAYOUTS:
        results = []
        for library in LIBRARIES:
            x = nested(library, layout, (2, 3), grad=True)
            y = x * 2
            if layout == "strided":
                y.backward(y.detach())
            else:
                (x * 1).to_padded_tensor(0.0).sum().backward()
            results.append([shown(x.grad), x.is_leaf, y.is_leaf, y.grad_fn is not None])
        alike(results[1], results[0])


@pytest.mark.parametrize("name", ["plain", "norm_first", "gelu"])
def test_transformer_encoder(name: str) -> None:
    """In evaluation, of nested batches of layout torch.strided."""
    options = {"plain": {}, "norm_first": {"norm_first": True}, "gelu": {"activation": "gelu"}}[name]
    own = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, **options), 2
    ).eval()
    layer = reference.nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, **options)
    other = reference.nn.TransformerEncoder(layer, 2).eval()
    other.load_state_dict({key: reference.tensor(value.tolist()) for key, value in own.state_dict().items()})
    with torch.no_grad(), reference.no_grad():
        alike(
            shown(own(nested(torch, "strided", (2, 4, 1)))),
            shown(other(nested(reference, "strided", (2, 4, 1)))),
        )


@pytest.mark.parametrize("average", [True, False])
def test_attention_weights(average: bool) -> None:
    own = torch.nn.MultiheadAttention(6, 2, batch_first=True).eval()
    other = reference.nn.MultiheadAttention(6, 2, batch_first=True).eval()
    other.load_state_dict({key: reference.tensor(value.tolist()) for key, value in own.state_dict().items()})
    results = []
    for library, module in ((torch, own), (reference, other)):
        x = nested(library, "strided", (2, 4, 1))
        with library.no_grad():
            results.append(shown(module(x, x, x, average_attn_weights=average)))
        for y in (x.clone(), nested(library, "jagged", (2, 4, 1))):
            with pytest.raises(AssertionError):
                module(x, y, x) if y.layout is library.strided else module(y, y, y)
        with pytest.raises(AssertionError):
            module.train()(x, x, x)
        module.eval()
        with pytest.raises(AssertionError):
            module(x, x, x)  # gradients are recorded
    alike(*results)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("grad", [False, True])
def test_files(layout: str, grad: bool) -> None:
    """What one library has written the other reads; PyTorch's jagged ones with cached lengths excepted."""
    made = {library: nested(library, layout, (2, 0, 3), grad=grad) for library in LIBRARIES}
    if layout == "jagged":
        values = made[reference].values().detach()
        made[reference] = reference.nested.nested_tensor_from_jagged(values, reference.tensor([0, 2, 2, 5]))
    for writer, reader in (LIBRARIES, LIBRARIES[::-1], (torch, torch)):
        file = io.BytesIO()
        writer.save({"x": made[writer]}, file)
        file.seek(0)
        got = reader.load(file)["x"]
        alike(shown(got), shown(made[torch]))
        if writer is torch:
            assert got.requires_grad is grad


def test_transposed_strided_files() -> None:
    file = io.BytesIO()
    x = nested(reference, "strided", (2, 4)).transpose(1, 2)
    reference.save(x, file)
    file.seek(0)
    alike(shown(torch.load(file)), shown(x))


def test_ragged_extents() -> None:
    def program(t: Any) -> list[Any]:
        x = nested(t, "jagged", (2, 3))
        j, other = x.size(1), nested(t, "jagged", (2, 3)).size(1)
        answers: list[Any] = [
            j == j, j == 3, j != 3, j == (x * 2).size(1), j == other, j > 1, j >= 2, j <= 1, j > 0, bool(j),
            isinstance(j, int), isinstance(j, t.SymInt), x.shape == (x + 1).shape, x.shape == x.double().shape,
            x.shape == (2, 3, 6), str(j)[0], str(j * 2)[:2], x.transpose(1, 2).size(2) == j, len(x.shape),
            x.clone().size(1) == j, x.offsets() is (x + 1).offsets(), x.is_same_size(x + 1),
        ]  # fmt: skip
        for question in (lambda: j > 2, lambda: j < 3, lambda: j < other):
            with pytest.raises(ValueError):
                question()
        return answers

    assert program(torch) == program(reference)
