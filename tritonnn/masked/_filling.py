"""Operands of which the mask leaves out elements: these become numbers that change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import fail
from tritonnn.ops.elementwise.elementwise import choose
from tritonnn.shape import wrap_dims


def given(op: str, input: Tensor, mask: Tensor | None, name: str = "mask") -> Tensor | None:
    """The mask in the shape of the input."""
    if not isinstance(input, Tensor):
        raise TypeError(f"{op}(): argument 'input' (position 1) must be Tensor, not {type(input).__name__}")
    if mask is None:
        return None
    if not isinstance(mask, Tensor):
        raise TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(mask).__name__}")
    if len(mask.shape) > len(input.shape):
        text = f"expected broadcastable {name} (got {name} dimensionality higher than of the input)"
        raise fail(op, text, kind=IndexError, **dict[str, Any](input=input, **{name: mask}))
    return mask.broadcast_to(input.shape).to(dtypes.bool_)


def filled(input: Tensor, mask: Tensor | None, value: float) -> Tensor:
    """`input` with `value` where the mask is False."""
    return input if mask is None else choose(mask, input, input.new_full((), value))


def least(op: str, dtype: DType) -> float:
    """What no number of a type is below."""
    if dtype is dtypes.bool_ or dtype.is_complex:
        raise NotImplementedError(f"{op}(): identity of {op} on {dtype.name} input")
    return float("-inf") if dtype.is_floating_point else dtypes.iinfo(dtype).min


def greatest(op: str, dtype: DType) -> float:
    """What no number of a type is above."""
    if dtype is dtypes.bool_ or dtype.is_complex:
        raise NotImplementedError(f"{op}(): identity of {op} on {dtype.name} input")
    return float("inf") if dtype.is_floating_point else dtypes.iinfo(dtype).max


def places(input: Tensor, dim: int | Sequence[int] | None) -> tuple[int, ...]:
    """The dimensions to reduce; None and () are all of them."""
    return wrap_dims(dim, len(input.shape))
