"""Means of interpolated samples in the bins of regions: roi_align, and ps_roi_align with channels of each bin's own.

Forward a program has a tile of bins by channels of one region: where a sample lies is worked out once for all channels.
Lanes go along the bins, so that neighbours read neighbouring columns, or along the channels where these lie together
in memory (LAST).

Backward gathers, so that nothing is added in an order that changes: a program has a tile of elements of an image by
channels, goes through all regions, and through those bins of each that have samples nearby. Interpolation works
along each dimension by itself, so that the weight of an element in a bin is the product of a row's and a column's.
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
from tritonnn.kernels.launch.autotune import pick
from tritonnn.kernels.launch.launch import fp64, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.vision import (
    ALIGN_CANDIDATES,
    GATHER_CANDIDATES,
    Gather,
    Tile,
    choose_align,
    choose_gather,
)
from tritonnn.kernels.vision._bins import (
    bins_near,
    elements_of,
    first_sample,
    place_of,
    refuse,
    region_of,
    sample_at,
    samples_of,
    weight_of,
    whole,
)


@triton.jit(do_not_specialize=["scale"])
def roi_align_kernel(
    out, mapping, flag, input, rois, images, channels, height, width, rows, columns, ratio, scale: fp64,
    out_strides, map_strides, in_strides, roi_strides,
    ALIGNED: tl.constexpr, OWN: tl.constexpr, LAST: tl.constexpr, COMPUTE: tl.constexpr, BINS: tl.constexpr,
    CHANNELS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[k, c, b] = the mean of the samples of bin b of region k in channel c, or, OWN, in the channel of (c, b)."""
    k = wide(tl.program_id(0), INT64)
    image, y1, tall, x1, broad = region_of(rois, k, roi_strides, scale, ALIGNED, COMPUTE)
    tile, tiles = second_program(False), tl.cdiv(rows * columns, BINS)
    b, c = tile % tiles * BINS + tl.arange(0, BINS), tile // tiles * CHANNELS + tl.arange(0, CHANNELS)
    b, c = (b[:, None], c[None, :]) if LAST else (b[None, :], c[:, None])
    mask = (b < rows * columns) & (c < channels)
    known = (image + b * 0.0 > -1.0) & (image + b * 0.0 < images)
    report(flag, k + b * 0, known == 0)
    row, column = b // columns, b % columns
    channel = (c * rows + row) * columns + column if OWN else c
    number = whole(image, 1 << 24)
    input += wide(number, INT64) * in_strides[0] + wide(channel, INT64) * in_strides[1]

    down, along = samples_of(tall, rows, ratio, height + 1.0), samples_of(broad, columns, ratio, width + 1.0)
    begin_y, begin_x = y1 + row * down[0], x1 + column * along[0]
    first_y, first_x = first_sample(begin_y, -1.0, down), first_sample(begin_x, -1.0, along)
    total = tl.zeros(mask.shape, COMPUTE)
    for i in range(down[3]):
        y, counts = sample_at(begin_y, first_y + i, down, height)
        top = tl.floor(y).to(tl.int32)
        low, counts = y - top, counts & mask & known
        above = input + wide(top, INT64) * in_strides[2]
        below = input + wide(tl.minimum(top + 1, height - 1), INT64) * in_strides[2]
        for j in range(along[3]):
            x, both = sample_at(begin_x, first_x + j, along, width)
            left = tl.floor(x).to(tl.int32)
            share, both = x - left, both & counts
            at = wide(left, INT64) * in_strides[3]
            after = wide(tl.minimum(left + 1, width - 1), INT64) * in_strides[3]
            # what has no weight is not read: it counts as nothing, whatever it is (the other share is never 0)
            upper = (1.0 - share) * convert(tl.load(above + at, mask=both, other=0), COMPUTE)
            upper += share * convert(tl.load(above + after, mask=both & (share > 0.0), other=0), COMPUTE)
            both &= low > 0.0
            lower = (1.0 - share) * convert(tl.load(below + at, mask=both, other=0), COMPUTE)
            lower += share * convert(tl.load(below + after, mask=both & (share > 0.0), other=0), COMPUTE)
            total += (1.0 - low) * upper + low * lower
    samples = down[1] * along[1]
    if not OWN:
        samples = tl.where(samples > 1.0, samples, 1.0)
    mean = tl.where(known, divide(total, tl.full(mask.shape, 1.0, COMPUTE) * samples), float("nan"))
    place = place_of(out_strides, k, c, row, column, INT64)
    tl.store(out + place, convert(mean.to(COMPUTE), out.dtype.element_ty), mask=mask)
    if mapping is not None:
        tl.store(mapping + place_of(map_strides, k, c, row, column, INT64), channel, mask=mask)


