"""Kernels of pooling by sliding windows; `pooling.py` launches them (bins: `_adaptive_kernels.py`).

One output element a lane, and in backward one input element, so nothing is written twice: backward gathers
instead of scattering with atomics. An input element visits the windows that contain it; the gradient of a
maximum takes those whose index names it, that of a mean a share of each (`*_gather_kernel`). Neighbouring
lanes visit overlapping windows, which the caches serve.

Tensors are seen as (batch, channels) planes of three dimensions; 1-d and 2-d planes have leading ones of size
1. With LAST, lanes run along the channels, which then are neighbours in memory.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import positions, wide


@triton.jit
def _unravel(index, channels, sizes, LAST: tl.constexpr):
    """Batch, channel and spatial indices of a position in row-major order, or with the channels LAST."""
    c = index % channels
    if LAST:
        index = index // channels
    w, index = index % sizes[2], index // sizes[2]
    h, index = index % sizes[1], index // sizes[1]
    d, index = index % sizes[0], index // sizes[0]
    if not LAST:
        c, index = index % channels, index // channels
    return index, c, d, h, w


@triton.jit
def _elements(numel, channels, sizes, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """A program's positions, which of them there are, and their batch, channel and spatial indices."""
    offs = positions(BLOCK, INT64)
    n, c, d, h, w = _unravel(offs, channels, sizes, LAST)
    return offs, offs < numel, n, c, d, h, w


@triton.jit
def _inside(mask, d, h, w, sizes):
    """Where in the mask a position lies in its plane."""
    mask = mask & (d >= 0) & (d < sizes[0]) & (h >= 0) & (h < sizes[1])
    return mask & ((w >= 0) & (w < sizes[2]))


@triton.jit
def _names(index_ptrs, position, mask):
    """Where in the mask an index is that position."""
    return mask & (tl.load(index_ptrs, mask=mask, other=-1) == position)


@triton.jit
def _offset(n, c, d, h, w, strides):
    return n * strides[0] + c * strides[1] + d * strides[2] + h * strides[3] + w * strides[4]


@triton.jit
def _tap_offset(d, h, w, strides, INT64: tl.constexpr):
    """Offset of a tap in its window."""
    return wide(d, INT64) * strides[2] + wide(h, INT64) * strides[3] + wide(w, INT64) * strides[4]


@triton.jit
def _replaces(value, best, has_value, in_bounds):
    """Whether a scan takes `value`: greater, or NaN, or the first there is."""
    return in_bounds & ((value > best) | (value != value) | (has_value == 0))


@triton.jit
def _divide(acc, count):
    """acc / count; whole numbers are rounded toward zero."""
    if acc.dtype.is_floating():
        return acc / count.to(acc.dtype)
    else:
        # by magnitudes, so that it does not matter which way // rounds negative numbers
        magnitude = tl.abs(acc) // tl.abs(count).to(acc.dtype)
        return tl.where((acc < 0) != (count < 0), -magnitude, magnitude)


