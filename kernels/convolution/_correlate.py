"""Convolution as an implicit matrix product by addresses: the columns of im2col are never in memory.

out = columns(x) @ weight with M = output positions, N = output channels, K = taps * input channels. The columns'
elements are gathered from x while they are multiplied; im2col first would write and read KD KH KW times the
input. An m is taken apart into (n, d, h, w) once, and whether each of its taps exists is a bit of a word made
once. In the loop a tile's addresses are one number, counted on from step to step, plus offsets that stay:
nothing is divided, and the border costs a test of a bit for every row.

- Many input channels: a step is one tap and BLOCK_K channels.
- Few (FLAT): most of that step would be padding. A step is then one (depth, height) of the kernel and BLOCK_K of
  the run of (width of the kernel, channel), which are neighbours in memory where channels are innermost. The
  number of channels is a constant (CHANNELS), a division by which is a product; rows of the border are bits as
  above, its columns a comparison of a vector of channels.

This is the road of every geometry: any stride, dilation, groups and layout, of float64, and of hardware without
tensor descriptors; `_patches.py` has the other one. All work on three spatial dimensions; 1-d and 2-d data have
leading ones of size 1. Accumulation is in float32 (float64 for float64). Offsets are 32-bit unless INT64:
addresses then cost half the registers and instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._common import dot, is_in_bounds, next_tap, offset_of_place, unravel
from tritonnn.kernels.convolution._epilogue import store_sums
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _existing_taps(
    d, h, w, mask, sizes, dilation, KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr
):  # fmt: skip
    """A word for each row: its bit t says whether tap t (row-major) lies within the input. At most 32 taps."""
    bits = tl.zeros_like(mask).to(tl.int32)
    for t in tl.static_range(KD * KH * KW):
        exists = is_in_bounds(
            d + t // (KH * KW) * dilation[0], h + t // KW % KH * dilation[1], w + t % KW * dilation[2], sizes
        )
        bits |= (exists & mask).to(tl.int32) << t
    return bits


@triton.jit
def _tap_sums(
    acc, x_ptr, w_ptr, x_rows, w_columns, mask_m, mask_n, id, ih, iw, x_sizes, x_strides, w_strides, C_in,
    dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK_K: tl.constexpr, EVEN_K: tl.constexpr,
    PRECISION: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """acc + the products of all taps, BLOCK_K channels of one in a step."""
    TAPS: tl.constexpr = KD * KH * KW
    offs_k = wide(tl.arange(0, BLOCK_K), INT64)
    a_offsets = x_rows[:, None] + (offs_k * x_strides[1])[None, :]
    b_offsets = w_columns[None, :] + (offs_k * w_strides[2])[:, None]
    if TAPS <= 32:
        bits = _existing_taps(id, ih, iw, mask_m, x_sizes, dilation, KD, KH, KW)
    c, tap, kd, kh, kw = 0, 0, 0, 0, 0
    # one loop over (tap, channels), not two: the pipeline of loads runs on from tap to tap
    for _ in range(0, TAPS * tl.cdiv(C_in, BLOCK_K)):
        d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
        # the same for all threads: what is counted on costs a warp a few instructions, not one an address
        first = wide(c, INT64)
        x_first = d * x_strides[2] + h * x_strides[3] + w * x_strides[4] + first * x_strides[1]
        w_first = kd * w_strides[3] + kh * w_strides[4] + kw * w_strides[5] + first * w_strides[2]
        if TAPS <= 32:
            exists = (bits & (1 << tap)) != 0
        else:
            exists = mask_m & is_in_bounds(id + d, ih + h, iw + w, x_sizes)
        a_mask, b_mask = exists[:, None], mask_n[None, :]
        if not EVEN_K:
            # zeros fill the last step over channels
            left = C_in - c
            a_mask &= (tl.arange(0, BLOCK_K) < left)[None, :]
            b_mask &= (tl.arange(0, BLOCK_K) < left)[:, None]
        # a row in front of the input, at a border, is masked
        a = tl.load(x_ptr + x_first + a_offsets, mask=a_mask, other=0)
        b = tl.load(w_ptr + w_first + b_offsets, mask=b_mask, other=0)
        acc = dot(a, b, acc, PRECISION)
        c += BLOCK_K
        is_next = c >= C_in
        c = tl.where(is_next, 0, c)
        tap = tl.where(is_next, tap + 1, tap)
        kd, kh, kw = next_tap(kd, kh, kw, is_next, KH, KW)
    return acc


@triton.jit
def _run_sums(
    acc, x_ptr, w_ptr, x_rows, w_columns, mask_m, mask_n, id, ih, iw, x_sizes, x_strides, w_strides, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,
    BLOCK_K: tl.constexpr, PRECISION: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """acc + the products of all taps, BLOCK_K of the run (width of the kernel, channel) in a step."""
    RUN: tl.constexpr = KW * CHANNELS
    PARTS: tl.constexpr = (RUN + BLOCK_K - 1) // BLOCK_K
    if KD * KH <= 32:
        bits = _existing_taps(id, ih, tl.zeros_like(iw), mask_m, x_sizes, dilation, KD, KH, 1)
    part, tap, kd, kh = 0, 0, 0, 0
    for _ in range(0, KD * KH * PARTS):
        e = tl.arange(0, BLOCK_K)
        if PARTS > 1:
            e += part * BLOCK_K
        kw, c = e // CHANNELS, wide(e % CHANNELS, INT64)
        d, h, w = kd * dilation[0], kh * dilation[1], kw * dilation[2]
        a_offsets = c * x_strides[1] + w * x_strides[4]
        b_offsets = c * w_strides[2] + kw * w_strides[5]
        x_first = wide(d, INT64) * x_strides[2] + h * x_strides[3]
        w_first = wide(kd, INT64) * w_strides[3] + kh * w_strides[4]
        if VECTOR > 1:
            # so many channels are one access: the compiler does not see that all strides are multiples of it
            a_offsets = tl.max_contiguous(tl.multiple_of(a_offsets, VECTOR), VECTOR)
            b_offsets = tl.max_contiguous(tl.multiple_of(b_offsets, VECTOR), VECTOR)
            x_first, w_first = tl.multiple_of(x_first, VECTOR), tl.multiple_of(w_first, VECTOR)
        if KD * KH <= 32:
            exists = (bits & (1 << tap)) != 0
        else:
            exists = mask_m & is_in_bounds(id + d, ih + h, tl.zeros_like(iw), x_sizes)
        column = iw[:, None] + w[None, :]
        a_mask = exists[:, None] & (column >= 0) & (column < x_sizes[2])
        b_mask = mask_n[None, :]
        if RUN % BLOCK_K != 0:
            a_mask &= (e < RUN)[None, :]
            b_mask &= (e < RUN)[:, None]
        a = tl.load(x_ptr + x_first + (x_rows[:, None] + a_offsets[None, :]), mask=a_mask, other=0)
        b = tl.load(w_ptr + w_first + (w_columns[None, :] + b_offsets[:, None]), mask=b_mask, other=0)
        acc = dot(a, b, acc, PRECISION)
        part += 1
        is_next = part == PARTS
        part = tl.where(is_next, 0, part)
        tap = tl.where(is_next, tap + 1, tap)
        kd, kh, _ = next_tap(kd, kh, 0, is_next, KH, 1)
    return acc


@triton.jit
def correlate_kernel(
    out_ptr, x_ptr, w_ptr, bias_ptr, residual_ptr, stride_bias, M, sizes, out_strides, residual_strides, x_sizes,
    x_strides, w_strides, N, C_in, start, stride, dilation, alpha: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, CHANNELS: tl.constexpr, VECTOR: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, EVEN_K: tl.constexpr,
    OUT_LAST: tl.constexpr, EPILOGUE: tl.constexpr, PRECISION: tl.constexpr, COMPUTE: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, o] = bias[c] + sum over (i, t) of w[c, i, t] * x[n, i, start + o * stride + t * dilation].

    With alpha * residual[n, c, o] added and EPILOGUE applied, where there are such.

    Args:
        M: output positions, batch * spatial sizes. N, C_in: output and input channels a group.
        sizes, x_sizes: spatial sizes of the output and of the input.
        out_strides, residual_strides, x_strides: strides of (batch, channel, spatial...).
        w_strides: strides of (group, channel out, channel in, taps...).
        CHANNELS: C_in, where taps and channels are one run (FLAT); else None.
        VECTOR: there, how many neighbouring channels are one access; all strides are multiples of it.
        EVEN_K: BLOCK_K divides C_in.
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
    x_rows = offset_of_place(n, id, ih, iw, x_strides)
    w_columns = offs_n * w_strides[1]
    x_group, w_group = group * C_in * x_strides[1], group * w_strides[0]
    if VECTOR > 1:
        x_rows, w_columns = tl.multiple_of(x_rows, VECTOR), tl.multiple_of(w_columns, VECTOR)
        x_group, w_group = tl.multiple_of(x_group, VECTOR), tl.multiple_of(w_group, VECTOR)
    x_ptr += x_group
    w_ptr += w_group
    mask_m, mask_n = offs_m < M, offs_n < N
    acc = tl.zeros((BLOCK_M, BLOCK_N), COMPUTE)
    if CHANNELS is None:
        acc = _tap_sums(
            acc, x_ptr, w_ptr, x_rows, w_columns, mask_m, mask_n, id, ih, iw, x_sizes, x_strides, w_strides,
            C_in, dilation, KD, KH, KW, BLOCK_K, EVEN_K, PRECISION, INT64,
        )  # fmt: skip
    else:
        acc = _run_sums(
            acc, x_ptr, w_ptr, x_rows, w_columns, mask_m, mask_n, id, ih, iw, x_sizes, x_strides, w_strides,
            dilation, KD, KH, KW, CHANNELS, VECTOR, BLOCK_K, PRECISION, INT64,
        )  # fmt: skip
    offset = offset_of_place(n, od, oh, ow, out_strides)
    residual_offset = offset
    if residual_ptr is not None:
        residual_offset = offset_of_place(n, od, oh, ow, residual_strides)
        residual_ptr += group * N * residual_strides[1]
    if bias_ptr is not None:
        bias_ptr += group * N * stride_bias
    store_sums(
        out_ptr + group * N * out_strides[1], residual_ptr, bias_ptr, acc, offset, residual_offset,
        wide(pid % num_pid_n * BLOCK_N, INT64), N, stride_bias, out_strides[1], residual_strides[1], alpha,
        mask_m, BLOCK_M, BLOCK_N, OUT_LAST, EPILOGUE,
    )  # fmt: skip
