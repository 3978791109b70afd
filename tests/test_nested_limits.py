"""Nested tensors in files, as text, and what is refused of them."""

from __future__ import annotations

import copy
import io
import pickle
from typing import Any

import numpy as np
import pytest
from test_nested import LAYOUTS, PARTS, check, nested, softmax

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn.nested._saving import rebuild_jagged, rebuild_strided
from tritonnn.ops._table import OPS


@LAYOUTS
def test_copies_and_files(layout: Any) -> None:
    x = nested(layout, grad=True)
    file = io.BytesIO()
    torch.save([x, x.detach()], file)
    file.seek(0)
    loaded = torch.load(file)
    for other in (copy.deepcopy(x), copy.copy(x), pickle.loads(pickle.dumps(x)), loaded[0]):
        check(other, PARTS)
        assert other.requires_grad and other.is_leaf and other.layout is layout
    assert not loaded[1].requires_grad
    with pytest.raises(RuntimeError, match="graph leaves"):
        copy.deepcopy(x * 2)


def test_damaged_parts_are_refused() -> None:
    values, offsets = torch.ones(3, 2), torch.tensor([0, 1, 3])
    good: dict[str, Any] = {"values": values, "offsets": offsets, "lengths": None, "_ragged_idx": 1}
    check(rebuild_jagged(good), [np.ones((1, 2)), np.ones((2, 2))])
    for name, value in {
        "values": 3, "offsets": torch.tensor([0, 1, 4]), "lengths": torch.tensor([1]), "_ragged_idx": 3,
        "requires_grad": 1, "other": 2,
    }.items():  # fmt: skip
        with pytest.raises(RuntimeError, match="load:"):
            rebuild_jagged({**good, name: value})
    for numbers in ([0, 2, 1], [-1, 1, 3], [0.0, 3.0], []):
        wrong = torch.tensor(numbers)
        with pytest.raises(RuntimeError, match=r"load:|must rise"):
            rebuild_jagged({**good, "offsets": wrong})
    flat, sizes, strides, first = (
        torch.ones(6),
        torch.tensor([[3, 2]]),
        torch.tensor([[2, 1]]),
        torch.tensor([0]),
    )
    check(rebuild_strided(flat, sizes, strides, first), [np.ones((3, 2))])
    for parts in (
        (flat, sizes * 2, strides, first), (flat, sizes, strides, first + 1), (flat, -sizes, strides, first),
        (flat, sizes, strides, first.float()), (flat, sizes, strides[0], first), (1, sizes, strides, first),
    ):  # fmt: skip
        with pytest.raises((RuntimeError, ValueError)):
            rebuild_strided(*parts)


def test_printing() -> None:
    text = repr(nested(grad=True))
    assert text.startswith("NestedTensor(size=(4, j") and "requires_grad=True, contiguous=True" in text
    assert repr(nested(torch.strided)).count("tensor(") == 5
    assert f"{nested().size(1)}".startswith("j")


@LAYOUTS
def test_close_ones(layout: Any) -> None:
    x = nested(layout)
    if layout is torch.jagged:
        torch.testing.assert_close(x, x.clone())
        with pytest.raises(AssertionError, match="not close"):
            torch.testing.assert_close(x, x + 1)


# ---- what is refused ----------------------------------------------------------------------------------------------


@LAYOUTS
def test_what_has_no_rule_says_so(layout: Any) -> None:
    """With its own name; no op computes with memory that is not there."""
    x = nested(layout)
    for name in (
        "cumsum",
        "triu",
        "sort",
        "nonzero",
        "cdist",
        "conv1d",
        "gather",
        "unique",
        "mse_loss",
        "outer",
    ):
        function = getattr(torch, name, None) or getattr(F, name)
        with pytest.raises(RuntimeError, match=rf"{name}.*nested tensors"):
            function(x, *((x,) if name in ("cdist", "conv1d", "mse_loss", "outer") else ()))


@LAYOUTS
def test_every_op_computes_or_refuses(layout: Any) -> None:
    """Of all published ops: what comes back is nested as the argument is, or dense; nothing fails in another way."""
    x = nested(layout)
    for name, op in OPS.items():
        if (
            not op.api
            or not callable(getattr(op, "function", None))
            or op.n_required != 1
            or not op.takes_tensors
        ):
            continue
        try:
            op.function(x)
        except (RuntimeError, TypeError, IndexError, ValueError) as error:
            assert "this is not implemented for nested" not in str(error), name