@triton.jit
def max_pool_kernel(
    values_ptr, indices_ptr, x_ptr, numel, channels, sizes, value_strides, index_strides, x_sizes, x_strides,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, COMPUTE: tl.constexpr, LAST: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Maximum of every window and its flat position in its plane; either output may be absent."""
    offs, mask, n, c, od, oh, ow = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    x_ptrs = x_ptr + _offset(n, c, id, ih, iw, x_strides)
    # no lowest number to start from: `has_value` says whether `best` is one, whatever the type
    best = tl.zeros((BLOCK,), COMPUTE)
    argmax, has_value = offs * 0, tl.zeros((BLOCK,), tl.int32)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
                pd, ph, pw = id + d, ih + h, iw + w
                in_bounds = _inside(mask, pd, ph, pw, x_sizes)
                tap_offset = _tap_offset(d, h, w, x_strides, INT64)
                value = convert(tl.load(x_ptrs + tap_offset, mask=in_bounds, other=0), COMPUTE)
                take = _replaces(value, best, has_value, in_bounds)
                best = tl.where(take, value, best)
                argmax = tl.where(take, (pd * x_sizes[1] + ph) * x_sizes[2] + pw, argmax)
                has_value = tl.where(in_bounds, 1, has_value)
    if values_ptr is not None:
        offset = _offset(n, c, od, oh, ow, value_strides)
        if COMPUTE.is_floating():
            # a window that lies in the padding altogether
            best = tl.where(has_value == 0, float("-inf"), best)
        tl.store(values_ptr + offset, convert(best, values_ptr.dtype.element_ty), mask=mask)
    if indices_ptr is not None:
        offset = _offset(n, c, od, oh, ow, index_strides)
        tl.store(indices_ptr + offset, argmax.to(indices_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _window(position, tap, start, stride, dilation, size):
    """The window of which `tap` is at `position` in one dimension, and whether there is one."""
    distance = position - start - tap * dilation
    # whether // rounds up or down for a negative distance does not matter: that has no window
    o = distance // stride
    return o, (distance >= 0) & (o * stride == distance) & (o < size)


@triton.jit
def max_pool_gather_kernel(
    dx_ptr, dy_ptr, indices_ptr, numel, channels, sizes, dx_strides, dy_sizes, dy_strides, index_strides,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, SUM: tl.constexpr, LAST: tl.constexpr,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dx[position] = sum of dy over the windows whose index is that position; `sizes` are those of dx."""
    _, mask, n, c, d, h, w = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    position = (d * sizes[1] + h) * sizes[2] + w
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD):
        od, in_d = _window(d, kd, start[0], stride[0], dilation[0], dy_sizes[0])
        for kh in range(KH):
            oh, in_h = _window(h, kh, start[1], stride[1], dilation[1], dy_sizes[1])
            for kw in range(KW):
                ow, in_w = _window(w, kw, start[2], stride[2], dilation[2], dy_sizes[2])
                mask_o = mask & in_d & in_h & in_w
                mask_o = _names(indices_ptr + _offset(n, c, od, oh, ow, index_strides), position, mask_o)
                dy = tl.load(dy_ptr + _offset(n, c, od, oh, ow, dy_strides), mask=mask_o, other=0)
                acc += convert(dy, SUM)
    offset = _offset(n, c, d, h, w, dx_strides)
    tl.store(dx_ptr + offset, convert(acc, dx_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _extent(o, kernel, start, stride, size, COUNT_PADDING: tl.constexpr):
    """How many positions of a window count in one dimension."""
    low = o * stride + start
    # the last window may reach beyond the padding (ceil_mode); that part never counts
    high = tl.minimum(low + kernel, size - start)
    if not COUNT_PADDING:
        low, high = tl.maximum(low, 0), tl.minimum(high, size)
    return high - low


@triton.jit
def _divisor(
    od, oh, ow, start, stride, sizes, KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr,
    COUNT_PADDING: tl.constexpr,
):  # fmt: skip
    """How many positions of a window count."""
    count = _extent(od, KD, start[0], stride[0], sizes[0], COUNT_PADDING)
    count *= _extent(oh, KH, start[1], stride[1], sizes[1], COUNT_PADDING)
    return count * _extent(ow, KW, start[2], stride[2], sizes[2], COUNT_PADDING)


@triton.jit
def avg_pool_kernel(
    out_ptr, x_ptr, numel, channels, sizes, out_strides, x_sizes, x_strides, start, stride, divisor_override,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, COUNT_PADDING: tl.constexpr, OVERRIDE: tl.constexpr,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Sum of every window, divided by its size or by `divisor_override`."""
    offs, mask, n, c, od, oh, ow = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    x_ptrs = x_ptr + _offset(n, c, id, ih, iw, x_strides)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                pd, ph, pw = id + kd, ih + kh, iw + kw
                in_bounds = _inside(mask, pd, ph, pw, x_sizes)
                tap_offset = _tap_offset(kd, kh, kw, x_strides, INT64)
                # the padding adds zeros, whether it counts in the divisor or not
                acc += convert(tl.load(x_ptrs + tap_offset, mask=in_bounds, other=0), SUM)
    if OVERRIDE:
        divisor = offs * 0 + divisor_override
    else:
        divisor = _divisor(od, oh, ow, start, stride, x_sizes, KD, KH, KW, COUNT_PADDING)
    offset = _offset(n, c, od, oh, ow, out_strides)
    tl.store(out_ptr + offset, convert(_divide(acc, divisor), out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def avg_pool_gather_kernel(
    dx_ptr, dy_ptr, numel, channels, sizes, dx_strides, dy_sizes, dy_strides, start, stride, divisor_override,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, COUNT_PADDING: tl.constexpr, OVERRIDE: tl.constexpr,
    SUM: tl.constexpr, LAST: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dx[position] = sum over the windows that contain it of dy / divisor; `sizes` are those of dx."""
    offs, mask, n, c, d, h, w = _elements(numel, channels, sizes, LAST, BLOCK, INT64)
    acc = tl.zeros((BLOCK,), SUM)
    for kd in range(KD):
        od, in_d = _window(d, kd, start[0], stride[0], 1, dy_sizes[0])
        for kh in range(KH):
            oh, in_h = _window(h, kh, start[1], stride[1], 1, dy_sizes[1])
            for kw in range(KW):
                ow, in_w = _window(w, kw, start[2], stride[2], 1, dy_sizes[2])
                mask_o = mask & in_d & in_h & in_w
                dy = convert(
                    tl.load(dy_ptr + _offset(n, c, od, oh, ow, dy_strides), mask=mask_o, other=0), SUM
                )
                if OVERRIDE:
                    divisor = offs * 0 + divisor_override
                else:
                    divisor = _divisor(od, oh, ow, start, stride, sizes, KD, KH, KW, COUNT_PADDING)
                # what is outside gets a divisor of 1: 0 / 0 would be NaN before the mask takes it away
                acc += tl.where(mask_o, dy / tl.where(mask_o, divisor, 1).to(SUM), 0)
    offset = _offset(n, c, d, h, w, dx_strides)
    tl.store(dx_ptr + offset, convert(acc, dx_ptr.dtype.element_ty), mask=mask)
