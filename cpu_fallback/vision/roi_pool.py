"""Maxima, and means in channels of their own, of the elements in the bins of regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from tritonnn.cpu_fallback.vision._bins import combined, images_of, own_means, own_shares, wide

Array = np.ndarray
LARGEST = 1 << 20  # results that are worked on at once
FAR = 1 << 23  # further out than any image
LOWEST = np.finfo(np.float32).min  # what a maximum begins with, of every type


class _Borders(NamedTuple):
    """First elements of bins, and those after the last: rows (regions, bins down), columns (regions, bins across)."""

    tops: Array
    bottoms: Array
    lefts: Array
    rights: Array


def _rounded(x: Array) -> Array:
    """Whole numbers, halves away from zero; NaN is 0."""
    whole = np.trunc(x)
    whole += np.where(np.abs(x - whole) >= 0.5, np.sign(x), 0)
    return np.clip(np.nan_to_num(whole, nan=0.0, posinf=FAR, neginf=-FAR), -FAR, FAR)


def _along(start: Array, end: Array, bins: int, last: int, more: int) -> tuple[Array, Array]:
    """The borders of bins along one dimension, within 0 to `last`; a region is `more` elements larger."""
    kind = start.dtype.type
    step = np.maximum(end - start + kind(more), kind(1)) / kind(bins)
    number = np.arange(bins + 1, dtype=start.dtype)
    low = np.floor(number[:-1] * step[:, None]) + start[:, None]
    high = np.ceil(number[1:] * step[:, None]) + start[:, None]
    return np.clip(low, 0, last).astype(np.int64), np.clip(high, 0, last).astype(np.int64)


def _borders(rois: Array, scale: float, bins: tuple[int, int], last: tuple[int, int], more: int) -> _Borders:
    part = wide(rois)
    with np.errstate(all="ignore"):
        x1, y1, x2, y2 = _rounded(part[:, 1:].T * part.dtype.type(scale))
    return _Borders(*_along(y1, y2, bins[0], last[0], more), *_along(x1, x2, bins[1], last[1], more))


def _steps(b: _Borders) -> Iterator[tuple[Array, Array, Array]]:
    """The elements of all bins, one of each bin at a time in row-major order: numbers of bins, rows, columns."""
    shape = (len(b.tops), b.tops.shape[1], b.lefts.shape[1])
    top, bottom = (np.broadcast_to(edge[:, :, None], shape).reshape(-1) for edge in (b.tops, b.bottoms))
    left, right = (np.broadcast_to(edge[:, None], shape).reshape(-1) for edge in (b.lefts, b.rights))
    for i in range(int((bottom - top).max(initial=0))):
        tall = np.flatnonzero(top + i < bottom)
        for j in range(int((right - left)[tall].max(initial=0))):
            here = tall[left[tall] + j < right[tall]]
            yield here, top[here] + i, left[here] + j


def roi_pool(
    out: Array, places: Array, input: Array, rois: Array, spatial_scale: float, pooled_height: int,
    pooled_width: int,
) -> None:  # fmt: skip
    """The maximum of each bin, and its place in its plane; the first of equal ones."""
    n, channels, height, width = input.shape
    rows = np.ascontiguousarray(wide(input).transpose(0, 2, 3, 1)).reshape(n * height * width, channels)
    bins = (pooled_height, pooled_width)
    numbers = images_of("roi_pool", rois, n)
    if not out.size:
        return
    step = max(1, LARGEST // (channels * bins[0] * bins[1]))
    for k in range(0, len(rois), step):
        edges = _borders(rois[k : k + step], spatial_scale, bins, (height, width), 1)
        count = len(edges.tops) * bins[0] * bins[1]
        best, place = np.zeros((count, channels), rows.dtype), np.full((count, channels), -1, np.int32)
        first = np.repeat(numbers[k : k + step] * height * width, bins[0] * bins[1])
        for number, (here, y, x) in enumerate(_steps(edges)):
            if not number:
                best[here] = LOWEST  # each bin that has an element has a first one
            at = y * width + x
            values = rows[first[here] + at]
            better = values > best[here]
            best[here] = np.where(better, values, best[here])
            place[here] = np.where(better, at[:, None], place[here])
        shape = (-1, *bins, channels)
        with np.errstate(over="ignore"):
            out[k : k + step] = best.reshape(shape).transpose(0, 3, 1, 2)
        places[k : k + step] = place.reshape(shape).transpose(0, 3, 1, 2)


def roi_pool_backward(
    out: Array, grad: Array, rois: Array, places: Array, spatial_scale: float, batch_size: int, channels: int,
    height: int, width: int,
) -> None:  # fmt: skip
    """The gradient of `roi_pool` for the images: what each bin gives to its maximum, in the order of the regions."""
    plane = images_of("roi_pool", rois, batch_size)[:, None] * channels + np.arange(channels)
    index = plane[:, :, None, None] * (height * width) + places
    there = places >= 0
    total = np.bincount(index[there], wide(grad)[there], minlength=out.size)
    np.copyto(out, total.reshape(out.shape), casting="unsafe")


def _weights(edges: _Borders, size: tuple[int, int]) -> tuple[Array, Array]:
    """Which rows and which columns are in bins, of all regions: (regions, bins, elements) of ones and zeros."""
    at = np.arange(size[0]), np.arange(size[1])
    return (
        (at[0] >= edges.tops[..., None]) & (at[0] < edges.bottoms[..., None]),
        (at[1] >= edges.lefts[..., None]) & (at[1] < edges.rights[..., None]),
    )


def _own(
    rois: Array, images: int, scale: float, bins: tuple[int, int], size: tuple[int, int], kind: np.dtype
) -> Iterator[tuple[int, int, slice, slice, Array, Array]]:
    """Region by region: its number, its image, its rows and columns, and which of these are in which bin."""
    numbers = images_of("ps_roi_pool", rois, images)
    edges = _borders(rois, scale, bins, (size[0] - 1, size[1] - 1), 0)
    for k, number in enumerate(numbers):
        one = _Borders(*[edge[k : k + 1] for edge in edges])
        down = slice(int(one.tops.min()), int(one.bottoms.max()))
        across = slice(int(one.lefts.min()), int(one.rights.max()))
        rows, columns = (part[0].astype(kind) for part in _weights(one, size))
        yield k, int(number), down, across, rows[:, down], columns[:, across]


def ps_roi_pool(
    out: Array, mapping: Array, input: Array, rois: Array, spatial_scale: float, pooled_height: int,
    pooled_width: int,
) -> None:  # fmt: skip
    """The mean of each bin in the channel that is for the bin, and the number of that channel."""
    n, _, *size = input.shape
    bins = (pooled_height, pooled_width)
    planes = wide(input).reshape(n, -1, *bins, *size).transpose(0, 4, 5, 2, 3, 1)
    np.copyto(mapping, np.arange(input.shape[1], dtype=np.int32).reshape(out.shape[1:]))
    for k, number, down, across, rows, columns in _own(
        rois, n, spatial_scale, bins, (size[0], size[1]), planes.dtype
    ):
        sums = combined(own_means, rows, columns, planes[number, down, across])
        counts = np.maximum(rows.sum(1)[:, None] * columns.sum(1), 1)
        np.copyto(out[k], sums / counts, casting="same_kind")


def ps_roi_pool_backward(
    out: Array, grad: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int,
    batch_size: int, channels: int, height: int, width: int,
) -> None:  # fmt: skip
    """The gradient of `ps_roi_pool` for the images."""
    bins = (pooled_height, pooled_width)
    g = wide(grad)
    total: Array = np.zeros((batch_size, height, width, *bins, grad.shape[1]), g.dtype)
    for k, number, down, across, rows, columns in _own(
        rois, batch_size, spatial_scale, bins, (height, width), g.dtype
    ):
        share = g[k] / np.maximum(rows.sum(1)[:, None] * columns.sum(1), 1)
        total[number, down, across] += combined(own_shares, rows, columns, share)
    np.copyto(out, total.transpose(0, 5, 3, 4, 1, 2).reshape(out.shape), casting="same_kind")
