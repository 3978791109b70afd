"""Maxima of the elements in the bins of regions, and means in channels of the bin's own: roi_pool and ps_roi_pool.

As in `roi_align.py` a program has a tile of bins by channels of one region forward, and a tile of elements by channels
backward, where it goes through all regions and those of their bins that are nearby: nothing is added in an order that
changes.
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.index_errors import report, watch
from tritonnn.kernels.device.math import divide
from tritonnn.kernels.device.pointwise import COMPUTE, convert
from tritonnn.kernels.device.strided import folded, second_program, wide
from tritonnn.kernels.launch.launch import fp64, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.vision import (
    ALIGN_CANDIDATES,
    Gather,
    Tile,
    choose_align,
    choose_gather,
)
from tritonnn.kernels.vision._bins import bins_near, elements_of, place_of, refuse, rounded, whole

LOWEST = tl.constexpr(-3.4028234663852886e38)  # what a maximum begins with, of every type


@triton.jit
def _region(rois, k, strides, scale, OWN: tl.constexpr, COMPUTE: tl.constexpr):
    """Image, start and extent of a region in whole elements: of y, then of x. The last element is in, but for OWN."""
    rois += k * strides[0]
    scale = scale.to(COMPUTE)
    image = tl.load(rois).to(tl.float32)
    x1 = rounded(convert(tl.load(rois + strides[1]), COMPUTE) * scale)
    y1 = rounded(convert(tl.load(rois + 2 * strides[1]), COMPUTE) * scale)
    x2 = rounded(convert(tl.load(rois + 3 * strides[1]), COMPUTE) * scale)
    y2 = rounded(convert(tl.load(rois + 4 * strides[1]), COMPUTE) * scale)
    more = 0.0 if OWN else 1.0
    return image, y1, tl.maximum(y2 - y1 + more, 1.0), x1, tl.maximum(x2 - x1 + more, 1.0)


@triton.jit
def _edges(start, step, number, last):
    """The first element of a bin, and the one after its last, within the elements before `last`."""
    return (
        whole(tl.floor(number * step) + start, last),
        whole(tl.ceil((number + 1.0) * step) + start, last),
    )


@triton.jit(do_not_specialize=["scale"])
def roi_pool_kernel(
    out, second, flag, input, rois, images, channels, height, width, rows, columns, scale: fp64,
    out_strides, second_strides, in_strides, roi_strides,
    OWN: tl.constexpr, LAST: tl.constexpr, COMPUTE: tl.constexpr, BINS: tl.constexpr, CHANNELS: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[k, c, b] = the maximum of bin b of region k in channel c, or, OWN, the mean in the channel of (c, b).

    `second` is the place of the maximum, or the number of that channel.
    """
    k = wide(tl.program_id(0), INT64)
    image, y1, tall, x1, broad = _region(rois, k, roi_strides, scale, OWN, COMPUTE)
    tile, tiles = second_program(False), tl.cdiv(rows * columns, BINS)
    b, c = tile % tiles * BINS + tl.arange(0, BINS), tile // tiles * CHANNELS + tl.arange(0, CHANNELS)
    b, c = (b[:, None], c[None, :]) if LAST else (b[None, :], c[:, None])
    mask = (b < rows * columns) & (c < channels)
    known = (image + b * 0.0 > -1.0) & (image + b * 0.0 < images)
    report(flag, k + b * 0, known == 0)
    row, column = b // columns, b % columns
    channel = (c * rows + row) * columns + column if OWN else c
    input += wide(whole(image, 1 << 24), INT64) * in_strides[0] + wide(channel, INT64) * in_strides[1]

    step_y, step_x = divide(tall, tl.cast(rows, COMPUTE)), divide(broad, tl.cast(columns, COMPUTE))
    below = 1 if OWN else 0  # means leave out the last row and column
    top, bottom = _edges(y1, step_y, row, height - below)
    left, right = _edges(x1, step_x, column, width - below)
    empty = (bottom <= top) | (right <= left)
    best = tl.where(mask & (empty == 0), 0.0 if OWN else LOWEST, 0.0).to(COMPUTE)
    place = tl.where(mask, -1, -1)
    count = (bottom - top) * (right - left)
    bottom = tl.where(mask & known, bottom, 0)  # nothing is read
    # a bin has at most so many rows and columns
    for i in range(whole(tl.ceil(step_y) + 1.0, height)):
        y = top + i
        line = input + wide(y, INT64) * in_strides[2]
        for j in range(whole(tl.ceil(step_x) + 1.0, width)):
            x = left + j
            here = (y < bottom) & (x < right)
            value = convert(tl.load(line + wide(x, INT64) * in_strides[3], mask=here, other=0), COMPUTE)
            if OWN:
                best += value
            else:
                better = here & (value > best)
                best = tl.where(better, value, best)
                place = tl.where(better, y * width + x, place)
    if OWN:
        best = divide(best, tl.full(mask.shape, 1.0, COMPUTE) * tl.where(empty, 1, count))
        place = channel + b * 0
    best = tl.where(known, best, float("nan"))
    spot = place_of(out_strides, k, c, row, column, INT64)
    tl.store(out + spot, convert(best.to(COMPUTE), out.dtype.element_ty), mask=mask)
    tl.store(second + place_of(second_strides, k, c, row, column, INT64), place, mask=mask)


