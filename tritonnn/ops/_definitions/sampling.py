"""Sampling at given places, as interpolation of the image continued beyond its edges; an element at a time."""

from __future__ import annotations

import math
from itertools import product

import numpy as np

Array = np.ndarray


def _weight(mode: int, distance: float) -> float:
    """Share of an element at this distance: of bilinear, nearest and cubic interpolation (Keys, a = -0.75)."""
    x = abs(distance)
    if mode == 0:
        return max(0.0, 1 - x)
    if mode == 1:
        return float(x < 0.5)
    if x <= 1:
        return 1.25 * x**3 - 2.25 * x**2 + 1
    return -0.75 * x**3 + 3.75 * x**2 - 6 * x + 3 if x < 2 else 0.0


def _continued(p: int, size: int, padding: int, align: bool) -> int | None:
    """The element that stands at position p: of zeros, of the edges, or of the image mirrored at its edges."""
    if padding == 0:
        return p if 0 <= p < size else None
    if padding == 1:
        return min(max(p, 0), size - 1)
    pattern = [*range(size), *range(size - 2, 0, -1)] if align else [*range(size), *range(size - 1, -1, -1)]
    return pattern[p % len(pattern)]


def grid_sampler(
    input: Array, grid: Array, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> Array:
    """The image's continuation, interpolated at each place."""
    sizes = input.shape[2:]
    out = np.zeros((*input.shape[:2], *grid.shape[1:-1]))
    for place in np.ndindex(grid.shape[:-1]):
        coordinates = [
            (g + 1) / 2 * (size - 1) if align_corners else ((g + 1) * size - 1) / 2
            for g, size in zip(grid[place][::-1], sizes, strict=True)
        ]
        near = [range(math.floor(c) - 1, math.floor(c) + 3) for c in coordinates]
        for taps in product(*near):
            weight = math.prod(
                _weight(interpolation_mode, c - p) for c, p in zip(coordinates, taps, strict=True)
            )
            elements = [
                _continued(p, size, padding_mode, align_corners) for p, size in zip(taps, sizes, strict=True)
            ]
            if None not in elements:
                out[(place[0], slice(None), *place[1:])] += weight * input[(place[0], slice(None), *elements)]
    return out


MODES = ("bilinear", "nearest", "bicubic")
PADDINGS = ("zeros", "border", "reflection")


def grid_sample(input: Array, grid: Array, mode: str, padding_mode: str, align_corners: bool | None) -> Array:
    """As `grid_sampler`, by names."""
    return grid_sampler(input, grid, MODES.index(mode), PADDINGS.index(padding_mode), bool(align_corners))


def affine_grid(theta: Array, size: tuple[int, ...], align_corners: bool | None) -> Array:
    """The matrix times (x, y, ..., 1) for every place of the output."""
    spatial = tuple(size[2:])
    out = np.zeros((size[0], *spatial, len(spatial)))
    for place in np.ndindex(spatial):
        values = []
        for i, n in zip(place, spatial, strict=True):
            values.append((2 * i + 1) / n - 1 if not align_corners else 2 * i / (n - 1) - 1 if n > 1 else 0.0)
        out[(slice(None), *place)] = theta @ np.array([*values[::-1], 1.0])
    return out
