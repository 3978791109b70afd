"""A tensor of one number, and uninitialised ones whose dimensions lie in a given order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike, resolve
from tritonnn.dispatch import allocate
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import get_default_dtype
from tritonnn.errors import fail
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.conversion.overwriting import uninitialised
from tritonnn.ops.creation.creation import _filled, _finish, _one_number
from tritonnn.shape import Size
from tritonnn.table.types import Number


@composite(
    api="torch", dtypes=ANY, reference=lambda s: np.asarray(s),
    samples=lambda make: [Sample(1, dtype=make.dtype, device=make.device)],
    errors=lambda make: [
        Bad("a", error=TypeError, match="'s' .*must be Number, not str"),
        Bad([1], error=TypeError, match="'s' .*must be Number, not list"),
        Bad(1j, match="cannot be converted to type float without overflow"),
    ],
)  # fmt: skip
def scalar_tensor(
    s: Number, *, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A tensor without dimensions, of the default dtype whatever the number is.

    >>> import tritonnn as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    value = _one_number("scalar_tensor", s, "s")
    return _filled("scalar_tensor", value, ((),), None, dtype, layout, device, requires_grad, pin_memory)


@composite(
    api="torch", dtypes=ANY, reference=lambda size, physical_layout: np.empty(size),
    samples=lambda make: [Sample((2, 0, 3), (2, 0, 1), dtype=make.dtype, device=make.device)],
    errors=lambda make: [
        Bad((2, 3), (0,), match="Number of dimensions in size does not match the length of the physical_layout"),
        Bad((2, 3), (1, 1), match="Duplicate dim not allowed"),
        Bad((2, 3), (0, -1), match="Dimension out of range .*between 0 and 1, but got -1 at index 1"),
        Bad((2, -3), (0, 1), match="negative dimension -3"),
        Bad(2, (0,), error=TypeError, match="'size' .*must be tuple of ints, not int"),
    ],
)  # fmt: skip
def empty_permuted(
    size: Sequence[int], physical_layout: Sequence[int], *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor without gaps, whose dimensions lie in memory in the order of `physical_layout`.

    >>> import tritonnn as torch
    >>> torch.empty_permuted((2, 3, 4), (0, 2, 1)).stride()
    (12, 1, 3)
    """
    shape, order = Size(size), [int(dim) for dim in physical_layout]
    if len(shape) != len(order):
        raise fail(
            "empty_permuted",
            "Number of dimensions in size does not match the length of the physical_layout; i.e. "
            f"len(size) = {len(shape)} is not equal to len(physical_layout) = {len(order)}",
        )
    for i, dim in enumerate(order):
        if not 0 <= dim < len(order):
            raise fail(
                "empty_permuted",
                f"Dimension out of range (expected to be between 0 and {len(order) - 1}, but got {dim} at index {i})",
            )
    if len(set(order)) < len(order):
        raise fail("empty_permuted", f"Duplicate dim not allowed, got physical_layout={order}")
    strides: list[Any] = [1] * len(order)
    reach = 1
    for dim in reversed(order):
        strides[dim], reach = reach, reach * max(shape[dim], 1)
    tensor = allocate(shape, dtype or get_default_dtype(), resolve(device), tuple(strides))
    return _finish(uninitialised(tensor), requires_grad, pin_memory, layout)
