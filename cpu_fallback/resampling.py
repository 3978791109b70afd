"""Sampling of images and volumes at given places: grid_sample forward, and the gradient of the places.

A sample is a sum over taps, neighbours of a coordinate, the product of one weight per dimension each; `Axis` has them
along one dimension for all places. `kernels/resampling.py` says which taps and weights a mode has.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import product
from math import prod

import numpy as np

Array = np.ndarray
BILINEAR, NEAREST, BICUBIC = range(3)
ZEROS, BORDER, REFLECTION = range(3)


def _moved(c: Array, size: int, padding: int, align: bool) -> tuple[Array, Array]:
    """Coordinates as the padding moves them, and the derivative of that."""
    slope = np.ones_like(c)
    if padding == REFLECTION:
        low, span = (0.0, max(size - 1, 1)) if align else (-0.5, size)
        distance = np.abs(c - low)
        even = np.floor(distance / span) % 2 == 0
        rest = np.fmod(distance, span)
        slope = np.where(even == (c >= low), slope, -slope)
        c = np.where(even, rest + low, span - rest + low)
    if padding != ZEROS:
        slope = np.where((c > 0) & (c < size - 1), slope, 0)
        # fmax and fmin, so that NaN becomes 0
        c = np.fmin(np.fmax(c, 0), size - 1)
    return c, slope


class Axis:
    """The taps along one dimension.

    Attributes:
        taps: per tap the elements, whether there are any, the weights and their derivatives in the coordinate.
        slope: the derivative of the coordinate in the grid's value.
    """

    def __init__(self, g: Array, size: int, mode: int, padding: int, align: bool) -> None:
        self.size, self.padding, self.align = size, padding, align
        if align:
            scale, c = (size - 1) / 2, (g + 1) / 2 * (size - 1)
        else:
            scale, c = size / 2, ((g + 1) * size - 1) / 2
        self.slope = np.full_like(c, scale)
        if mode != BICUBIC:
            c, turned = _moved(c, size, padding, align)
            self.slope = turned * scale
            c = np.where(np.abs(c) < 2**31, c, np.asarray(-100, c.dtype))  # NaN too lies outside
        if mode == NEAREST:
            self.taps = [self._tap(np.rint(c), np.ones_like(c), np.zeros_like(c))]
            return
        low = np.floor(c)
        t = c - low
        if mode == BILINEAR:
            one = np.ones_like(c)
            self.taps = [self._tap(low, 1 - t, -one), self._tap(low + 1, t, one)]
            return
        moved = [_moved(low + i, size, padding, align)[0] for i in (-1, 0, 1, 2)]
        weights = (_far(t + 1), _near(t), _near(1 - t), _far(2 - t))
        slopes = (_far_slope(t + 1), _near_slope(t), -_near_slope(1 - t), -_far_slope(2 - t))
        self.taps = [self._tap(*tap) for tap in zip(moved, weights, slopes, strict=True)]

    def _tap(self, p: Array, weight: Array, slope: Array) -> tuple[Array, Array, Array, Array]:
        inside = (p >= 0) & (p <= self.size - 1)
        return np.where(inside, p, 0).astype(np.int64), inside, weight, slope


def _near(x: Array) -> Array:
    """Keys' kernel within 1."""
    return (1.25 * x - 2.25) * x * x + 1


def _far(x: Array) -> Array:
    """Keys' kernel from 1 to 2."""
    return ((-0.75 * x + 3.75) * x - 6) * x + 3


def _near_slope(x: Array) -> Array:
    return (3.75 * x - 4.5) * x


def _far_slope(x: Array) -> Array:
    return (-2.25 * x + 7.5) * x - 6


# Places whose coordinates, taps and samples stay in the cache: in memory that is used again, not fresh.
BLOCK = 1 << 13


