"""Depthwise convolution and the gradient of its weight: one input channel a group has no inner product, a product of
matrices would multiply by zeros; so these are multiply-adds over the taps.

A tile is a patch of positions by channels. Where channels are innermost in memory a thread takes eight of them
(16 bytes of a 16-bit type) at a few positions, and its neighbours the next ones; where the width is, a tile is long in
width and a channel or a few deep. The taps are unrolled: what a tap adds to an address is one number, and whether its
input exists two comparisons of a position.

- `depthwise_kernel`: forward, and with the taps turned around the gradient of the input.
- `depthwise_weight_kernel`: dy is read once for all taps (for up to `MOST_TAPS` of them), whose sums are the program's
  registers. Positions are split over programs; `reduce_kernel` adds up in a fixed order.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._weight import corner_of, next_corner
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def _tap_inputs(x_tile, in_h, in_w, mask_c, d, h, w, x_sizes, covered):
    """What a tap meets, zeros where that does not exist: the tile of x moved to (d, h, w)."""
    # a negative index is a large unsigned one
    exists = covered & ((in_h + h).to(tl.uint32, bitcast=True) < x_sizes[1])
    exists &= (in_w + w).to(tl.uint32, bitcast=True) < x_sizes[2]
    exists &= (d >= 0) & (d < x_sizes[0])
    return tl.load(x_tile, mask=exists[:, None] & mask_c[None, :], other=0)


@triton.jit
def _row_of_taps(
    acc, k, x_tile, w_ptr, w_c, mask_c, in_h, in_w, d, h, w, x_sizes, x_d, x_h, x_w, w_strides, dilation, covered,
    KH: tl.constexpr, KW: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """acc + the products of the taps of row k, of (depth, height) of the kernel."""
    kd, kh = k // KH, k % KH
    # loop counters are 32-bit, whatever INT64 says
    x_row = wide(kd * dilation[0], INT64) * x_d + wide(kh * dilation[1], INT64) * x_h
    w_row = wide(kd, INT64) * w_strides[1] + wide(kh, INT64) * w_strides[2]
    for kw in tl.static_range(KW):
        value = _tap_inputs(
            x_tile + (x_row + wide(kw * dilation[2], INT64) * x_w), in_h, in_w, mask_c, d + kd * dilation[0],
            h + kh * dilation[1], w + kw * dilation[2], x_sizes, covered,
        )  # fmt: skip
        factor = tl.load(w_ptr + (w_c + (w_row + wide(kw, INT64) * w_strides[3])), mask=mask_c, other=0)
        acc += value.to(COMPUTE) * factor.to(COMPUTE)[None, :]
    return acc


@triton.jit
def depthwise_kernel(
    out_ptr, x_ptr, w_ptr, bias_ptr, stride_bias, sizes, patches, out_strides, x_sizes, x_strides, w_strides,
    channels, multiplier, start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr,
    CHANNELS: tl.constexpr, OUT_UNIT: tl.constexpr, X_UNIT: tl.constexpr, UNROLL: tl.constexpr,
    COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """`correlate_kernel` with one input channel a group, and `multiplier` output channels.

    Args:
        sizes: spatial sizes of the output. patches: how many patches cover its depth, height and width.
        out_strides, x_strides: of (batch, spatial..., channel), all but the last in units of so many elements.
        w_strides: strides of (channel out, taps...).
        channels: output channels, in units of OUT_UNIT.
        HEIGHT, WIDTH, CHANNELS: the tile; a patch has no depth.
        UNROLL: all taps, else those of a row.
    """
    channels *= OUT_UNIT
    out_n, out_d = wide(out_strides[0], INT64) * OUT_UNIT, wide(out_strides[1], INT64) * OUT_UNIT
    out_h, out_w = wide(out_strides[2], INT64) * OUT_UNIT, wide(out_strides[3], INT64) * OUT_UNIT
    x_n, x_d = wide(x_strides[0], INT64) * X_UNIT, wide(x_strides[1], INT64) * X_UNIT
    x_h, x_w = wide(x_strides[2], INT64) * X_UNIT, wide(x_strides[3], INT64) * X_UNIT
    blocks = tl.cdiv(channels, CHANNELS)
    c = tl.program_id(0) % blocks * CHANNELS + tl.arange(0, CHANNELS)
    mask_c = c < channels
    n, od, oh, ow = corner_of(tl.program_id(0) // blocks, patches, 1, 1, HEIGHT, WIDTH)
    row = tl.arange(0, HEIGHT * WIDTH)
    row_h, row_w = row // WIDTH, row % WIDTH
    covered = (row_h < sizes[1] - oh) & (row_w < sizes[2] - ow)
    in_h, in_w = row_h * stride[1], row_w * stride[2]
    d, h, w = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    x_tile = x_ptr + (
        wide(n, INT64) * x_n + wide(d, INT64) * x_d + wide(h, INT64) * x_h + wide(w, INT64) * x_w
    )
    x_c = wide(c // multiplier, INT64) * x_strides[4]
    x_tile = x_tile + ((wide(in_h, INT64) * x_h + wide(in_w, INT64) * x_w)[:, None] + x_c[None, :])
    w_c = wide(c, INT64) * w_strides[0]
    acc = tl.zeros((HEIGHT * WIDTH, CHANNELS), COMPUTE)
    if UNROLL:
        for k in tl.static_range(KD * KH):
            acc = _row_of_taps(
                acc, k, x_tile, w_ptr, w_c, mask_c, in_h, in_w, d, h, w, x_sizes, x_d, x_h, x_w, w_strides,
                dilation, covered, KH, KW, COMPUTE, INT64,
            )  # fmt: skip
    else:
        for k in range(KD * KH):
            acc = _row_of_taps(
                acc, k, x_tile, w_ptr, w_c, mask_c, in_h, in_w, d, h, w, x_sizes, x_d, x_h, x_w, w_strides,
                dilation, covered, KH, KW, COMPUTE, INT64,
            )  # fmt: skip
    if bias_ptr is not None:
        acc += tl.load(bias_ptr + c * stride_bias, mask=mask_c, other=0).to(COMPUTE)[None, :]
    at = wide(n, INT64) * out_n + wide(od, INT64) * out_d + wide(oh, INT64) * out_h + wide(ow, INT64) * out_w
    places = (wide(row_h, INT64) * out_h + wide(row_w, INT64) * out_w)[:, None]
    places = places + (wide(c, INT64) * out_strides[4])[None, :]
    tl.store(
        out_ptr + at + places, convert(acc, out_ptr.dtype.element_ty), mask=covered[:, None] & mask_c[None, :]
    )


@triton.jit
def depthwise_weight_kernel(
    dw_ptr, dy_ptr, x_ptr, sizes, patches, total, each, dy_strides, x_sizes, x_strides, channels, multiplier,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, TAPS: tl.constexpr, HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr, CHANNELS: tl.constexpr, DY_UNIT: tl.constexpr, X_UNIT: tl.constexpr,
    COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dw[split, t, c] = sum over a part of positions of dy[n, c, o] * x[n, c // multiplier, position(o, t)].

    The grid is (channels and taps, splits); `dw` is contiguous.

    Args:
        sizes: spatial sizes of `dy`. patches: how many patches cover its depth, height and width. total: the batch.
        each: patches a program adds up.
        dy_strides, x_strides: of (batch, spatial..., channel), all but the last in units of so many elements.
        channels: output channels, in units of DY_UNIT.
        TAPS: taps a program sums.
        HEIGHT, WIDTH, CHANNELS: the tile; a patch has no depth.
    """
    channels *= DY_UNIT
    dy_n, dy_d = wide(dy_strides[0], INT64) * DY_UNIT, wide(dy_strides[1], INT64) * DY_UNIT
    dy_h, dy_w = wide(dy_strides[2], INT64) * DY_UNIT, wide(dy_strides[3], INT64) * DY_UNIT
    x_n, x_d = wide(x_strides[0], INT64) * X_UNIT, wide(x_strides[1], INT64) * X_UNIT
    x_h, x_w = wide(x_strides[2], INT64) * X_UNIT, wide(x_strides[3], INT64) * X_UNIT
    split = tl.program_id(1)
    blocks = tl.cdiv(channels, CHANNELS)
    c = tl.program_id(0) % blocks * CHANNELS + tl.arange(0, CHANNELS)
    first = tl.program_id(0) // blocks * TAPS
    mask_c = c < channels
    row = tl.arange(0, HEIGHT * WIDTH)
    row_h, row_w = row // WIDTH, row % WIDTH
    in_h, in_w = row_h * stride[1], row_w * stride[2]
    dy_rows = wide(row_h, INT64) * dy_h + wide(row_w, INT64) * dy_w
    x_rows = wide(in_h, INT64) * x_h + wide(in_w, INT64) * x_w
    dy_tile = dy_ptr + (dy_rows[:, None] + (wide(c, INT64) * dy_strides[4])[None, :])
    x_tile = x_ptr + (x_rows[:, None] + (wide(c // multiplier, INT64) * x_strides[4])[None, :])
    n, od, oh, ow = corner_of(split * each, patches, 1, 1, HEIGHT, WIDTH)
    sums = ()
    for _ in tl.static_range(TAPS):
        sums = sums + (tl.zeros((HEIGHT * WIDTH, CHANNELS), COMPUTE),)
    for _ in range(tl.minimum(each, total - split * each)):
        covered = (row_h < sizes[1] - oh) & (row_w < sizes[2] - ow)
        at = wide(n, INT64) * dy_n + wide(od, INT64) * dy_d + wide(oh, INT64) * dy_h + wide(ow, INT64) * dy_w
        dy = tl.load(dy_tile + at, mask=covered[:, None] & mask_c[None, :], other=0).to(COMPUTE)
        new = ()
        for k in tl.static_range(TAPS):
            tap = first + k
            d = od * stride[0] + start[0] + tap // (KH * KW) * dilation[0]
            h = oh * stride[1] + start[1] + tap // KW % KH * dilation[1]
            w = ow * stride[2] + start[2] + tap % KW * dilation[2]
            at = wide(n, INT64) * x_n + wide(d, INT64) * x_d + wide(h, INT64) * x_h + wide(w, INT64) * x_w
            value = _tap_inputs(x_tile + at, in_h, in_w, mask_c, d, h, w, x_sizes, covered)
            new = new + (sums[k] + dy * value.to(COMPUTE),)
        sums = new
        n, od, oh, ow = next_corner(n, od, oh, ow, patches, 1, 1, HEIGHT, WIDTH)
    # a sum for each position of a tile in the loop, one over all of them here
    for k in tl.static_range(TAPS):
        at = (wide(split, INT64) * (KD * KH * KW) + first + k) * channels + c
        tl.store(dw_ptr + at, tl.sum(sums[k], 0), mask=mask_c & (first + k < KD * KH * KW))
