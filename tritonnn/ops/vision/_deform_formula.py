"""The derivatives of moved taps by ops that have derivatives of their own.

What a tap reads is a sum of four elements, so that all taps are a sparse matrix times the elements of the input, of
which there is a row for each element and a column for each channel. The gradient of the input is the transposed matrix
times the gradient, whose terms are added in a fixed order.
"""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.sparse.spmm import sddmm, spmm, turned
from tritonnn.table.types import Ints

How = tuple[Ints, Ints, Ints, Ints, int]


def _along(moved: Tensor, d: int, how: How) -> Tensor:
    """Coordinates (N, groups, taps, oH, oW) of taps along one dimension."""
    kernel, stride, padding, dilation, _ = how
    kind: dict[str, Any] = {"dtype": moved.dtype, "device": moved.device}
    place: Any = arange(moved.shape[3 + d], **kind) * stride[d] - padding[d]
    tap: Any = (arange(kernel[0] * kernel[1], device=moved.device) // (1 if d else kernel[1])) % kernel[d]
    # whole numbers first, so that one rounding is left
    return moved + (
        (tap.to(moved.dtype) * dilation[d]).reshape(-1, 1, 1) + place.reshape(-1, *(1,) * (1 - d))
    )


def _entries(input_shape: Ints, offset: Tensor, how: How) -> tuple[Tensor, Tensor, list[Tensor]]:
    """Of each tap its four elements, their weights, and the derivatives of these down and across: (..., 4) each."""
    n, _, height, width = input_shape
    groups = how[4]
    moved = offset.reshape(n, groups, how[0][0] * how[0][1], 2, *offset.shape[2:])
    lines = []
    for d, size in ((0, height), (1, width)):
        at = _along(moved[:, :, :, d], d, how)
        low = at.detach().floor()
        share = at - low
        line = []
        for p, weight, slope in ((low, 1 - share, -1.0), (low + 1, share, 1.0)):
            outside = ((p >= 0) & (p <= size - 1)).logical_not()
            line.append((
                p.masked_fill(outside, 0).to(dtypes.int64), weight.masked_fill(outside, 0),
                (weight.detach() * 0 + slope).masked_fill(outside, 0),
            ))  # fmt: skip
        lines.append(line)
    image: Any = arange(n * groups, device=offset.device).reshape(n, groups, 1, 1, 1)
    pairs = [(row, column) for row in lines[0] for column in lines[1]]
    elements = stack([(image * height + row[0]) * width + column[0] for row, column in pairs], -1)
    weights = stack([row[1] * column[1] for row, column in pairs], -1)
    down = stack([row[2] * column[1] for row, column in pairs], -1)
    across = stack([row[1] * column[2] for row, column in pairs], -1)
    return elements, weights, [down, across]


def _rows(columns: Tensor, groups: int, taps: int) -> Tensor:
    """(C * taps, N, oH, oW) as a row of a group's channels for each image, group, tap and place."""
    n, *places = columns.shape[1:]
    parts = columns.reshape(groups, columns.shape[0] // (groups * taps), taps, n, *places)
    return parts.permute(3, 0, 2, 4, 5, 1).reshape(n * groups * taps * places[0] * places[1], parts.shape[1])


def _wide(x: Tensor) -> Tensor:
    return x.to(dtypes.float32) if x.dtype.itemsize == 2 else x


def _weighted(weights: Tensor, mask: Tensor | None) -> Tensor:
    return weights if mask is None else weights * _wide(mask).reshape(*weights.shape[:-1], 1)


def input_gradient(g: Tensor, input_shape: Ints, offset: Tensor, mask: Tensor | None, how: How) -> Tensor:
    """What each tap gives to the elements that it was made of."""
    n, channels, height, width = input_shape
    groups, taps = how[4], how[0][0] * how[0][1]
    elements, weights, _ = _entries(input_shape, _wide(offset), how)
    rows = _rows(_wide(g), groups, taps)
    starts = arange(len(rows) + 1, device=g.device) * 4
    begins, lines, order = turned(starts, elements.reshape(-1), n * groups * height * width)
    total: Any = spmm(_weighted(weights, mask).reshape(-1)[order], rows, begins, lines)
    total = total.reshape(n, groups, height, width, channels // groups).permute(0, 1, 4, 2, 3)
    return total.reshape(input_shape).to(g.dtype)


def places_gradient(
    g: Tensor, input: Tensor, offset: Tensor, mask: Tensor | None, how: How
) -> tuple[Tensor, Tensor | None]:
    """The gradients of offset and mask: of each weight the product of the gradient with the element, over channels."""
    n, channels, height, width = input.shape
    groups, taps = how[4], how[0][0] * how[0][1]
    elements, weights, slopes = _entries(input.shape, _wide(offset), how)
    rows = _rows(_wide(g), groups, taps)
    table = _wide(input).reshape(n, groups, channels // groups, height, width).permute(0, 1, 3, 4, 2)
    table = table.reshape(n * groups * height * width, channels // groups)
    entries: Any = arange(elements.numel(), device=g.device)
    starts: Any = arange(len(rows) + 1, device=g.device) * 4
    products: Any = sddmm(rows, table, entries // 4, elements.reshape(-1), starts)
    products = products.reshape(weights.shape)
    moved = stack([(_weighted(slope, mask) * products).sum(-1) for slope in slopes], 3)
    masked = None if mask is None else (weights * products).sum(-1).reshape(mask.shape).to(mask.dtype)
    return moved.reshape(offset.shape).to(offset.dtype), masked
