"""Kernels of pooling over bins: adaptive (bins follow from the sizes) and fractional (from random numbers).

Bin i of a dimension holds the positions from floor(i * in / out) to ceil((i + 1) * in / out); so position p
lies in the bins from floor(p * out / in) to ceil((p + 1) * out / in). Loops run to the longest bin and mask,
so that all lanes take the same number of steps. Backward gathers, as in `_kernels.py`.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import fp64
from tritonnn.kernels.pooling._kernels import _elements, _names, _offset, _replaces, _tap_offset


@triton.jit
def _bin_start(i, size, bins):
    """First position of bin i; in 64 bits, because i * size may be more than an index."""
    return (i.to(tl.int64) * size // bins).to(i.dtype)


@triton.jit
def _bin_end(i, size, bins):
    """The position behind bin i."""
    return (((i + 1).to(tl.int64) * size + bins - 1) // bins).to(i.dtype)


@triton.jit
def _bins(d, h, w, sizes, bins):
    """Where three bins, one in each dimension, start and end."""
    d0, d1 = _bin_start(d, sizes[0], bins[0]), _bin_end(d, sizes[0], bins[0])
    h0, h1 = _bin_start(h, sizes[1], bins[1]), _bin_end(h, sizes[1], bins[1])
    w0, w1 = _bin_start(w, sizes[2], bins[2]), _bin_end(w, sizes[2], bins[2])
    return d0, d1, h0, h1, w0, w1


@triton.jit
def adaptive_avg_kernel(
    out_ptr, x_ptr, numel, channels, sizes, out_strides, x_sizes, x_strides, longest_bin,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Mean of every bin; `longest_bin` is the largest extent of a bin in each dimension."""
    _, mask, n, c, od, oh, ow = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    d0, d1, h0, h1, w0, w1 = _bins(od, oh, ow, x_sizes, sizes)
    x_ptrs = x_ptr + _offset(n, c, d0, h0, w0, x_strides)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(longest_bin[0]):
        for kh in range(longest_bin[1]):
            for kw in range(longest_bin[2]):
                in_bin = mask & (d0 + kd < d1) & (h0 + kh < h1) & (w0 + kw < w1)
                tap_offset = _tap_offset(kd, kh, kw, x_strides, INT64)
                acc += convert(tl.load(x_ptrs + tap_offset, mask=in_bin, other=0), SUM)
    acc /= ((d1 - d0) * (h1 - h0) * (w1 - w0)).to(SUM)
    offset = _offset(n, c, od, oh, ow, out_strides)
    tl.store(out_ptr + offset, convert(acc, out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def adaptive_gather_kernel(
    dx_ptr, dy_ptr, indices_ptr, numel, channels, sizes, dx_strides, dy_sizes, dy_strides, index_strides,
    most_bins,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Sum of dy over the bins of a position: its share of their means, or where `indices` name it.

    Args:
        sizes: those of dx.
        most_bins: the largest number of bins that share a position, in each dimension.
    """
    _, mask, n, c, d, h, w = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    position = (d * sizes[1] + h) * sizes[2] + w
    d0, d1, h0, h1, w0, w1 = _bins(d, h, w, dy_sizes, sizes)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(most_bins[0]):
        for kh in range(most_bins[1]):
            for kw in range(most_bins[2]):
                od, oh, ow = d0 + kd, h0 + kh, w0 + kw
                mask_o = mask & (od < d1) & (oh < h1) & (ow < w1)
                if indices_ptr is not None:
                    mask_o = _names(indices_ptr + _offset(n, c, od, oh, ow, index_strides), position, mask_o)
                dy = convert(
                    tl.load(dy_ptr + _offset(n, c, od, oh, ow, dy_strides), mask=mask_o, other=0), SUM
                )
                # a mean spreads its gradient over its own bin, and bins differ in size by one
                if indices_ptr is None:
                    bin_size = _bin_end(od, sizes[0], dy_sizes[0]) - _bin_start(od, sizes[0], dy_sizes[0])
                    bin_size *= _bin_end(oh, sizes[1], dy_sizes[1]) - _bin_start(oh, sizes[1], dy_sizes[1])
                    bin_size *= _bin_end(ow, sizes[2], dy_sizes[2]) - _bin_start(ow, sizes[2], dy_sizes[2])
                    dy /= bin_size.to(SUM)
                acc += tl.where(mask_o, dy, 0)
    offset = _offset(n, c, d, h, w, dx_strides)
    tl.store(dx_ptr + offset, convert(acc, dx_ptr.dtype.element_ty), mask=mask)


@triton.jit
def adaptive_max_kernel(
    values_ptr, indices_ptr, x_ptr, numel, channels, sizes, value_strides, index_strides, x_sizes, x_strides,
    longest_bin,
    COMPUTE: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Maximum of every bin and its flat position in its plane."""
    offs, mask, n, c, od, oh, ow = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    d0, d1, h0, h1, w0, w1 = _bins(od, oh, ow, x_sizes, sizes)
    x_ptrs = x_ptr + _offset(n, c, d0, h0, w0, x_strides)
    # `has_value` says whether `best` is one, as in `max_pool_kernel`
    best = tl.zeros((BLOCK,), COMPUTE)
    argmax, has_value = offs * 0, tl.zeros((BLOCK,), tl.int32)
    for kd in range(longest_bin[0]):
        for kh in range(longest_bin[1]):
            for kw in range(longest_bin[2]):
                in_bin = mask & (d0 + kd < d1) & (h0 + kh < h1) & (w0 + kw < w1)
                tap_offset = _tap_offset(kd, kh, kw, x_strides, INT64)
                value = convert(tl.load(x_ptrs + tap_offset, mask=in_bin, other=0), COMPUTE)
                take = _replaces(value, best, has_value, in_bin)
                best = tl.where(take, value, best)
                position = ((d0 + kd) * x_sizes[1] + h0 + kh) * x_sizes[2] + w0 + kw
                argmax = tl.where(take, position, argmax)
                has_value = tl.where(in_bin, 1, has_value)
    tl.store(
        values_ptr + _offset(n, c, od, oh, ow, value_strides), convert(best, values_ptr.dtype.element_ty),
        mask=mask,
    )  # fmt: skip
    tl.store(indices_ptr + _offset(n, c, od, oh, ow, index_strides), argmax.to(tl.int64), mask=mask)


@triton.jit
def _start(o, draw, step, size, kernel, windows):
    """First position of random window `o` of one dimension: the last window ends with the input."""
    # both truncated apart, in the draw's type: the places that the NumPy twin computes
    start = ((o.to(draw.dtype) + draw) * step).to(tl.int32) - (draw * step).to(tl.int32)
    return tl.where(o == windows - 1, size - kernel, start)


@triton.jit
def _draws(samples_ptr, n, c, sample_strides, mask, SUM: tl.constexpr, FIRST_IS_LAST: tl.constexpr):
    """The random numbers of a plane by dimension; in 2-d the first belongs to the last dimension."""
    ptrs = samples_ptr + n * sample_strides[0] + c * sample_strides[1]
    a = convert(tl.load(ptrs, mask=mask, other=0), SUM)
    b = convert(tl.load(ptrs + sample_strides[2], mask=mask, other=0), SUM)
    if FIRST_IS_LAST:
        return a * 0, b, a
    else:
        return a, b, convert(tl.load(ptrs + 2 * sample_strides[2], mask=mask, other=0), SUM)


@triton.jit
def fractional_max_kernel(
    values_ptr, indices_ptr, x_ptr, samples_ptr, numel, channels, sizes, value_strides, index_strides,
    x_sizes, x_strides, sample_strides, step_d: fp64, step_h: fp64, step_w: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, PLANAR: tl.constexpr, COMPUTE: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Maximum of windows at random starts; `step_*` is the mean distance of two in each dimension."""
    offs, mask, n, c, od, oh, ow = _elements(numel, channels, sizes, False, BLOCK, INT64)
    ud, uh, uw = _draws(samples_ptr, n, c, sample_strides, mask, COMPUTE, PLANAR)
    id = _start(od, ud, step_d.to(COMPUTE), x_sizes[0], KD, sizes[0])
    ih = _start(oh, uh, step_h.to(COMPUTE), x_sizes[1], KH, sizes[1])
    iw = _start(ow, uw, step_w.to(COMPUTE), x_sizes[2], KW, sizes[2])
    id, ih, iw = wide(id, INT64), wide(ih, INT64), wide(iw, INT64)
    x_ptrs = x_ptr + _offset(n, c, id, ih, iw, x_strides)
    best = tl.zeros((BLOCK,), COMPUTE)
    argmax, has_value = offs * 0, tl.zeros((BLOCK,), tl.int32)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                tap_offset = _tap_offset(kd, kh, kw, x_strides, INT64)
                value = convert(tl.load(x_ptrs + tap_offset, mask=mask, other=0), COMPUTE)
                take = _replaces(value, best, has_value, mask)
                best = tl.where(take, value, best)
                argmax = tl.where(take, ((id + kd) * x_sizes[1] + ih + kh) * x_sizes[2] + iw + kw, argmax)
                has_value = tl.where(mask, 1, has_value)
    tl.store(
        values_ptr + _offset(n, c, od, oh, ow, value_strides), convert(best, values_ptr.dtype.element_ty),
        mask=mask,
    )  # fmt: skip
    tl.store(indices_ptr + _offset(n, c, od, oh, ow, index_strides), argmax.to(tl.int64), mask=mask)


@triton.jit
def _first_near(position, kernel, step):
    """A window that starts at or before the first one that can contain `position`."""
    return tl.maximum(tl.floor((position - kernel - 1).to(step.dtype) / step).to(tl.int32), 0)


@triton.jit
def fractional_gather_kernel(
    dx_ptr, dy_ptr, indices_ptr, numel, channels, sizes, dx_strides, dy_sizes, dy_strides, index_strides,
    step_d: fp64, step_h: fp64, step_w: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, SUM: tl.constexpr, BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """Sum of dy over the random windows whose index names a position.

    Window o starts less than 1 from o * step, and steps are at least 1: of those that contain a position
    there are fewer than kernel + 4 candidates in each dimension.
    """
    _, mask, n, c, d, h, w = _elements(numel, channels, sizes, False, BLOCK, INT64)
    position = (d * sizes[1] + h) * sizes[2] + w
    d0, h0, w0 = _first_near(d, KD, step_d), _first_near(h, KH, step_h), _first_near(w, KW, step_w)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD + 4):
        for kh in range(KH + 4):
            for kw in range(KW + 4):
                od, oh, ow = wide(d0 + kd, INT64), wide(h0 + kh, INT64), wide(w0 + kw, INT64)
                mask_o = mask & (od < dy_sizes[0]) & (oh < dy_sizes[1]) & (ow < dy_sizes[2])
                mask_o = _names(indices_ptr + _offset(n, c, od, oh, ow, index_strides), position, mask_o)
                dy = tl.load(dy_ptr + _offset(n, c, od, oh, ow, dy_strides), mask=mask_o, other=0)
                acc += convert(dy, SUM)
    offset = _offset(n, c, d, h, w, dx_strides)
    tl.store(dx_ptr + offset, convert(acc, dx_ptr.dtype.element_ty), mask=mask)
