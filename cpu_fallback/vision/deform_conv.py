"""The elements below the moved taps of a convolution, and the gradients of where the taps are.

What a tap reads is interpolated between four elements. An image and a group of channels at a time, positions and
weights of all taps are worked out; then, with the channels of an element lying together, four rows are read for each.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tritonnn.cpu_fallback.vision._bins import wide

Array = np.ndarray
Ints = tuple[int, ...]


def _along(moved: Array, d: int, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints) -> Array:
    """Coordinates (..., taps, oH, oW) along one dimension."""
    tap = np.indices(kernel)[d].reshape(-1, 1, 1) * dilation[d]
    place = np.arange(moved.shape[-2 + d]) * stride[d] - padding[d]
    return moved + (tap + (place if d else place[:, None])).astype(moved.dtype)


class _Line:
    """Along one dimension the two elements that taps lie between, their weights, and the derivatives of these."""

    def __init__(self, at: Array, size: int) -> None:
        low = np.floor(at)
        share = at - low
        self.taps = []
        for p, weight, slope in ((low, 1 - share, -1), (low + 1, share, 1)):
            inside = (p >= 0) & (p <= size - 1)
            element = np.where(inside, p, 0).astype(np.int64)
            weight = np.where(inside | (weight != weight), weight, 0)  # what is not a number stays so
            self.taps.append((element, weight, np.where(inside, at.dtype.type(slope), 0)))


def _picked(elements: Array, row: tuple[Array, ...], column: tuple[Array, ...], width: int) -> Array:
    """The elements (taps * places, channels) of a tap of rows and one of columns."""
    picked = elements[(row[0] * width + column[0]).reshape(-1)]
    if not np.isfinite(picked.sum()):  # else weights of 0 leave out what is not there
        picked[((row[2] == 0) | (column[2] == 0)).reshape(-1)] = 0
    return picked


def _images(
    input: Array, offset: Array, kernel: Ints, stride: Ints, padding: Ints, dilation: Ints, groups: int
) -> Iterator[tuple[int, int, Array, _Line, _Line]]:
    """Of each image and group its elements, (H * W, channels), and the rows and columns below its taps."""
    n, channels, height, width = input.shape
    moved = wide(offset).reshape(n, groups, kernel[0] * kernel[1], 2, *offset.shape[2:])
    depth = channels // groups
    for b in range(n):
        for g in range(groups):
            part = wide(input[b, g * depth : (g + 1) * depth]).reshape(depth, height * width)
            at = [_along(moved[b, g, :, d], d, kernel, stride, padding, dilation) for d in (0, 1)]
            yield b, g, np.ascontiguousarray(part.T), _Line(at[0], height), _Line(at[1], width)


def deform_columns(
    out: Array, input: Array, offset: Array, mask: Array | None, kernel_size: Ints, stride: Ints, padding: Ints,
    dilation: Ints, offset_groups: int,
) -> None:  # fmt: skip
    """Of each channel and tap the input where the tap is moved to, times the mask."""
    width, taps = input.shape[3], kernel_size[0] * kernel_size[1]
    result = out.reshape(offset_groups, -1, taps, *out.shape[1:]) if out.size else out
    with np.errstate(invalid="ignore", over="ignore"):
        for b, g, elements, rows, columns in _images(
            input, offset, kernel_size, stride, padding, dilation, offset_groups
        ):
            total: Array = np.zeros((rows.taps[0][0].size, elements.shape[1]), elements.dtype)
            for row in rows.taps:
                for column in columns.taps:
                    total += _picked(elements, row, column, width) * (row[1] * column[1]).reshape(-1, 1)
            if mask is not None:
                part = mask.reshape(len(mask), offset_groups, -1)[b, g]
                total *= wide(part).reshape(-1, 1)
            np.copyto(result[g, :, :, b], total.T.reshape(-1, taps, *out.shape[2:]), casting="same_kind")


def deform_columns_backward(
    offset_grad: Array, mask_grad: Array, grad: Array, input: Array, offset: Array, mask: Array | None,
    kernel_size: Ints, stride: Ints, padding: Ints, dilation: Ints, offset_groups: int,
) -> None:  # fmt: skip
    """The gradients of `deform_columns` for offset and mask: of each weight gradient times element, over channels."""
    width, taps = input.shape[3], kernel_size[0] * kernel_size[1]
    n, places = len(input), offset.shape[2:]
    given = wide(grad).reshape(offset_groups, -1, taps, n, *places) if grad.size else wide(grad)
    with np.errstate(invalid="ignore", over="ignore"):
        for b, g, elements, rows, columns in _images(
            input, offset, kernel_size, stride, padding, dilation, offset_groups
        ):
            moved = np.zeros((2, taps, *places), elements.dtype)
            masked = np.zeros((taps, *places), elements.dtype)
            gradient = np.ascontiguousarray(given[g, :, :, b].reshape(elements.shape[1], -1).T)
            for row in rows.taps:
                for column in columns.taps:
                    product = np.vecdot(_picked(elements, row, column, width), gradient).reshape(masked.shape)
                    moved[0] += row[2] * column[1] * product
                    moved[1] += row[1] * column[2] * product
                    masked += row[1] * column[1] * product
            part = slice(g * taps, (g + 1) * taps)
            if mask is not None:
                moved *= wide(mask[b, part])
                np.copyto(mask_grad[b, part], masked, casting="same_kind")
            both = moved.swapaxes(0, 1).reshape(2 * taps, *places)
            np.copyto(offset_grad[b, 2 * part.start : 2 * part.stop], both, casting="same_kind")
