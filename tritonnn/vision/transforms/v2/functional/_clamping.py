"""Boxes and points brought back into their canvas.

A rotated box is clamped at the left side of the canvas; the canvas is turned by a quarter three times for the others.
At a side, the lines of the box's edges are shifted, and its new corners are where they meet.
"""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.transforms.v2.functional._box_formats import converted
from tritonnn.vision.tv_tensors import BoundingBoxFormat, is_rotated_bounding_format


def clamped(
    boxes: Tensor, format: BoundingBoxFormat, canvas_size: tuple[int, int], mode: str | None
) -> Tensor:
    """New boxes within the canvas; of mode None a copy. The modes "soft" and "hard" differ for rotated boxes."""
    if mode is None:
        return boxes.clone()
    if is_rotated_bounding_format(format):
        return _clamped_rotated(boxes, format, canvas_size, mode)
    numbers = boxes if boxes.is_floating_point() else boxes.float()
    x1, y1, x2, y2 = converted(numbers, format, BoundingBoxFormat.XYXY).unbind(-1)
    height, width = canvas_size
    inside = torch.stack(
        [x1.clamp(0, width), y1.clamp(0, height), x2.clamp(0, width), y2.clamp(0, height)], dim=-1
    )
    return converted(inside, BoundingBoxFormat.XYXY, format).to(boxes.dtype)


def clamped_points(points: Tensor, canvas_size: tuple[int, int]) -> Tensor:
    """New points on the pixels of the canvas, the last of which is at its extent less one."""
    numbers = points if points.is_floating_point() else points.float()
    height, width = canvas_size
    inside = [numbers[..., 0].clamp(0, width - 1), numbers[..., 1].clamp(0, height - 1)]
    return torch.stack(inside, dim=-1).to(points.dtype)


# ---- rotated boxes: tensors of corners (boxes, 4, 2) ---------------------------------------------------------


def _clamped_rotated(
    boxes: Tensor, format: BoundingBoxFormat, canvas_size: tuple[int, int], mode: str
) -> Tensor:
    corners = converted(boxes, format, BoundingBoxFormat.XYXYXYXY).reshape(-1, 4, 2)
    before = corners
    height, width = canvas_size
    for _ in range(4):
        first = _leftmost(corners)
        corners, before = _counted_from(corners, first), _counted_from(before, first)
        corners = _clamped_left(corners, before, (height, width), mode)
        corners, before = _counted_from(corners, first), _counted_from(before, first)
        corners, before = _turned(corners, width), _turned(before, width)
        height, width = width, height
    flat = corners.reshape(-1, 8)
    return converted(flat, BoundingBoxFormat.XYXYXYXY, format).reshape(boxes.shape)


def _leftmost(corners: Tensor) -> Tensor:
    """Which corner has the least x; of several the one with the least y."""
    x, y = corners.unbind(-1)
    extent_x, extent_y = x.abs().amax(1, keepdim=True), y.abs().amax(1, keepdim=True)
    return (y / extent_y + (x / extent_x) * 100).min(dim=1).indices


def _counted_from(corners: Tensor, first: Tensor) -> Tensor:
    index = (first[:, None] + torch.arange(4, device=first.device)).remainder(4)
    return corners.gather(1, index[..., None].expand(-1, -1, 2))


def _turned(corners: Tensor, width: int) -> Tensor:
    """In a canvas that is turned by a quarter against the clock."""
    return torch.stack([corners[..., 1], width - corners[..., 0]], dim=-1)


def _lines(corners: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and intercept of the lines from each corner to the next."""
    step = corners.roll(-1, 1) - corners
    slope = step[..., 1] / step[..., 0]
    return slope, corners[..., 1] - slope * corners[..., 0]


def _clamped_left(corners: Tensor, before: Tensor, canvas_size: tuple[int, int], mode: str) -> Tensor:
    """Boxes whose first corner is the leftmost, without what lies left of 0."""
    slope, intercept = _lines(corners)
    (x1, x2, _, _), (y1, y2, y3, y4) = corners[..., 0].unbind(1), corners[..., 1].unbind(1)
    shifted = _shifted_lines(slope, intercept, _lines(before)[1], canvas_size, mode)
    x = (shifted.roll(1, 1) - shifted) / (slope - slope.roll(1, 1))
    meeting = torch.stack([x, slope * x + shifted], dim=-1)
    upright = y1.isclose(y2) | y3.isclose(y4)
    outside = (corners[..., 0] <= 0).all(1)
    flat = y1.isclose(y4) | y2.isclose(y3) | (upright & x1.isclose(x2))
    cut = corners.clone()
    cut[:, ::3, 0] = cut[:, ::3, 0].clamp(min=0)
    cases = [
        ((x1 < 0) & ~meeting.isnan().flatten(1).any(1), meeting),
        (upright, cut),
        (outside | flat, torch.zeros_like(corners)),
    ]
    for where, case in cases:
        corners = torch.where(where[:, None, None], case, corners)
    return corners


def _shifted_lines(
    slope: Tensor, intercept: Tensor, intercept_before: Tensor, canvas_size: tuple[int, int], mode: str
) -> Tensor:
    """Intercepts of the edges' lines such that the corners where they meet lie in the canvas.

    Soft: the smallest box that encloses what is inside; hard: the largest that is inside as a whole.
    """
    height, width = canvas_size
    (a1, a2, a3, a4), (b1, b2, b3, b4) = slope.unbind(1), intercept.unbind(1)
    least1, least2, most1, most2 = intercept_before.unbind(1)
    b1 = b2.clamp(b1, b3).clamp(0, height)
    b4 = b3.clamp(b2, b4).clamp(0, height)
    if mode == "hard":
        b1 = b4 = (b1 + b4) / 2  # both lines meet the side at one corner, half-way
        highest = [b1 * a2 / a1, b3 * a2 / a3, (a1 - a2) * width + b1, (a3 - a2) * width + b3]
        b2 = torch.stack(highest, dim=1).amax(1).clamp(max=b2)
        lowest = [
            height * (1 - a3 / a4) + b4 * a3 / a4, height * (1 - a3 / a2) + b2 * a3 / a2,
            (a2 - a3) * width + b2, (a4 - a3) * width + b4,
        ]  # fmt: skip
        b3 = torch.stack(lowest, dim=1).amin(1).clamp(min=b3)
        b1 = b4 = b1.clamp(least1, most1).clamp(least2, most2)
    else:
        b1, b4 = b1.clamp(least1, most1), b4.clamp(least2, most2)
    return torch.stack([b1, b2.clamp(least2, most2), b3.clamp(least1, most1), b4], dim=1)
