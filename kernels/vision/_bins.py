"""Regions as bins and samples: what the kernels of means in the bins of regions share.

Along each dimension a region begins at `start`, has bins of `step` elements and in each of them `grid` samples,
`distance` apart. Of a region much larger than its image only samples are visited that may lie in it: `count` of them
from `first_sample` on.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.errors import explained
from tritonnn.kernels.device.index_errors import wrong
from tritonnn.kernels.device.math import divide, trunc
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide


@triton.jit
def region_of(rois, k, strides, scale, ALIGNED: tl.constexpr, COMPUTE: tl.constexpr):
    """Image, start and extent of a region: of y, then of x. Not aligned ones are an element large at least."""
    rois += k * strides[0]
    shift = 0.5 if ALIGNED else 0.0
    scale = scale.to(COMPUTE)
    image = tl.load(rois).to(tl.float32)
    x1 = convert(tl.load(rois + strides[1]), COMPUTE) * scale - shift
    y1 = convert(tl.load(rois + 2 * strides[1]), COMPUTE) * scale - shift
    x2 = convert(tl.load(rois + 3 * strides[1]), COMPUTE) * scale - shift
    y2 = convert(tl.load(rois + 4 * strides[1]), COMPUTE) * scale - shift
    height, width = y2 - y1, x2 - x1
    if not ALIGNED:
        # not `maximum`, which loses what is not a number
        height, width = tl.where(height < 1.0, 1.0, height), tl.where(width < 1.0, 1.0, width)
    return image, y1, height, x1, width


@triton.jit
def place_of(strides, k, c, row, column, INT64: tl.constexpr):
    """The offset of an element of four dimensions."""
    return (
        wide(k, INT64) * strides[0] + wide(c, INT64) * strides[1] + wide(row, INT64) * strides[2]
        + wide(column, INT64) * strides[3]
    )  # fmt: skip


@triton.jit
def whole(x, largest):
    """A number as int32, from 0 to `largest`; NaN is 0."""
    return tl.where(x > 0.0, tl.minimum(x, largest * 1.0), 0.0).to(tl.int32)


@triton.jit
def rounded(x):
    """A whole number, halves away from zero, of elements that may exist; NaN is 0."""
    nearest = trunc(x)
    away = tl.where(x < 0.0, -1.0, 1.0)
    nearest += tl.where(tl.abs(x - nearest) >= 0.5, away, 0.0).to(x.dtype)
    return tl.where(x == x, tl.minimum(tl.maximum(nearest, -8388608.0), 8388608.0), 0.0).to(x.dtype)


@triton.jit
def elements_of(height, width, ROWS: tl.constexpr, COLUMNS: tl.constexpr):
    """Of a program that gathers: its image, first row and column, and the rows and columns of its elements."""
    across = tl.cdiv(width, COLUMNS)
    tiles = tl.cdiv(height, ROWS) * across
    image, tile = tl.program_id(0) // tiles, tl.program_id(0) % tiles
    top, left = tile // across * ROWS, tile % across * COLUMNS
    p = tl.arange(0, ROWS * COLUMNS)[None, :]
    return image, top, left, top + p // COLUMNS, left + p % COLUMNS


def refuse(op: str, flag: Buffer | None, rois: Buffer, images: int) -> None:
    """Raise an IndexError where a kernel has noted a region of an image that there is not."""
    bad = wrong(flag, rois.as_strided((rois.shape[0],), (rois.strides[0],)))
    if bad is not None:
        raise explained(IndexError)(
            f"{op}: region {bad[0]} is of image {bad[1]:g}, which is not in the valid range [0, {images})"
        )


@triton.jit
def samples_of(extent, bins, ratio, reach):
    """Step, grid and distance of samples, and how many of them are to be visited where `reach` elements matter."""
    step = divide(extent, tl.cast(bins, extent.dtype))
    grid = tl.where(ratio > 0, ratio * 1.0, tl.ceil(step)).to(extent.dtype)
    distance = step / grid
    count = tl.where(distance > 0.0, tl.minimum(grid, tl.floor(reach / distance) + 2.0), ratio * 1.0)
    return step, grid, distance, whole(count, 1 << 24)


@triton.jit
def first_sample(begin, bound, axis):
    """The number of the first sample of a bin that may lie at `bound` or behind it."""
    number = tl.floor((bound - begin) / axis[2] - 0.5)
    number = tl.where((axis[2] + begin * 0.0 > 0.0) & (number > 0.0), number, 0.0)
    return tl.minimum(number, tl.maximum(axis[1], 0.0))


@triton.jit
def sample_at(begin, i, axis, size):
    """Where sample i of a bin is, within the image, and whether it counts."""
    at = begin + (i + 0.5) * axis[0] / axis[1]
    counts = (at >= -1.0) & (at <= size * 1.0) & (i < axis[1])
    # NaN compares as outside
    return tl.where(at > 0.0, tl.minimum(at, size - 1.0), 0.0), counts


@triton.jit
def weight_of(element, begin, bound, axis, size):
    """The weight of an element in a bin along one dimension, summed over samples."""
    first = first_sample(begin, bound, axis)
    total = tl.where(element + begin == 0.0, 0.0, 0.0).to(
        axis[0].dtype
    )  # zeros, also where a region is no number
    for j in range(axis[3]):
        at, counts = sample_at(begin, first + j, axis, size)
        total += tl.where(counts, tl.maximum(1.0 - tl.abs(at - element), 0.0), 0.0)
    return total


@triton.jit
def bins_near(start, step, low, high, bins):
    """The bins [first, end) that may have samples from `low` to `high`."""
    a, b = (low - start) / step, (high - start) / step
    first, end = tl.floor(tl.minimum(a, b)) - 1.0, tl.floor(tl.maximum(a, b)) + 2.0
    # of no extent, or not a number: all
    known = (step != 0.0) & (end == end)
    return whole(tl.where(known, first, 0.0), bins), whole(tl.where(known, end, bins * 1.0), bins)
