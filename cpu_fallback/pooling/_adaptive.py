"""Pooling over bins that depend on the sizes (adaptive) or on random numbers (fractional)."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from tritonnn.cpu_fallback.common.windows import Array, Ints, compute_dtype
from tritonnn.cpu_fallback.pooling._planes import Planes, blocks, element_counts, has_nan


def _bins(in_size: int, out_size: int) -> list[tuple[int, int]]:
    """Bin i of a dimension holds the positions from floor(i * in / out) to ceil((i + 1) * in / out)."""
    return [(i * in_size // out_size, -(-(i + 1) * in_size // out_size)) for i in range(out_size)]


def _bin_sums(x: Array, axis: int, out_size: int) -> Array:
    """Sums over the bins of one axis of planes (planes, *spatial)."""
    before, size, after = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
    if out_size and size % out_size == 0:
        # equal bins are an axis of their own, summed by one call
        return x.reshape(*before, out_size, size // out_size, *after).sum(axis=axis + 1)
    out: Array = np.empty((*before, out_size, *after), x.dtype)
    lead = (slice(None),) * axis
    for i, (low, high) in enumerate(_bins(size, out_size)):
        at: tuple[slice | int, ...] = (*lead, i)
        np.add.reduce(x[(*lead, slice(low, high))], axis=axis, out=out[at])
    return out


def _bin_counts(in_sizes: Ints, sizes: Ints) -> Array:
    """Numbers of positions in the bins of a plane, broadcastable against its outputs."""
    return element_counts(
        [np.array([high - low for low, high in _bins(*each)]) for each in zip(in_sizes, sizes)]
    )


def adaptive_avg_pool(out: Array, input: Array, output_size: Ints) -> None:
    """Mean of every bin."""
    n, dtype = len(output_size), compute_dtype(input.dtype)
    in_sizes = input.shape[-n:]
    counts = _bin_counts(in_sizes, output_size).astype(dtype)
    source, target = Planes(input, n), Planes(out, n)
    for block in blocks(len(source.planes), prod(in_sizes)):
        x = source.planes[block].astype(dtype, copy=False)
        if prod(output_size) == 1:
            x = x.reshape(len(x), -1).sum(axis=1).reshape(-1, *output_size)
        else:
            # a bin is a box, so that sums go one dimension after the other
            for axis, size in enumerate(output_size, start=1):
                x = _bin_sums(x, axis, size)
        target.planes[block] = x / counts
    target.save()


def adaptive_avg_pool_backward(out: Array, grad: Array, input_size: Ints) -> None:
    """Gradient of `adaptive_avg_pool`: each bin spreads its share evenly."""
    n, dtype = len(input_size), compute_dtype(out.dtype)
    sizes = grad.shape[-n:]
    counts = _bin_counts(input_size, sizes).astype(dtype)
    upstream, target = Planes(grad, n), Planes(out, n)
    for block in blocks(len(target.planes), prod(input_size)):
        share = upstream.planes[block].astype(dtype, copy=False) / counts
        for axis in range(n, 0, -1):
            share = _bin_spread(share, axis, input_size[axis - 1])
        target.planes[block] = share
    target.save()


def _bin_spread(share: Array, axis: int, in_size: int) -> Array:
    """Add every value along `axis` to all positions of its bin."""
    before, size, after = share.shape[:axis], share.shape[axis], share.shape[axis + 1 :]
    if size and in_size % size == 0:
        return np.repeat(share, in_size // size, axis=axis)
    total: Array = np.zeros((*before, in_size, *after), share.dtype)
    lead = (slice(None),) * axis
    for i, (low, high) in enumerate(_bins(in_size, size)):
        total[(*lead, slice(low, high))] += share[(*lead, slice(i, i + 1))]
    return total


def adaptive_max_pool(values: Array, indices: Array, input: Array, output_size: Ints) -> None:
    """Maximum of every bin, and its flat position in its plane."""
    n, in_sizes = len(output_size), input.shape[-len(output_size) :]
    source, best, place = (Planes(a, n) for a in (input, values, indices))
    positions = np.arange(prod(in_sizes)).reshape(in_sizes)
    cells = list(product(*(list(enumerate(_bins(i, o))) for i, o in zip(in_sizes, output_size))))
    for block in blocks(len(source.planes), prod(in_sizes)):
        x = source.planes[block].astype(compute_dtype(input.dtype), copy=False)
        unordered = has_nan(x)
        for cell in cells:
            # one cell of all planes at once: there are few cells, and many planes
            at: tuple[slice | int, ...] = (slice(None), *(i for i, _ in cell))
            inside = tuple(slice(low, high) for _, (low, high) in cell)
            candidates = x[(slice(None), *inside)].reshape(len(x), -1)
            winner = _winner(candidates, unordered)
            best.planes[block][at] = np.take_along_axis(candidates, winner[:, None], 1)[:, 0]
            place.planes[block][at] = positions[inside].reshape(-1)[winner]
    best.save()
    place.save()


def _winner(candidates: Array, unordered: bool) -> Array:
    """Column of the maximum of every row: the first of equals, but the last NaN."""
    winner = candidates.argmax(axis=1)
    if unordered:
        nan = np.isnan(candidates)
        last = candidates.shape[1] - 1 - nan[:, ::-1].argmax(axis=1)
        winner = np.where(nan.any(axis=1), last, winner)
    return winner


def fractional_max_pool(
    values: Array, indices: Array, input: Array, kernel_size: Ints, output_size: Ints, samples: Array
) -> None:
    """Maximum of windows whose starts are spread at random: `samples` (N, C, n) is uniform in [0, 1)."""
    n, in_sizes = len(kernel_size), input.shape[-len(kernel_size) :]
    source, best, place = (Planes(a, n) for a in (input, values, indices))
    draws = samples.reshape(-1, n).astype(compute_dtype(samples.dtype), copy=False)
    corner = tuple(slice(0, k) for k in kernel_size)
    # flat distances of a window's positions from its first one
    steps = np.arange(prod(in_sizes)).reshape(in_sizes)[corner].reshape(-1)
    for block in blocks(len(source.planes), prod(in_sizes)):
        x = source.planes[block].astype(compute_dtype(input.dtype), copy=False)
        flat = x.reshape(len(x), -1)
        origin = np.zeros((len(x),) + (1,) * n, np.int64)
        for axis, (i, k, o) in enumerate(zip(in_sizes, kernel_size, output_size)):
            # In 2-d the first sample places the windows of the last dimension, in 3-d those of the first.
            starts = _starts(draws[block, axis if n == 3 else n - 1 - axis], i, k, o)
            shape = (len(x), *(1,) * axis, o, *(1,) * (n - 1 - axis))
            origin = origin + starts.reshape(shape) * prod(in_sizes[axis + 1 :])
        origin = origin.reshape(len(x), -1)
        where = origin[:, :, None] + steps
        candidates = np.take_along_axis(flat, where.reshape(len(x), -1), 1).reshape(-1, len(steps))
        winner = _winner(candidates, has_nan(x))[:, None]
        shape = best.planes[block].shape
        best.planes[block] = np.take_along_axis(candidates, winner, 1).reshape(shape)
        place.planes[block] = np.take_along_axis(where.reshape(-1, len(steps)), winner, 1).reshape(shape)
    best.save()
    place.save()


def _starts(draws: Array, in_size: int, kernel: int, out_size: int) -> Array:
    """First positions of the windows of one dimension, (planes, out_size)."""
    starts = np.full((len(draws), out_size), in_size - kernel, np.int64)
    if out_size > 1:
        step = draws.dtype.type((in_size - kernel) / (out_size - 1))
        # the last window, which ends with the input, keeps the start that it has
        moved = (np.arange(out_size - 1, dtype=draws.dtype) + draws[:, None]) * step
        starts[:, :-1] = moved.astype(np.int64) - (draws * step).astype(np.int64)[:, None]
    return starts
