"""Kernels of pooling over bins: adaptive (bins follow from the sizes) and fractional (from random numbers).

Bin i of a dimension holds the positions from floor(i * in / out) to ceil((i + 1) * in / out); so position p lies
in the bins from floor(p * out / in) to ceil((p + 1) * out / in).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import positions, wide
from tritonnn.kernels.launch.launch import fp64
from tritonnn.kernels.pooling._kernels import _offset, _replaces, _split, _step


@triton.jit
def _low(i, size, parts):
    return (i.to(tl.int64) * size // parts).to(i.dtype)


@triton.jit
def _high(i, size, parts):
    return (((i + 1).to(tl.int64) * size + parts - 1) // parts).to(i.dtype)


@triton.jit
def adaptive_avg_kernel(
    out, x, count, channels, sizes, out_strides, x_sizes, x_strides, longest,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Mean of every bin; `longest` is the largest extent of a bin in each dimension."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, od, oh, ow = _split(j, channels, sizes, LAST)
    d0, d1 = _low(od, x_sizes[0], sizes[0]), _high(od, x_sizes[0], sizes[0])
    h0, h1 = _low(oh, x_sizes[1], sizes[1]), _high(oh, x_sizes[1], sizes[1])
    w0, w1 = _low(ow, x_sizes[2], sizes[2]), _high(ow, x_sizes[2], sizes[2])
    source = x + _offset(n, c, d0, h0, w0, x_strides)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(longest[0]):
        for kh in range(longest[1]):
            for kw in range(longest[2]):
                seen = mask & (d0 + kd < d1) & (h0 + kh < h1) & (w0 + kw < w1)
                step = _step(kd, kh, kw, x_strides, INT64)
                acc += convert(tl.load(source + step, mask=seen, other=0), SUM)
    acc /= ((d1 - d0) * (h1 - h0) * (w1 - w0)).to(SUM)
    place = _offset(n, c, od, oh, ow, out_strides)
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=mask)


@triton.jit
def adaptive_gather_kernel(
    out, grad, indices, count, channels, sizes, out_strides, grad_sizes, grad_strides, index_strides, most,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Sum of `grad` over the bins of a position: its share of their means, or where `indices` name it.

    Args:
        sizes: those of `out`, the gradient of the input.
        most: the largest number of bins that share a position, in each dimension.
    """
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, d, h, w = _split(j, channels, sizes, LAST)
    here = (d * sizes[1] + h) * sizes[2] + w
    d0, d1 = _low(d, grad_sizes[0], sizes[0]), _high(d, grad_sizes[0], sizes[0])
    h0, h1 = _low(h, grad_sizes[1], sizes[1]), _high(h, grad_sizes[1], sizes[1])
    w0, w1 = _low(w, grad_sizes[2], sizes[2]), _high(w, grad_sizes[2], sizes[2])
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(most[0]):
        for kh in range(most[1]):
            for kw in range(most[2]):
                od, oh, ow = d0 + kd, h0 + kh, w0 + kw
                hit = mask & (od < d1) & (oh < h1) & (ow < w1)
                if indices is not None:
                    named = tl.load(indices + _offset(n, c, od, oh, ow, index_strides), mask=hit, other=-1)
                    hit &= named == here
                value = convert(
                    tl.load(grad + _offset(n, c, od, oh, ow, grad_strides), mask=hit, other=0), SUM
                )
                if indices is None:
                    size = _high(od, sizes[0], grad_sizes[0]) - _low(od, sizes[0], grad_sizes[0])
                    size *= _high(oh, sizes[1], grad_sizes[1]) - _low(oh, sizes[1], grad_sizes[1])
                    size *= _high(ow, sizes[2], grad_sizes[2]) - _low(ow, sizes[2], grad_sizes[2])
                    value /= size.to(SUM)
                acc += tl.where(hit, value, 0)
    place = _offset(n, c, d, h, w, out_strides)
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=mask)


