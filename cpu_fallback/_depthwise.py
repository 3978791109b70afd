"""Depthwise convolution (one input channel a group): a multiply-add for every tap, on blocks kept in cache.

Planes are laid out as `Lanes`: split by phase (position modulo stride), and in a phase all rows of all planes
one after another. Output `o` and tap `t` then meet at a constant distance, so a tap is one long contiguous
slice, whatever the stride and the dilation. The slices run over the ends of rows and planes; what they
compute there is dropped. The weights are spread over such slices too, once for all images: NumPy is fast
where every operand is contiguous.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from tritonnn.cpu_fallback._windows import Array, Ints, Padded, Window

# Elements of one operand of a multiply-add.
BLOCK = 1 << 16


class Lanes:
    """A block of planes (planes, *spatial) as lanes (phases, flat positions), and back."""

    def __init__(self, planes: int, in_sizes: Ints, sizes: Ints, window: Window, dtype: np.dtype) -> None:
        n, stride = len(sizes), window.stride
        self.planes, self.stride, self.dtype = planes, stride, dtype
        self.steps = tuple(-(-r // s) for r, s in zip(window.reach(sizes), stride))
        self.count = planes * prod(self.steps)
        whole = tuple(k * s for k, s in zip(self.steps, stride))
        self.region = Padded(in_sizes, window.start, whole, dtype, first=1)
        self.crop = (slice(None), *(slice(0, o) for o in sizes))
        self.split = (planes, *(v for pair in zip(self.steps, stride) for v in pair))
        self.order = (*range(2, 2 * n + 1, 2), 0, *range(1, 2 * n, 2))
        self.taps = list(self._taps(window))
        slack = max(span.start for _, _, span in self.taps)
        self.buffer: Array = np.zeros((prod(stride), self.count + slack), dtype)

    def _taps(self, window: Window) -> Iterator[tuple[Ints, int, slice]]:
        """Every tap, the phase it reads, and its slice of that phase."""
        for tap in product(*(range(k) for k in window.kernel)):
            phase = offset = 0
            for t, d, s, steps in zip(tap, window.dilation, window.stride, self.steps):
                phase = phase * s + t * d % s
                offset = offset * steps + t * d // s
            yield tap, phase, slice(offset, offset + self.count)

    def _view(self) -> Array:
        """The lanes in the order of the planes: (planes, steps, phase, steps, phase, ...)."""
        lanes = self.buffer[:, : self.count].reshape(*self.stride, self.planes, *self.steps)
        return lanes.transpose(np.argsort(self.order))

    def cut(self, planes: Array) -> Array:
        """Lanes of input planes."""
        np.copyto(self._view(), self.region(planes).reshape(self.split), casting="unsafe")
        return self.buffer

    def paste(self, out: Array) -> None:
        """Write the lanes to the planes they stand for, zero where there are none."""
        whole = self._view().reshape(self.planes, *self.region.reach)
        out.fill(0)
        np.copyto(out[self.region.source], whole[self.region.target], casting="unsafe")

    def flatten(self, outputs: Array) -> Array:
        """Output planes with rows and planes as long as in a lane, zeros between, flat."""
        padded = np.zeros((self.planes, *self.steps), self.dtype)
        padded[self.crop] = outputs
        return padded.reshape(-1)

    def spread(self, factors: Array) -> Array:
        """Weights (planes, *kernel) as (taps, flat positions)."""
        rows = np.ascontiguousarray(factors.reshape(self.planes, -1).T, self.dtype)
        return np.repeat(rows, prod(self.steps), axis=1)


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
        total, scaled = np.empty(lanes.count, dtype), np.empty(lanes.count, dtype)
        shaped = total.reshape(lanes.planes, *lanes.steps)[lanes.crop]
        factors = [lanes.spread(weight[m::multiplier][block]) for m in range(multiplier)]
        for image in range(len(x)):
            source = lanes.cut(x[image, block])
            for m in range(multiplier):
                for i, (_, phase, span) in enumerate(lanes.taps):
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
                    total[(block, m, *tap)] += np.vecdot(source[phase, span].reshape(rows), upstream)
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
                    lane = lanes.buffer[phase, span]
                    np.add(lane, scaled, out=lane)
            lanes.paste(planes)
            if bias is not None:
                planes += _column(bias[block], len(sizes), dtype)
            np.copyto(out[image, block], planes, casting="unsafe")
