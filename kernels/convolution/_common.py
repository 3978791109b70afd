"""What the kernels of convolution share."""

from __future__ import annotations

import triton
from triton import language as tl


@triton.jit
def unravel(index, sizes):
    """The batch and the spatial indices of a row-major position."""
    w = index % sizes[2]
    index = index // sizes[2]
    h = index % sizes[1]
    index = index // sizes[1]
    return index // sizes[0], index % sizes[0], h, w


@triton.jit
def is_in_bounds(d, h, w, sizes):
    """Whether an input position exists: what lies in the padding is masked, not stored."""
    return (d >= 0) & (d < sizes[0]) & (h >= 0) & (h < sizes[1]) & (w >= 0) & (w < sizes[2])


@triton.jit
def offset_of_place(n, d, h, w, strides):
    """Offset of a position's first channel, for strides of (batch, channel, spatial...)."""
    return n * strides[0] + d * strides[2] + h * strides[3] + w * strides[4]


@triton.jit
def next_tap(kd, kh, kw, is_next, KH: tl.constexpr, KW: tl.constexpr):
    """The tap after (kd, kh, kw) where `is_next`, else the same: without a branch, which would end a pipeline."""
    kw = tl.where(is_next, kw + 1, kw)
    row_ends = kw == KW
    kh = tl.where(row_ends, kh + 1, kh)
    plane_ends = kh == KH
    return tl.where(plane_ends, kd + 1, kd), tl.where(plane_ends, 0, kh), tl.where(row_ends, 0, kw)


@triton.jit
def dot(a, b, acc, PRECISION: tl.constexpr):
    """acc + a @ b, summed in the type of acc."""
    # out_dtype is float32 unless said; input_precision only concerns float32
    if acc.dtype == tl.float64:
        return tl.dot(a, b, acc, out_dtype=tl.float64)
    else:
        return tl.dot(a, b, acc, input_precision=PRECISION)
