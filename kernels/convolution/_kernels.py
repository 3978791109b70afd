"""Convolution as an implicit matrix product (implicit GEMM): the columns of im2col are never in memory.

- `correlate_kernel`: out = columns(x) @ weight with M = output positions, N = output channels, K = taps *
  input channels. The columns' elements are gathered from x while they are multiplied; im2col first would
  write and read KD KH KW times the input. An m is taken apart into (n, d, h, w) once; the taps are the outer
  loop over K and the input channels the inner one, so that the border is one mask a tap and row, and loads
  along channels are vectors. With few input channels (FLAT) most of a step over channels alone would be
  padding: taps and channels are one index, taken apart in every step. The transposed convolution is the same
  product with the kernel turned around, once for every phase of the stride, where the textbook's zeros
  between the inputs would be multiplied as well.
- `weight_kernel`: the weight's gradient, dy^T @ columns(x), with M = output channels, N = taps * input
  channels and K = positions of the whole batch. M N is small and K long, so K is split over programs
  (split-K): `reduce_kernel` adds up in a fixed order what they leave in a workspace.
- `depthwise_kernel`, `depthwise_weight_kernel`: one input channel a group has no inner product, a matrix
  product would multiply by zeros: multiply-adds over the taps, positions in vectors.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def _unravel(index, sizes):
    """The batch and the spatial indices of a row-major position."""
    w = index % sizes[2]
    index = index // sizes[2]
    h = index % sizes[1]
    index = index // sizes[1]
    return index // sizes[0], index % sizes[0], h, w


@triton.jit
def _in_bounds(d, h, w, sizes):
    """Whether an input position exists: what lies in the padding is masked, not stored."""
    return (d >= 0) & (d < sizes[0]) & (h >= 0) & (h < sizes[1]) & (w >= 0) & (w < sizes[2])


@triton.jit
def _dot(a, b, acc, PRECISION: tl.constexpr):
    """acc + a @ b, summed in the type of acc."""
    # out_dtype is float32 unless said; input_precision only concerns float32
    if acc.dtype == tl.float64:
        return tl.dot(a, b, acc, out_dtype=tl.float64)
    else:
        return tl.dot(a, b, acc, input_precision=PRECISION)


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
    n, od, oh, ow = _unravel(offs_m, sizes)
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
            in_bounds = _in_bounds(
                id[:, None] + d[None, :], ih[:, None] + h[None, :], iw[:, None] + w[None, :], x_sizes
            )
            k_offset = offs_c * x_strides[1] + d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
            mask = in_bounds & mask_m[:, None] & mask_k[None, :]
            a = tl.load(x_base[:, None] + k_offset[None, :], mask=mask, other=0)
            w_offset = offs_c * w_strides[2] + kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5]
            b = tl.load(w_base[None, :] + w_offset[:, None], mask=mask_k[:, None] & mask_n[None, :], other=0)
            acc = _dot(a, b, acc, PRECISION)
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
            in_bounds = mask_m & _in_bounds(id + d, ih + h, iw + w, x_sizes)
            tap_offset = d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
            mask_k = offs_c < C_in
            a_ptrs = x_base[:, None] + (offs_c * x_strides[1] + tap_offset)[None, :]
            a = tl.load(a_ptrs, mask=in_bounds[:, None] & mask_k[None, :], other=0)
            w_offset = offs_c * w_strides[2] + kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5]
            b = tl.load(w_base[None, :] + w_offset[:, None], mask=mask_k[:, None] & mask_n[None, :], other=0)
            acc = _dot(a, b, acc, PRECISION)
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


@triton.jit
def weight_kernel(
    dw_ptr, dy_ptr, x_ptr, K, sizes, dy_strides, x_sizes, x_strides, dw_strides, M, C_in, split_k_size,
    start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr, ONE_TAP: tl.constexpr, PRECISION: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """dw[split, group, c, i, t] = sum over a part of the positions of dy[n, c, o] * x[n, i, position(o, t)].

    Args:
        K, sizes: positions of `dy` and its spatial sizes. M, C_in: output and input channels a group.
        dw_strides: strides of (split, group, channel out, channel in, taps...).
        split_k_size: positions a program adds up.
        ONE_TAP: all columns of a tile belong to one tap: BLOCK_N divides `C_in`.
    """
    TAPS: tl.constexpr = KD * KH * KW
    num_pid_m = tl.cdiv(M, BLOCK_M)
    pid = tl.program_id(0)
    split = tl.program_id(1)
    group = tl.program_id(2)
    offs_m = (pid % num_pid_m) * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = (pid // num_pid_m) * BLOCK_N
    if INT64:
        offs_m, offs_n = offs_m.to(tl.int64), offs_n.to(tl.int64)
        group, split = group.to(tl.int64), split.to(tl.int64)
    # the tap is then a scalar and the border a mask of positions alone
    if ONE_TAP:
        tap = offs_n // C_in
        offs_c = offs_n % C_in + tl.arange(0, BLOCK_N)
        mask_n = offs_c < C_in
    else:
        offs_n = offs_n + tl.arange(0, BLOCK_N)
        offs_c, tap = offs_n % C_in, offs_n // C_in
        mask_n = offs_n < C_in * TAPS
    mask_m = offs_m < M
    kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
    d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
    dy_base = dy_ptr + (group * M + offs_m) * dy_strides[1]
    x_base = x_ptr + (group * C_in + offs_c) * x_strides[1]
    x_base = x_base + d * x_strides[2] + h * x_strides[3] + w * x_strides[4]
    acc = tl.zeros((BLOCK_M, BLOCK_N), COMPUTE)
    k_start = split * split_k_size
    for k in range(k_start, k_start + split_k_size, BLOCK_K):
        offs_k = k + tl.arange(0, BLOCK_K)
        n, od, oh, ow = _unravel(offs_k, sizes)
        id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
        mask_k = (offs_k < K) & (offs_k < k_start + split_k_size)
        dy_offset = n * dy_strides[0] + od * dy_strides[2] + oh * dy_strides[3] + ow * dy_strides[4]
        a = tl.load(dy_base[None, :] + dy_offset[:, None], mask=mask_k[:, None] & mask_m[None, :], other=0)
        x_offset = n * x_strides[0] + id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
        if ONE_TAP:
            in_bounds = _in_bounds(id + d, ih + h, iw + w, x_sizes)[:, None]
        else:
            in_bounds = _in_bounds(
                id[:, None] + d[None, :], ih[:, None] + h[None, :], iw[:, None] + w[None, :], x_sizes
            )
        mask = in_bounds & mask_k[:, None] & mask_n[None, :]
        b = tl.load(x_base[None, :] + x_offset[:, None], mask=mask, other=0)
        # dy is loaded as (positions, channels), along its contiguous channels, and transposed in registers
        acc = _dot(a.trans(), b, acc, PRECISION)
    dw_offset = offs_c * dw_strides[3] + kd * dw_strides[4] + kh * dw_strides[5] + kw * dw_strides[6]
    dw_ptrs = dw_ptr + split * dw_strides[0] + group * dw_strides[1] + offs_m * dw_strides[2]
    result = convert(acc, dw_ptr.dtype.element_ty)
    tl.store(dw_ptrs[:, None] + dw_offset[None, :], result, mask=mask_m[:, None] & mask_n[None, :])


@triton.jit
def reduce_kernel(
    out_ptr, partial_ptr, numel, splits, sizes, out_strides,
    BLOCK: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = sum of `splits` contiguous partial results; `sizes` and `out_strides` are five-dimensional."""
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    mask = offs < numel
    acc = tl.zeros((BLOCK,), COMPUTE)
    for _ in range(splits):
        # part after part: the same order, and so the same bits, in every run
        acc += tl.load(partial_ptr + offs, mask=mask, other=0)
        partial_ptr += numel
    w, rest = offs % sizes[4], offs // sizes[4]
    h, rest = rest % sizes[3], rest // sizes[3]
    d, rest = rest % sizes[2], rest // sizes[2]
    offset = (rest // sizes[1]) * out_strides[0] + (rest % sizes[1]) * out_strides[1]
    offset += d * out_strides[2] + h * out_strides[3] + w * out_strides[4]
    tl.store(out_ptr + offset, convert(acc, out_ptr.dtype.element_ty), mask=mask)


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
    _, od, oh, ow = _unravel(offs_m, sizes)
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
                in_bounds = mask_m & _in_bounds(id + d, ih + h, iw + w, x_sizes)
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
        n, od, oh, ow = _unravel(offs_k, sizes)
        id, ih, iw = od * stride[0] + d, oh * stride[1] + h, ow * stride[2] + w
        mask_k = (offs_k < K) & (offs_k < k_start + split_k_size)
        dy_offset = n * dy_strides[0] + c * dy_strides[1]
        dy_offset += od * dy_strides[2] + oh * dy_strides[3] + ow * dy_strides[4]
        x_offset = n * x_strides[0] + (c // multiplier) * x_strides[1]
        x_offset += id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
        value = tl.load(x_ptr + x_offset, mask=mask_k & _in_bounds(id, ih, iw, x_sizes), other=0).to(COMPUTE)
        acc += value * tl.load(dy_ptr + dy_offset, mask=mask_k, other=0).to(COMPUTE)
    # a sum for each lane in the loop, one reduction across them here
    total = tl.sum(acc, 0)
    tl.store(dw_ptr + (split * channels + c) * tl.num_programs(1) + tap, total)
