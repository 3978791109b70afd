"""Operators on boxes and regions, a box, a bin and a sample at a time."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def _iou(a: Array, b: Array) -> float:
    """The area that two boxes share over the area that they cover."""
    sides = [max(0.0, min(a[d + 2], b[d + 2]) - max(a[d], b[d])) for d in (0, 1)]
    shared = sides[0] * sides[1]
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def nms(dets: Array, scores: Array, iou_threshold: float) -> Array:
    """Whoever is best of those who are left stays, and removes whom it overlaps."""
    left = sorted(range(len(scores)), key=lambda i: -scores[i])
    kept = []
    while left:
        best = left.pop(0)
        kept.append(best)
        left = [i for i in left if not _iou(dets[best], dets[i]) > iou_threshold]
    return np.array(kept, np.int64)


# ---- regions of images --------------------------------------------------------------------------------------


def _interpolated(plane: Array, y: float, x: float) -> float:
    """The image between its elements; up to one element outside it is continued by its edge, and else 0."""
    height, width = plane.shape
    if not (-1 <= y <= height and -1 <= x <= width):
        return 0.0
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    total = 0.0
    for i in range(height):
        for j in range(width):
            total += plane[i, j] * max(0.0, 1 - abs(y - i)) * max(0.0, 1 - abs(x - j))
    return total


def _samples(start: float, end: float, bins: int, ratio: int) -> list[list[float]]:
    """Where the samples of each bin are along one dimension."""
    step = (end - start) / bins
    grid = ratio if ratio > 0 else int(np.ceil(step))
    return [[start + b * step + (i + 0.5) * step / grid for i in range(grid)] for b in range(bins)]


def _mean(plane: Array, ys: list[float], xs: list[float]) -> float:
    return sum(_interpolated(plane, y, x) for y in ys for x in xs) / max(len(ys) * len(xs), 1)


def roi_align(
    input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int, sampling_ratio: int,
    aligned: bool,
) -> Array:  # fmt: skip
    """The mean of the samples of each bin."""
    out = np.zeros((len(rois), input.shape[1], pooled_height, pooled_width))
    for k, roi in enumerate(rois):
        x1, y1, x2, y2 = roi[1:] * spatial_scale - (0.5 if aligned else 0.0)
        if not aligned:
            x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
        rows = _samples(y1, y2, pooled_height, sampling_ratio)
        columns = _samples(x1, x2, pooled_width, sampling_ratio)
        for c, i, j in np.ndindex(out.shape[1:]):
            out[k, c, i, j] = _mean(input[int(roi[0]), c], rows[i], columns[j])
    return out


def ps_roi_align(
    input: Array,
    rois: Array,
    spatial_scale: float,
    pooled_height: int,
    pooled_width: int,
    sampling_ratio: int,
) -> tuple[Array, Array]:
    """The same with a channel of its own for each bin, and which one that is."""
    bins = pooled_height, pooled_width
    groups = input.shape[1] // (pooled_height * pooled_width)
    numbers = np.arange(input.shape[1], dtype=np.int32).reshape(groups, *bins)
    every = roi_align(input, rois, spatial_scale, *bins, sampling_ratio, True)
    out = np.zeros((len(rois), groups, *bins))
    for c, i, j in np.ndindex(numbers.shape):
        out[:, c, i, j] = every[:, numbers[c, i, j], i, j]
    return out, np.broadcast_to(numbers, out.shape)


def _rounded(x: float) -> int:
    return int(np.floor(abs(x) + 0.5) * np.sign(x))


def _bin(start: int, extent: int, number: int, bins: int, last: int) -> range:
    """The elements of a bin along one dimension, of those before `last`."""
    step = extent / bins
    edges = [int(np.floor(number * step)) + start, int(np.ceil((number + 1) * step)) + start]
    return range(*[min(max(edge, 0), last) for edge in edges])


def roi_pool(
    input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int
) -> tuple[Array, Array]:
    """The maximum of each bin, and where it is."""
    channels, height, width = input.shape[1:]
    out = np.zeros((len(rois), channels, pooled_height, pooled_width))
    places = np.full(out.shape, -1, np.int32)
    for k, c, i, j in np.ndindex(out.shape):
        x1, y1, x2, y2 = (_rounded(x * spatial_scale) for x in rois[k, 1:])
        rows = _bin(y1, max(y2 - y1 + 1, 1), i, pooled_height, height)
        columns = _bin(x1, max(x2 - x1 + 1, 1), j, pooled_width, width)
        elements = [(input[int(rois[k, 0]), c, y, x], -y, -x) for y in rows for x in columns]
        if elements:
            out[k, c, i, j], y, x = max(elements)
            places[k, c, i, j] = -y * width - x
    return out, places


def ps_roi_pool(
    input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int
) -> tuple[Array, Array]:
    """The mean of each bin in its own channel, and which one that is."""
    channels, height, width = input.shape[1:]
    out = np.zeros((len(rois), channels // (pooled_height * pooled_width), pooled_height, pooled_width))
    numbers = np.arange(channels, dtype=np.int32).reshape(out.shape[1:])
    for k, c, i, j in np.ndindex(out.shape):
        x1, y1, x2, y2 = (_rounded(x * spatial_scale) for x in rois[k, 1:])
        rows = _bin(y1, max(y2 - y1, 1), i, pooled_height, height - 1)
        columns = _bin(x1, max(x2 - x1, 1), j, pooled_width, width - 1)
        if rows and columns:
            plane = input[int(rois[k, 0]), numbers[c, i, j]]
            out[k, c, i, j] = np.mean([plane[y, x] for y in rows for x in columns])
    return out, np.broadcast_to(numbers, out.shape)


def deform_conv2d(
    input: Array, weight: Array, offset: Array, mask: Array, bias: Array, stride_h: int, stride_w: int, pad_h: int,
    pad_w: int, dilation_h: int, dilation_w: int, groups: int, offset_groups: int, use_mask: bool,
) -> Array:  # fmt: skip
    """A convolution, a product of one tap at a time; the image is continued by zeros."""
    n, channels, height, width = input.shape
    outputs, depth, tall, broad = weight.shape
    padded = np.zeros((n, channels, height + 2, width + 2))
    padded[:, :, 1:-1, 1:-1] = input
    out = np.zeros((n, outputs, *offset.shape[2:]))
    out += bias.reshape(-1, 1, 1)
    for b, o, y, x, c, i, j in np.ndindex(*out.shape, depth, tall, broad):
        channel = o // (outputs // groups) * depth + c
        tap = channel // (channels // offset_groups) * tall * broad + i * broad + j
        down = y * stride_h - pad_h + i * dilation_h + offset[b, 2 * tap, y, x]
        across = x * stride_w - pad_w + j * dilation_w + offset[b, 2 * tap + 1, y, x]
        value = _interpolated(padded[b, channel], down + 1, across + 1)
        out[b, o, y, x] += weight[o, c, i, j] * value * (mask[b, tap, y, x] if use_mask else 1.0)
    return out


def _polygon(box: Array) -> list[complex]:
    turn = np.exp(-1j * np.radians(box[4]))  # counter-clockwise where y points down
    corners = [complex(x * box[2], y * box[3]) / 2 for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    return [complex(box[0], box[1]) + corner * turn for corner in corners]


def _cut(polygon: list[complex], a: complex, b: complex) -> list[complex]:
    """What of a polygon lies to the left of a line (Sutherland and Hodgman)."""
    kept = []
    for p, q in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        side_p, side_q = (((b - a).conjugate() * (x - a)).imag for x in (p, q))
        if side_p >= 0:
            kept.append(p)
        if (side_p >= 0) != (side_q >= 0):
            kept.append(p + (q - p) * side_p / (side_p - side_q))
    return kept


def box_iou_rotated(boxes1: Array, boxes2: Array) -> Array:
    """One box cut by the edges of the other."""
    out = np.zeros((len(boxes1), len(boxes2)))
    for i, j in np.ndindex(out.shape):
        part, other = _polygon(boxes1[i]), _polygon(boxes2[j])
        for a, b in zip(other, other[1:] + other[:1], strict=True):
            part = _cut(part, a, b)
        shared = sum((p.conjugate() * q).imag for p, q in zip(part, part[1:] + part[:1], strict=True)) / 2
        out[i, j] = shared / (np.prod(boxes1[i, 2:4]) + np.prod(boxes2[j, 2:4]) - shared)
    return out
