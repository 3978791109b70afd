"""Convolution as an implicit matrix product (implicit GEMM): the columns of im2col are never in memory.

- `correlate_kernel`: out = columns(x) @ weight with M = output positions, N = output channels, K = taps *
  input channels. The columns' elements are gathered from x while they are multiplied; im2col first would
  write and read KD KH KW times the input. An m is taken apart into (n, d, h, w) once; the taps are the outer
  loop over K and the input channels the inner one, so that the border is one mask a tap and row, and loads
  along channels are vectors. With few input channels (FLAT) most of a step over channels alone would be
  padding: taps and channels are one index, taken apart in every step. The transposed convolution is the same
  product with the kernel turned around, once for every phase of the stride, where the textbook's zeros
  between the inputs would be multiplied as well.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._common import dot, is_in_bounds, unravel
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def _store_planes(
    plane_ptrs, acc, first_n, channels, stride_c, mask_m, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """Store positions by channels where positions are neighbours in memory.

    Columns go one part after the other: the addresses of all elements would not fit into registers.
    """
    if COLUMNS > 16:
        left, right = acc.reshape(ROWS, 2, COLUMNS // 2).permute(0, 2, 1).split()
        _store_planes(plane_ptrs, left, first_n, channels, stride_c, mask_m, ROWS, COLUMNS // 2)
        _store_planes(
            plane_ptrs, right, first_n + COLUMNS // 2, channels, stride_c, mask_m, ROWS, COLUMNS // 2
        )
    else:
        offs_n = first_n + tl.arange(0, COLUMNS)
        mask = mask_m[None, :] & (offs_n < channels)[:, None]
        tl.store(plane_ptrs[None, :] + (offs_n * stride_c)[:, None], acc.trans(), mask=mask)


@triton.jit
def correlate_kernel(
    out_ptr, x_ptr, w_ptr, bias_ptr, stride_bias, M, sizes, out_strides, x_sizes, x_strides, w_strides, N,
    C_in, start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr, FLAT: tl.constexpr, OUT_LAST: tl.constexpr,
    PRECISION: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, o] = bias[c] + sum over (i, t) of w[c, i, t] * x[n, i, start + o * stride + t * dilation].

    Args:
        M: output positions, batch * spatial sizes. N, C_in: output and input channels a group.
        sizes, x_sizes: spatial sizes of the output and of the input.
        out_strides, x_strides: strides of (batch, channel, spatial...).
        w_strides: strides of (group, channel out, channel in, taps...).
        OUT_LAST: whether channels are the output's innermost dimension in memory (else the last spatial one).
    """
    num_pid_n = tl.cdiv(N, BLOCK_N)
    # tiles of one block of positions are neighbours in time: they read the same x
    pid = wide(tl.program_id(0), INT64)
    group = tl.program_id(1)
    offs_m = (pid // num_pid_n) * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = (pid % num_pid_n) * BLOCK_N + tl.arange(0, BLOCK_N)
    if INT64:
        offs_m, offs_n, group = offs_m.to(tl.int64), offs_n.to(tl.int64), group.to(tl.int64)
    n, od, oh, ow = unravel(offs_m, sizes)
    id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
    x_base = x_ptr + n * x_strides[0] + group * C_in * x_strides[1]
    # may point in front of the input at a border: loads there are masked
    x_base += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
    w_base = w_ptr + group * w_strides[0] + offs_n * w_strides[1]
    mask_m, mask_n = offs_m < M, offs_n < N
    acc = tl.zeros((BLOCK_M, BLOCK_N), COMPUTE)
    TAPS: tl.constexpr = KD * KH * KW
    if FLAT:
        # neighbours in k are taps, each with a border of its own: the mask is as large as the tile
        for k_start in range(0, C_in * TAPS, BLOCK_K):
            offs_k = wide(k_start + tl.arange(0, BLOCK_K), INT64)
            offs_c, tap = offs_k // TAPS, offs_k % TAPS
            kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
            d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
            mask_k = offs_k < C_in * TAPS
            in_bounds = is_in_bounds(
                id[:, None] + d[None, :], ih[:, None] + h[None, :], iw[:, None] + w[None, :], x_sizes
            )
            k_offset = offs_c * x_strides[1] + d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
            mask = in_bounds & mask_m[:, None] & mask_k[None, :]
            a = tl.load(x_base[:, None] + k_offset[None, :], mask=mask, other=0)
            w_offset = offs_c * w_strides[2] + kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5]
            b = tl.load(w_base[None, :] + w_offset[:, None], mask=mask_k[:, None] & mask_n[None, :], other=0)
            acc = dot(a, b, acc, PRECISION)
    else:
        # zeros stand for the padding, and fill the last step over channels where BLOCK_K does not divide them
        num_blocks_k = tl.cdiv(C_in, BLOCK_K)
        # one loop over (tap, channels), not two: the pipeline of loads runs on from tap to tap
        for step in range(0, TAPS * num_blocks_k):
            tap = wide(step // num_blocks_k, INT64)
            offs_c = (step % num_blocks_k) * BLOCK_K + tl.arange(0, BLOCK_K)
            if INT64:
                offs_c = offs_c.to(tl.int64)
            kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
            d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
            in_bounds = mask_m & is_in_bounds(id + d, ih + h, iw + w, x_sizes)
            tap_offset = d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
            mask_k = offs_c < C_in
            a_ptrs = x_base[:, None] + (offs_c * x_strides[1] + tap_offset)[None, :]
            a = tl.load(a_ptrs, mask=in_bounds[:, None] & mask_k[None, :], other=0)
            w_offset = offs_c * w_strides[2] + kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5]
            b = tl.load(w_base[None, :] + w_offset[:, None], mask=mask_k[:, None] & mask_n[None, :], other=0)
            acc = dot(a, b, acc, PRECISION)
    if bias_ptr is not None:
        bias = tl.load(bias_ptr + (group * N + offs_n) * stride_bias, mask=mask_n, other=0)
        # in the accumulator's type: the result is rounded once
        acc += bias.to(COMPUTE)[None, :]
    result = convert(acc, out_ptr.dtype.element_ty)
    offset = n * out_strides[0] + od * out_strides[2] + oh * out_strides[3] + ow * out_strides[4]
    # a warp's stores go along the dimension that is contiguous in memory
    if OUT_LAST:
        channel_offset = (group * N + offs_n) * out_strides[1]
        mask = mask_m[:, None] & mask_n[None, :]
        tl.store(out_ptr + offset[:, None] + channel_offset[None, :], result, mask=mask)
    else:
        plane_ptrs = out_ptr + group * N * out_strides[1] + offset
        _store_planes(
            plane_ptrs, result, pid % num_pid_n * BLOCK_N, N, out_strides[1], mask_m, BLOCK_M, BLOCK_N
        )
