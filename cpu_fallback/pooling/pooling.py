"""Maximum and average pooling in 1 to 3 dimensions, over sliding windows and over adaptive bins."""

from __future__ import annotations

from functools import lru_cache
from math import prod

import numpy as np

from tritonnn.cpu_fallback.common.lanes import Lanes
from tritonnn.cpu_fallback.common.windows import Array, Ints, Window, compute_dtype, taps
from tritonnn.cpu_fallback.pooling._adaptive import (
    adaptive_avg_pool,
    adaptive_avg_pool_backward,
    adaptive_max_pool,
    fractional_max_pool,
)
from tritonnn.cpu_fallback.pooling._planes import (
    Matcher,
    Planes,
    blocks,
    element_counts,
    has_nan,
    lowest,
    slide,
)


def max_pool(
    out: Array, input: Array, kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, ceil_mode: bool
) -> None:
    """Maximum of every window; the size of `out` tells `ceil_mode`."""
    window = Window.of(kernel_size, stride, padding, dilation)
    n, dtype = len(kernel_size), compute_dtype(input.dtype)
    source, target = Planes(input, n), Planes(out, n)
    for block in blocks(len(source.planes), prod(input.shape[-n:])):
        x = source.planes[block].astype(dtype, copy=False)
        target.planes[block] = slide(np.maximum, x, out.shape[-n:], window, lowest(dtype))
    target.save()