@triton.jit(do_not_specialize=["scale"])
def roi_pool_gather_kernel(
    out, grad, places, rois, regions, channels, height, width, rows, columns, scale: fp64,
    out_strides, grad_strides, place_strides, roi_strides,
    OWN: tl.constexpr, COMPUTE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, CHANNELS: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, y, x] = sum of grad over the bins of image n whose maximum is there, or, OWN, of means' shares."""
    n, top, left, y, x = elements_of(height, width, ROWS, COLUMNS)
    c = (second_program(False) * CHANNELS + tl.arange(0, CHANNELS))[:, None]
    group, own_row, own_column = c // (rows * columns), c // columns % rows, c % columns
    here = tl.where(x < width, y * width + x, -2)
    total = tl.zeros((CHANNELS, ROWS * COLUMNS), COMPUTE)
    for k in range(regions):
        image, y1, tall, x1, broad = _region(rois, wide(k, INT64), roi_strides, scale, OWN, COMPUTE)
        step_y, step_x = divide(tall, tl.cast(rows, COMPUTE)), divide(broad, tl.cast(columns, COMPUTE))
        row, last_row = bins_near(y1, step_y, top - 1.0, top + ROWS * 1.0, rows)
        first, end = bins_near(x1, step_x, left - 1.0, left + COLUMNS * 1.0, columns)
        mine = (image > -1.0) & (whole(image, 1 << 24) == n)
        if mine & (row < last_row) & (first < end):
            if OWN:
                spot = place_of(grad_strides, k, group, own_row, own_column, INT64)
                g = convert(tl.load(grad + spot, mask=c < channels, other=0), COMPUTE)
                above, below = _edges(y1, step_y, own_row, height - 1)
                before, behind = _edges(x1, step_x, own_column, width - 1)
                inside = (y >= above) & (y < below) & (x >= before) & (x < behind)
                count = tl.maximum((below - above) * (behind - before), 1).to(COMPUTE)
                total += tl.where(inside, divide(g, count), 0.0)
            else:
                there = tl.minimum(c, channels - 1)  # so that no masks are needed
                for i in range(row, last_row):
                    for j in range(first, end):
                        at = tl.load(places + place_of(place_strides, k, there, i, j, INT64))
                        g = convert(tl.load(grad + place_of(grad_strides, k, there, i, j, INT64)), COMPUTE)
                        total += tl.where(at == here, g, 0.0)
    mask = (c < channels) & (y < height) & (x < width)
    tl.store(out + place_of(out_strides, n, c, y, x, INT64), convert(total, out.dtype.element_ty), mask=mask)


