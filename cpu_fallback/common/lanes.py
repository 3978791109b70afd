"""Planes laid out so that every tap of a window is one contiguous slice: for depthwise kernels and pooling.

Planes are split by phase (position modulo stride), and in a phase all rows of all planes follow one another.
Output `o` and tap `t` then meet at a constant distance, whatever the stride and the dilation. The slices run
over the ends of rows and planes; what is computed there must be dropped. NumPy is fast where operands are
contiguous: a row of 32 values costs three times its arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from tritonnn.cpu_fallback.common.windows import Array, Ints, Window, taps


class Lanes:
    """A block of planes (planes, *spatial) as lanes (phases, flat positions), and back.

    `border` is what positions outside the planes hold; `count` is the length of a slice.
    """

    def __init__(
        self, planes: int, in_sizes: Ints, sizes: Ints, window: Window, dtype: np.dtype, border: float = 0
    ) -> None:
        self.planes, self.dtype = planes, dtype
        self.steps = tuple(-(-r // s) for r, s in zip(window.reach(sizes), window.stride))
        self.count = planes * prod(self.steps)
        self.crop = (slice(None), *(slice(0, o) for o in sizes))
        self.taps = list(self._taps(window))
        # the last tap's slice runs over the end of the last plane
        slack = max(span.start for _, _, span in self.taps)
        self.buffer: Array = np.full((prod(window.stride), self.count + slack), border, dtype)
        # A phase is to the lanes what a tap is to a window: one value every `stride` positions.
        phases = Window(window.stride, window.start, window.stride, (1,) * len(sizes))
        views = self.buffer[:, : self.count].reshape(-1, planes, *self.steps)
        places = taps(phases, in_sizes, self.steps)
        self.phases = [(inside, view[outside]) for view, (_, inside, outside) in zip(views, places)]
        ends = (b + n * s for n, b, s in zip(self.steps, window.start, window.stride))
        # positions that no window reaches get no value by pasting
        self.partial = any(b > 0 or e < i for b, e, i in zip(window.start, ends, in_sizes))

    def _taps(self, window: Window) -> Iterator[tuple[Ints, int, slice]]:
        """Every tap, the phase it reads, and its slice of that phase."""
        for tap in product(*(range(k) for k in window.kernel)):
            phase = offset = 0
            for t, d, s, steps in zip(tap, window.dilation, window.stride, self.steps):
                phase = phase * s + t * d % s
                offset = offset * steps + t * d // s
            yield tap, phase, slice(offset, offset + self.count)

    def cut(self, planes: Array) -> Array:
        """Lanes of input planes."""
        for inside, lane in self.phases:
            np.copyto(lane, planes[inside], casting="unsafe")
        return self.buffer

    def paste(self, out: Array) -> None:
        """Write the lanes to the planes they stand for, zero where there are none."""
        if self.partial:
            out.fill(0)
        for inside, lane in self.phases:
            np.copyto(out[inside], lane, casting="unsafe")

    def flatten(self, outputs: Array) -> Array:
        """Output planes with rows and planes as long as in a lane, zeros between, flat."""
        if outputs.shape[1:] == self.steps and outputs.dtype == self.dtype and outputs.flags.c_contiguous:
            return outputs.reshape(-1)
        padded = np.zeros((self.planes, *self.steps), self.dtype)
        padded[self.crop] = outputs
        return padded.reshape(-1)

    def spread(self, factors: Array) -> Array:
        """Weights (planes, *kernel) as (taps, flat positions)."""
        # spread once, multiplied for every image: a broadcast factor would cost more each time
        rows = np.ascontiguousarray(factors.reshape(self.planes, -1).T, self.dtype)
        return np.repeat(rows, prod(self.steps), axis=1)
