"""The gradient of a convolution's weight by addresses: an implicit matrix product, dy^T @ columns(x).

M = output channels, N = taps * input channels and K = positions of the whole batch. M N is small and K long, so K
is split over programs (split-K): `sum_splits_kernel` of `_reduce.py` adds up what they leave in a workspace, in a fixed
order.

A step takes a patch of positions (images, height and width of it are constants) whose corner is counted on from
step to step. What a thread needs to know of its own positions are distances from the corner, which stay: nothing
is divided in the loop, an address is one number plus an offset, and the border a comparison of a distance.

This is the road of every geometry and type, and of hardware without tensor descriptors; `_weight_boxes.py` has
the other one. All work on three spatial dimensions; 1-d and 2-d data have leading ones of size 1. Accumulation is
in float32 (float64 for float64). Offsets are 32-bit unless INT64: addresses then cost half the registers and
instructions.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._common import dot
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def corner_of(
    patch, patches, IMAGES: tl.constexpr, DEPTH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr
):
    """Batch and spatial indices where a patch begins; `patches` are how many cover depth, height and width."""
    w = patch % patches[2] * WIDTH
    patch = patch // patches[2]
    h = patch % patches[1] * HEIGHT
    patch = patch // patches[1]
    return patch // patches[0] * IMAGES, patch % patches[0] * DEPTH, h, w


@triton.jit
def next_corner(
    i, d, h, w, patches, IMAGES: tl.constexpr, DEPTH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr
):  # fmt: skip
    """The same of the next patch: without a branch, which would end a pipeline."""
    w += WIDTH
    row_ends = w >= patches[2] * WIDTH
    w = tl.where(row_ends, 0, w)
    h = tl.where(row_ends, h + HEIGHT, h)
    plane_ends = h >= patches[1] * HEIGHT
    h = tl.where(plane_ends, 0, h)
    d = tl.where(plane_ends, d + DEPTH, d)
    image_ends = d >= patches[0] * DEPTH
    return tl.where(image_ends, i + IMAGES, i), tl.where(image_ends, 0, d), h, w


@triton.jit
def weight_kernel(
    dw_ptr, dy_ptr, x_ptr, batch, sizes, dy_strides, x_sizes, x_strides, dw_strides, M, C_in, groups, patches, total,
    each, start, stride, dilation,
    KD: tl.constexpr, KH: tl.constexpr, KW: tl.constexpr, IMAGES: tl.constexpr, HEIGHT: tl.constexpr,
    WIDTH: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, DY_UNIT: tl.constexpr, X_UNIT: tl.constexpr,
    ONE_TAP: tl.constexpr, EVEN: tl.constexpr, PRECISION: tl.constexpr, COMPUTE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dw[split, group, c, i, t] = sum over a part of the positions of dy[n, c, o] * x[n, i, position(o, t)].

    Channels of dy and x are neighbours in memory.

    Args:
        batch, sizes: images, and spatial sizes of `dy`.
        dy_strides, x_strides: of (batch, spatial...), in units. M, C_in: output and input channels a group, in units.
        dw_strides: strides of (split, group, channel out, channel in, taps...).
        patches: how many patches cover depth, height and width of `dy`; a patch has no depth. total: of the batch.
        each: patches a program adds up.
        DY_UNIT, X_UNIT: elements of a unit: so many can be loaded by one access, wherever they begin.
        ONE_TAP: the columns of a tile are channels of one tap; else they run over (tap, channel).
        EVEN: patches end where `dy` does.
    """
    BLOCK_K: tl.constexpr = IMAGES * HEIGHT * WIDTH
    M *= DY_UNIT
    C_in *= X_UNIT
    split = tl.program_id(1)
    blocks_m = tl.cdiv(M, BLOCK_M)
    offs_m = tl.program_id(0) % blocks_m * BLOCK_M + tl.arange(0, BLOCK_M)
    pid = tl.program_id(0) // blocks_m
    group = wide(pid % groups, INT64)
    pid = pid // groups
    if ONE_TAP:
        blocks_c = tl.cdiv(C_in, BLOCK_N)
        tap = pid // blocks_c
        offs_c = pid % blocks_c * BLOCK_N + tl.arange(0, BLOCK_N)
        mask_n = offs_c < C_in
    else:
        offs_n = pid * BLOCK_N + tl.arange(0, BLOCK_N)
        offs_c, tap = offs_n % C_in, offs_n // C_in
        mask_n = offs_n < C_in * (KD * KH * KW)
    mask_m = offs_m < M
    offs_m, offs_c = wide(offs_m, INT64), wide(offs_c, INT64)
    kd, kh, kw = tap // (KH * KW), tap // KW % KH, tap % KW
    tap_d, tap_h, tap_w = (
        start[0] + kd * dilation[0],
        start[1] + kh * dilation[1],
        start[2] + kw * dilation[2],
    )
    dy_n, dy_d = wide(dy_strides[0], INT64) * DY_UNIT, wide(dy_strides[1], INT64) * DY_UNIT
    dy_h, dy_w = wide(dy_strides[2], INT64) * DY_UNIT, wide(dy_strides[3], INT64) * DY_UNIT
    x_n, x_d = wide(x_strides[0], INT64) * X_UNIT, wide(x_strides[1], INT64) * X_UNIT
    x_h, x_w = wide(x_strides[2], INT64) * X_UNIT, wide(x_strides[3], INT64) * X_UNIT
    # of a position of the tile: its place in the patch
    row = tl.arange(0, BLOCK_K)
    row_i, row_h, row_w = row // (HEIGHT * WIDTH), row // WIDTH % HEIGHT, row % WIDTH
    dy_rows = row_i * dy_n + row_h * dy_h + row_w * dy_w
    # (channels, positions), as the product takes it, though channels are what is contiguous
    dy_tile = dy_ptr + ((group * M + offs_m)[:, None] + dy_rows[None, :])
    in_h, in_w = row_h * stride[1], row_w * stride[2]
    x_rows = row_i * x_n + in_h * x_h + in_w * x_w
    x_columns = group * C_in + offs_c + tap_d * x_d + tap_h * x_h + tap_w * x_w
    x_tile = x_ptr + (x_rows[:, None] + x_columns[None, :])
    i, d, h, w = corner_of(split * each, patches, IMAGES, 1, HEIGHT, WIDTH)
    acc = tl.zeros((BLOCK_M, BLOCK_N), COMPUTE)
    for _ in range(tl.minimum(each, total - split * each)):
        at_d, at_h, at_w = d * stride[0], h * stride[1], w * stride[2]
        # of a depth outside of x nothing exists
        end_w = tl.where((at_d + tap_d >= 0) & (at_d + tap_d < x_sizes[0]), x_sizes[2], 0)
        if ONE_TAP:
            # a negative index is a large unsigned one
            exists = (in_h + (at_h + tap_h)).to(tl.uint32, bitcast=True) < x_sizes[1]
            exists &= (in_w + (at_w + tap_w)).to(tl.uint32, bitcast=True) < end_w
            exists = exists[:, None]
        else:
            exists = (in_h[:, None] + (at_h + tap_h)[None, :]).to(tl.uint32, bitcast=True) < x_sizes[1]
            exists &= (in_w[:, None] + (at_w + tap_w)[None, :]).to(tl.uint32, bitcast=True) < end_w[None, :]
        mask = mask_m[:, None]
        if not EVEN:
            covered = (row_i < batch - i) & (row_h < sizes[1] - h) & (row_w < sizes[2] - w)
            mask = mask & covered[None, :]
            exists &= covered[:, None]
        a = tl.load(dy_tile + (i * dy_n + d * dy_d + h * dy_h + w * dy_w), mask=mask, other=0)
        b = tl.load(
            x_tile + (i * x_n + at_d * x_d + at_h * x_h + at_w * x_w), mask=exists & mask_n[None, :], other=0
        )
        acc = dot(a, b, acc, PRECISION)
        i, d, h, w = next_corner(i, d, h, w, patches, IMAGES, 1, HEIGHT, WIDTH)
    store_part(
        dw_ptr, acc, split, group, offs_m, offs_c, kd, kh, kw, dw_strides, mask_m[:, None] & mask_n[None, :], INT64
    )  # fmt: skip


@triton.jit
def store_part(dw_ptr, acc, split, group, offs_m, offs_c, kd, kh, kw, dw_strides, mask, INT64: tl.constexpr):
    """Store a tile of (split, group); the tap is a number, or one of each column."""
    rows = wide(split, INT64) * dw_strides[0] + group * dw_strides[1] + offs_m * dw_strides[2]
    columns = offs_c * dw_strides[3] + wide(kd, INT64) * dw_strides[4]
    columns += wide(kh, INT64) * dw_strides[5] + wide(kw, INT64) * dw_strides[6]
    tl.store(dw_ptr + (rows[:, None] + columns[None, :]), convert(acc, dw_ptr.dtype.element_ty), mask=mask)
