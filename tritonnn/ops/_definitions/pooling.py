"""Definitions in NumPy of pooling and resizing; `reference=` of their entries."""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn.table.types import IntOrInts

Array = Any


def _each(value: Any, n: int) -> tuple:
    """One number per dimension."""
    return (value,) * n if isinstance(value, (int, float)) else tuple(value) * (n if len(value) == 1 else 1)


# ---- maxima -----------------------------------------------------------------------------------------------


def _greatest(input: Array, n: int, places: list[list[list[int]]], return_indices: bool) -> Any:
    """The greatest element (of equal ones the first) of every window, given by its positions in each dimension."""
    lead, sizes = input.shape[: input.ndim - n], input.shape[input.ndim - n :]
    planes = input.reshape(-1, *sizes)
    shape = tuple(len(windows) for windows in places)
    values = np.empty((len(planes), *shape), input.dtype)
    indices = np.empty(values.shape, np.int64)
    for window in np.ndindex(*shape):
        inside = [windows[i] for windows, i in zip(places, window, strict=True)]
        cells = [np.ravel_multi_index(cell, sizes) for cell in itertools.product(*inside)]
        block = planes.reshape(len(planes), math.prod(sizes))[:, cells]
        values[(slice(None), *window)] = block.max(1)
        indices[(slice(None), *window)] = np.array(cells)[block.argmax(1)]
    pair = values.reshape(*lead, *shape), indices.reshape(*lead, *shape)
    return pair if return_indices else pair[0]


def _windows(options: tuple[int, ...], ceil_mode: bool) -> list[list[int]]:
    """The positions inside the input of every window; one may reach past the end, but not begin there."""
    size, kernel, stride, padding, dilation = options
    reach = dilation * (kernel - 1)
    starts = [
        start
        for start in range(-padding, size + padding, stride)
        if start + reach < size + padding
        or (ceil_mode and start < size and start - stride + reach < size + padding - 1)
    ]
    taps = [[start + dilation * k for k in range(kernel)] for start in starts]
    return [[i for i in window if 0 <= i < size] for window in taps]


def max_pool(n: int) -> Any:
    """The definition of max pooling over n dimensions."""

    def define(
        input: Array, kernel_size: IntOrInts, stride: IntOrInts, padding: IntOrInts, dilation: IntOrInts,
        ceil_mode: bool, return_indices: bool,
    ) -> Any:  # fmt: skip
        stride = kernel_size if stride is None else stride
        options = [_each(value, n) for value in (kernel_size, stride, padding, dilation)]
        sizes = input.shape[input.ndim - n :]
        places = [_windows(each, ceil_mode) for each in zip(sizes, *options, strict=True)]
        return _greatest(input, n, places, return_indices)

    return define


