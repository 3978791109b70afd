"""Batch normalisation: each channel over the batch and all positions.

The input is looked at as (N, C, S). Every plane (n, c) gets its own mean and sum of squares in one pass
over memory, and the planes of a channel are combined by the formula of Chan et al. (see normalization.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, Scratch, short_buffer

Array = np.ndarray[Any, Any]

# With fewer positions than this a plane is too short a row: positions join the batch instead.
_MIN_PLANE = 16


def native_batch_norm(
    out: Array,
    mean: Array,
    rstd: Array,
    input: Array,
    weight: Array | None,
    bias: Array | None,
    running_mean: Array | None,
    running_var: Array | None,
    training: bool,
    momentum: float,
    eps: float,
) -> None:
    """Normalise by the batch's statistics (training; moves the running ones) or by the running ones.

    `mean` and `rstd` (C) are what was used. The running variance is that of a sample: divided by count - 1.
    """
    x = _planes(input)
    work = Scratch(mean.dtype)
    with short_buffer(x.shape[-1], x.size):
        if training:
            count = x.shape[0] * x.shape[2]
            variance = _statistics(mean, x, work)
            if running_mean is not None:
                _move(running_mean, mean, momentum)
            if running_var is not None:
                _move(running_var, variance * (count / (count - 1) if count > 1 else np.nan), momentum)
        else:
            mean[...] = running_mean
            variance = running_var.astype(mean.dtype)  # type: ignore[union-attr]
        rstd[...] = 1 / np.sqrt(variance + eps)
        scale = rstd * weight if weight is not None else rstd
        shift = -mean * scale if bias is None else bias - mean * scale
        y = _planes(out)
        for index in _blocks(x.shape):
            _scale_shift(y[index], x[index], _column(scale, index), _column(shift, index), work)
    if not np.may_share_memory(y, out):
        out[...] = _unplanes(y, out.shape)


def native_batch_norm_backward(
    grad_input: Array,
    grad_weight: Array,
    grad_bias: Array,
    grad: Array,
    input: Array,
    weight: Array | None,
    mean: Array,
    rstd: Array,
    training: bool,
    output_mask: tuple[bool, bool, bool],
) -> None:
    """Gradients of batch normalisation; `output_mask` says which are wanted."""
    x, g = _planes(input), _planes(grad)
    work, more = Scratch(mean.dtype), Scratch(mean.dtype)
    with short_buffer(x.shape[-1], x.size):
        total, product = np.zeros_like(mean), np.zeros_like(mean)
        if training or output_mask[1] or output_mask[2]:
            _sums(total, product, x, g, mean, work, more)
        if output_mask[0]:
            y = _planes(grad_input)
            scale = rstd if weight is None else (rstd * weight).astype(rstd.dtype)
            # gx = scale * (g - mean(g) - (x - mean) rstd^2 mean(g (x - mean))); in eval only the first term
            count = max(x.shape[0] * x.shape[2], 1)
            slope = product * rstd**2 / count
            level = total / count - mean * slope
            for index in _blocks(x.shape):
                a = _column(scale, index)
                if training:
                    d = work(x[index].shape)
                    np.multiply(x[index], _column(slope, index), out=d, dtype=d.dtype)
                    np.add(d, _column(level, index), out=d)
                    np.subtract(g[index], d, out=d, dtype=d.dtype)
                    np.multiply(d, a, out=y[index], casting="same_kind")
                else:
                    np.multiply(g[index], a, out=y[index], casting="same_kind")
            if not np.may_share_memory(y, grad_input):
                grad_input[...] = _unplanes(y, grad_input.shape)
    if output_mask[1]:
        grad_weight[...] = product * rstd
    if output_mask[2]:
        grad_bias[...] = total


def _planes(x: Array) -> Array:
    """(N, C, *) as (N, C, S), or as (N * S, C, 1) where the planes are small. Writing needs a contiguous
    `x`.
    """
    shape = (*x.shape[:2], prod(x.shape[2:]))
    if 1 < shape[2] < _MIN_PLANE:
        return np.moveaxis(x.reshape(shape), 1, 2).reshape(-1, shape[1], 1)
    return x.reshape(shape)


def _unplanes(y: Array, shape: tuple[int, ...]) -> Array:
    """What `_planes` copied, in the shape it came from."""
    if (y.shape[0] == shape[0] and y.shape[2] != 1) or len(shape) == 2:
        return y.reshape(shape)
    return np.moveaxis(y.reshape(shape[0], -1, shape[1]), 1, 2).reshape(shape)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Blocks of whole planes."""
    batch, channels, plane = shape
    width = min(channels, max(1, BLOCK // max(plane, 1)))
    count = max(1, BLOCK // max(width * plane, 1)) if width == channels else 1
    for low in range(0, batch, count):
        for first in range(0, channels, width):
            yield slice(low, low + count), slice(first, first + width)


def _column(values: Array, index: tuple[slice, slice]) -> Array:
    return values[index[1], None]


def _scale_shift(y: Array, x: Array, scale: Array, shift: Array, work: Scratch) -> None:
    d = y if y.dtype == work.dtype else work(y.shape)
    np.multiply(x, scale, out=d, dtype=d.dtype)
    np.add(d, shift, out=d)
    if d is not y:
        y[...] = d


def _contiguous(x: Array, work: Scratch) -> Array:
    if x.dtype == work.dtype and x.flags.c_contiguous:
        return x
    d = work(x.shape)
    np.copyto(d, x)
    return d


def _statistics(mean: Array, x: Array, work: Scratch) -> Array:
    """Fill in the means of the channels and return their biased variances."""
    batch, channels, plane = x.shape
    if plane == 1:
        return _statistics_of_columns(mean, x[:, :, 0], work)
    means, squares = np.empty((batch, channels), mean.dtype), np.empty((batch, channels), mean.dtype)
    ones = np.ones(plane, mean.dtype)
    for index in _blocks(x.shape):
        xb = _contiguous(x[index], work)
        m = (xb.reshape(-1, plane) @ ones / plane).reshape(xb.shape[:2])
        d = work(xb.shape)
        np.subtract(xb, m[..., None], out=d)
        means[index] = m
        squares[index] = np.vecdot(d, d)
    return _combine(mean, means, squares, np.full(batch, plane))


def _statistics_of_columns(mean: Array, x: Array, work: Scratch) -> Array:
    """The same for (N, C): blocks of rows take the part of planes."""
    batch, channels = x.shape
    step = max(1, BLOCK // max(channels, 1))
    means, squares, counts = [], [], []
    for low in range(0, batch, step):
        xb = _contiguous(x[low : low + step], work)
        ones = np.ones(len(xb), mean.dtype)
        m = ones @ xb / len(xb)
        d = work(xb.shape)
        np.subtract(xb, m, out=d)
        np.multiply(d, d, out=d)
        means.append(m)
        squares.append(ones @ d)
        counts.append(len(xb))
    if not counts:
        mean[...] = np.nan
        return np.full_like(mean, np.nan)
    return _combine(mean, np.array(means), np.array(squares), np.array(counts))


def _combine(mean: Array, means: Array, squares: Array, counts: Array) -> Array:
    """Mean and variance of the union of parts with these means, sums of squares and counts (first axis:
    parts).
    """
    share = (counts / max(counts.sum(), 1)).astype(mean.dtype)
    mean[...] = share @ means
    d = means - mean
    return (squares.sum(axis=0) / max(counts.sum(), 1) + share @ (d * d)).astype(mean.dtype)


def _sums(
    total: Array, product: Array, x: Array, g: Array, mean: Array, work: Scratch, more: Scratch
) -> None:
    """Per channel the sums of g and of g * (x - mean)."""
    batch, channels, plane = x.shape
    if plane == 1:
        step = max(1, BLOCK // max(channels, 1))
        for low in range(0, batch, step):
            gb, d = _contiguous(g[low : low + step, :, 0], more), work(g[low : low + step, :, 0].shape)
            np.subtract(x[low : low + step, :, 0], mean, out=d, dtype=d.dtype)
            np.multiply(d, gb, out=d)
            ones = np.ones(len(gb), mean.dtype)
            total += ones @ gb
            product += ones @ d
        return
    totals, products = np.empty((batch, channels), mean.dtype), np.empty((batch, channels), mean.dtype)
    ones = np.ones(plane, mean.dtype)
    for index in _blocks(x.shape):
        gb, d = _contiguous(g[index], more), work(x[index].shape)
        np.subtract(x[index], _column(mean, index), out=d, dtype=d.dtype)
        totals[index] = (gb.reshape(-1, plane) @ ones).reshape(gb.shape[:2])
        products[index] = np.vecdot(gb, d)
    total[...], product[...] = totals.sum(axis=0), products.sum(axis=0)


def _move(running: Array, value: Array, momentum: float) -> None:
    running[...] = (1 - momentum) * running + momentum * value