def _parts(grid: Array, dims: int) -> Iterator[tuple[slice, slice, Array]]:
    """Which images, which of their places, and the grid's values (images, places, dims) of them, part by part."""
    values = grid.reshape(grid.shape[0], prod(grid.shape[1:-1]), dims)
    if values.dtype.itemsize == 2:
        values = values.astype(np.float32)
    batch, count = values.shape[:2]
    together = max(BLOCK // max(count, 1), 1)  # images
    for first in range(0, batch, together):
        for start in range(0, count, BLOCK):
            images, places = slice(first, first + together), slice(start, start + BLOCK)
            yield images, places, values[images, places]


def _axes(values: Array, sizes: tuple[int, ...], mode: int, padding: int, align: bool) -> list[Axis]:
    """One per spatial dimension, in the input's order: the grid's last value is for the first of them."""
    return [
        Axis(np.ascontiguousarray(values[..., len(sizes) - 1 - d]), size, mode, padding, align)
        for d, size in enumerate(sizes)
    ]


def _taps(axes: list[Axis]) -> Iterator[tuple[Array, Array, list[Array], list[Array]]]:
    """Of every combination of taps: positions in a plane, whether they are inside, weights and slopes per dimension.

    The first dimension changes slowest.
    """
    for combination in product(*(axis.taps for axis in axes)):
        position, inside = combination[0][:2]
        for axis, (p, there, _, _) in zip(axes[1:], combination[1:], strict=True):
            position = position * axis.size + p
            inside = inside & there
        yield position, inside, [tap[2] for tap in combination], [tap[3] for tap in combination]


def _planes(input: Array) -> Array:
    """The images (N, C, elements), with a 0 after the elements for what lies outside."""
    count = prod(input.shape[2:])
    planes = np.empty((*input.shape[:2], count + 1), _wide(input).dtype)
    planes[..., :count] = input.reshape(*input.shape[:2], count)
    planes[..., count] = 0
    return planes


def _picked(planes: Array, position: Array, inside: Array) -> Array:
    """The elements (N, C, places) at positions (N, places), 0 where there are none."""
    position = np.where(inside, position, planes.shape[2] - 1)
    values = np.empty((*planes.shape[:2], position.shape[1]), planes.dtype)
    for plane, places, value in zip(planes, position, values, strict=True):
        np.take(plane, places, 1, value, mode="clip")  # all are inside; `raise` would copy once more
    return values


def _wide(array: Array) -> Array:
    return array.astype(np.float32) if array.dtype.itemsize == 2 else array


def grid_sampler(
    out: Array, input: Array, grid: Array, interpolation_mode: int, padding_mode: int, align_corners: bool
) -> None:
    """The input at the places that the grid names."""
    sizes, planes = input.shape[2:], _planes(input)
    flat = np.empty((*out.shape[:2], prod(out.shape[2:])), planes.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        for images, places, values in _parts(grid, len(sizes)):
            total: Array | None = None
            for position, inside, weights, _ in _taps(
                _axes(values, sizes, interpolation_mode, padding_mode, align_corners)
            ):
                sample = _picked(planes[images], position, inside)
                sample *= reduce(np.multiply, weights)[:, None]
                total = sample if total is None else np.add(total, sample, out=total)
            flat[images, :, places] = total
        np.copyto(out, flat.reshape(out.shape), casting="same_kind")


def grid_gradient(
    out: Array, grad: Array, input: Array, grid: Array, interpolation_mode: int, padding_mode: int,
    align_corners: bool,
) -> None:  # fmt: skip
    """The gradient of `grid_sampler` for the grid."""
    sizes, planes = input.shape[2:], _planes(input)
    g = _wide(grad).reshape(*grad.shape[:2], prod(grad.shape[2:]))
    flat = np.empty((grid.shape[0], prod(grid.shape[1:-1]), len(sizes)), np.result_type(g, _wide(grid)))
    with np.errstate(invalid="ignore", over="ignore"):
        for images, places, values in _parts(grid, len(sizes)):
            axes = _axes(values, sizes, interpolation_mode, padding_mode, align_corners)
            totals = [np.zeros_like(axis.slope) for axis in axes]
            for position, inside, weights, slopes in _taps(axes):
                value = (g[images, :, places] * _picked(planes[images], position, inside)).sum(1)
                for d, total in enumerate(totals):
                    total += value * slopes[d] * prod(weights[:d] + weights[d + 1 :])
            columns = [total * axis.slope for total, axis in zip(totals, axes, strict=True)]
            flat[images, places] = np.stack(columns[::-1], -1)
        np.copyto(out, flat.reshape(out.shape), casting="same_kind")


def sampling_taps(
    elements: Array, weights: Array, grid: Array, sizes: tuple[int, ...], interpolation_mode: int,
    padding_mode: int, align_corners: bool,
) -> None:  # fmt: skip
    """Positions and weights of the elements that `grid_sampler` reads."""
    shape = (len(elements), grid.shape[0], prod(grid.shape[1:-1]))
    where, how = elements.reshape(shape), weights.reshape(shape)
    first = np.arange(grid.shape[0])[:, None] * prod(sizes)
    with np.errstate(invalid="ignore", over="ignore"):
        for images, places, values in _parts(grid, len(sizes)):
            axes = _axes(values, sizes, interpolation_mode, padding_mode, align_corners)
            for k, (position, inside, weight, _) in enumerate(_taps(axes)):
                where[k, images, places] = position + first[images]
                how[k, images, places] = np.where(inside, prod(weight), 0)
