"""Adding up what the programs of a split sum left in a workspace, in the same order in every run."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, positions


@triton.jit
def sum_splits_kernel(
    out_ptr, partial_ptr, numel, splits, shape, out_strides,
    PARTS: tl.constexpr, BLOCK: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = sum of `splits` contiguous partial results.

    Args:
        shape: of a partial result. out_strides: of `out` by the same dimensions.
        PARTS: partial results that are loaded together, each by threads of its own.
    """
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    part = tl.arange(0, PARTS)
    rows = part
    if INT64:
        rows = rows.to(tl.int64)
    place = partial_ptr + (rows * numel)[:, None] + offs[None, :]
    step = PARTS * numel
    if INT64:
        step = tl.cast(PARTS, tl.int64) * numel
    acc = tl.zeros((PARTS, BLOCK), COMPUTE)
    for first in range(0, splits, PARTS):
        acc += tl.load(place, mask=(part < splits - first)[:, None] & mask[None, :], other=0)
        place += step
    offset = offset_of(offs, shape, out_strides)
    tl.store(out_ptr + offset, convert(tl.sum(acc, 0), out_ptr.dtype.element_ty), mask=mask)
