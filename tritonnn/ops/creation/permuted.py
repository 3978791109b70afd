"""Further makers of tensors: empty_permuted, scalar_tensor."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.creation.creation import empty_strided, full
from tritonnn.shape import wrap_dims
from tritonnn.table.types import Number


@composite(
    api="torch", dtypes=ANY, reference=lambda size: np.empty(size),
    samples=lambda make: [Sample((0, 3), (1, 0), dtype=make.dtype, device=make.device)],
    errors=lambda make: [
        Bad((2, 3), (0,), match="Number of dimensions"), Bad((2, 3), (0, 0), match="duplicate dim"),
        Bad((2, 3), (0, 2), error=IndexError, match="Dimension out of range"),
    ],
)  # fmt: skip
def empty_permuted(
    size: Sequence[int], physical_layout: Sequence[int], *, dtype: DType | None = None, layout: Layout | None = None,
    device: DeviceLike | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """An uninitialised tensor whose dimensions lie in memory in the given order, the last one densest.

    >>> import tritonnn as torch
    >>> torch.empty_permuted((2, 3), (1, 0)).stride()
    (1, 2)
    """
    if len(physical_layout) != len(size):
        raise RuntimeError(
            "Number of dimensions in size does not match the length of the physical_layout; i.e. len(size) = "
            f"{len(size)} is not equal to len(physical_layout) = {len(physical_layout)}"
        )
    order = wrap_dims(tuple(physical_layout), len(size))
    strides, step = [0] * len(size), 1
    for dim in reversed(order):
        strides[dim], step = step, step * max(size[dim], 1)
    return empty_strided(
        size,
        strides,
        dtype=dtype,
        layout=layout,
        device=device,
        requires_grad=requires_grad,
        pin_memory=pin_memory,
    )


@composite(
    api="torch", dtypes=ANY, reference=lambda s: np.array(s),
    samples=lambda make: [Sample(3, dtype=make.dtype, device=make.device)],
    errors=lambda make: [Bad("a", error=TypeError, match="'s' .*must be Number, not str")],
)  # fmt: skip
def scalar_tensor(
    s: Number, *, dtype: DType | None = None, layout: Layout | None = None, device: DeviceLike | None = None,
    requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """A number as a tensor of no dimensions, of the default dtype.

    >>> import tritonnn as torch
    >>> torch.scalar_tensor(3)
    tensor(3.)
    """
    return full(
        (), s, dtype=dtype or dtypes.get_default_dtype(), layout=layout, device=device, requires_grad=requires_grad,
        pin_memory=pin_memory,
    )  # fmt: skip