def adaptive_max_pool(n: int) -> Any:
    """The definition of adaptive max pooling over n dimensions."""

    def define(input: Array, output_size: IntOrInts, return_indices: bool) -> Any:
        sizes = input.shape[input.ndim - n :]
        counts = [size if o is None else o for size, o in zip(sizes, _each(output_size, n), strict=True)]
        places = [
            [list(range(i * size // count, -(-(i + 1) * size // count))) for i in range(count)]
            for size, count in zip(sizes, counts, strict=True)
        ]
        return _greatest(input, n, places, return_indices)

    return define


def fractional_max_pool(n: int) -> Any:
    """The definition of fractional max pooling over n dimensions, of given random numbers.

    Window i of a dimension begins at ⌊(i + u) α⌋ - ⌊u α⌋ with α = (size - kernel) / (count - 1), the last at the end.
    """

    def define(
        input: Array, kernel_size: IntOrInts, output_size: IntOrInts, output_ratio: Any,
        return_indices: bool, _random_samples: Array,
    ) -> Any:  # fmt: skip
        sizes, kernel = input.shape[input.ndim - n :], _each(kernel_size, n)
        if output_size is None:
            output_size = [int(size * r) for size, r in zip(sizes, _each(output_ratio, n), strict=True)]
        counts = _each(output_size, n)
        batch = input.reshape((1,) * (n + 2 - input.ndim) + input.shape)
        values, indices = (
            np.empty((*batch.shape[:2], *counts)),
            np.empty((*batch.shape[:2], *counts), np.int64),
        )
        for sample, channel in np.ndindex(*batch.shape[:2]):
            u = _random_samples[sample, channel]
            u = u if n == 3 else u[::-1]  # of two dimensions the last one's comes first
            places = [
                _steps(size, count, k, u[d])
                for d, (size, count, k) in enumerate(zip(sizes, counts, kernel, strict=True))
            ]
            at = (sample, channel)
            values[at], indices[at] = _greatest(batch[at], n, places, True)
        pair = tuple(x.reshape(*input.shape[: input.ndim - n], *counts) for x in (values, indices))
        return pair if return_indices else pair[0]

    return define


def _steps(size: int, count: int, kernel: int, u: float) -> list[list[int]]:
    alpha = (size - kernel) / (count - 1) if count > 1 else 0.0
    starts = [math.floor((i + u) * alpha) - math.floor(u * alpha) for i in range(count - 1)] + [size - kernel]
    return [list(range(start, start + kernel)) for start in starts]


def with_indices(define: Any) -> Any:
    """The definition that gives indices in any case; what is left out has the entry's default."""
    names = inspect.signature(define).parameters
    defaults = {"stride": None, "padding": 0, "dilation": 1, "ceil_mode": False, "output_size": None,
                "output_ratio": None, "_random_samples": None}  # fmt: skip

    def with_indices(*args: Any, **kwargs: Any) -> Any:
        given = {**defaults, **dict(zip(names, args, strict=False)), **kwargs, "return_indices": True}
        return define(**{name: given[name] for name in names})

    return with_indices


def max_unpool(n: int) -> Any:
    """The definition of the partial inverse of max pooling over n dimensions."""

    def define(
        input: Array, indices: Array, kernel_size: IntOrInts, stride: IntOrInts, padding: IntOrInts,
        output_size: Sequence[int] | None,
    ) -> Any:  # fmt: skip
        kernel, pad = _each(kernel_size, n), _each(padding, n)
        step = kernel if stride is None else _each(stride, n)
        lead, sizes = input.shape[: input.ndim - n], input.shape[input.ndim - n :]
        size = [(i - 1) * s + k - 2 * p for i, s, k, p in zip(sizes, step, kernel, pad, strict=True)]
        size = size if output_size is None else list(output_size)[-n:]
        out = np.zeros((*lead, math.prod(size)), input.dtype)
        for place in np.ndindex(*input.shape):
            out[(*place[: len(lead)], indices[place])] = input[place]
        return out.reshape(*lead, *size)

    return define


# ---- resizing ---------------------------------------------------------------------------------------------


def _triangle(d: float) -> float:
    return max(0.0, 1 - abs(d))


def _cubic(a: float) -> Any:
    """Keys' kernel (1981), in its usual expanded form."""

    def kernel(d: float) -> float:
        d = abs(d)
        if d <= 1:
            return (a + 2) * d**3 - (a + 3) * d**2 + 1
        return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0

    return kernel


def _lanczos(d: float) -> float:
    """Duchon (1979): sin(x)/x in a window of its own kind, with three lobes."""
    if d == 0 or abs(d) >= 3:
        return float(d == 0)
    return 3 * math.sin(math.pi * d) * math.sin(math.pi * d / 3) / (math.pi * d) ** 2


def _weights(size: int, out: int, scale: float | None, mode: str, align: bool, antialias: bool) -> Array:
    """(out, size): how much of each input element is in each output element of a line."""
    matrix = np.zeros((out, size))
    ratio = size / out if scale is None else 1 / scale
    if mode == "area":
        for i in range(out):
            bin = range(i * size // out, -(-(i + 1) * size // out))
            matrix[i, bin] = 1 / len(bin)
        return matrix
    if mode.startswith("nearest"):
        for i in range(out):
            matrix[i, min(int((i + 0.5 * (mode == "nearest-exact")) * np.float32(ratio)), size - 1)] = 1
        return matrix
    kernels = {"bicubic": (_cubic(-0.5 if antialias else -0.75), 2), "lanczos": (_lanczos, 3)}
    kernel, reach = kernels.get(mode, (_triangle, 1))
    if align:
        ratio = (size - 1) / (out - 1) if out > 1 else 0.0
    wide = max(ratio, 1.0) if antialias else 1.0
    for i in range(out):
        centre = i * ratio if align else (i + 0.5) * ratio - 0.5
        for j in range(math.floor(centre - reach * wide), math.ceil(centre + reach * wide) + 1):
            weight = kernel((j - centre) / wide)
            if antialias:  # what lies outside takes no part
                matrix[i, j % size] += weight if 0 <= j < size else 0
            else:  # what lies outside is as the border
                matrix[i, min(max(j, 0), size - 1)] += weight
    return matrix / matrix.sum(1, keepdims=True)


def interpolate(
    input: Array, size: Any, scale_factor: Any, mode: str, align_corners: bool | None,
    recompute_scale_factor: bool | None, antialias: bool,
) -> Array:  # fmt: skip
    """A product of one matrix per dimension."""
    n = input.ndim - 2
    scales = (None,) * n if scale_factor is None else _each(scale_factor, n)
    sizes = (
        _each(size, n)
        if size is not None
        else [int(s * f) for s, f in zip(input.shape[2:], scales, strict=True)]
    )
    for d, (out, scale) in enumerate(zip(sizes, scales, strict=True)):
        factor = None if recompute_scale_factor else scale
        extent, images = input.shape[2 + d], mode == "nearest" and n == 2
        if out == extent and (antialias or images or mode.endswith("linear")):
            continue  # a product rounded down to the same extent is a copy
        if out == 2 * extent and images:
            factor = 2.0
        matrix = _weights(input.shape[2 + d], out, factor, mode, bool(align_corners), antialias)
        input = np.moveaxis(np.tensordot(input, matrix, ((2 + d,), (1,))), -1, 2 + d)
    return input


def upsample(input: Array, size: Any, scale_factor: Any, mode: str, align_corners: bool | None) -> Array:
    """As `interpolate`."""
    return interpolate(input, size, scale_factor, mode, align_corners, None, False)


def upsample_nearest(input: Array, size: Any, scale_factor: Any) -> Array:
    """As `interpolate`."""
    return upsample(input, size, scale_factor, "nearest", None)


def upsample_bilinear(input: Array, size: Any, scale_factor: Any) -> Array:
    """As `interpolate`, between the corners."""
    return upsample(input, size, scale_factor, "bilinear", True)
