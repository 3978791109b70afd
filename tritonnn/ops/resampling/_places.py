"""Where the elements of a resized line come from: positions and weights, one dimension at a time."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

import numpy as np

_COPYING = ("linear", "bilinear", "trilinear")


def copies(mode: str, ndim: int, same: bool) -> bool:
    """Whether a dimension that keeps its extent is left as it is; `same`: the coordinates say so as well.

    PyTorch copies even where a scale factor, whose product was rounded down to the same extent, would move the
    coordinates: images by 'nearest', and by the linear modes.
    """
    return same or mode in _COPYING or (mode == "nearest" and ndim == 4)


def _single(x: float) -> float:
    """x rounded to float32: at borders between two elements, PyTorch's rounding decides which is nearest."""
    return struct.unpack("f", struct.pack("f", x))[0]


def nearest(size: int, out: int, scale: float | None, exact: bool) -> list[int]:
    """The one input element of each output element."""
    ratio = _single(size / out if scale is None else 1.0 / scale)
    shift = 0.5 if exact else 0.0
    return [min(int(_single((i + shift) * ratio)), size - 1) for i in range(out)]


def _source(size: int, out: int, scale: float | None, align_corners: bool) -> list[float]:
    """Coordinate in the input of each output element's centre, or with align_corners of its corner."""
    if align_corners:
        ratio = (size - 1) / (out - 1) if out > 1 else 0.0
        return [i * ratio for i in range(out)]
    ratio = size / out if scale is None else 1.0 / scale
    return [(i + 0.5) * ratio - 0.5 for i in range(out)]


def linear_taps(
    size: int, out: int, scale: float | None, align_corners: bool
) -> list[tuple[list[int], list[float]]]:
    """Two taps: positions and weights of each."""
    places = [max(x, 0.0) for x in _source(size, out, scale, align_corners)]
    low = [min(int(x), size - 1) for x in places]
    share = [x - i for x, i in zip(places, low)]
    high = [min(i + 1, size - 1) for i in low]
    return [(low, [1 - w for w in share]), (high, share)]


def cubic(x: float, a: float) -> float:
    """Keys' cubic convolution kernel."""
    x = abs(x)
    if x <= 1:
        return ((a + 2) * x - (a + 3)) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * a if x < 2 else 0.0


def cubic_taps(
    size: int, out: int, scale: float | None, align_corners: bool
) -> list[tuple[list[int], list[float]]]:
    """Four taps: positions and weights of each."""
    places = _source(size, out, scale, align_corners)
    base = [math.floor(x) for x in places]
    return [
        (
            [min(max(i + k, 0), size - 1) for i in base],
            [cubic(x - i - k, -0.75) for x, i in zip(places, base)],
        )
        for k in (-1, 0, 1, 2)
    ]


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(1 - np.abs(x), 0.0)


def _smooth_cubic(x: np.ndarray) -> np.ndarray:
    """Keys' kernel with the parameter that image libraries shrink with."""
    x = np.abs(x)
    outer = (((x - 5) * x + 8) * x - 4) * -0.5
    return np.where(x <= 1, (1.5 * x - 2.5) * x * x + 1, np.where(x < 2, outer, 0.0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    """A sinc in a window that is a wider sinc, of three periods on each side."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0)


#: mode -> the filter and how far it reaches
ANTIALIAS_FILTERS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], int]] = {
    "bilinear": (_triangle, 1),
    "bicubic": (_smooth_cubic, 2),
    "lanczos": (_lanczos, 3),
}


def antialias_matrix(size: int, out: int, scale: float | None, align_corners: bool, mode: str) -> np.ndarray:
    """Weights (out, size) of a filter that is widened by the ratio when shrinking, as image libraries do."""
    if align_corners:
        ratio = (size - 1) / (out - 1) if out > 1 else 0.0
    else:
        ratio = size / out if scale is None else 1.0 / scale
    wide = max(ratio, 1.0)
    filter, reach = ANTIALIAS_FILTERS[mode]
    centre = ratio * (np.arange(out)[:, None] + 0.5)
    low = np.maximum((centre - reach * wide + 0.5).astype(np.int64), 0)
    high = np.minimum((centre + reach * wide + 0.5).astype(np.int64), size)
    width = max(int((high - low).max()), 0)
    places = low + np.arange(width)
    weights = np.where(places < high, filter((places - centre + 0.5) / wide), 0.0)
    matrix = np.zeros((out, max(size, int(low.max())) + width))  # places beyond the line have no weight
    np.put_along_axis(matrix, places, weights / weights.sum(1, keepdims=True), 1)
    return matrix[:, :size]