@LAYOUTS
def test_what_takes_no_nested_tensor(layout: Any) -> None:
    x = nested(layout, grad=True)

    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, t: Any) -> Any:
            return t * t

    for call in (
        lambda: Square.apply(x), lambda: torch.vmap(lambda t: t * 2)(x), lambda: torch.nn.Parameter(x),
        lambda: torch.add(x, x, out=torch.ones(2)), lambda: x.__setitem__(0, 1.0),
    ):  # fmt: skip
        with pytest.raises(NotImplementedError, match="nested"):
            call()
    with pytest.raises(RuntimeError, match="dense"):
        torch.ones(4, 4, 6).add_(x.detach())
    with pytest.raises(RuntimeError, match="one layout"):
        nested(torch.jagged) + nested(torch.strided)
    with pytest.raises(RuntimeError):
        x.data_ptr() and x.numpy()
    with pytest.raises(RuntimeError, match="nested"):
        np.asarray(x.detach())


@LAYOUTS
def test_detached_in_place_alone(layout: Any) -> None:
    """The values that it looks into stay in the graph."""
    values = torch.ones(3, requires_grad=True) * 2
    x = torch.nested.nested_tensor_from_jagged(values, torch.tensor([0, 1, 3]))
    assert x.requires_grad and not x.detach_().requires_grad and values.requires_grad
    assert not nested(layout, grad=True).detach_().requires_grad


@LAYOUTS
def test_small_refusals(layout: Any) -> None:
    x = nested(layout)
    assert torch.result_type(x, torch.ones(1, dtype=torch.float64)) is torch.float64
    with pytest.raises(NotImplementedError, match="another dtype"):
        x.view(torch.int32)
    with pytest.raises(RuntimeError):
        F.softmax(x)
    with pytest.raises(NotImplementedError, match="imag"):
        x.imag = 1


def test_no_components() -> None:
    x = torch.nested.nested_tensor_from_jagged(torch.ones(0, 1, 3), torch.tensor([0])).transpose(1, 2)
    assert F.scaled_dot_product_attention(x, x, x).size(0) == 0 and x.unbind() == ()
    assert x.to_padded_tensor(0.0).shape == (0, 1, 0, 3) and x.sum(2).shape == (0, 1, 3)


@LAYOUTS
def test_switches_of_overriding_do_not_reach_them(layout: Any) -> None:
    """A nested tensor is computed with in no other way."""
    x = nested(layout)
    with torch._C.DisableTorchFunctionSubclass():
        check(x + 1, [p + 1 for p in PARTS])
        check(F.softmax(x, -1), [softmax(p, 1) for p in PARTS])
    told = []

    class Mode(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            told.append(func.__name__)
            return func(*args, **(kwargs or {}))

    with Mode():
        check(F.relu(x).neg(), [-np.maximum(p, 0) for p in PARTS])
    assert told[:2] == ["relu", "neg"]


def test_constructors_name_what_is_wrong() -> None:
    cases = (
        (RuntimeError, "layout", lambda: torch.nested.nested_tensor([torch.ones(1)], layout=torch.sparse_csr)),
        (TypeError, "list", lambda: torch.nested.nested_tensor(3)),
        (RuntimeError, "same dim", lambda: torch.nested.nested_tensor(
            [torch.ones(1), torch.ones(1, 1)], layout=torch.jagged)),
        (TypeError, "offsets", lambda: torch.nested.nested_tensor_from_jagged(torch.ones(2), [0, 2])),
        (RuntimeError, "At least one", lambda: torch.nested.nested_tensor_from_jagged(torch.ones(2))),
        (RuntimeError, "reach beyond", lambda: torch.nested.narrow(
            torch.ones(2, 3), 1, torch.tensor([0, 2]), torch.tensor([3, 2]), layout=torch.jagged)),
        (NotImplementedError, "dense", lambda: torch.nested.to_padded_tensor(torch.ones(2), 0.0)),
        (RuntimeError, "Truncation", lambda: nested(torch.strided).to_padded_tensor(0.0, (4, 2, 6))),
    )  # fmt: skip
    for kind, words, call in cases:
        with pytest.raises(kind, match=words):
            call()
