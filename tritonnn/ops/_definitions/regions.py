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
    input: Array, rois: Array, spatial_scale: float, pooled_height: int, pooled_width: int, sampling_ratio: int
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
