"""Cross-correlation by matrix products: forward, weight gradient and input gradient of every convolution.

Blocks of images are laid out as columns (im2col through a strided view) sized to stay in the caches, and BLAS
multiplies them. The layout is chosen by shape:

- `stacked`: columns hold the taps of all spatial dimensions but the first, channels first; the taps of the
  first are stacked in the weight matrix, and their products are added up shifted. A 3x3 kernel copies 3
  values for an input value instead of 9, and the products are large. For images of some size.
- `last`: all taps, channels last, several images a product. The copies are runs of channels. For small images
  with many channels.
- `first`: all taps, channels first. The copies are runs of the image. A 1x1 kernel copies nothing.

Large 3x3 convolutions in float32 take another way, in `_winograd.py`.

Arrays have at least two spatial dimensions and any strides; sums are taken in `dtype`, whatever theirs is.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from tritonnn.cpu_fallback.common.windows import Array, Ints, Padded, Window, patches, taps
from tritonnn.cpu_fallback.convolution._winograd import suits, winograd

# Columns of small images are built for so many bytes at once; an image above the limit is cut into bands.
BLOCK_BYTES = 1 << 20
IMAGE_BYTES = 1 << 23
# `stacked` needs products with a long inner dimension, and few rows that only serve the shifts.
STACK_DEPTH, STACK_ROWS, STACK_WIDTH = 24, 7, 24
# `last` is for images of at most so many positions and needs runs of at least so many channels.
LAST_POSITIONS, LAST_CHANNELS = 200, 8
# Images of few positions share a product until it has so many.
SHARED_POSITIONS = 256


class Columns:
    """The im2col matrices of an input, block by block.

    Iterating yields (images, rows of the first output dimension, matrix). The matrix is (images, groups,
    channels * taps, positions), in layout `last` (groups, images * positions, taps * channels).
    """

    def __init__(self, x: Array, sizes: Ints, window: Window, groups: int, dtype: np.dtype) -> None:
        kernel = window.kernel
        self.layout = _layout(x.shape[1], sizes, window, groups, dtype)
        stacked = self.layout == "stacked"
        # rows between the products of neighbouring taps of the first dimension, where these are stacked
        self.shifts = [t * window.dilation[0] for t in range(kernel[0])] if stacked else [0]
        self.window = window._replace(kernel=(1, *kernel[1:])) if stacked else window
        self.sizes, self.groups, self.dtype = sizes, groups, dtype
        self.x, pack = x, False
        if self.layout == "last":
            split = x.reshape(len(x), groups, -1, *x.shape[2:])
            # (groups, images, positions..., channels): runs of channels, packed if they are none yet
            self.x = np.moveaxis(np.moveaxis(split, 1, 0), 2, -1)
            pack = self.x.strides[-1] != self.x.itemsize or x.dtype != dtype
        self.region = Padded(x.shape[2:], window.start, window.reach(sizes), dtype, pack=pack)
        # bytes of the columns of an output row and of an image: whole images a block, or bands of a large one
        row = max(1, x.shape[1] * prod(self.window.kernel) * prod(sizes[1:]) * dtype.itemsize)
        image = row * (sizes[0] + self.shifts[-1])
        shared = SHARED_POSITIONS // prod(sizes) if self.layout == "last" else 1
        self.group = min(len(x), max(1, BLOCK_BYTES // image, shared))
        self.band = sizes[0] if image <= IMAGE_BYTES else max(1, IMAGE_BYTES // 2 // row - self.shifts[-1])
        self.buffer: Array | None = None

    def __iter__(self) -> Iterator[tuple[slice, slice, Array]]:
        last = self.layout == "last"
        images = self.x.shape[1 if last else 0]
        for n in range(0, images, self.group):
            block = slice(n, min(n + self.group, images))
            region = self.region(self.x[:, block] if last else self.x[block])
            for row in range(0, self.sizes[0], self.band):
                rows = slice(row, min(row + self.band, self.sizes[0]))
                yield block, rows, self._fill(region, rows)

    def _fill(self, region: Array, rows: slice) -> Array:
        n, sizes = len(self.sizes), (rows.stop - rows.start + self.shifts[-1], *self.sizes[1:])
        # a view of overlapping windows; the one copy below makes columns of it
        view = patches(region[:, :, rows.start * self.window.stride[0] :], 2, sizes, self.window)
        if self.layout == "last":
            view = view.transpose(0, 1, *range(2 + n, 2 + 2 * n), *range(2, 2 + n), 2 + 2 * n)
            shape: Ints = (self.groups, view.shape[1] * prod(sizes), -1)
        else:
            depth = view.shape[1] // self.groups * prod(self.window.kernel)
            shape = (len(region), self.groups, depth, prod(sizes))
        if view.dtype == self.dtype and view.flags.c_contiguous:
            return view.reshape(shape)
        if self.buffer is None or self.buffer.shape != view.shape:
            self.buffer = np.empty(view.shape, self.dtype)
        np.copyto(self.buffer, view, casting="unsafe")
        return self.buffer.reshape(shape)


def _layout(channels: int, sizes: Ints, window: Window, groups: int, dtype: np.dtype) -> str:
    kernel, depth, width = window.kernel, channels // groups, prod(sizes[1:])
    if prod(kernel) == 1:
        return "first"
    if sizes[0] * width <= LAST_POSITIONS or len(sizes) == 3:
        return "last" if depth >= LAST_CHANNELS else "first"
    row = max(1, channels * prod(kernel[1:]) * width * dtype.itemsize)
    rows = min(sizes[0], IMAGE_BYTES // 2 // row)
    tall = width >= STACK_WIDTH and rows >= STACK_ROWS * (kernel[0] - 1) * window.dilation[0]
    deep = depth * prod(kernel[1:]) >= STACK_DEPTH
    return "stacked" if window.stride[0] == 1 and kernel[0] > 1 and tall and deep else "first"


def correlate(
    out: Array, x: Array, weight: Array, bias: Array | None, window: Window, groups: int, dtype: np.dtype
) -> None:
    """out[n, c, o] = bias[c] + sum over (i, t) of weight[c, i, t] * x[n, i, position(o, t)].

    x counts as zero outside its bounds.
    """
    if suits(x, out.shape[2:], weight, window, groups, dtype) and out.dtype == dtype:

        def direct(n: int) -> None:
            correlate_directly(out[n : n + 1], x[n : n + 1], weight, bias, window, groups, dtype)

        winograd(out, x, weight, bias, window, groups, direct)
    else:
        correlate_directly(out, x, weight, bias, window, groups, dtype)


def correlate_directly(
    out: Array, x: Array, weight: Array, bias: Array | None, window: Window, groups: int, dtype: np.dtype
) -> None:
    """`correlate` by the plain sum."""
    columns = Columns(x, out.shape[2:], window, groups, dtype)
    w_matrix = _factors(weight, groups, columns.layout, dtype)
    bias_column = None if bias is None else bias.astype(dtype, copy=False).reshape(groups, -1, 1)
    depth, width = out.shape[1] // groups, prod(out.shape[3:])
    # products straight into the output; else into memory that is copied there in its type and layout
    direct = columns.layout != "last" and out.dtype == dtype and out.flags.c_contiguous
    flat = out.reshape(len(out), groups, depth, -1) if direct else None
    product, result = _Scratch(dtype), _Scratch(dtype)
    for block, rows, matrix in columns:
        low, high = rows.start * width, rows.stop * width
        if columns.layout == "last":
            product_last = np.matmul(matrix, w_matrix, out=product(groups, matrix.shape[1], depth))
            total = product_last.reshape(groups, -1, high - low, depth).transpose(1, 0, 3, 2)
        else:
            whole = result(len(matrix), groups, depth, high - low) if flat is None else flat[block]
            total = whole if flat is None else whole[..., low:high]
            if columns.layout == "first":
                np.matmul(w_matrix, matrix, out=total)
            else:
                # the taps' products lie one below the other, each over some rows more than the output has
                stack = product(len(matrix), groups, w_matrix.shape[1], matrix.shape[-1])
                np.matmul(w_matrix, matrix, out=stack)
                _add_shifted(total, stack, [s * width for s in columns.shifts])
        if bias_column is not None:
            np.add(total, bias_column, out=total)
        if flat is None:
            target = out[block, :, rows]
            np.copyto(target, total.reshape(target.shape), casting="unsafe")


class _Scratch:
    """A work array that is kept from block to block."""

    def __init__(self, dtype: np.dtype) -> None:
        self.array: Array = np.empty(0, dtype)

    def __call__(self, *shape: int) -> Array:
        if self.array.shape != shape:
            self.array = np.empty(shape, self.array.dtype)
        return self.array


def _factors(weight: Array, groups: int, layout: str, dtype: np.dtype) -> Array:
    """Weights as one matrix a group, in the order that the layout's columns ask for."""
    n, depth = weight.ndim, weight.shape[0] // groups
    split = weight.reshape(groups, depth, *weight.shape[1:])
    if layout == "first":
        order, shape = tuple(range(n + 1)), (groups, depth, prod(weight.shape[1:]))
    elif layout == "last":  # (taps, channels in) x channels out
        order, shape = (0, *range(3, n + 1), 2, 1), (groups, prod(weight.shape[1:]), depth)
    else:  # (taps of the first dimension, channels out) x (channels in, other taps)
        lead = weight.shape[2]
        order, shape = (0, 3, 1, 2, *range(4, n + 1)), (groups, lead * depth, prod(weight.shape[1:]) // lead)
    return np.ascontiguousarray(split.transpose(order), dtype).reshape(shape)


def _add_shifted(total: Array, stack: Array, shifts: list[int]) -> None:
    """Sum of the products of stacked taps (..., taps * channels, positions), each from its shift on."""
    count = total.shape[-1]
    parts = stack.reshape(*stack.shape[:-2], len(shifts), total.shape[-2], stack.shape[-1])
    pieces = [parts[..., t, :, s : s + count] for t, s in enumerate(shifts)]
    # the first two by one call: total needs no zeros before
    np.add(pieces[0], pieces[1], out=total)
    for piece in pieces[2:]:
        np.add(total, piece, out=total)


def correlate_weight(out: Array, grad: Array, x: Array, window: Window, groups: int, dtype: np.dtype) -> None:
    """out[c, i, t] = sum over (n, o) of grad[n, c, o] * x[n, i, position(o, t)]."""
    depth = out.shape[0] // groups
    columns = Columns(x, grad.shape[2:], window, groups, dtype)
    grad_groups = grad.reshape(len(grad), groups, depth, *grad.shape[2:])
    if columns.layout == "last":
        # sums over images in `dtype`, cast once at the end
        table = np.zeros((groups, depth, prod(out.shape[1:])), dtype)
        for block, rows, matrix in columns:
            grad_t = np.moveaxis(grad_groups[block, :, :, rows], 0, 2)
            table += np.matmul(np.ascontiguousarray(grad_t, dtype).reshape(groups, depth, -1), matrix)
        restored = np.moveaxis(table.reshape(len(out), *window.kernel, -1), -1, 1)
    else:
        lead, rest = len(columns.shifts), prod(columns.window.kernel)
        total = np.zeros((lead, groups, out.shape[1] * rest, depth), dtype)
        width = prod(grad.shape[3:])
        for block, rows, matrix in columns:
            pieces = grad_groups[block, :, :, rows]
            count = (rows.stop - rows.start) * width
            grad_t = pieces.reshape(len(pieces), groups, depth, count).swapaxes(2, 3)
            packed = np.ascontiguousarray(grad_t, dtype)
            for tap, shift in enumerate(columns.shifts):
                part = matrix[..., shift * width : shift * width + count]
                # one batched product where its results stay in the cache, else image by image into the sum
                if len(part) * total[tap].nbytes <= BLOCK_BYTES:
                    total[tap] += np.matmul(part, packed).sum(axis=0)
                else:
                    for image in range(len(part)):
                        total[tap] += np.matmul(part[image], packed[image])
        parts = total.reshape(lead, groups, -1, rest, depth).transpose(1, 4, 2, 0, 3)
        restored = parts.reshape(out.shape)
    np.copyto(out, restored, casting="unsafe")


def scatter(
    out: Array, grad: Array, weight: Array, bias: Array | None, window: Window, groups: int, dtype: np.dtype
) -> None:
    """The transpose of `correlate`: out[n, i, position] += weight[c, i, t] * grad[n, c, o].

    With all strides 1 that is a correlation of the gradient with the flipped kernel, which needs no scatter.
    """
    channels, kernel, sizes = weight.shape[0], window.kernel, grad.shape[2:]
    if prod(window.stride) == 1:
        flipped = np.flip(weight, tuple(range(2, weight.ndim)))
        split = flipped.reshape(groups, channels // groups, *weight.shape[1:]).swapaxes(1, 2)
        swapped = split.reshape(out.shape[1], channels // groups, *kernel)
        start = tuple(-b - (k - 1) * d for k, b, _, d in zip(*window))
        return correlate(out, grad, swapped, bias, window._replace(start=start), groups, dtype)
    # strides leave gaps between windows: columns by one product, then added up where they overlap
    w_matrix = np.ascontiguousarray(weight, dtype).reshape(groups, channels // groups, -1).transpose(0, 2, 1)
    cost = out.shape[1] * prod(kernel) * prod(sizes) * dtype.itemsize
    group = max(1, BLOCK_BYTES // max(1, cost))
    for n in range(0, len(grad), group):
        block = np.ascontiguousarray(grad[n : n + group], dtype)
        columns = np.matmul(w_matrix, block.reshape(len(block), groups, channels // groups, -1))
        target = out[n : n + group]
        result = target if out.dtype == dtype else np.empty(target.shape, dtype)
        fold(result, columns.reshape(len(block), out.shape[1], *kernel, *sizes), window)
        if bias is not None:
            result += bias.astype(dtype, copy=False).reshape(-1, *(1,) * len(sizes))
        if result is not target:
            np.copyto(target, result, casting="unsafe")
    return None


def fold(out: Array, columns: Array, window: Window) -> None:
    """Add up columns (batch, channels, *kernel, *sizes) where they overlap in (batch, channels, *spatial)."""
    out.fill(0)
    # a tap at a time: within one no two elements meet, so that slices add without np.add.at
    for tap, inside, outside in taps(window, out.shape[2:], columns.shape[out.ndim :]):
        at: tuple[slice | int, ...] = (slice(None), slice(None), *tap)
        out[inside] += columns[at][outside]