@triton.jit(do_not_specialize=["scale"])
def roi_align_gather_kernel(
    out, grad, rois, regions, channels, height, width, rows, columns, ratio, scale: fp64,
    out_strides, grad_strides, roi_strides,
    ALIGNED: tl.constexpr, OWN: tl.constexpr, COMPUTE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    CHANNELS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[n, c, y, x] = sum over regions of image n and their bins of grad * the element's weight in the bin's mean."""
    n, top, left, y, x = elements_of(height, width, ROWS, COLUMNS)
    c = (second_program(False) * CHANNELS + tl.arange(0, CHANNELS))[:, None]
    group, row, column = c // (rows * columns), c // columns % rows, c % columns
    total = tl.zeros((CHANNELS, ROWS * COLUMNS), COMPUTE)
    for k in range(regions):
        image, y1, tall, x1, broad = region_of(rois, wide(k, INT64), roi_strides, scale, ALIGNED, COMPUTE)
        down, along = (
            samples_of(tall, rows, ratio, ROWS + 1.0),
            samples_of(broad, columns, ratio, COLUMNS + 1.0),
        )
        first_row, end_row = bins_near(y1, down[0], top - 1.0, top + ROWS * 1.0, rows)
        first, end = bins_near(x1, along[0], left - 1.0, left + COLUMNS * 1.0, columns)
        mine = (image > -1.0) & (whole(image, 1 << 24) == n)
        if mine & (first_row < end_row) & (first < end) & (down[3] > 0) & (along[3] > 0):
            samples = tl.full((CHANNELS, 1), 1.0, COMPUTE) * (down[1] * along[1])
            if OWN:
                place = place_of(grad_strides, k, group, row, column, INT64)
                g = convert(tl.load(grad + place, mask=c < channels, other=0), COMPUTE)
                weight = weight_of(y, y1 + row * down[0], top - 1.0, down, height)
                weight *= weight_of(x, x1 + column * along[0], left - 1.0, along, width)
                total += tl.where(weight != 0.0, divide(g, samples) * weight, 0.0)
            else:
                samples = tl.where(samples > 1.0, samples, 1.0)
                there = tl.minimum(c, channels - 1)  # so that no masks are needed
                for i in range(first_row, end_row):
                    across = weight_of(y, y1 + i * down[0], top - 1.0, down, height)
                    for j in range(first, end):
                        g = convert(tl.load(grad + place_of(grad_strides, k, there, i, j, INT64)), COMPUTE)
                        weight = across * weight_of(x, x1 + j * along[0], left - 1.0, along, width)
                        total += tl.where(weight != 0.0, divide(g, samples) * weight, 0.0)
    mask = (c < channels) & (y < height) & (x < width)
    tl.store(out + place_of(out_strides, n, c, y, x, INT64), convert(total, out.dtype.element_ty), mask=mask)


def _default(input: Buffer, out: Buffer, last: bool) -> Tile:
    _, channels, rows, columns = out.shape
    return choose_align(rows * columns, channels, last, COMPUTE[input.dtype] == tl.float64)


def _means(
    op: str, out: Buffer, mapping: Buffer | None, input: Buffer, rois: Buffer, scale: float, ratio: int,
    aligned: bool,
) -> None:  # fmt: skip
    regions, channels, rows, columns = out.shape
    if not out.numel:
        return
    last = input.strides[1] == 1 and input.shape[1] > 1
    flag = watch(rois)

    def build(tile: Tile) -> Any:
        grid = folded(regions, -(-rows * columns // tile.bins) * -(-channels // tile.channels))
        return lambda: launch(
            roi_align_kernel, grid, out, mapping, flag, input, rois, input.shape[0], channels, *input.shape[2:], rows,
            columns, ratio, scale, out.strides, out.strides if mapping is None else mapping.strides, input.strides,
            rois.strides, ALIGNED=aligned, OWN=mapping is not None, LAST=last, COMPUTE=COMPUTE[input.dtype],
            BINS=tile.bins, CHANNELS=tile.channels, INT64=needs_int64(out, mapping, input, rois),
            num_warps=tile.warps,
        )  # fmt: skip

    problem = (input.dtype.name, *out.shape, *input.shape[2:], last, ratio)
    build(pick(roi_align_kernel, problem, _default(input, out, last), ALIGN_CANDIDATES, build))()
    refuse(op, flag, rois, input.shape[0])


@replayed
def roi_align(
    out: Buffer, input: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int, pooled_width: int,
    sampling_ratio: int, aligned: bool,
) -> None:  # fmt: skip
    """The mean of each bin."""
    _means("roi_align", out, None, input, rois, spatial_scale, max(sampling_ratio, 0), aligned)


@replayed
def ps_roi_align(
    out: Buffer, mapping: Buffer, input: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int,
    pooled_width: int, sampling_ratio: int,
) -> None:  # fmt: skip
    """The mean of each bin in the channel that is for the bin, and the number of that channel."""
    _means("ps_roi_align", out, mapping, input, rois, spatial_scale, max(sampling_ratio, 0), True)


def _gathered(
    out: Buffer, grad: Buffer, rois: Buffer, scale: float, ratio: int, aligned: bool, own: bool
) -> None:
    images, channels, height, width = out.shape
    if not out.numel:
        return

    def build(tile: Gather) -> Any:
        tiles = -(-height // tile.rows) * -(-width // tile.columns)
        return lambda: launch(
            roi_align_gather_kernel, folded(images * tiles, -(-channels // tile.channels)), out, grad, rois,
            rois.shape[0], channels, height, width, *grad.shape[2:], ratio, scale, out.strides, grad.strides,
            rois.strides, ALIGNED=aligned, OWN=own, COMPUTE=COMPUTE[grad.dtype], ROWS=tile.rows, COLUMNS=tile.columns,
            CHANNELS=tile.channels, INT64=needs_int64(out, grad, rois), num_warps=tile.warps,
        )  # fmt: skip

    problem = (grad.dtype.name, *out.shape, *grad.shape, own)
    default = choose_gather(channels, COMPUTE[grad.dtype] == tl.float64)
    build(pick(roi_align_gather_kernel, problem, default, GATHER_CANDIDATES, build))()


@replayed
def roi_align_backward(
    out: Buffer, grad: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int, pooled_width: int,
    batch_size: int, channels: int, height: int, width: int, sampling_ratio: int, aligned: bool,
) -> None:  # fmt: skip
    """The gradient of `roi_align` for the images."""
    _gathered(out, grad, rois, spatial_scale, max(sampling_ratio, 0), aligned, False)


@replayed
def ps_roi_align_backward(
    out: Buffer, grad: Buffer, rois: Buffer, spatial_scale: float, pooled_height: int, pooled_width: int,
    sampling_ratio: int, batch_size: int, channels: int, height: int, width: int,
) -> None:  # fmt: skip
    """The gradient of `ps_roi_align` for the images."""
    _gathered(out, grad, rois, spatial_scale, max(sampling_ratio, 0), True, True)


_SIZES = "i32 i32 i32 i32 i32 i32"
_FOUR = "(i32 i32 i32 i32=1)"


def _forward_case(kind: str, compute: tl.dtype, tile: Tile, aligned: bool, own: bool, last: bool) -> Case:
    strides = "(i32 i32=1 i32 i32)" if last else _FOUR
    return Case(
        roi_align_kernel,
        f"*{kind} {'*i32' if own else 'None'} None *{kind} *{kind} i32 {_SIZES} fp64 {_FOUR} {_FOUR} {strides} "
        "(i32 i32=1)",
        {
            "ALIGNED": aligned, "OWN": own, "LAST": last, "COMPUTE": compute, "BINS": tile.bins,
            "CHANNELS": tile.channels, "INT64": False,
        },
        label=f"{kind}-{tile.bins}x{tile.channels}{'-aligned' * aligned}{'-own' * own}{'-last' * last}",
        num_warps=tile.warps, spills=16,  # masks
    )  # fmt: skip


def _gather_case(kind: str, compute: tl.dtype, tile: Gather, aligned: bool, own: bool) -> Case:
    return Case(
        roi_align_gather_kernel, f"*{kind} *{kind} *{kind} i32 {_SIZES} fp64 {_FOUR} {_FOUR} (i32 i32=1)",
        {
            "ALIGNED": aligned, "OWN": own, "COMPUTE": compute, "ROWS": tile.rows, "COLUMNS": tile.columns,
            "CHANNELS": tile.channels, "INT64": False,
        },
        label=f"{kind}-{tile.rows}x{tile.columns}x{tile.channels}{'-aligned' * aligned}{'-own' * own}",
        num_warps=tile.warps, spills=16,  # masks
    )  # fmt: skip


COMPILE = [
    *[
        _forward_case("fp32", tl.float32, tile, True, False, last)
        for tile in ALIGN_CANDIDATES for last in (False, True)
    ],
    _forward_case("bf16", tl.float32, ALIGN_CANDIDATES[0], False, False, False),
    _forward_case("fp64", tl.float64, choose_align(49, 256, False, True), True, False, False),
    _forward_case("fp32", tl.float32, ALIGN_CANDIDATES[0], True, True, False),
    *[_gather_case("fp32", tl.float32, tile, True, False) for tile in GATHER_CANDIDATES],
    _gather_case("bf16", tl.float32, choose_gather(256, False), False, False),
    _gather_case("fp64", tl.float64, choose_gather(256, True), True, False),
    _gather_case("fp32", tl.float32, choose_gather(256, False), True, True),
]  # fmt: skip
