"""COCO's outlines as pixels: polygons, and run lengths as numbers or as text.

Runs go down the columns, and begin with pixels that are not part of it. Polygons are filled as COCO's own library does
it, pixel for pixel: the outline is drawn five times as large, and where it crosses the middle of a column of pixels a
run ends.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

__all__ = ["mask_of"]

#: polygons, or the run lengths as "counts"
Segmentation: TypeAlias = Sequence[Sequence[float]] | Mapping[str, Any]
_LARGER = 5


def _numbers(text: str | bytes) -> list[int]:
    """Run lengths out of text: five bits a character, the lowest first; from the fourth number on as differences."""
    counts: list[int] = []
    value, shift = 0, 0
    for code in text.encode("ascii") if isinstance(text, str) else text:
        bits = code - 48
        value |= (bits & 0x1F) << shift
        shift += 5
        if not bits & 0x20:  # the last one of this number; its fifth bit is the sign
            value -= (bits & 0x10) << (shift - 4)
            counts.append(value + counts[-2] if len(counts) > 2 else value)
            value, shift = 0, 0
    return counts


def _filled(counts: Sequence[int], height: int, width: int) -> np.ndarray:
    """The mask of run lengths."""
    runs = np.asarray(counts, np.int64)
    if (runs < 0).any() or runs.sum() != height * width:
        raise ValueError(f"run lengths of {runs.sum()} pixels for a mask of {height} by {width}")
    flat = np.repeat(np.arange(len(runs)) % 2, runs).astype(np.uint8)
    return flat.reshape(width, height).T


def _outline(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All points, in order, of the lines between points that are whole numbers."""
    xs, ys = [], []
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0)):
        dx, dy = abs(x1 - x0), abs(y1 - y0)
        steep = dx < dy
        swapped = (y0 > y1) if steep else (x0 > x1)
        if swapped:
            x0, x1, y0, y1 = x1, x0, y1, y0
        length = max(dx, dy)
        t = np.arange(length + 1)
        t = t[::-1] if swapped else t
        if steep:
            slope = (x1 - x0) / dy
            xs.append(np.trunc(x0 + slope * t + 0.5).astype(np.int64))
            ys.append(t + y0)
        else:
            slope = (y1 - y0) / dx if dx else 0.0
            xs.append(t + x0)
            ys.append(np.trunc(y0 + slope * t + 0.5).astype(np.int64))
    return np.concatenate(xs), np.concatenate(ys)


def _polygon(coordinates: Sequence[float], height: int, width: int) -> np.ndarray:
    """The mask of a polygon, whose coordinates are x and y in turn."""
    if len(coordinates) < 6 or len(coordinates) % 2:
        raise ValueError(f"a polygon of {len(coordinates)} numbers; three points have six")
    points = np.trunc(_LARGER * np.asarray(coordinates, np.float64).reshape(-1, 2) + 0.5).astype(np.int64)
    xs, ys = _outline(points)
    moved = np.flatnonzero(xs[1:] != xs[:-1]) + 1
    middle = np.where(xs[moved] < xs[moved - 1], xs[moved], xs[moved] - 1)
    column = (middle + 0.5) / _LARGER - 0.5
    inside = (np.floor(column) == column) & (column >= 0) & (column <= width - 1)
    row = np.minimum(ys[moved], ys[moved - 1])
    row = np.ceil(np.clip((row + 0.5) / _LARGER - 0.5, 0, height))
    ends = (column[inside].astype(np.int64) * height + row[inside].astype(np.int64)).tolist()
    crossings = np.bincount(ends, minlength=height * width + 1)[: height * width]
    return (np.cumsum(crossings) % 2).astype(np.uint8).reshape(width, height).T


def mask_of(segmentation: Segmentation, height: int, width: int) -> np.ndarray:
    """The pixels of an annotation's "segmentation", as a uint8 array.

    >>> mask_of([[1, 1, 3, 1, 3, 3, 1, 3]], 4, 4).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]

    Raises ValueError for what is neither polygons nor run lengths.
    """
    if isinstance(segmentation, dict):
        counts = segmentation["counts"]
        return _filled(_numbers(counts) if isinstance(counts, (str, bytes)) else counts, height, width)
    if not isinstance(segmentation, list):
        raise ValueError(f"COCO segmentation expected to be a dict or a list, got {type(segmentation)}")
    masks = [_polygon(polygon, height, width) for polygon in segmentation]
    return np.maximum.reduce(masks) if masks else np.zeros((height, width), np.uint8)
