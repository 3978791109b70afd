"""3x3 convolution with fewer multiplications: 16 products a 2x2 tile of outputs instead of 36.

Winograd's F(2x2, 3x3). Its transforms only add and halve: errors in float32 are those of the direct sum. They do
mix the inputs of a tile, so an image that holds an infinity or NaN is left to the direct sum, which keeps what
they touch apart. Everything runs over `Lanes`, in which neighbours of a tile lie at constant distances.
Source: Lavin and Gray, "Fast algorithms for convolutional neural networks", CVPR 2016.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tritonnn.cpu_fallback.common.lanes import Lanes
from tritonnn.cpu_fallback.common.windows import Array, Ints, Window

# Fewer channels, or fewer for small images, do not repay the transforms (measured: 0.75 of the direct time at 128
# channels of 28x28, 0.93 at 64 of 32x32), nor do fewer tiles that of the weights; more bytes of transformed input
# than the limit leave the cache.
CHANNELS, CHANNELS_BY_SIZE, SIZE, TILES, TRANSFORMED_BYTES = 48, 1536, 12, 512, 1 << 22


def suits(x: Array, sizes: Ints, weight: Array, window: Window, groups: int, dtype: np.dtype) -> bool:
    """Whether this way is faster."""
    if dtype != np.float32 or x.dtype != dtype or window.kernel != (3, 3):
        return False
    if window.stride != (1, 1) or window.dilation != (1, 1):
        return False
    high, wide = (-(-size // 2) for size in sizes)
    channels = min(weight.shape[1], len(weight) // groups)
    if channels < CHANNELS or min(sizes) < SIZE or channels * min(sizes) < CHANNELS_BY_SIZE:
        return False
    most = max(weight.shape[1], len(weight) // groups) * (high + 1) * (wide + 1) * 16 * dtype.itemsize
    return len(x) * high * wide >= TILES and most <= TRANSFORMED_BYTES


def winograd(
    out: Array,
    x: Array,
    weight: Array,
    bias: Array | None,
    window: Window,
    groups: int,
    direct: Callable[[int], None],
) -> None:
    """`correlate` for float32 and a 3x3 kernel; `direct(n)` computes image n, bias included, in the plain way."""
    depth, channels = weight.shape[1], len(weight) // groups
    tiles = tuple(-(-size // 2) for size in out.shape[2:])
    lanes = Lanes(depth, x.shape[2:], tiles, Window((4, 4), window.start, (2, 2), (1, 1)), x.dtype)
    work = _Work(lanes, channels)
    offsets = None if bias is None else bias.reshape(groups, channels, 1, 1)
    finite = [True] * len(x)
    for group in range(groups):
        before = slice(group * depth, group * depth + depth)
        after = slice(group * channels, group * channels + channels)
        factors = _weights(weight[after])
        if not np.isfinite(factors.sum()):
            finite = [False] * len(x)
        for n in range(len(x)):
            source = lanes.cut(x[n, before])
            flat = source.reshape(-1)
            # A sum of squares shows every infinity and NaN; where it overflows, the direct sum is safe too.
            finite[n] = finite[n] and bool(np.isfinite(np.dot(flat, flat)))
            if finite[n]:
                work.run(factors, out[n, after], None if offsets is None else offsets[group])
    for n in range(len(x)):
        if not finite[n]:
            direct(n)


def _weights(weight: Array) -> Array:
    """G g Gᵀ of every kernel, as 16 matrices (channels out, channels in)."""
    g = np.ascontiguousarray(weight.transpose(2, 3, 0, 1))
    for axis in (0, 1):
        first, middle, last = (g[(slice(None),) * axis + (i,)] for i in range(3))
        both = first + last
        g = np.stack([first, (both + middle) / 2, (both - middle) / 2, last], axis)
    return g.reshape(16, *weight.shape[:2])


class _Work:
    """The arrays an image passes through, and the passes."""

    def __init__(self, lanes: Lanes, channels: int) -> None:
        self.lanes, self.channels = lanes, channels
        self.row, self.count = lanes.steps[1], lanes.count
        self.positions = lanes.steps[0] * lanes.steps[1]
        length, flat = lanes.buffer.shape[1], channels * self.positions
        self.half = np.zeros((2, 4, length), np.float32)
        self.inputs = np.empty((4, 4, self.count), np.float32)
        self.products = np.empty((4, 4, flat), np.float32)
        self.rows = np.empty((2, 4, flat), np.float32)
        self.outputs = np.empty((2, 2, flat), np.float32)

    def run(self, factors: Array, out: Array, offset: Array | None) -> None:
        """From the lanes of an image to its output planes."""
        # Y = Aᵀ [(G g Gᵀ) (Bᵀ d B), element by element, summed over channels] A. Phases are the parities of
        # rows and columns: first columns, whose neighbours of a parity are one position apart, then rows.
        even_odd = self.lanes.buffer.reshape(2, 2, -1)
        for a in range(2):
            _differences(even_odd[a, 0], even_odd[a, 1], 1, self.half[a, :, :-1])
        for j in range(4):
            _differences(self.half[0, j], self.half[1, j], self.row, self.inputs[:, j])
        matrices = self.inputs.reshape(16, self.lanes.planes, self.positions)
        # at each of a tile's 16 places a product of (channels out, channels in) by (channels in, tiles)
        np.matmul(factors, matrices, out=self.products.reshape(16, self.channels, self.positions))
        for j in range(4):
            _sums(self.products[:, j], self.rows[:, j])
        for a in range(2):
            _sums(self.rows[a], self.outputs[a])
        planes = self.outputs.reshape(2, 2, self.channels, *self.lanes.steps)
        for a, b in np.ndindex(2, 2):
            # an output of odd size ends inside its last tiles
            target = out[:, a::2, b::2]
            part = planes[a, b, :, : target.shape[1], : target.shape[2]]
            if offset is None:
                np.copyto(target, part)
            else:
                np.add(part, offset, out=target)


def _differences(even: Array, odd: Array, step: int, out: Array) -> None:
    """Bᵀ d of d = even, odd, even + step, odd + step: the inputs of a tile along one dimension."""
    count = out.shape[1]
    d0, d1, d2, d3 = even[:count], odd[:count], even[step : step + count], odd[step : step + count]
    np.subtract(d0, d2, out=out[0])
    np.add(d1, d2, out=out[1])
    np.subtract(d2, d1, out=out[2])
    np.subtract(d1, d3, out=out[3])


def _sums(m: Array, out: Array) -> None:
    """Aᵀ m: both outputs of a tile along one dimension."""
    np.add(m[0], m[1], out=out[0])
    np.add(out[0], m[2], out=out[0])
    np.subtract(m[1], m[2], out=out[1])
    np.subtract(out[1], m[3], out=out[1])
