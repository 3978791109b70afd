"""Convolution with stride 1 through tensor descriptors: an implicit matrix product without addresses.

out[n, o] = bias + sum over taps t of x[n, o + start + t * dilation] @ w[t], channels innermost in x and out. A
program computes a patch of positions (images, depth, height and width of it are constants) by BLOCK_N channels.
Seen from one tap the inputs of a patch are a patch of x, moved by the tap: one copy of a box, which the hardware
carries out, zeros outside of x included. Padding is nothing but coordinates below 0 or past the end. Neither rows
nor taps have masks or addresses; of every step what is left to the warps is the product itself.

Steps run over (tap, BLOCK_K input channels), one loop, whose coordinates are counted on without a division. Where
BLOCK_K does not divide the channels, the zeros past their end add nothing.

The weight is read where it lies: as (channels out, taps, channels in) forward, as (channels in, taps, channels
out), ACROSS, for the gradient of the input, there with the taps turned around, TURNED.

Hardware: sm_90 and later (TMA). Others take `correlate_kernel` of `_correlate.py`.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._common import dot, next_tap, offset_of_place
from tritonnn.kernels.convolution._epilogue import store_sums, with_bias
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _load_box(desc, i, d, h, w, c, RANK: tl.constexpr):
    """The box at these coordinates; without depth where descriptors have four dimensions."""
    if RANK == 5:
        return desc.load([i, d, h, w, c])
    else:
        return desc.load([i, h, w, c])


@triton.jit
def _patch_sums(
    x_desc, w_desc, i, d, h, w, first_n, C_in, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr, RANK: tl.constexpr, ACROSS: tl.constexpr, TURNED: tl.constexpr,
    PRECISION: tl.constexpr,
):  # fmt: skip
    """The sums of a patch whose first tap begins at (i, d, h, w) of x."""
    acc = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    c = 0
    kd, kh, kw = 0, 0, 0
    for _ in range(KD * KH * KW * tl.cdiv(C_in, BLOCK_K)):
        a = _load_box(
            x_desc, i, d + kd * dilation[0], h + kh * dilation[1], w + kw * dilation[2], c, RANK
        ).reshape(BLOCK_M, BLOCK_K)
        td, th, tw = kd, kh, kw
        if TURNED:
            td, th, tw = KD - 1 - kd, KH - 1 - kh, KW - 1 - kw
        if ACROSS:
            b = _load_box(w_desc, c, td, th, tw, first_n, RANK).reshape(BLOCK_K, BLOCK_N)
        else:
            b = _load_box(w_desc, first_n, td, th, tw, c, RANK).reshape(BLOCK_N, BLOCK_K).T
        acc = dot(a, b, acc, PRECISION)
        c += BLOCK_K
        is_next = c >= C_in
        c = tl.where(is_next, 0, c)
        kd, kh, kw = next_tap(kd, kh, kw, is_next, KH, KW)
    return acc


@triton.jit
def patches_kernel(
    x_desc, w_desc, out, residual, bias_ptr, stride_bias, N, C_in, sizes, patches, out_strides, residual_strides,
    start, dilation, alpha: fp64,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, IMAGES: tl.constexpr, DEPTH: tl.constexpr,
    HEIGHT: tl.constexpr, WIDTH: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
    RANK: tl.constexpr, ACROSS: tl.constexpr, TURNED: tl.constexpr, DESCRIBED: tl.constexpr,
    OUT_LAST: tl.constexpr, EPILOGUE: tl.constexpr, PRECISION: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = EPILOGUE(bias + alpha residual + sum over (i, t) of w[c, i, t] * x[n, i, start + o + t * dilation]).

    Args:
        x_desc: (batch, [depth,] height, width, channels in), in boxes of the patch by BLOCK_K.
        w_desc: (channels out, [KD,] KH, KW, channels in), or ACROSS with the channels exchanged.
        out, residual: where DESCRIBED descriptors as that of x, in boxes of the patch by BLOCK_N; else pointers.
            The residual may be None.
        N, C_in: output and input channels.
        sizes: batch and spatial sizes of the output. patches: how many patches cover depth, height and width.
        out_strides, residual_strides: of (batch, channel, spatial...), for pointers.
        IMAGES, DEPTH, HEIGHT, WIDTH: extents of a patch.
        RANK: dimensions of the descriptors, 4 or 5.
        OUT_LAST: whether channels are the output's innermost dimension in memory (else the last spatial one).
    """
    BLOCK_M: tl.constexpr = IMAGES * DEPTH * HEIGHT * WIDTH
    # tiles of one patch are neighbours in time: they read the same x
    blocks_n = tl.cdiv(N, BLOCK_N)
    block_n, patch = tl.program_id(0) % blocks_n, tl.program_id(0) // blocks_n
    first_n = block_n * BLOCK_N
    ow = patch % patches[2] * WIDTH
    patch = patch // patches[2]
    oh = patch % patches[1] * HEIGHT
    patch = patch // patches[1]
    od = patch % patches[0] * DEPTH
    i = patch // patches[0] * IMAGES
    acc = _patch_sums(
        x_desc, w_desc, i, od + start[0], oh + start[1], ow + start[2], first_n, C_in, dilation, KD, KH, KW,
        BLOCK_M, BLOCK_N, BLOCK_K, RANK, ACROSS, TURNED, PRECISION,
    )  # fmt: skip
    if DESCRIBED:
        acc = with_bias(acc, bias_ptr, wide(block_n, INT64) * BLOCK_N, N, stride_bias, BLOCK_N)
        if residual is not None:
            box = _load_box(residual, i, od, oh, ow, first_n, RANK).reshape(BLOCK_M, BLOCK_N)
            acc += alpha.to(tl.float32) * box.to(tl.float32)
        if EPILOGUE is not None:
            acc = EPILOGUE(acc)
        # what a patch has beyond the output the hardware leaves out
        result = convert(acc, out.dtype)
        if RANK == 5:
            out.store([i, od, oh, ow, first_n], result.reshape(IMAGES, DEPTH, HEIGHT, WIDTH, BLOCK_N))
        else:
            out.store([i, oh, ow, first_n], result.reshape(IMAGES, HEIGHT, WIDTH, BLOCK_N))
    else:
        row = tl.arange(0, BLOCK_M)
        iw, ih = ow + row % WIDTH, oh + row // WIDTH % HEIGHT
        id, ii = od + row // (WIDTH * HEIGHT) % DEPTH, i + row // (WIDTH * HEIGHT * DEPTH)
        mask = (ii < sizes[0]) & (id < sizes[1]) & (ih < sizes[2]) & (iw < sizes[3])
        ii, id, ih, iw = wide(ii, INT64), wide(id, INT64), wide(ih, INT64), wide(iw, INT64)
        offset = offset_of_place(ii, id, ih, iw, out_strides)
        residual_offset = offset
        if residual is not None:
            residual_offset = offset_of_place(ii, id, ih, iw, residual_strides)
        store_sums(
            out, residual, bias_ptr, acc, offset, residual_offset, wide(block_n, INT64) * BLOCK_N, N, stride_bias,
            out_strides[1], residual_strides[1], alpha, mask, BLOCK_M, BLOCK_N, OUT_LAST, EPILOGUE,
        )  # fmt: skip
