"""Depthwise convolution and the gradient of its weight.

- `depthwise_kernel`, `depthwise_weight_kernel`: one input channel a group has no inner product, a matrix
  product would multiply by zeros: multiply-adds over the taps, positions in vectors.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._common import is_in_bounds, unravel
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def depthwise_kernel(
    out_ptr, x_ptr, w_ptr, bias_ptr, stride_bias, M, sizes, out_strides, x_sizes, x_strides, w_strides,
    channels, multiplier, start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """`correlate_kernel` with one input channel a group, and `multiplier` output channels.

    Args:
        M: positions of one output plane.
        channels: output channels.
        w_strides: strides of (channel out, taps...).
    """
    plane = tl.program_id(1)
    offs_m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    if INT64:
        plane, offs_m = plane.to(tl.int64), offs_m.to(tl.int64)
    n, c = plane // channels, plane % channels
    _, od, oh, ow = unravel(offs_m, sizes)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    x_base = x_ptr + n * x_strides[0] + (c // multiplier) * x_strides[1]
    x_base += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
    mask_m = offs_m < M
    acc = tl.zeros((BLOCK,), COMPUTE)
    for kd in range(KD):
        for kh in range(KH):
            for kw in range(KW):
                # loop counters are 32-bit, whatever INT64 says
                td, th, tw = wide(kd, INT64), wide(kh, INT64), wide(kw, INT64)
                d, h, w = td * dilation[0], th * dilation[1], tw * dilation[2]
                in_bounds = mask_m & is_in_bounds(id + d, ih + h, iw + w, x_sizes)
                tap_offset = d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
                value = tl.load(x_base + tap_offset, mask=in_bounds, other=0).to(COMPUTE)
                w_offset = c * w_strides[0] + td * w_strides[1] + th * w_strides[2] + tw * w_strides[3]
                # one weight for all lanes, whose plane exists: no mask
                acc += value * tl.load(w_ptr + w_offset).to(COMPUTE)
    if bias_ptr is not None:
        acc += tl.load(bias_ptr + c * stride_bias).to(COMPUTE)
    offset = n * out_strides[0] + c * out_strides[1]
    offset += od * out_strides[2] + oh * out_strides[3] + ow * out_strides[4]
    tl.store(out_ptr + offset, convert(acc, out_ptr.dtype.element_ty), mask=mask_m)


@triton.jit
def depthwise_weight_kernel(
    dw_ptr, dy_ptr, x_ptr, K, sizes, dy_strides, x_sizes, x_strides, channels, multiplier, split_k_size,
    start, stride, dilation,
    KH: tl.constexpr, KW: tl.constexpr, BLOCK: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dw[split, c, t] = sum over a part of positions of dy[n, c, o] * x[n, c // multiplier, position(o, t)].

    The grid is (channels, taps, splits); `dw` is contiguous; K counts the positions of the whole batch.
    """
    c = tl.program_id(0)
    tap = tl.program_id(1)
    split = tl.program_id(2)
    if INT64:
        c, tap, split = c.to(tl.int64), tap.to(tl.int64), split.to(tl.int64)
    kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
    d, h, w = kd * dilation[0] + start[0], kh * dilation[1] + start[1], kw * dilation[2] + start[2]
    k_start = split * split_k_size
    acc = tl.zeros((BLOCK,), COMPUTE)
    for k in range(k_start, k_start + split_k_size, BLOCK):
        offs_k = k + tl.arange(0, BLOCK)
        if INT64:
            offs_k = offs_k.to(tl.int64)
        n, od, oh, ow = unravel(offs_k, sizes)
        id, ih, iw = od * stride[0] + d, oh * stride[1] + h, ow * stride[2] + w
        mask_k = (offs_k < K) & (offs_k < k_start + split_k_size)
        dy_offset = n * dy_strides[0] + c * dy_strides[1]
        dy_offset += od * dy_strides[2] + oh * dy_strides[3] + ow * dy_strides[4]
        x_offset = n * x_strides[0] + (c // multiplier) * x_strides[1]
        x_offset += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
        value = tl.load(x_ptr + x_offset, mask=mask_k & is_in_bounds(id, ih, iw, x_sizes), other=0).to(
            COMPUTE
        )
        acc += value * tl.load(dy_ptr + dy_offset, mask=mask_k, other=0).to(COMPUTE)
    # a sum for each lane in the loop, one reduction across them here
    total = tl.sum(acc, 0)
    tl.store(dw_ptr + (split * channels + c) * tl.num_programs(1) + tap, total)