@triton.jit
def adaptive_max_kernel(
    values, indices, x, count, channels, sizes, value_strides, index_strides, x_sizes, x_strides, longest,
    COMPUTE: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Maximum of every bin and its flat position in its plane."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, od, oh, ow = _split(j, channels, sizes, LAST)
    d0, d1 = _low(od, x_sizes[0], sizes[0]), _high(od, x_sizes[0], sizes[0])
    h0, h1 = _low(oh, x_sizes[1], sizes[1]), _high(oh, x_sizes[1], sizes[1])
    w0, w1 = _low(ow, x_sizes[2], sizes[2]), _high(ow, x_sizes[2], sizes[2])
    source = x + _offset(n, c, d0, h0, w0, x_strides)
    best = tl.zeros((BLOCK,), COMPUTE)
    where, found = j * 0, tl.zeros((BLOCK,), tl.int32)
    for kd in range(longest[0]):
        for kh in range(longest[1]):
            for kw in range(longest[2]):
                seen = mask & (d0 + kd < d1) & (h0 + kh < h1) & (w0 + kw < w1)
                step = _step(kd, kh, kw, x_strides, INT64)
                value = convert(tl.load(source + step, mask=seen, other=0), COMPUTE)
                take = _replaces(value, best, found, seen)
                best = tl.where(take, value, best)
                place = ((d0 + kd) * x_sizes[1] + h0 + kh) * x_sizes[2] + w0 + kw
                where = tl.where(take, place, where)
                found = tl.where(seen, 1, found)
    tl.store(
        values + _offset(n, c, od, oh, ow, value_strides), convert(best, values.dtype.element_ty), mask=mask
    )
    tl.store(indices + _offset(n, c, od, oh, ow, index_strides), where.to(tl.int64), mask=mask)


@triton.jit
def _start(o, draw, step, size, kernel, parts):
    """First position of random window `o` of one dimension: the last window ends with the input."""
    moved = ((o.to(draw.dtype) + draw) * step).to(tl.int32) - (draw * step).to(tl.int32)
    return tl.where(o == parts - 1, size - kernel, moved)


@triton.jit
def _draws(samples, n, c, sample_strides, mask, SUM: tl.constexpr, FIRST_IS_LAST: tl.constexpr):
    """The random numbers of a plane by dimension; in 2-d the first belongs to the last dimension."""
    place = samples + n * sample_strides[0] + c * sample_strides[1]
    a = convert(tl.load(place, mask=mask, other=0), SUM)
    b = convert(tl.load(place + sample_strides[2], mask=mask, other=0), SUM)
    if FIRST_IS_LAST:
        return a * 0, b, a
    else:
        return a, b, convert(tl.load(place + 2 * sample_strides[2], mask=mask, other=0), SUM)


@triton.jit
def fractional_max_kernel(
    values, indices, x, samples, count, channels, sizes, value_strides, index_strides, x_sizes, x_strides,
    sample_strides, step_d: fp64, step_h: fp64, step_w: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, PLANAR: tl.constexpr, COMPUTE: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Maximum of windows at random starts; `step_*` is the mean distance of two in each dimension."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, od, oh, ow = _split(j, channels, sizes, False)
    ud, uh, uw = _draws(samples, n, c, sample_strides, mask, COMPUTE, PLANAR)
    id = _start(od, ud, step_d.to(COMPUTE), x_sizes[0], KD, sizes[0])
    ih = _start(oh, uh, step_h.to(COMPUTE), x_sizes[1], KH, sizes[1])
    iw = _start(ow, uw, step_w.to(COMPUTE), x_sizes[2], KW, sizes[2])
    id, ih, iw = wide(id, INT64), wide(ih, INT64), wide(iw, INT64)
    source = x + _offset(n, c, id, ih, iw, x_strides)
    best = tl.zeros((BLOCK,), COMPUTE)
    where, found = j * 0, tl.zeros((BLOCK,), tl.int32)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                step = _step(kd, kh, kw, x_strides, INT64)
                value = convert(tl.load(source + step, mask=mask, other=0), COMPUTE)
                take = _replaces(value, best, found, mask)
                best = tl.where(take, value, best)
                where = tl.where(take, ((id + kd) * x_sizes[1] + ih + kh) * x_sizes[2] + iw + kw, where)
                found = tl.where(mask, 1, found)
    tl.store(
        values + _offset(n, c, od, oh, ow, value_strides), convert(best, values.dtype.element_ty), mask=mask
    )
    tl.store(indices + _offset(n, c, od, oh, ow, index_strides), where.to(tl.int64), mask=mask)


@triton.jit
def _first_near(position, kernel, step):
    """A window that starts at or before the first one that can contain `position`."""
    return tl.maximum(tl.floor((position - kernel - 1).to(step.dtype) / step).to(tl.int32), 0)


@triton.jit
def fractional_gather_kernel(
    out, grad, indices, count, channels, sizes, out_strides, grad_sizes, grad_strides, index_strides,
    step_d: fp64, step_h: fp64, step_w: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, SUM: tl.constexpr, BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """Sum of `grad` over the random windows whose index names a position.

    Window o starts less than 1 from o * step, and steps are at least 1: of those that contain a position there are
    fewer than kernel + 4 candidates in each dimension.
    """
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, d, h, w = _split(j, channels, sizes, False)
    here = (d * sizes[1] + h) * sizes[2] + w
    d0, h0, w0 = _first_near(d, KD, step_d), _first_near(h, KH, step_h), _first_near(w, KW, step_w)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD + 4):
        for kh in range(KH + 4):
            for kw in range(KW + 4):
                od, oh, ow = wide(d0 + kd, INT64), wide(h0 + kh, INT64), wide(w0 + kw, INT64)
                hit = mask & (od < grad_sizes[0]) & (oh < grad_sizes[1]) & (ow < grad_sizes[2])
                named = tl.load(indices + _offset(n, c, od, oh, ow, index_strides), mask=hit, other=-1)
                hit &= named == here
                value = tl.load(grad + _offset(n, c, od, oh, ow, grad_strides), mask=hit, other=0)
                acc += convert(value, SUM)
    place = _offset(n, c, d, h, w, out_strides)
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=mask)
