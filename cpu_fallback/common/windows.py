"""Sliding windows over strided arrays: the geometry that convolution and pooling share."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

Array = np.ndarray[Any, Any]
Ints = tuple[int, ...]
Slices = tuple[Any, ...]


class Window(NamedTuple):
    """A window per spatial dimension: output `o` and tap `t` meet at `start + o * stride + t * dilation`.

    `start` is minus the padding.
    """

    kernel: Ints
    start: Ints
    stride: Ints
    dilation: Ints

    @classmethod
    def of(cls, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints | None = None) -> Window:
        """From the arguments of an op."""
        return cls(kernel, tuple(-p for p in padding), stride, dilation or (1,) * len(kernel))

    def reach(self, sizes: Ints) -> Ints:
        """How many input positions the windows of `sizes` outputs extend over."""
        return tuple((o - 1) * s + (k - 1) * d + 1 for o, k, _, s, d in zip(sizes, *self))

    def flat(self) -> Window:
        """The same window over 2-d data whose first dimension has size 1: 1-d becomes 2-d."""
        return Window((1, *self.kernel), (0, *self.start), (1, *self.stride), (1, *self.dilation))


def tap_range(offset: int, stride: int, in_size: int, out_size: int) -> tuple[slice, slice]:
    """Slices (input, output) of one dimension where `offset + o * stride` lies inside the input."""
    # -offset / stride rounded up: the first output whose position is not before the input
    first = max(0, -(offset // stride))
    # floor division: for negative offsets as well
    last = min(out_size, (in_size - 1 - offset) // stride + 1)
    if last <= first:
        return slice(0, 0), slice(0, 0)
    low = offset + first * stride
    return slice(low, low + (last - first - 1) * stride + 1, stride), slice(first, last)


def taps(window: Window, in_sizes: Ints, sizes: Ints) -> Iterator[tuple[Ints, Slices, Slices]]:
    """Every tap in row-major order, with the slices of the trailing input and output dimensions it joins."""
    ranges = [
        [tap_range(b + t * d, s, i, o) for t in range(k)]
        for i, o, k, b, s, d in zip(in_sizes, sizes, *window)
    ]
    for tap in product(*(range(k) for k in window.kernel)):
        pairs = [ranges[axis][t] for axis, t in enumerate(tap)]
        yield tap, (..., *(p[0] for p in pairs)), (..., *(p[1] for p in pairs))


class Padded:
    """Input blocks restricted to the region the windows reach, surrounded by zeros where that is outside.

    The zero border is written once: every block of the same size reuses it. `first` is the axis of the first
    spatial dimension; with `pack` a block is copied even where it needs no border.
    """

    def __init__(
        self, in_sizes: Ints, start: Ints, reach: Ints, dtype: np.dtype, first: int = 2, pack: bool = False
    ) -> None:
        self.dtype, self.reach, self.first = dtype, reach, first
        # the part of the input that windows reach, empty where they lie in the padding altogether
        bounds = [(max(0, b), min(i, b + r)) for i, b, r in zip(in_sizes, start, reach)]
        bounds = [(a, max(a, b)) for a, b in bounds]
        every = (slice(None),) * first
        self.source = (*every, *(slice(a, b) for a, b in bounds))
        self.target = (*every, *(slice(a - s, b - s) for (a, b), s in zip(bounds, start)))
        # without a border a view of the input serves
        self.copied = pack or any(b < 0 or b + r > i for i, b, r in zip(in_sizes, start, reach))
        self.buffer: Array | None = None

    def __call__(self, block: Array) -> Array:
        """The region of `block`: a view of it where nothing has to be copied."""
        if not self.copied:
            return block[self.source]
        last = self.first + len(self.reach)
        shape = (*block.shape[: self.first], *self.reach, *block.shape[last:])
        if self.buffer is None or self.buffer.shape != shape:
            self.buffer = np.zeros(shape, self.dtype)
        # the border around the target was zero from the start and nobody writes there
        np.copyto(self.buffer[self.target], block[self.source], casting="unsafe")
        return self.buffer


def patches(x: Array, first: int, sizes: Ints, window: Window) -> Array:
    """View of `x` (with its spatial axes at `first`) as (*before, *kernel, *sizes, *after), no data moved.

    Tap 0 of output 0 is position 0 of every spatial axis, whatever the window's start.
    """
    last = first + len(sizes)
    spatial = x.strides[first:last]
    steps = (
        *(d * e for d, e in zip(window.dilation, spatial)),
        *(s * e for s, e in zip(window.stride, spatial)),
    )
    shape = (*x.shape[:first], *window.kernel, *sizes, *x.shape[last:])
    # read-only, because elements of overlapping windows share memory
    return as_strided(x, shape, (*x.strides[:first], *steps, *x.strides[last:]), writeable=False)


def compute_dtype(dtype: np.dtype) -> np.dtype:
    """The type sums are taken in: float32 for the 16-bit floating-point types, else the type itself."""
    return np.dtype(np.float32) if dtype.itemsize == 2 and dtype.kind not in "iu" else dtype
