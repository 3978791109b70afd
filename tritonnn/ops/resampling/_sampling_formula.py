"""The derivatives of sampling by ops that have derivatives of their own, for a backward that is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops.joining.joining import stack

BILINEAR, NEAREST, BICUBIC = range(3)
ZEROS, BORDER, REFLECTION = range(3)


def _moved(c: Any, size: int, padding: int, align: bool) -> tuple[Any, Any]:
    """Coordinates as the padding moves them, and the derivative of that; neither has a graph."""
    slope = c.new_ones(())
    if padding == REFLECTION:
        low, span = (0.0, max(size - 1, 1)) if align else (-0.5, size)
        distance = (c - low).abs()
        even = (distance / span).floor() % 2 == 0
        rest = distance.fmod(span)
        slope = slope.where(even == (c >= low), -slope)
        c = (rest + low).where(even, span - rest + low)
    if padding != ZEROS:
        slope = slope.where((c > 0) & (c < size - 1), slope * 0)
        c = c.nan_to_num(0.0, size - 1, 0.0).clamp(0, size - 1)
    return c, slope


def _near(x: Any) -> Any:
    return (1.25 * x - 2.25) * x * x + 1


def _far(x: Any) -> Any:
    return ((-0.75 * x + 3.75) * x - 6) * x + 3


def _near_slope(x: Any) -> Any:
    return (3.75 * x - 4.5) * x


def _far_slope(x: Any) -> Any:
    return (-2.25 * x + 7.5) * x - 6


def _axis(g: Any, size: int, mode: int, padding: int, align: bool) -> list[tuple[Any, Any, Any, Any]]:
    """Of each tap along one dimension: element, whether there is one, weight, and its derivative in `g`."""
    scale = (size - 1) / 2 if align else size / 2
    raw = (g + 1) / 2 * (size - 1) if align else ((g + 1) * size - 1) / 2
    slope: Any = scale
    c = raw
    if mode != BICUBIC:
        fixed = raw.detach()
        place, turned = _moved(fixed, size, padding, align)
        c, slope = place + turned * (raw - fixed), turned * scale
        c = c.masked_fill((place.abs() < 2**31).logical_not(), -100.0)
    if mode == NEAREST:
        taps = [(c.detach().round(), c * 0 + 1, c * 0)]
    elif mode == BILINEAR:
        low = c.detach().floor()
        t = c - low
        taps = [(low, 1 - t, -(t * 0 + 1)), (low + 1, t, t * 0 + 1)]
    else:
        low = c.detach().floor()
        t = c - low
        weights = (_far(t + 1), _near(t), _near(1 - t), _far(2 - t))
        slopes = (_far_slope(t + 1), _near_slope(t), -_near_slope(1 - t), -_far_slope(2 - t))
        places = [_moved(low + i, size, padding, align)[0] for i in (-1, 0, 1, 2)]
        taps = list(zip(places, weights, slopes, strict=True))
    result = []
    for p, weight, change in taps:
        inside = (p >= 0) & (p <= size - 1)
        result.append(
            (p.masked_fill(inside.logical_not(), 0).to(dtypes.int64), inside, weight, change * slope)
        )
    return result


def _taps(
    grid: Any, sizes: tuple[int, ...], options: tuple[int, int, bool]
) -> Iterator[tuple[Any, Any, Any]]:
    """Of each combination of taps: positions (N, places) in a plane, weights, and their derivatives per dimension."""
    values = grid.reshape(grid.shape[0], prod(grid.shape[1:-1]), len(sizes))
    axes = [_axis(values[..., len(sizes) - 1 - d], size, *options) for d, size in enumerate(sizes)]
    for combination in product(*axes):
        position, inside = combination[0][0] * 0, combination[0][1]
        for size, (p, there, _, _) in zip(sizes, combination, strict=True):
            position = position * size + p
            inside = inside & there
        outside = inside.logical_not()
        weights = [tap[2] for tap in combination]
        changes = [
            (tap[3] * prod(weights[:d] + weights[d + 1 :])).masked_fill(outside, 0)
            for d, tap in enumerate(combination)
        ]
        yield position, prod(weights).masked_fill(outside, 0), changes


def input_gradient(g: Any, input_shape: Any, grid: Any, options: tuple[int, int, bool]) -> Tensor:
    """Each sample's gradient, added to the elements that it was made of."""
    batch, channels, *sizes = input_shape
    rows = g.reshape(*g.shape[:2], prod(g.shape[2:]))
    total = g.new_zeros((batch, channels, prod(sizes)))
    for position, weight, _ in _taps(grid, tuple(sizes), options):
        index = position.unsqueeze(1).expand(*rows.shape)
        total = total.scatter_add(2, index, rows * weight.unsqueeze(1))
    return total.reshape(input_shape)


def grid_gradient(g: Any, input: Any, grid: Any, options: tuple[int, int, bool]) -> Tensor:
    """The sum over channels of each sample's gradient times the derivative of its weights."""
    sizes = tuple(input.shape[2:])
    rows, planes = g.reshape(*g.shape[:2], prod(g.shape[2:])), input.reshape(*input.shape[:2], prod(sizes))
    totals: list[Any] = [0.0] * len(sizes)
    for position, _, changes in _taps(grid, sizes, options):
        value = (planes.gather(2, position.unsqueeze(1).expand(*rows.shape)) * rows).sum(1)
        totals = [total + value * change for total, change in zip(totals, changes, strict=True)]
    # the grid's first value is for the last dimension
    return stack(totals[::-1], -1).reshape(grid.shape)
