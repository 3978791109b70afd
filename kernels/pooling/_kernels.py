"""Pooling kernels: one output element a lane, and in backward one input element, so nothing is written twice.

Tensors are seen as (batch, channels) planes of three dimensions; 1-d and 2-d planes have leading ones of size 1.
The gradient of a maximum is gathered: an input element visits the windows that contain it and takes the
gradients of those whose index names it.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import positions, wide


@triton.jit
def _split(j, channels, sizes, LAST: tl.constexpr):
    """Batch, channel and spatial indices of a position in row-major order, or with the channels LAST."""
    c = j % channels
    if LAST:
        j = j // channels
    w, j = j % sizes[2], j // sizes[2]
    h, j = j % sizes[1], j // sizes[1]
    d, j = j % sizes[0], j // sizes[0]
    if not LAST:
        c, j = j % channels, j // channels
    return j, c, d, h, w


@triton.jit
def _offset(n, c, d, h, w, strides):
    return n * strides[0] + c * strides[1] + d * strides[2] + h * strides[3] + w * strides[4]


@triton.jit
def _step(d, h, w, strides, INT64: tl.constexpr):
    """Offset of a tap in its window."""
    return wide(d, INT64) * strides[2] + wide(h, INT64) * strides[3] + wide(w, INT64) * strides[4]


@triton.jit
def _replaces(value, best, found, seen):
    """Whether a scan takes `value`: greater, or NaN, or the first there is."""
    return seen & ((value > best) | (value != value) | (found == 0))


@triton.jit
def _divided(total, count):
    """total / count; whole numbers are rounded toward zero."""
    if total.dtype.is_floating():
        return total / count.to(total.dtype)
    else:
        size = tl.abs(total) // tl.abs(count).to(total.dtype)
        return tl.where((total < 0) != (count < 0), -size, size)


@triton.jit
def max_pool_kernel(
    values, indices, x, count, channels, sizes, value_strides, index_strides, x_sizes, x_strides,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, COMPUTE: tl.constexpr, LAST: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Maximum of every window and its flat position in its plane; either output may be absent."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, od, oh, ow = _split(j, channels, sizes, LAST)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    source = x + _offset(n, c, id, ih, iw, x_strides)
    best = tl.zeros((BLOCK,), COMPUTE)
    where, found = j * 0, tl.zeros((BLOCK,), tl.int32)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
                pd, ph, pw = id + d, ih + h, iw + w
                seen = mask & (pd >= 0) & (pd < x_sizes[0]) & (ph >= 0) & (ph < x_sizes[1])
                seen &= (pw >= 0) & (pw < x_sizes[2])
                step = _step(d, h, w, x_strides, INT64)
                value = convert(tl.load(source + step, mask=seen, other=0), COMPUTE)
                take = _replaces(value, best, found, seen)
                best = tl.where(take, value, best)
                where = tl.where(take, (pd * x_sizes[1] + ph) * x_sizes[2] + pw, where)
                found = tl.where(seen, 1, found)
    if values is not None:
        place = _offset(n, c, od, oh, ow, value_strides)
        if COMPUTE.is_floating():
            best = tl.where(found == 0, float("-inf"), best)
        tl.store(values + place, convert(best, values.dtype.element_ty), mask=mask)
    if indices is not None:
        place = _offset(n, c, od, oh, ow, index_strides)
        tl.store(indices + place, where.to(indices.dtype.element_ty), mask=mask)


@triton.jit
def _window(position, tap, start, stride, dilation, size):
    """The window of which `tap` is at `position` in one dimension, and whether there is one."""
    distance = position - start - tap * dilation
    o = distance // stride
    return o, (distance >= 0) & (o * stride == distance) & (o < size)


@triton.jit
def max_pool_gather_kernel(
    out, grad, indices, count, channels, sizes, out_strides, grad_sizes, grad_strides, index_strides,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[position] = sum of `grad` over the windows whose index is that position; `sizes` are those of `out`."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, d, h, w = _split(j, channels, sizes, LAST)
    here = (d * sizes[1] + h) * sizes[2] + w
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD):
        od, hit_d = _window(d, kd, start[0], stride[0], dilation[0], grad_sizes[0])
        for kh in range(KH):
            oh, hit_h = _window(h, kh, start[1], stride[1], dilation[1], grad_sizes[1])
            for kw in range(KW):
                ow, hit_w = _window(w, kw, start[2], stride[2], dilation[2], grad_sizes[2])
                hit = mask & hit_d & hit_h & hit_w
                named = tl.load(indices + _offset(n, c, od, oh, ow, index_strides), mask=hit, other=-1)
                hit &= named == here
                value = tl.load(grad + _offset(n, c, od, oh, ow, grad_strides), mask=hit, other=0)
                acc += convert(value, SUM)
    place = _offset(n, c, d, h, w, out_strides)
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=mask)


@triton.jit
def _extent(o, kernel, start, stride, size, COUNT_PADDING: tl.constexpr):
    """How many positions of a window count in one dimension."""
    low = o * stride + start
    high = tl.minimum(low + kernel, size - start)
    if not COUNT_PADDING:
        low, high = tl.maximum(low, 0), tl.minimum(high, size)
    return high - low


@triton.jit
def _divisor(
    od, oh, ow, start, stride, sizes, KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr,
    COUNT_PADDING: tl.constexpr,
):  # fmt: skip
    count = _extent(od, KD, start[0], stride[0], sizes[0], COUNT_PADDING)
    count *= _extent(oh, KH, start[1], stride[1], sizes[1], COUNT_PADDING)
    return count * _extent(ow, KW, start[2], stride[2], sizes[2], COUNT_PADDING)


@triton.jit
def avg_pool_kernel(
    out, x, count, channels, sizes, out_strides, x_sizes, x_strides, start, stride, override,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, COUNT_PADDING: tl.constexpr, OVERRIDE: tl.constexpr,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Sum of every window, divided by its size or by `override`."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, od, oh, ow = _split(j, channels, sizes, LAST)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    source = x + _offset(n, c, id, ih, iw, x_strides)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                pd, ph, pw = id + kd, ih + kh, iw + kw
                seen = mask & (pd >= 0) & (pd < x_sizes[0]) & (ph >= 0) & (ph < x_sizes[1])
                seen &= (pw >= 0) & (pw < x_sizes[2])
                step = _step(kd, kh, kw, x_strides, INT64)
                acc += convert(tl.load(source + step, mask=seen, other=0), SUM)
    if OVERRIDE:
        total = j * 0 + override
    else:
        total = _divisor(od, oh, ow, start, stride, x_sizes, KD, KH, KW, COUNT_PADDING)
    place = _offset(n, c, od, oh, ow, out_strides)
    tl.store(out + place, convert(_divided(acc, total), out.dtype.element_ty), mask=mask)


@triton.jit
def avg_pool_gather_kernel(
    out, grad, count, channels, sizes, out_strides, grad_sizes, grad_strides, start, stride, override,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, COUNT_PADDING: tl.constexpr, OVERRIDE: tl.constexpr,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[position] = sum over the windows that contain it of grad / divisor; `sizes` are those of `out`."""
    j = positions(BLOCK, INT64)
    mask = j < count
    n, c, d, h, w = _split(j, channels, sizes, LAST)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD):
        od, hit_d = _window(d, kd, start[0], stride[0], 1, grad_sizes[0])
        for kh in range(KH):
            oh, hit_h = _window(h, kh, start[1], stride[1], 1, grad_sizes[1])
            for kw in range(KW):
                ow, hit_w = _window(w, kw, start[2], stride[2], 1, grad_sizes[2])
                hit = mask & hit_d & hit_h & hit_w
                value = convert(
                    tl.load(grad + _offset(n, c, od, oh, ow, grad_strides), mask=hit, other=0), SUM
                )
                if OVERRIDE:
                    total = j * 0 + override
                else:
                    total = _divisor(od, oh, ow, start, stride, sizes, KD, KH, KW, COUNT_PADDING)
                acc += tl.where(hit, value / tl.where(hit, total, 1).to(SUM), 0)
    place = _offset(n, c, d, h, w, out_strides)
    tl.store(out + place, convert(acc, out.dtype.element_ty), mask=mask)
