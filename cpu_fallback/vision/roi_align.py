"""Means of interpolated samples in the bins of regions.

An image is taken with its channels last: then the rows of a region, with all their channels, are one matrix product
with the weights of rows, and its columns another one. A region takes few calls whatever its size, so that regions come
one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tritonnn.cpu_fallback.vision._bins import Region, combined, own_means, own_shares, regions, wide

Array = np.ndarray


def _channels_last(input: Array) -> Array:
    """(N, C, H, W) as (N, H, W, C) in memory."""
    return np.ascontiguousarray(wide(input).transpose(0, 2, 3, 1))


def _each(
    op: str, image_shape: tuple[int, ...], rois: Array, scale: float, bins: tuple[int, int], ratio: int,
    aligned: bool,
) -> Iterator[Region]:  # fmt: skip
    """The regions; those of the older rule, not aligned, are at least one element large."""
    shift, least = (0.5, 0.0) if aligned else (0.0, 1.0)
    return regions(
        op, rois, image_shape[0], (image_shape[1], image_shape[2]), bins, scale, ratio, shift, least
    )


def _means(rows: Array, columns: Array, elements: Array) -> Array:
    """Elements (height, width, C) as bins (down, across, C): sums with their weights."""
    height, width, channels = elements.shape
    lines = rows @ elements.reshape(height, width * channels)
    return columns @ lines.reshape(len(rows), width, channels)


def roi_align(
    out: Array, input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int,
    sampling_ratio: int, aligned: bool,
) -> None:  # fmt: skip
    """The mean of each bin."""
    images, bins = _channels_last(input), (pooled_height, pooled_width)
    for region in _each("roi_align", images.shape, rois, spatial_scale, bins, sampling_ratio, aligned):
        means = combined(_means, region.rows, region.columns, region.of(images[region.image]))
        np.copyto(out[region.number], means.transpose(2, 0, 1) / max(1, region.samples), casting="same_kind")


def roi_align_backward(
    out: Array, grad: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int,
    batch_size: int, channels: int, height: int, width: int, sampling_ratio: int, aligned: bool,
) -> None:  # fmt: skip
    """The gradient of `roi_align` for the input: what each bin gives to its elements, region by region."""
    total: Array = np.zeros((batch_size, height, width, channels), wide(grad).dtype)
    bins = (pooled_height, pooled_width)
    for region in _each("roi_align", total.shape, rois, spatial_scale, bins, sampling_ratio, aligned):
        share = wide(grad[region.number]).transpose(1, 2, 0) / max(1, region.samples)
        elements = region.of(total[region.image])
        elements += combined(_means, region.rows.T, region.columns.T, np.ascontiguousarray(share))
    np.copyto(out, total.transpose(0, 3, 1, 2), casting="same_kind")


def ps_roi_align(
    out: Array, mapping: Array, input: Array, rois: Array, spatial_scale: float, pooled_height: int,
    pooled_width: int, sampling_ratio: int,
) -> None:  # fmt: skip
    """The mean of each bin in the channel that is for the bin, and the number of that channel."""
    n, _, *size = input.shape
    bins = (pooled_height, pooled_width)
    planes = wide(input).reshape(n, -1, *bins, *size).transpose(0, 4, 5, 2, 3, 1)
    np.copyto(mapping, np.arange(input.shape[1], dtype=np.int32).reshape(out.shape[1:]))
    for region in _each("ps_roi_align", (n, *size), rois, spatial_scale, bins, sampling_ratio, True):
        means = combined(own_means, region.rows, region.columns, region.of(planes[region.image]))
        with np.errstate(invalid="ignore"):
            np.copyto(out[region.number], means / means.dtype.type(region.samples), casting="same_kind")


def ps_roi_align_backward(
    out: Array, grad: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int,
    sampling_ratio: int, batch_size: int, channels: int, height: int, width: int,
) -> None:  # fmt: skip
    """The gradient of `ps_roi_align` for the input."""
    bins = (pooled_height, pooled_width)
    total: Array = np.zeros((batch_size, height, width, *bins, grad.shape[1]), wide(grad).dtype)
    for region in _each("ps_roi_align", total.shape, rois, spatial_scale, bins, sampling_ratio, True):
        elements = region.of(total[region.image])
        if elements.size:
            share = wide(grad[region.number]) / region.samples
            elements += combined(own_shares, region.rows, region.columns, share)
    np.copyto(out, total.transpose(0, 5, 3, 4, 1, 2).reshape(out.shape), casting="same_kind")
