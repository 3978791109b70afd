"""What the pooling functions share: blocks of planes, separable reductions over windows, which tap won.

A pooling op works on the last dimensions of its input, a plane; all dimensions before count as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from math import prod

import numpy as np

from tritonnn.cpu_fallback.common.lanes import Lanes
from tritonnn.cpu_fallback.common.windows import Array, Ints, Window, tap_range

# Elements of a block: small enough for the second-level cache, large enough to hide the calls.
BLOCK = 1 << 17


class Planes:
    """An array as (planes, *spatial); `save` writes back where that needed a copy."""

    def __init__(self, array: Array, ndim: int) -> None:
        self.array, split = array, array.ndim - ndim
        self.planes = array.reshape(prod(array.shape[:split]), *array.shape[split:])

    def save(self) -> None:
        if not np.may_share_memory(self.planes, self.array):
            np.copyto(self.array, self.planes.reshape(self.array.shape))


def element_counts(extents: list[Array]) -> Array:
    """Number of elements of every window from its extents along each dimension, broadcastable against outputs."""
    return reduce(np.multiply, np.ix_(*extents))


def blocks(count: int, size: int) -> Iterator[slice]:
    """Slices over `count` planes of `size` elements."""
    step = max(1, BLOCK // max(1, size))
    for i in range(0, count, step):
        yield slice(i, min(i + step, count))


def slide(ufunc: np.ufunc, x: Array, sizes: Ints, window: Window, empty: float) -> Array:
    """Reduce the windows of planes (planes, *spatial), one dimension after the other; `empty` pads."""
    # of a k x k window 2 k steps instead of k^2, each over whole slices
    for axis, (size, k, b, s, d) in enumerate(zip(sizes, *window), start=1):
        if (size, k, b, s) != (x.shape[axis], 1, 0, 1):
            ranges = [tap_range(b + t * d, s, x.shape[axis], size) for t in range(k)]
            x = _slide_axis(ufunc, x, axis, size, ranges, empty)
    return x


def _slide_axis(
    ufunc: np.ufunc, x: Array, axis: int, size: int, ranges: list[tuple[slice, slice]], empty: float
) -> Array:
    def at(part: slice) -> tuple[slice, ...]:
        return (slice(None),) * axis + (part,)

    out: Array = np.empty((*x.shape[:axis], size, *x.shape[axis + 1 :]), x.dtype)
    full = [r for r in ranges if r[1] == slice(0, size)]
    if len(full) > 1:
        # two taps inside for every output begin: no pass that fills `out` before
        ufunc(x[at(full[0][0])], x[at(full[1][0])], out=out)
    elif full:
        np.copyto(out, x[at(full[0][0])])
    else:
        out.fill(empty)
    # taps that reach the padding join only the outputs that they are inside for
    for inside, outside in full[2:] + [r for r in ranges if r not in full]:
        target = out[at(outside)]
        ufunc(target, x[at(inside)], out=target)
    return out


def lowest(dtype: np.dtype) -> float:
    """What a maximum over nothing is: minus infinity, or the least integer."""
    return -np.inf if dtype.kind not in "iu" else int(np.iinfo(dtype).min)


def has_nan(x: Array) -> bool:
    """Whether any element is NaN."""
    return x.dtype.kind not in "iu" and bool(np.isnan(x).any())


class Matcher:
    """Finds which tap of each window of a block of planes holds the window's maximum.

    The first of equal maxima wins, and the last NaN, as in a scan that replaces the maximum by greater values
    and by NaN.
    """

    def __init__(self, planes: int, in_sizes: Ints, sizes: Ints, window: Window, dtype: np.dtype) -> None:
        self.geometry = (planes, in_sizes, sizes, window)
        # A border of NaN equals nothing; one of the least int64 is below any maximum.
        integer = dtype.kind in "iu"
        border, kind = (lowest(np.dtype(np.int64)), np.dtype(np.int64)) if integer else (np.nan, dtype)
        self.lanes = Lanes(*self.geometry, kind, border)
        self.open = np.empty(self.lanes.count, bool)
        self.match = np.empty(self.lanes.count, bool)

    def __call__(self, x: Array, result: Array, unordered: bool) -> Iterator[tuple[int, int, slice, Array]]:
        """Yield (tap number, phase, slice, mask of the windows whose maximum that tap holds).

        With `unordered` (NaN among the results) every tap comes twice.
        """
        taps = list(enumerate(self.lanes.taps))
        yield from self._scan(self.lanes.cut(x), self.lanes.flatten(result), taps, not unordered)
        if unordered:
            marks = Lanes(*self.geometry, np.dtype(np.int8))
            # 1 is what NaN is in the marks, 2 is nowhere; taps in reverse, so that the last NaN is met first
            wanted = marks.flatten(np.where(np.isnan(result), 1, 2).astype(np.int8))
            yield from self._scan(marks.cut(np.isnan(x)), wanted, taps[::-1], False)

    def _scan(
        self, source: Array, target: Array, taps: list, complete: bool
    ) -> Iterator[tuple[int, int, slice, Array]]:
        self.open.fill(True)
        for number, (_, phase, span) in taps[:-1] if complete else taps:
            np.equal(source[phase, span], target, out=self.match)
            np.logical_and(self.match, self.open, out=self.match)
            # a window that has found its maximum is closed to later taps
            np.logical_xor(self.open, self.match, out=self.open)
            yield number, phase, span, self.match
        if complete:  # every window has a maximum: the last tap holds what no other does
            number, (_, phase, span) = taps[-1]
            yield number, phase, span, self.open
