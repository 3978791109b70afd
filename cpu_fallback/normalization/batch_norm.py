"""Batch normalisation: each channel over the batch and all positions.

The input is looked at as (N, C, S). Every plane (n, c) gets its own mean and sum of squares in one pass
over memory, and the planes of a channel are combined by the formula of Chan et al. (see normalization.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, Scratch, row_dots, row_products, short_buffer

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
            var = _statistics(mean, x, work)
            if running_mean is not None:
                _update_running(running_mean, mean, momentum)
            if running_var is not None:
                # as in PyTorch: running variances are unbiased, the one that normalises is not
                _update_running(running_var, var * (count / (count - 1) if count > 1 else np.nan), momentum)
        else:
            mean[...] = running_mean
            var = running_var.astype(mean.dtype)  # type: ignore[union-attr]
        rstd[...] = 1 / np.sqrt(var + eps)
        scale = rstd * weight if weight is not None else rstd
        # one product and one sum for an element; (x - mean) would be a pass more
        shift = -mean * scale if bias is None else bias - mean * scale
        y = _planes(out)
        for index in _blocks(x.shape):
            _scale_shift(y[index], x[index], _column(scale, index), _column(shift, index), work)
    # where the planes are short `_planes` gave a copy
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
    x, dy = _planes(input), _planes(grad)
    work, more = Scratch(mean.dtype), Scratch(mean.dtype)
    with short_buffer(x.shape[-1], x.size):
        sum_dy, sum_dy_x = np.zeros_like(mean), np.zeros_like(mean)
        if training or output_mask[1] or output_mask[2]:
            _sums(sum_dy, sum_dy_x, x, dy, mean, work, more)
        if output_mask[0]:
            dx = _planes(grad_input)
            scale = rstd if weight is None else (rstd * weight).astype(rstd.dtype)
            # dx = scale * (dy - mean(dy) - (x - mean) rstd^2 mean(dy (x - mean))); in eval only the first term
            count = max(x.shape[0] * x.shape[2], 1)
            c1 = sum_dy_x * rstd**2 / count
            # (x - mean) c1 + mean(dy) as x c1 + c2: a product and a sum for each element
            c2 = sum_dy / count - mean * c1
            for index in _blocks(x.shape):
                a = _column(scale, index)
                if training:
                    d = work(x[index].shape)
                    np.multiply(x[index], _column(c1, index), out=d, dtype=d.dtype)
                    np.add(d, _column(c2, index), out=d)
                    np.subtract(dy[index], d, out=d, dtype=d.dtype)
                    np.multiply(d, a, out=dx[index], casting="same_kind")
                else:
                    np.multiply(dy[index], a, out=dx[index], casting="same_kind")
            if not np.may_share_memory(dx, grad_input):
                grad_input[...] = _unplanes(dx, grad_input.shape)
    if output_mask[1]:
        grad_weight[...] = sum_dy_x * rstd
    if output_mask[2]:
        grad_bias[...] = sum_dy


def _planes(x: Array) -> Array:
    """(N, C, *) as (N, C, S), or as (N * S, C, 1) where the planes are small. Writing needs a contiguous
    `x`.
    """
    shape = (*x.shape[:2], prod(x.shape[2:]))
    if 1 < shape[2] < _MIN_PLANE:
        return np.moveaxis(x.reshape(shape), 1, 2).reshape(shape[0] * shape[2], shape[1], 1)
    return x.reshape(shape)


def _unplanes(y: Array, shape: tuple[int, ...]) -> Array:
    """What `_planes` copied, in the shape it came from."""
    if (y.shape[0] == shape[0] and y.shape[2] != 1) or len(shape) == 2:
        return y.reshape(shape)
    return np.moveaxis(y.reshape(shape[0], prod(shape[2:]), shape[1]), 1, 2).reshape(shape)


def _blocks(shape: tuple[int, ...]) -> Iterator[tuple[slice, slice]]:
    """Blocks of whole planes."""
    batch, channels, plane = shape
    width = max(1, min(channels, BLOCK // max(plane, 1)))
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
    means, m2 = np.empty((batch, channels), mean.dtype), np.empty((batch, channels), mean.dtype)
    # sums of rows as products with ones: the fastest that NumPy has
    ones = np.ones(plane, mean.dtype)
    for index in _blocks(x.shape):
        x_block = _contiguous(x[index], work)
        block_mean = (row_products(x_block.reshape(-1, plane), ones) / plane).reshape(x_block.shape[:2])
        d = work(x_block.shape)
        # a second pass, over a block in the cache, since mean(x^2) - mean^2 would cancel
        np.subtract(x_block, block_mean[..., None], out=d)
        means[index] = block_mean
        m2[index] = row_dots(d, d)
    return _combine(mean, means, m2, np.full(batch, plane))


def _statistics_of_columns(mean: Array, x: Array, work: Scratch) -> Array:
    """The same for (N, C): blocks of rows take the part of planes."""
    batch, channels = x.shape
    step = max(1, BLOCK // max(channels, 1))
    means, m2, counts = [], [], []
    for low in range(0, batch, step):
        x_block = _contiguous(x[low : low + step], work)
        ones = np.ones(len(x_block), mean.dtype)
        block_mean = ones @ x_block / len(x_block)
        d = work(x_block.shape)
        np.subtract(x_block, block_mean, out=d)
        np.multiply(d, d, out=d)
        means.append(block_mean)
        m2.append(ones @ d)
        counts.append(len(x_block))
    if not counts:
        mean[...] = np.nan
        return np.full_like(mean, np.nan)
    return _combine(mean, np.array(means), np.array(m2), np.array(counts))


def _combine(mean: Array, means: Array, m2: Array, counts: Array) -> Array:
    """Mean and variance of the union of parts with these means, sums of squares and counts (first axis:
    parts).
    """
    # parts weigh by their counts (Chan et al.): all are of one size but the last
    weights = (counts / max(counts.sum(), 1)).astype(mean.dtype)
    mean[...] = weights @ means
    d = means - mean
    return (m2.sum(axis=0) / max(counts.sum(), 1) + weights @ (d * d)).astype(mean.dtype)


def _sums(
    sum_dy: Array, sum_dy_x: Array, x: Array, dy: Array, mean: Array, work: Scratch, more: Scratch
) -> None:
    """Per channel the sums of dy and of dy * (x - mean), added to zeros."""
    if not x.size:
        return
    batch, channels, plane = x.shape
    if plane == 1:
        step = max(1, BLOCK // max(channels, 1))
        for low in range(0, batch, step):
            dy_block, d = (
                _contiguous(dy[low : low + step, :, 0], more),
                work(dy[low : low + step, :, 0].shape),
            )
            np.subtract(x[low : low + step, :, 0], mean, out=d, dtype=d.dtype)
            np.multiply(d, dy_block, out=d)
            ones = np.ones(len(dy_block), mean.dtype)
            sum_dy += ones @ dy_block
            sum_dy_x += ones @ d
        return
    totals, products = np.empty((batch, channels), mean.dtype), np.empty((batch, channels), mean.dtype)
    ones = np.ones(plane, mean.dtype)
    for index in _blocks(x.shape):
        dy_block, d = _contiguous(dy[index], more), work(x[index].shape)
        np.subtract(x[index], _column(mean, index), out=d, dtype=d.dtype)
        totals[index] = row_products(dy_block.reshape(-1, plane), ones).reshape(dy_block.shape[:2])
        products[index] = row_dots(dy_block, d)
    # plane by plane first: rounding grows with the planes, not with all elements
    sum_dy[...], sum_dy_x[...] = totals.sum(axis=0), products.sum(axis=0)


def _update_running(running: Array, value: Array, momentum: float) -> None:
    running[...] = (1 - momentum) * running + momentum * value
