"""Depthwise convolution and the gradient of its weight: one input channel a group has no inner product, a product of
matrices would multiply by zeros; so these are multiply-adds over the taps.

A tile is a patch of positions by channels. Where channels are innermost in memory a thread takes eight of them
(16 bytes of a 16-bit type), and its neighbours the next ones; where the width is, neighbours take the next positions.

Of every column a thread has ROWS outputs, one below the other. What they meet of x overlaps: the rows of x are loaded
once for all of them, ROWS + taps - 1 instead of ROWS * taps (with a stride and dilation of 1). Rows and the taps of a
column are unrolled; which of them meet is known when the kernel is compiled.

- `depthwise_kernel`: forward, and with the taps turned around the gradient of the input.
- `depthwise_weight_kernel`: the sums of all taps (of a few, where the kernel is large) are a program's registers, so
  dy and x are read once. Positions are split over programs; `sum_splits_kernel` adds up in a fixed order.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

# Tuples grow while they are built, which the compiler follows and mypy does not.
# mypy: disable-error-code="assignment"

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._weight import corner_of, next_corner
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _spatial_strides(strides, UNIT: tl.constexpr, INT64: tl.constexpr):
    """Strides of (batch, depth, height, width) in elements."""
    n, d = wide(strides[0], INT64) * UNIT, wide(strides[1], INT64) * UNIT
    return n, d, wide(strides[2], INT64) * UNIT, wide(strides[3], INT64) * UNIT


@triton.jit
def _exists(index, size):
    """Whether 0 <= index < size: a negative index is a large unsigned one."""
    return index.to(tl.uint32, bitcast=True) < size


@triton.jit
def depthwise_kernel(
    out_ptr, x_ptr, w_ptr, bias_ptr, residual_ptr, stride_bias, sizes, patches, out_strides, residual_strides,
    x_sizes, x_strides, w_strides, channels, multiplier, start, stride, dilation, alpha: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, STRIDE: tl.constexpr, DILATION: tl.constexpr,
    ROWS: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr, CHANNELS: tl.constexpr, OUT_UNIT: tl.constexpr,
    X_UNIT: tl.constexpr, W_UNIT: tl.constexpr, EPILOGUE: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """`correlate_kernel` with one input channel a group, and `multiplier` output channels.

    Args:
        sizes: spatial sizes of the output. patches: how many patches cover its depth, height and width.
        out_strides, residual_strides, x_strides: of (batch, spatial..., channel), all but the last in units of so
            many elements, OUT_UNIT the first two.
        w_strides: of (channel out, taps...), all but the first in units.
        channels: output channels, in units of OUT_UNIT.
        STRIDE, DILATION: of the height.
        ROWS, HEIGHT, WIDTH, CHANNELS: the tile, HEIGHT times ROWS high; it has no depth.
    """
    channels *= OUT_UNIT
    x_n, x_d, x_h, x_w = _spatial_strides(x_strides, X_UNIT, INT64)
    blocks = tl.cdiv(channels, CHANNELS)
    c = tl.program_id(0) % blocks * CHANNELS + tl.arange(0, CHANNELS)
    mask_c = c < channels
    n, od, oh, ow = corner_of(tl.program_id(0) // blocks, patches, 1, 1, HEIGHT * ROWS, WIDTH)
    place = tl.arange(0, HEIGHT * WIDTH)
    row_h, row_w = place // WIDTH * ROWS, place % WIDTH
    d = od * stride[0] + start[0]
    in_h, in_w = (oh + row_h) * STRIDE + start[1], (ow + row_w) * stride[2] + start[2]
    x_tile = x_ptr + (wide(n, INT64) * x_n + wide(d, INT64) * x_d)
    x_tile = x_tile + (wide(in_h, INT64) * x_h + wide(in_w, INT64) * x_w)[:, None]
    x_tile = x_tile + (wide(c // multiplier, INT64) * x_strides[4])[None, :]
    w_tile = w_ptr + wide(c, INT64) * w_strides[0]
    sums = ()
    for _ in tl.static_range(ROWS):
        sums = sums + (tl.zeros((HEIGHT * WIDTH, CHANNELS), COMPUTE),)
    for k in range(KD * KW):
        # loop counters are 32-bit, whatever INT64 says
        kd, kw = k // KW, k % KW
        factors = ()
        w_column = w_tile + (wide(kd, INT64) * w_strides[1] + wide(kw, INT64) * w_strides[3]) * W_UNIT
        for kh in tl.static_range(KH):
            factor = tl.load(w_column + wide(w_strides[2], INT64) * (kh * W_UNIT), mask=mask_c, other=0)
            factors = factors + (factor.to(COMPUTE)[None, :],)
        at_d, at_w = d + kd * dilation[0], in_w + kw * dilation[2]
        # of a depth outside of x nothing exists
        columns = _exists(at_w, tl.where((at_d >= 0) & (at_d < x_sizes[0]), x_sizes[2], 0))
        x_column = x_tile + (wide(kd * dilation[0], INT64) * x_d + wide(kw * dilation[2], INT64) * x_w)
        for j in tl.static_range((ROWS - 1) * STRIDE + (KH - 1) * DILATION + 1):
            mask = (columns & _exists(in_h + j, x_sizes[1]))[:, None] & mask_c[None, :]
            # what no output meets is not loaded: the compiler drops it
            value = tl.load(x_column + j * x_h, mask=mask, other=0).to(COMPUTE)
            new = ()
            for o in tl.static_range(ROWS):
                if j >= o * STRIDE and (j - o * STRIDE) % DILATION == 0 and (j - o * STRIDE) // DILATION < KH:
                    new = new + (sums[o] + value * factors[(j - o * STRIDE) // DILATION],)
                else:
                    new = new + (sums[o],)
            sums = new
    bias = tl.zeros((CHANNELS,), COMPUTE)
    if bias_ptr is not None:
        bias = tl.load(bias_ptr + c * stride_bias, mask=mask_c, other=0).to(COMPUTE)
    out = _outputs(out_ptr, n, od, oh + row_h, ow + row_w, c, out_strides, OUT_UNIT, INT64)
    residual = None
    if residual_ptr is not None:
        residual = _outputs(residual_ptr, n, od, oh + row_h, ow + row_w, c, residual_strides, OUT_UNIT, INT64)
    for o in tl.static_range(ROWS):
        mask = ((row_h < sizes[1] - oh - o) & (row_w < sizes[2] - ow))[:, None] & mask_c[None, :]
        result = sums[o] + bias[None, :]
        if residual_ptr is not None:
            below = wide(residual_strides[2], INT64) * (o * OUT_UNIT)
            result += alpha.to(COMPUTE) * tl.load(residual + below, mask=mask, other=0).to(COMPUTE)
        if EPILOGUE is not None:
            result = EPILOGUE(result)
        below = wide(out_strides[2], INT64) * (o * OUT_UNIT)
        tl.store(out + below, convert(result, out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _outputs(ptr, n, d, h, w, c, strides, UNIT: tl.constexpr, INT64: tl.constexpr):
    """Addresses of (positions, channels)."""
    s_n, s_d, s_h, s_w = _spatial_strides(strides, UNIT, INT64)
    places = ptr + (wide(n, INT64) * s_n + wide(d, INT64) * s_d)
    places = places + (wide(h, INT64) * s_h + wide(w, INT64) * s_w)[:, None]
    return places + (wide(c, INT64) * strides[4])[None, :]


@triton.jit
def depthwise_weight_kernel(
    dw_ptr, dy_ptr, x_ptr, sizes, patches, total, each, dy_strides, x_sizes, x_strides, channels, multiplier,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, TAPS_H: tl.constexpr, TAPS_W: tl.constexpr,
    STRIDE: tl.constexpr, DILATION: tl.constexpr, ROWS: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr,
    CHANNELS: tl.constexpr, DY_UNIT: tl.constexpr, X_UNIT: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """dw[split, t, c] = sum over a part of positions of dy[n, c, o] * x[n, c // multiplier, position(o, t)].

    The grid is (channels and taps, splits); `dw` is contiguous.

    Args:
        sizes: spatial sizes of `dy`. patches: how many patches cover its depth, height and width. total: the batch.
        each: patches a program adds up.
        dy_strides, x_strides: of (batch, spatial..., channel), all but the last in units of so many elements.
        channels: output channels, in units of DY_UNIT.
        TAPS_H, TAPS_W: taps a program sums.
        STRIDE, DILATION: of the height.
        ROWS, HEIGHT, WIDTH, CHANNELS: the tile, HEIGHT times ROWS high; it has no depth. ROWS divides the height
            of `dy`: what x has for a row past its end might be infinite, and zero times that is not zero.
    """
    channels *= DY_UNIT
    dy_n, dy_d, dy_h, dy_w = _spatial_strides(dy_strides, DY_UNIT, INT64)
    x_n, x_d, x_h, x_w = _spatial_strides(x_strides, X_UNIT, INT64)
    split = tl.program_id(1)
    blocks = tl.cdiv(channels, CHANNELS)
    c = tl.program_id(0) % blocks * CHANNELS + tl.arange(0, CHANNELS)
    mask_c = c < channels
    group = tl.program_id(0) // blocks
    first_w = group % tl.cdiv(KW, TAPS_W) * TAPS_W
    group = group // tl.cdiv(KW, TAPS_W)
    first_h, kd = group % tl.cdiv(KH, TAPS_H) * TAPS_H, group // tl.cdiv(KH, TAPS_H)
    place = tl.arange(0, HEIGHT * WIDTH)
    row_h, row_w = place // WIDTH * ROWS, place % WIDTH
    in_h, in_w = (
        row_h * STRIDE + start[1] + first_h * DILATION,
        row_w * stride[2] + start[2] + first_w * dilation[2],
    )
    tap_d = start[0] + kd * dilation[0]
    dy_tile = dy_ptr + (wide(row_h, INT64) * dy_h + wide(row_w, INT64) * dy_w)[:, None]
    dy_tile = dy_tile + (wide(c, INT64) * dy_strides[4])[None, :]
    x_tile = x_ptr + wide(tap_d, INT64) * x_d + (wide(in_h, INT64) * x_h + wide(in_w, INT64) * x_w)[:, None]
    x_tile = x_tile + (wide(c // multiplier, INT64) * x_strides[4])[None, :]
    n, od, oh, ow = corner_of(split * each, patches, 1, 1, HEIGHT * ROWS, WIDTH)
    sums = ()
    for _ in tl.static_range(TAPS_H * TAPS_W):
        sums = sums + (tl.zeros((HEIGHT * WIDTH, CHANNELS), COMPUTE),)
    for _ in range(tl.minimum(each, total - split * each)):
        dy_at = (
            wide(n, INT64) * dy_n + wide(od, INT64) * dy_d + wide(oh, INT64) * dy_h + wide(ow, INT64) * dy_w
        )
        at_d, at_h, at_w = od * stride[0], oh * STRIDE, ow * stride[2]
        x_at = (
            wide(n, INT64) * x_n + wide(at_d, INT64) * x_d + wide(at_h, INT64) * x_h + wide(at_w, INT64) * x_w
        )
        covered = (row_h < sizes[1] - oh) & (row_w < sizes[2] - ow)
        grads = ()
        for o in tl.static_range(ROWS):
            mask = covered[:, None] & mask_c[None, :]
            grads = grads + (tl.load(dy_tile + (dy_at + o * dy_h), mask=mask, other=0).to(COMPUTE),)
        end_w = tl.where((at_d + tap_d >= 0) & (at_d + tap_d < x_sizes[0]), x_sizes[2], 0)
        for kw in tl.static_range(TAPS_W):
            columns = covered & _exists(in_w + (at_w + kw * dilation[2]), end_w)
            x_column = x_tile + (x_at + wide(kw * dilation[2], INT64) * x_w)
            for j in tl.static_range((ROWS - 1) * STRIDE + (TAPS_H - 1) * DILATION + 1):
                mask = (columns & _exists(in_h + (at_h + j), x_sizes[1]))[:, None] & mask_c[None, :]
                value = tl.load(x_column + j * x_h, mask=mask, other=0).to(COMPUTE)
                for o in tl.static_range(ROWS):
                    if (
                        j >= o * STRIDE
                        and (j - o * STRIDE) % DILATION == 0
                        and (j - o * STRIDE) // DILATION < TAPS_H
                    ):
                        # said in place: a name would make the number a run-time one
                        sums = _add_at(
                            sums,
                            kw * TAPS_H + (j - o * STRIDE) // DILATION,
                            grads[o] * value,
                            TAPS_H * TAPS_W,
                        )
        n, od, oh, ow = next_corner(n, od, oh, ow, patches, 1, 1, HEIGHT * ROWS, WIDTH)
    # a sum for each position of a tile in the loop, one over all of them here
    for k in tl.static_range(TAPS_H * TAPS_W):
        kh, kw = first_h + k % TAPS_H, first_w + k // TAPS_H
        at = wide(split, INT64) * (KD * KH * KW) + ((kd * KH + kh) * KW + kw)
        end = tl.where((kh < KH) & (kw < KW), channels, 0)
        tl.store(dw_ptr + (at * channels + c), tl.sum(sums[k], 0), mask=c < end)


@triton.jit
def _add_at(sums, K: tl.constexpr, product, COUNT: tl.constexpr):
    """The sums with a product added to number K."""
    new = ()
    for k in tl.static_range(COUNT):
        if k == K:
            new = new + (sums[k] + product,)
        else:
            new = new + (sums[k],)
    return new
