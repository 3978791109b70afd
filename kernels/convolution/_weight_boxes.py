"""The gradient of a convolution's weight through tensor descriptors: the product of `_weight.py` without addresses.

A program computes dw for output channels by input channels of one tap. A step copies two boxes of positions by
channels: a patch of dy, and what the tap sees of x for it, which is the same patch moved by the tap. The hardware
carries the copies out, zeros outside of dy and x included: of a step what is left to the warps is the product
itself, and counting on where the next patch begins.

With a stride, the inputs that a tap meets are every stride-th of x: a view with larger strides, whose extents are
where its zeros begin. Taps of one phase share a view; the host launches once for each phase of the taps.

Positions past the end of dy are zeros. Those of x there need not be, and zero times infinity is not zero: the host
takes this road where patches end with dy's height and width, or x ends with them.

Hardware: sm_90 and later (TMA). Positions are split over programs as in `_weight.py`.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.convolution._weight import corner_of, next_corner, store_part
from tritonnn.kernels.device.strided import wide


@triton.jit
def _box(desc, i, d, h, w, c, RANK: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """The box at these coordinates as a matrix; without depth where descriptors have four dimensions."""
    if RANK == 5:
        return desc.load([i, d, h, w, c]).reshape(ROWS, COLUMNS)
    else:
        return desc.load([i, h, w, c]).reshape(ROWS, COLUMNS)


@triton.jit
def weight_boxes_kernel(
    dw_ptr, dy, x, dw_strides, M, C_in, groups, patches, total, each, taps, begin, spread,
    RANK: tl.constexpr, IMAGES: tl.constexpr, DEPTH: tl.constexpr, HEIGHT: tl.constexpr, WIDTH: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dw[split, group, c, i, t] = sum over a part of the positions of dy[n, c, o] * x[n, i, begin + o + t * spread].

    Args:
        dy: (batch, [depth,] height, width, channels), in boxes of a patch by BLOCK_M.
        x: likewise, in boxes of a patch by BLOCK_N; its positions are as far apart as the stride.
        dw_strides: strides of (split, group, channel out, channel in, taps...).
        M, C_in: output and input channels a group.
        patches: how many patches cover depth, height and width of `dy`. total: how many the batch.
        each: patches a program adds up.
        taps: how many there are in depth, height and width.
        begin: where the first tap meets the first position. spread: from one tap to the next.
        RANK: dimensions of the descriptors, 4 or 5.
        IMAGES, DEPTH, HEIGHT, WIDTH: extents of a patch.
    """
    BLOCK_K: tl.constexpr = IMAGES * DEPTH * HEIGHT * WIDTH
    split = tl.program_id(1)
    blocks_m, blocks_c = tl.cdiv(M, BLOCK_M), tl.cdiv(C_in, BLOCK_N)
    # tiles of the same positions are neighbours in time: they read the same dy and x
    pid = tl.program_id(0)
    m = pid % blocks_m * BLOCK_M
    pid = pid // blocks_m
    c = pid % blocks_c * BLOCK_N
    pid = pid // blocks_c
    group, tap = pid % groups, pid // groups
    kd, kh, kw = tap // (taps[1] * taps[2]), tap // taps[2] % taps[1], tap % taps[2]
    tap_d, tap_h, tap_w = begin[0] + kd * spread[0], begin[1] + kh * spread[1], begin[2] + kw * spread[2]
    dy_c, x_c = group * M + m, group * C_in + c
    i, d, h, w = corner_of(split * each, patches, IMAGES, DEPTH, HEIGHT, WIDTH)
    acc = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for _ in range(tl.minimum(each, total - split * each)):
        a = _box(dy, i, d, h, w, dy_c, RANK, BLOCK_K, BLOCK_M)
        b = _box(x, i, d + tap_d, h + tap_h, w + tap_w, x_c, RANK, BLOCK_K, BLOCK_N)
        # channels are innermost in both: the matrix unit reads dy across
        acc = tl.dot(a.T, b, acc)
        i, d, h, w = next_corner(i, d, h, w, patches, IMAGES, DEPTH, HEIGHT, WIDTH)
    offs_m, offs_c = m + tl.arange(0, BLOCK_M), c + tl.arange(0, BLOCK_N)
    mask = (offs_m < M)[:, None] & (offs_c < C_in)[None, :]
    store_part(
        dw_ptr, acc, split, wide(group, INT64), wide(offs_m, INT64), wide(offs_c, INT64), kd, kh, kw, dw_strides,
        mask, INT64,
    )  # fmt: skip
