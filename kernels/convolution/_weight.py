"""The gradient of a convolution's weight as an implicit matrix product.

- `weight_kernel`: the weight's gradient, dy^T @ columns(x), with M = output channels, N = taps * input
  channels and K = positions of the whole batch. M N is small and K long, so K is split over programs
  (split-K): `reduce_kernel` adds up in a fixed order what they leave in a workspace.

All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is in float32
(float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._common import dot, is_in_bounds, unravel
from tritonnn.kernels.device.pointwise import convert


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
        n, od, oh, ow = unravel(offs_k, sizes)
        id, ih, iw = od * stride[0] + start[0], oh * stride[1] + start[1], ow * stride[2] + start[2]
        mask_k = (offs_k < K) & (offs_k < k_start + split_k_size)
        dy_offset = n * dy_strides[0] + od * dy_strides[2] + oh * dy_strides[3] + ow * dy_strides[4]
        a = tl.load(dy_base[None, :] + dy_offset[:, None], mask=mask_k[:, None] & mask_m[None, :], other=0)
        x_offset = n * x_strides[0] + id * x_strides[2] + ih * x_strides[3] + iw * x_strides[4]
        if ONE_TAP:
            in_bounds = is_in_bounds(id + d, ih + h, iw + w, x_sizes)[:, None]
        else:
            in_bounds = is_in_bounds(
                id[:, None] + d[None, :], ih[:, None] + h[None, :], iw[:, None] + w[None, :], x_sizes
            )
        mask = in_bounds & mask_k[:, None] & mask_n[None, :]
        b = tl.load(x_base[None, :] + x_offset[:, None], mask=mask, other=0)
        # dy is loaded as (positions, channels), along its contiguous channels, and transposed in registers
        acc = dot(a.trans(), b, acc, PRECISION)
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
