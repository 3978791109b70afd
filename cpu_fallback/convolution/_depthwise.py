"""Depthwise convolution (one input channel a group): a multiply-add for every tap, on blocks kept in cache.

The weights are spread over contiguous slices once for all images.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from tritonnn.cpu_fallback.common.lanes import Lanes
from tritonnn.cpu_fallback.common.windows import Array, Window

# Elements of one operand of a multiply-add.
BLOCK = 1 << 16


def _blocks(channels: int, size: int) -> Iterator[slice]:
    step = max(1, BLOCK // max(1, size))
    for c in range(0, channels, step):
        yield slice(c, min(c + step, channels))


def _column(values: Array, ndim: int, dtype: np.dtype) -> Array:
    return values.astype(dtype, copy=False).reshape(-1, *(1,) * ndim)


def depthwise(
    out: Array, x: Array, weight: Array, bias: Array | None, window: Window, dtype: np.dtype
) -> None:
    """`correlate` with groups == channels; weight is (channels * multiplier, 1, *kernel)."""
    channels, sizes = x.shape[1], out.shape[2:]
    multiplier = len(weight) // channels
    for block in _blocks(channels, prod(sizes)):
        lanes = Lanes(block.stop - block.start, x.shape[2:], sizes, window, dtype)
        # taken once for all images: fresh memory costs more than a multiply-add
        total, scaled = np.empty(lanes.count, dtype), np.empty(lanes.count, dtype)
        # a view of the sums without what was computed over the ends of rows
        shaped = total.reshape(lanes.planes, *lanes.steps)[lanes.crop]
        factors = [lanes.spread(weight[m::multiplier][block]) for m in range(multiplier)]
        for image in range(len(x)):
            source = lanes.cut(x[image, block])
            for m in range(multiplier):
                for i, (_, phase, span) in enumerate(lanes.taps):
                    # the first tap starts the sum: no pass of zeros
                    np.multiply(source[phase, span], factors[m][i], out=scaled if i else total)
                    if i:
                        np.add(total, scaled, out=total)
                if bias is not None:
                    shaped += _column(bias[m::multiplier][block], len(sizes), dtype)
                np.copyto(out[image, m::multiplier][block], shaped, casting="unsafe")


def depthwise_weight(out: Array, grad: Array, x: Array, window: Window, dtype: np.dtype) -> None:
    """`correlate_weight` with groups == channels."""
    channels, sizes = x.shape[1], grad.shape[2:]
    multiplier = grad.shape[1] // channels
    total = np.zeros((channels, multiplier, *window.kernel), dtype)
    for block in _blocks(channels, prod(sizes)):
        lanes = Lanes(block.stop - block.start, x.shape[2:], sizes, window, dtype)
        rows = (lanes.planes, -1)
        for image in range(len(x)):
            source = lanes.cut(x[image, block])
            for m in range(multiplier):
                upstream = lanes.flatten(grad[image, m::multiplier][block]).reshape(rows)
                for tap, phase, span in lanes.taps:
                    at: tuple[slice | int, ...] = (block, m, *tap)
                    # a row of dot products, one for each plane; upstream is zero at the ends of rows
                    total[at] += np.vecdot(source[phase, span].reshape(rows), upstream)
    np.copyto(out, total.reshape(out.shape), casting="unsafe")


def depthwise_scatter(
    out: Array, grad: Array, weight: Array, bias: Array | None, window: Window, dtype: np.dtype
) -> None:
    """`scatter` with groups == output channels; weight is (channels * multiplier, 1, *kernel)."""
    channels, sizes = out.shape[1], grad.shape[2:]
    multiplier = len(weight) // channels
    for block in _blocks(channels, prod(sizes)):
        lanes = Lanes(block.stop - block.start, out.shape[2:], sizes, window, dtype)
        factors = [lanes.spread(weight[m::multiplier][block]) for m in range(multiplier)]
        scaled, planes = np.empty(lanes.count, dtype), np.empty((lanes.planes, *out.shape[2:]), dtype)
        for image in range(len(out)):
            lanes.buffer.fill(0)
            for m in range(multiplier):
                upstream = lanes.flatten(grad[image, m::multiplier][block])
                for i, (_, phase, span) in enumerate(lanes.taps):
                    np.multiply(upstream, factors[m][i], out=scaled)
                    # the transpose: what forward reads at this tap is what the gradient is added to
                    lane = lanes.buffer[phase, span]
                    np.add(lane, scaled, out=lane)
            lanes.paste(planes)
            if bias is not None:
                planes += _column(bias[block], len(sizes), dtype)
            np.copyto(out[image, block], planes, casting="unsafe")
