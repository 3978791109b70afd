"""Boxes of one format as boxes of another.

Formats along the axes are converted through XYXY, rotated ones through XYWHR, and XYWH and CXCYWH directly into each
other. A step takes a tensor and returns a new one. Halves of integers are rounded as torchvision rounds them.
"""

from __future__ import annotations

from collections.abc import Callable

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.tv_tensors import BoundingBoxFormat, is_rotated_bounding_format


def as_format(format: BoundingBoxFormat | str) -> BoundingBoxFormat:
    """The format, which may be given by its name in any case."""
    return BoundingBoxFormat[format.upper()] if isinstance(format, str) else format


# ---- along the axes -----------------------------------------------------------------------------------------


def _halved(numbers: Tensor) -> Tensor:
    return numbers.div(2, rounding_mode=None if numbers.is_floating_point() else "floor")


def _xywh_to_xyxy(boxes: Tensor) -> Tensor:
    corner, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([corner, corner + size], dim=-1)


def _xyxy_to_xywh(boxes: Tensor) -> Tensor:
    upper, lower = boxes[..., :2], boxes[..., 2:]
    return torch.cat([upper, lower - upper], dim=-1)


def _xywh_to_cxcywh(boxes: Tensor) -> Tensor:
    corner, size = boxes[..., :2], boxes[..., 2:]
    return torch.cat([corner + _halved(size), size], dim=-1)


def _xyxy_to_cxcywh(boxes: Tensor) -> Tensor:
    upper, lower = boxes[..., :2], boxes[..., 2:]
    size = lower - upper
    return torch.cat([_halved(upper * 2 + size), size], dim=-1)


def _cxcywh_to_xyxy(boxes: Tensor) -> Tensor:
    numbers = boxes if boxes.is_floating_point() else boxes.float()
    centre, size = numbers[..., :2], numbers[..., 2:]
    upper = centre - size / 2
    return torch.cat([upper, upper + size], dim=-1).to(boxes.dtype)


def _cxcywh_to_xywh(boxes: Tensor) -> Tensor:
    if boxes.is_floating_point():
        centre, size = boxes[..., :2], boxes[..., 2:]
        return torch.cat([centre - size / 2, size], dim=-1)
    return _xyxy_to_xywh(_cxcywh_to_xyxy(boxes))


# ---- rotated ------------------------------------------------------------------------------------------------


def _radians(degrees: Tensor) -> Tensor:
    return degrees * torch.pi / 180.0


def _to_centre(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """What leads from the upper left corner of a box with an angle to its centre, in x and in y."""
    width, height = boxes[..., 2] / 2, boxes[..., 3] / 2
    angle = _radians(boxes[..., 4])
    cos, sin = angle.cos(), angle.sin()
    return width * cos + height * sin, height * cos - width * sin


def _xywhr_to_cxcywhr(boxes: Tensor) -> Tensor:
    x, y = _to_centre(boxes)
    return torch.cat([torch.stack([boxes[..., 0] + x, boxes[..., 1] + y], dim=-1), boxes[..., 2:]], dim=-1)


def _cxcywhr_to_xywhr(boxes: Tensor) -> Tensor:
    x, y = _to_centre(boxes)
    return torch.cat([torch.stack([boxes[..., 0] - x, boxes[..., 1] - y], dim=-1), boxes[..., 2:]], dim=-1)


def _xywhr_to_xyxyxyxy(boxes: Tensor) -> Tensor:
    x, y, width, height, degrees = boxes.unbind(-1)
    angle = _radians(degrees)
    cos, sin = angle.cos(), angle.sin()
    right, down = (width * cos, -width * sin), (height * sin, height * cos)
    corners = [
        x, y, x + right[0], y + right[1], x + right[0] + down[0], y + right[1] + down[1], x + down[0], y + down[1],
    ]  # fmt: skip
    return torch.stack(corners, dim=-1)


def _xyxyxyxy_to_xywhr(boxes: Tensor) -> Tensor:
    # squares of half precision overflow
    numbers = boxes if boxes.dtype in (torch.float32, torch.float64) else boxes.float()
    x1, y1, x2, y2, x3, y3, _, _ = numbers.unbind(-1)
    width = ((x2 - x1).pow(2) + (y2 - y1).pow(2)).sqrt()
    height = ((x3 - x2).pow(2) + (y3 - y2).pow(2)).sqrt()
    angle = torch.atan2(y1 - y2, x2 - x1) / torch.pi * 180.0
    return torch.stack([x1, y1, width, height, angle], dim=-1).to(boxes.dtype)


# ---- all ----------------------------------------------------------------------------------------------------

_Format = BoundingBoxFormat
_TO_COMMON: dict[BoundingBoxFormat, Callable[[Tensor], Tensor]] = {
    _Format.XYWH: _xywh_to_xyxy, _Format.CXCYWH: _cxcywh_to_xyxy,
    _Format.CXCYWHR: _cxcywhr_to_xywhr, _Format.XYXYXYXY: _xyxyxyxy_to_xywhr,
}  # fmt: skip
_FROM_COMMON: dict[BoundingBoxFormat, Callable[[Tensor], Tensor]] = {
    _Format.XYWH: _xyxy_to_xywh, _Format.CXCYWH: _xyxy_to_cxcywh,
    _Format.CXCYWHR: _xywhr_to_cxcywhr, _Format.XYXYXYXY: _xywhr_to_xyxyxyxy,
}  # fmt: skip
_DIRECT = {
    (_Format.XYWH, _Format.CXCYWH): _xywh_to_cxcywh,
    (_Format.CXCYWH, _Format.XYWH): _cxcywh_to_xywh,
}


def converted(boxes: Tensor, old: BoundingBoxFormat, new: BoundingBoxFormat) -> Tensor:
    """Boxes of one format in another; of the same format the tensor itself.

    Raises ValueError where one of the formats is rotated and the other is not.
    """
    if old == new:
        return boxes
    if is_rotated_bounding_format(old) != is_rotated_bounding_format(new):
        raise ValueError("Cannot convert between rotated and unrotated bounding boxes.")
    if (old, new) in _DIRECT:
        return _DIRECT[old, new](boxes)
    for step in (_TO_COMMON.get(old), _FROM_COMMON.get(new)):
        boxes = boxes if step is None else step(boxes)
    return boxes