def max_pool_with_indices(
    values: Array,
    indices: Array,
    input: Array,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> None:
    """Maximum of every window, and its flat position in its plane."""
    max_pool(values, input, kernel_size, stride, padding, dilation, ceil_mode)
    window = Window.of(kernel_size, stride, padding, dilation)
    n, dtype = len(kernel_size), compute_dtype(input.dtype)
    in_sizes, sizes = input.shape[-n:], values.shape[-n:]
    source, best, target = (Planes(a, n) for a in (input, values, indices))
    origin, steps = _positions(in_sizes, sizes, window)
    # the number of a tap fits a byte: less to move than positions of 64 bits
    small = np.dtype(np.uint8 if len(steps) <= 256 else np.int32)
    matcher: Matcher | None = None
    for block in blocks(len(source.planes), prod(in_sizes)):
        count = block.stop - block.start
        if matcher is None or matcher.lanes.planes != count:
            matcher = Matcher(count, in_sizes, sizes, window, dtype)
            winner, term = np.empty((2, matcher.lanes.count), small)
        winner.fill(0)
        x, y = (a.planes[block].astype(dtype, copy=False) for a in (source, best))
        for number, _, _, match in matcher(x, y, has_nan(y)):
            # each window matches one tap, so that the sum over taps is that tap's number
            np.multiply(match.view(np.uint8), small.type(number), out=term)
            np.add(winner, term, out=winner)
        chosen = winner.reshape(count, *matcher.lanes.steps)[matcher.lanes.crop]
        np.add(steps[chosen], origin, out=target.planes[block])
        if prod(dilation) > 1:  # a window can lie in the padding altogether
            np.clip(target.planes[block], 0, prod(in_sizes) - 1, out=target.planes[block])
    target.save()


def _positions(in_sizes: Ints, sizes: Ints, window: Window) -> tuple[Array, Array]:
    """Flat position of tap 0 of every window, and what every tap adds to it."""
    n = len(sizes)
    origin, steps = np.zeros((1,) * n, np.int64), np.zeros((1,) * n, np.int64)
    for axis, (size, k, b, s, d) in enumerate(zip(sizes, *window)):
        shape, pitch = (1,) * axis + (-1,) + (1,) * (n - 1 - axis), prod(in_sizes[axis + 1 :])
        origin = origin + (np.arange(size) * s + b).reshape(shape) * pitch
        steps = steps + (np.arange(k) * d).reshape(shape) * pitch
    return origin, steps.reshape(-1)


def max_pool_backward(
    out: Array,
    grad: Array,
    input: Array,
    result: Array,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
    ceil_mode: bool,
) -> None:
    """Gradient of `max_pool`: each window gives its gradient to the position that holds its maximum."""
    window = Window.of(kernel_size, stride, padding, dilation)
    n, dtype = len(kernel_size), compute_dtype(out.dtype)
    in_sizes, sizes = out.shape[-n:], grad.shape[-n:]
    source, best, upstream, target = (Planes(a, n) for a in (input, result, grad, out))
    bits = np.dtype(f"i{dtype.itemsize}")
    # windows that do not overlap give each position at most one gradient: it is written, not added
    apart = all(k <= s for k, _, s, _ in zip(*window)) and prod(dilation) == 1
    matcher: Matcher | None = None
    for block in blocks(len(source.planes), prod(in_sizes)):
        count = block.stop - block.start
        if matcher is None or matcher.lanes.planes != count:
            matcher = Matcher(count, in_sizes, sizes, window, dtype)
            total = Lanes(count, in_sizes, sizes, window, dtype)
            part = np.empty(total.count, dtype)
        x, y = (a.planes[block].astype(dtype, copy=False) for a in (source, best))
        unordered = has_nan(y)
        once = apart and not unordered
        if not once:
            total.buffer.fill(0)
        flat = total.flatten(upstream.planes[block]).view(bits)
        for _, phase, span, match in matcher(x, y, unordered):
            # Selected by bits: a product with 0 would turn infinite gradients into NaN.
            mask, lane = match.view(np.int8), total.buffer[phase, span]
            np.negative(mask, out=mask)
            np.bitwise_and(flat, mask, out=(lane if once else part).view(bits))
            if not once:
                np.add(lane, part, out=lane)
        total.paste(target.planes[block])
    target.save()


def max_pool_with_indices_backward(
    out: Array,
    grad: Array,
    indices: Array,
    input_size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    dilation: Ints,
) -> None:
    """Gradient of `max_pool_with_indices`: sums of `grad` by index."""
    _sum_by_index(out, grad, indices, len(kernel_size))


def adaptive_max_pool_backward(out: Array, grad: Array, indices: Array, input_size: Ints) -> None:
    """Gradient of `adaptive_max_pool`: sums of `grad` by index."""
    _sum_by_index(out, grad, indices, len(input_size))


def fractional_max_pool_backward(
    out: Array, grad: Array, indices: Array, input_size: Ints, kernel_size: Ints, samples: Array
) -> None:
    """Gradient of `fractional_max_pool`: sums of `grad` by index."""
    _sum_by_index(out, grad, indices, len(input_size))


def _sum_by_index(out: Array, grad: Array, indices: Array, n: int) -> None:
    size, each = prod(out.shape[-n:]), prod(grad.shape[-n:])
    if each == 0:
        out.fill(0)
        return
    upstream, places, target = (Planes(a, n) for a in (grad, indices, out))
    for block in blocks(len(target.planes), size):
        count = block.stop - block.start
        # indices count from each plane's start, the sums from the block's
        flat = places.planes[block].reshape(count, each) + np.arange(0, count * size, size)[:, None]
        # bincount adds up in float64, by index and in order
        weights = upstream.planes[block].reshape(-1).astype(np.float64, copy=False)
        sums = np.bincount(flat.reshape(-1), weights, minlength=count * size)
        np.copyto(target.planes[block], sums.reshape(target.planes[block].shape), casting="unsafe")
    target.save()


def avg_pool(
    out: Array,
    input: Array,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> None:
    """Mean of every window; the size of `out` tells `ceil_mode`."""
    window = Window.of(kernel_size, stride, padding)
    n, dtype = len(kernel_size), compute_dtype(input.dtype)
    source, target = Planes(input, n), Planes(out, n)
    in_sizes, sizes = input.shape[-n:], out.shape[-n:]
    divisor = _divisor(in_sizes, sizes, window, count_include_pad, divisor_override).astype(dtype)
    for block in blocks(len(source.planes), prod(in_sizes)):
        x = source.planes[block].astype(dtype, copy=False)
        sums = slide(np.add, x, sizes, window, 0)
        target.planes[block] = _share(sums, divisor)
    target.save()


def _share(sums: Array, divisor: Array) -> Array:
    """sums / divisor, of whole numbers rounded towards zero: float64 has no place for the largest of int64."""
    if sums.dtype.kind not in "iu":
        return sums / divisor
    down = sums // divisor
    return down + (((sums < 0) != (divisor < 0)) & (down * divisor != sums))


@lru_cache(maxsize=256)
def _divisor(in_sizes: Ints, sizes: Ints, window: Window, with_padding: bool, override: int | None) -> Array:
    """What the sum of each window is divided by, broadcastable against the outputs of a plane."""
    if override is not None:
        return np.array(float(override))
    extents = []
    for i, o, k, b, s, _ in zip(in_sizes, sizes, *window):
        low = np.arange(o) * s + b
        # a last window may reach beyond the padding (ceil_mode): that part never counts
        high = np.minimum(low + k, i - b)
        if not with_padding:
            low, high = np.maximum(low, 0), np.minimum(high, i)
        count = high - low
        # one number where it is the same for all windows of this dimension
        extents.append(count[:1] if (count == count[0]).all() else count)
    return element_counts(extents)


def avg_pool_backward(
    out: Array,
    grad: Array,
    input_size: Ints,
    kernel_size: Ints,
    stride: Ints,
    padding: Ints,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: int | None,
) -> None:
    """Gradient of `avg_pool`: each window spreads its share evenly."""
    window = Window.of(kernel_size, stride, padding)
    n, dtype = len(kernel_size), compute_dtype(out.dtype)
    in_sizes, sizes = out.shape[-n:], grad.shape[-n:]
    divisor = _divisor(in_sizes, sizes, window, count_include_pad, divisor_override).astype(dtype)
    upstream, target = Planes(grad, n), Planes(out, n)
    for block in blocks(len(target.planes), prod(in_sizes)):
        share = upstream.planes[block].astype(dtype, copy=False) / divisor
        # a window is a box: the share is spread along one dimension after the other
        for axis in range(n, 0, -1):
            along = Window(*((v[axis - 1],) for v in window))
            share = _spread(share, axis, in_sizes[axis - 1], along)
        target.planes[block] = share
    target.save()


def _spread(share: Array, axis: int, in_size: int, window: Window) -> Array:
    """Add every value along `axis` to all positions of its window."""
    moved = np.moveaxis(share, axis, -1)
    total = np.zeros((*share.shape[:axis], in_size, *share.shape[axis + 1 :]), share.dtype)
    view = np.moveaxis(total, axis, -1)
    for _, inside, outside in taps(window, (in_size,), (share.shape[axis],)):
        # a tap at a time: within one no two windows meet
        view[inside] += moved[outside]
    return total


__all__ = [
    "adaptive_avg_pool",
    "adaptive_avg_pool_backward",
    "adaptive_max_pool",
    "adaptive_max_pool_backward",
    "avg_pool",
    "avg_pool_backward",
    "fractional_max_pool",
    "fractional_max_pool_backward",
    "max_pool",
    "max_pool_backward",
    "max_pool_with_indices",
    "max_pool_with_indices_backward",
]
