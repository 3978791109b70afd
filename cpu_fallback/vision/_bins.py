"""Regions as bins and samples: what weight each element of an image has in each bin, along one dimension at a time.

A region is divided into bins, and in each of them the mean of samples, interpolated between elements, is taken. The
samples of a bin are a grid, and interpolation works along each dimension by itself. So a bin is a product: weights of
rows times elements times weights of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from tritonnn.errors import explained

Array = np.ndarray
LARGEST = 1 << 21  # weights that are made at once


class Region(NamedTuple):
    """One region: its number, that of its image, and the weights of the elements that it is made of in its bins.

    `rows` is (bins, rows from `top` on), `columns` (bins, columns from `left` on), both summed over `samples`.
    """

    number: int
    image: int
    top: int
    rows: Array
    left: int
    columns: Array
    samples: float

    def of(self, image: Array) -> Array:
        """Its elements of an image whose first two dimensions are rows and columns."""
        bottom, right = self.top + self.rows.shape[1], self.left + self.columns.shape[1]
        return image[self.top : bottom, self.left : right]


def combined(
    contract: Callable[[Array, Array, Array], Array], rows: Array, columns: Array, values: Array
) -> Array:
    """`contract(rows, columns, values)`, a product, in which what has no weight counts as nothing, whatever it is."""
    result = contract(rows, columns, values)
    if np.isfinite(result.sum()):
        return result
    with np.errstate(invalid="ignore", over="ignore"):
        result = contract(rows, columns, np.where(np.isfinite(values), values, 0))
        weighty = (rows != 0).astype(values.dtype), (columns != 0).astype(values.dtype)
        for extreme in (np.inf, -np.inf):
            signs = contract(rows, columns, np.where(values == extreme, extreme, 0).clip(-1, 1))
            result += np.where(signs != 0, np.sign(signs) * values.dtype.type(np.inf), 0)
        result[contract(*weighty, np.isnan(values).astype(values.dtype)) > 0] = np.nan
    return result


def own_means(rows: Array, columns: Array, elements: Array) -> Array:
    """Elements (height, width, *bins, C) as bins (C, down, across), each of its own channels: sums with weights."""
    return np.einsum("ph,qw,hwpqc->cpq", rows, columns, elements, optimize=True)


def own_shares(rows: Array, columns: Array, bins: Array) -> Array:
    """What bins (C, down, across) give to the elements (height, width, *bins, C)."""
    return np.einsum("ph,qw,cpq->hwpqc", rows, columns, bins, optimize=True)


def wide(array: Array) -> Array:
    """The array, half precision as float32."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def images_of(op: str, rois: Array, images: int) -> Array:
    """The numbers of the images that regions are of.

    Raises:
        IndexError: there is no such image.
    """
    with np.errstate(invalid="ignore"):
        numbers = np.trunc(rois[:, 0].astype(np.float64))
    wrong = ~((numbers >= 0) & (numbers < images))
    if wrong.any():
        k = int(wrong.argmax())
        raise explained(IndexError)(
            f"{op}: region {k} is of image {rois[k, 0]:g}, which is not in the valid range [0, {images})"
        )
    return numbers.astype(np.int64)


def _weights(start: Array, end: Array, bins: int, size: int, ratio: int, least: float) -> tuple[Array, Array]:
    """Weights (regions, bins, size) of the elements of one dimension, summed over samples, and the samples of a bin.

    Args:
        start: where regions begin, in elements.
        end: where they end.
        ratio: samples of a bin; 0 for about one an element.
        least: extent that a region has at least.
    """
    extent = np.maximum(end - start, least, dtype=start.dtype) if least else end - start
    step = extent / start.dtype.type(bins)
    grid = np.full(len(start), ratio, start.dtype) if ratio else np.ceil(step)
    distance = step / grid
    # of many samples only those are made that can be within the image
    near = np.minimum(grid, np.floor((size + 1) / distance) + 2)
    count = np.where(distance > 0, near, ratio)
    count = np.where(count > 0, count, 0).astype(np.int64)  # NaN gives none
    begin = start[:, None] + np.arange(bins, dtype=start.dtype) * step[:, None]
    before = np.floor((-1 - begin) / distance[:, None] - 0.5)
    before = np.where(distance[:, None] > 0, np.clip(before, 0, grid[:, None]), 0)

    # the bin of each sample, and its number in that bin
    counts = np.repeat(count, bins)
    flat = np.repeat(np.arange(len(counts)), counts)
    i = np.arange(len(flat)) - (np.cumsum(counts) - counts)[flat] + before.reshape(-1)[flat]
    region = flat // bins
    at = begin.reshape(-1)[flat] + (i + 0.5).astype(start.dtype) * step[region] / grid[region]
    inside = (at >= -1) & (at <= size) & (i < grid[region])
    flat, at = flat[inside], np.clip(at[inside], 0, size - 1)
    low = np.floor(at)
    share, low = at - low, low.astype(np.int64)
    places = np.concatenate([flat * size + low, flat * size + np.minimum(low + 1, size - 1)])
    total = np.bincount(places, np.concatenate([1 - share, share]), minlength=len(start) * bins * size)
    return total.reshape(len(start), bins, size).astype(start.dtype), grid


def _used(weights: Array) -> list[tuple[int, int]]:
    """Of each region the first element that has a weight, and the one after the last."""
    there = np.asarray(weights.any(axis=1))
    first, last = there.argmax(1), there.shape[1] - there[:, ::-1].argmax(1)
    return list(zip(first.tolist(), np.where(there.any(1), last, first).tolist(), strict=True))


def regions(
    op: str, rois: Array, images: int, size: tuple[int, int], bins: tuple[int, int], scale: float, ratio: int,
    shift: float, least: float,
) -> Iterator[Region]:  # fmt: skip
    """The regions with their weights.

    Args:
        op: the name that errors have.
        rois: (regions, 5): the image, and x1, y1, x2, y2.
        images: how many there are.
        size: rows and columns of an image.
        bins: down and across.
        scale: elements of the image for one of the boxes' units.
        ratio: samples of a bin along each dimension; 0 or less for about one an element.
        shift: what is subtracted from coordinates.
        least: extent that a region has at least, 0 where it may have none.
    """
    numbers, ratio = images_of(op, rois, images), max(ratio, 0)
    step = max(1, LARGEST // max(1, bins[0] * size[0] + bins[1] * size[1]))
    for k in range(0, len(rois), step):
        part = wide(rois[k : k + step])
        with np.errstate(all="ignore"):
            x1, y1, x2, y2 = part[:, 1:].T * part.dtype.type(scale) - part.dtype.type(shift)
            rows, down = _weights(y1, y2, bins[0], size[0], ratio, least)
            columns, across = _weights(x1, x2, bins[1], size[1], ratio, least)
        vertical, horizontal, samples = _used(rows), _used(columns), (down * across).tolist()
        for i, ((top, bottom), (left, right)) in enumerate(zip(vertical, horizontal, strict=True)):
            yield Region(
                k + i,
                int(numbers[k + i]),
                top,
                rows[i, :, top:bottom],
                left,
                columns[i, :, left:right],
                samples[i],
            )