def _pooled(
    op: str, out: Buffer, second: Buffer, input: Buffer, rois: Buffer, scale: float, own: bool
) -> None:
    regions, channels, rows, columns = out.shape
    if not out.numel:
        return
    last = input.strides[1] == 1 and input.shape[1] > 1
    flag = watch(rois)
    tile = choose_align(rows * columns, channels, last, COMPUTE[input.dtype] == tl.float64)
    launch(
        roi_pool_kernel, folded(regions, -(-rows * columns // tile.bins) * -(-channels // tile.channels)), out,
        second, flag, input, rois, input.shape[0], channels, *input.shape[2:], rows, columns, scale, out.strides,
        second.strides, input.strides, rois.strides, OWN=own, LAST=last, COMPUTE=COMPUTE[input.dtype], BINS=tile.bins,
        CHANNELS=tile.channels, INT64=needs_int64(out, second, input, rois), num_warps=tile.warps,
    )  # fmt: skip
    refuse(op, flag, rois, input.shape[0])


@replayed
def roi_pool(
    out: Buffer, places: Buffer, input: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int,
    pooled_width: int,
) -> None:  # fmt: skip
    """The maximum of each bin, and its place in its plane; the first of equal ones."""
    _pooled("roi_pool", out, places, input, rois, spatial_scale, False)


@replayed
def ps_roi_pool(
    out: Buffer, mapping: Buffer, input: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int,
    pooled_width: int,
) -> None:  # fmt: skip
    """The mean of each bin in the channel that is for the bin, and the number of that channel."""
    _pooled("ps_roi_pool", out, mapping, input, rois, spatial_scale, True)


def _gathered(out: Buffer, grad: Buffer, places: Buffer | None, rois: Buffer, scale: float) -> None:
    images, channels, height, width = out.shape
    if not out.numel:
        return
    tile = choose_gather(channels, COMPUTE[grad.dtype] == tl.float64, True)
    tiles = -(-height // tile.rows) * -(-width // tile.columns)
    launch(
        roi_pool_gather_kernel, folded(images * tiles, -(-channels // tile.channels)), out, grad, places, rois,
        rois.shape[0], channels, height, width, *grad.shape[2:], scale, out.strides, grad.strides,
        grad.strides if places is None else places.strides, rois.strides, OWN=places is None,
        COMPUTE=COMPUTE[grad.dtype], ROWS=tile.rows, COLUMNS=tile.columns, CHANNELS=tile.channels,
        INT64=needs_int64(out, grad, places, rois), num_warps=tile.warps,
    )  # fmt: skip


@replayed
def roi_pool_backward(
    out: Buffer, grad: Buffer, rois: Buffer, places: Buffer, spatial_scale: float, batch_size: int,
    channels: int, height: int, width: int,
) -> None:  # fmt: skip
    """The gradient of `roi_pool` for the images."""
    _gathered(out, grad, places, rois, spatial_scale)


@replayed
def ps_roi_pool_backward(
    out: Buffer, grad: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int, pooled_width: int,
    batch_size: int, channels: int, height: int, width: int,
) -> None:  # fmt: skip
    """The gradient of `ps_roi_pool` for the images."""
    _gathered(out, grad, None, rois, spatial_scale)


_SIZES = "i32 i32 i32 i32 i32"
_FOUR = "(i32 i32 i32 i32=1)"


def _forward_case(kind: str, compute: tl.dtype, tile: Tile, own: bool, last: bool = False) -> Case:
    strides = "(i32 i32=1 i32 i32)" if last else _FOUR
    return Case(
        roi_pool_kernel, f"*{kind} *i32 None *{kind} *{kind} i32 {_SIZES} fp64 {_FOUR} {_FOUR} {strides} (i32 i32=1)",
        {
            "OWN": own, "LAST": last, "COMPUTE": compute, "BINS": tile.bins, "CHANNELS": tile.channels, "INT64": False,
        },
        label=f"{kind}-{tile.bins}x{tile.channels}{'-own' * own}{'-last' * last}", num_warps=tile.warps, spills=16,
    )  # fmt: skip


def _gather_case(kind: str, compute: tl.dtype, tile: Gather, own: bool) -> Case:
    return Case(
        roi_pool_gather_kernel,
        f"*{kind} *{kind} {'None' if own else '*i32'} *{kind} i32 {_SIZES} fp64 {_FOUR} {_FOUR} {_FOUR} (i32 i32=1)",
        {
            "OWN": own, "COMPUTE": compute, "ROWS": tile.rows, "COLUMNS": tile.columns, "CHANNELS": tile.channels,
            "INT64": False,
        },
        label=f"{kind}-{tile.rows}x{tile.columns}x{tile.channels}{'-own' * own}", num_warps=tile.warps, spills=16,
    )  # fmt: skip


_CHOSEN = (choose_gather(256, False, True), choose_gather(256, True, True))
COMPILE: list[Any] = [
    *[_forward_case("fp32", tl.float32, tile, False, last) for tile in ALIGN_CANDIDATES for last in (False, True)],
    _forward_case("bf16", tl.float32, ALIGN_CANDIDATES[0], False),
    _forward_case("fp64", tl.float64, choose_align(49, 256, False, True), False),
    _forward_case("fp32", tl.float32, ALIGN_CANDIDATES[0], True),
    *[_gather_case("fp32", tl.float32, tile, False) for tile in _CHOSEN],
    _gather_case("bf16", tl.float32, _CHOSEN[0], False),
    _gather_case("fp64", tl.float64, _CHOSEN[1], False),
    _gather_case("fp32", tl.float32, _CHOSEN[0], True),
]  # fmt: skip
