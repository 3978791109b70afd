"""make_tensor: random tensors for tests."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import FLOAT8, SHELLS, float8_e8m0fnu
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import memory_format as MemoryFormat


def make_tensor(
    *shape: int | Sequence[int],
    dtype: DType,
    device: DeviceLike,
    low: float | None = None,
    high: float | None = None,
    requires_grad: bool = False,
    noncontiguous: bool = False,
    exclude_zero: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """A tensor of random numbers, uniform on [low, high).

    Args:
        shape: the extents, in line or as one sequence.
        dtype: of the elements.
        device: where it lies.
        low: the smallest number; by default 0 for bool and unsigned integers, -9 for all others.
        high: one past the largest; by default 2 for bool, 10 for integers, 9 for floating and complex types. Both are
            brought into what the dtype can hold.
        requires_grad: whether gradients are recorded.
        noncontiguous: whether the elements lie with gaps between them, where there are two or more.
        exclude_zero: whether zeros become the smallest positive number, or 1.
        memory_format: how the dimensions lie in memory.

    Raises:
        ValueError: limits that are NaN, in the wrong order or outside of what the dtype holds; gradients of whole
            numbers; `noncontiguous` with a memory format.

    >>> import tritonnn as torch
    >>> x = torch.testing.make_tensor(2, 3, dtype=torch.int64, device="cpu", low=1, high=4)
    >>> x.shape, bool(((x >= 1) & (x < 4)).all())
    (torch.Size([2, 3]), True)
    """
    if requires_grad and dtype.kind < 2:
        raise ValueError(
            f"`requires_grad=True` is not supported for boolean and integral dtypes, but got {dtype=}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, but got "
            f"{noncontiguous=} and {memory_format=}"
        )
    if dtype in (*SHELLS, float8_e8m0fnu):
        raise TypeError(f"The requested dtype '{dtype}' is not supported by torch.testing.make_tensor().")
    lines: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], (list, tuple)) else shape
    size = torch.Size(lines)
    first, last = _interval(dtype, low, high)
    result = _random(size, dtype, device, first, last)
    if exclude_zero:
        least: Any = torch.finfo(dtype).tiny if dtype.kind >= 2 else 1
        zeros = (result.float() if dtype in FLOAT8 else result) == 0
        result = torch.where(zeros, torch.full((), least, dtype=dtype, device=device), result)
    if noncontiguous and result.numel() > 1:
        gaps = torch.empty((*size[:-1], 2 * size[-1]), dtype=dtype, device=device)
        gaps[..., ::2] = result
        gaps[..., 1::2] = result
        result = gaps[..., ::2]
    if memory_format is not None:
        result = result.contiguous(memory_format=memory_format)
    return result.requires_grad_() if requires_grad else result


def _limits(dtype: DType) -> tuple[float, float, float, float]:
    """(lowest, one past the highest or the highest, default low, default high) of a dtype."""
    if dtype is torch.bool:
        return 0, 2, 0, 2
    if dtype.kind == 1:
        info = torch.iinfo(dtype)
        return info.min, info.max + 1, -9 if dtype.is_signed else 0, 10
    most = torch.finfo(dtype.to_real()).max
    return -most, most, -9, 9


def _interval(dtype: DType, low: float | None, high: float | None) -> tuple[float, float]:
    lowest, highest, default_low, default_high = _limits(dtype)
    first = default_low if low is None else low
    last = default_high if high is None else high
    if math.isnan(first) or math.isnan(last):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={first} and high={last}")
    if first == last and dtype.kind >= 2:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is deprecated since 2.1 "
            "and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif first >= last:
        raise ValueError(f"`low` must be less than `high`, but got {first} >= {last}")
    elif last < lowest or first >= highest:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{first}, {last}), but {dtype} only supports "
            f"[{lowest}, {highest})"
        )
    first, last = max(first, lowest), min(last, highest)
    return (math.ceil(first), math.ceil(last)) if dtype.kind < 2 else (first, last)


def _random(size: Any, dtype: DType, device: DeviceLike, low: float, high: float) -> Tensor:
    if dtype.name == "uint64":  # the words of int64, half the range lower
        words = _whole(size, device, int(low) - 2**63, int(high) - 2**63)
        return (words ^ -(2**63)).view(dtype)
    if dtype.kind < 2:
        return _whole(size, device, int(low), int(high)).to(dtype)
    if dtype.is_complex:
        part = dtype.to_real()
        return torch.complex(*[_random(size, part, device, low, high) for _ in range(2)])
    # Halves, because the width of all numbers is more than the largest of them.
    share = torch.rand(size, dtype=torch.float64, device=device)
    values = ((low / 2 + share * (high / 2 - low / 2)) * 2).to(dtype)
    if dtype.itemsize == 1:
        return values
    return values.masked_fill(values >= high, low) if low < high else values


def _whole(size: Any, device: DeviceLike, low: int, high: int) -> Tensor:
    """int64 numbers on [low, high); of the whole range without its last one."""
    if high - low < 2**63:
        return torch.randint(low, min(high, 2**63 - 1), size, device=device)
    words = torch.randint(-(2**63), 2**63 - 1, size, device=device)
    within = words >= low if high == 2**63 else (words >= low) & (words < high)
    return torch.where(within, words, words.remainder(2**62) + low)
