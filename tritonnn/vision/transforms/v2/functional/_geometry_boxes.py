"""What geometry does to boxes. Where the canvas changes, a kernel returns its new size as well.

Boxes along the axes stay so: after a warp, a box is the one around its four corners. Of a rotated box the corners form
a parallelogram then, and the box is a rectangle of its centre and its longer side's direction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.transforms.v2.functional import _points
from tritonnn.vision.transforms.v2.functional._box_formats import as_format, converted
from tritonnn.vision.transforms.v2.functional._clamping import clamped
from tritonnn.vision.transforms.v2.functional._sizes import centred, padded_canvas, resized_canvas
from tritonnn.vision.tv_tensors import BoundingBoxFormat, is_rotated_bounding_format

Size = tuple[int, int]
_Format = BoundingBoxFormat
_CORNERS = (_Format.XYXY, _Format.XYXYXYXY)  # formats that are nothing but points


# ---- flips --------------------------------------------------------------------------------------------------


def horizontal_flip_bounding_boxes(
    bounding_boxes: Tensor, format: BoundingBoxFormat, canvas_size: Size
) -> Tensor:
    """Left and right exchanged."""
    return _flipped(bounding_boxes, as_format(format), canvas_size[1], 0)


def vertical_flip_bounding_boxes(
    bounding_boxes: Tensor, format: BoundingBoxFormat, canvas_size: Size
) -> Tensor:
    """Top and bottom exchanged."""
    return _flipped(bounding_boxes, as_format(format), canvas_size[0], 1)


def _flipped(boxes: Tensor, format: BoundingBoxFormat, extent: int, axis: int) -> Tensor:
    """Mirrored along x (axis 0) or y (axis 1), in which the canvas has an extent."""
    if format is _Format.XYWHR:
        centred = converted(boxes, format, _Format.CXCYWHR)
        return converted(_flipped(centred, _Format.CXCYWHR, extent, axis), _Format.CXCYWHR, format)
    numbers = list(boxes.unbind(-1))
    if format is _Format.XYXY:
        numbers[axis], numbers[axis + 2] = extent - numbers[axis + 2], extent - numbers[axis]
    elif format is _Format.XYWH:
        numbers[axis] = extent - (numbers[axis] + numbers[axis + 2])
    elif format is _Format.XYXYXYXY:
        numbers[axis::2] = [extent - number for number in numbers[axis::2]]
        numbers = [numbers[i] for i in (2, 3, 0, 1, 6, 7, 4, 5)]
    else:
        numbers[axis] = extent - numbers[axis]
        if format is _Format.CXCYWHR:
            numbers[4] = (180 if axis else 0) - numbers[4]
    return torch.stack(numbers, dim=-1)


# ---- crops and sizes ----------------------------------------------------------------------------------------


def _shifted(boxes: Tensor, format: BoundingBoxFormat, x: int, y: int) -> Tensor:
    width = boxes.shape[-1]
    shift = [x, y] * (width // 2) if format in _CORNERS else [x, y] + [0] * (width - 2)
    return boxes + torch.tensor(shift, dtype=boxes.dtype, device=boxes.device)


def crop_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    top: int,
    left: int,
    height: int,
    width: int,
    clamping_mode: str | None = "soft",
) -> tuple[Tensor, Size]:
    """With a canvas that is cropped, or padded where the numbers lead out of it."""
    format = as_format(format)
    boxes = _shifted(bounding_boxes, format, -left, -top)
    if format is _Format.XYXYXYXY:
        boxes = _rectangles(boxes)
    return clamped(boxes, format, (height, width), clamping_mode), (height, width)


def center_crop_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: Size,
    output_size: int | Sequence[int],
    clamping_mode: str | None = "soft",
) -> tuple[Tensor, Size]:
    """With a canvas that is cropped to its middle."""
    return crop_bounding_boxes(bounding_boxes, format, *centred(canvas_size, output_size), clamping_mode)


def resized_crop_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    clamping_mode: str | None = "soft",
) -> tuple[Tensor, Size]:
    """With a canvas that is cropped and then resized."""
    boxes, canvas_size = crop_bounding_boxes(bounding_boxes, format, top, left, height, width, clamping_mode)
    return resize_bounding_boxes(boxes, canvas_size, size, format=format, clamping_mode=clamping_mode)


def pad_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: Size,
    padding: int | Sequence[int],
    padding_mode: str = "constant",
    clamping_mode: str | None = "soft",
) -> tuple[Tensor, Size]:
    """With a canvas that is padded."""
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with bounding boxes")
    format = as_format(format)
    left, top, canvas_size = padded_canvas(canvas_size, padding)
    return clamped(
        _shifted(bounding_boxes, format, left, top), format, canvas_size, clamping_mode
    ), canvas_size


def resize_bounding_boxes(
    bounding_boxes: Tensor,
    canvas_size: Size,
    size: Sequence[int] | None,
    max_size: int | None = None,
    format: BoundingBoxFormat = BoundingBoxFormat.XYXY,
    clamping_mode: str | None = "soft",
) -> tuple[Tensor, Size]:
    """With a canvas that is resized."""
    height, width = resized_canvas(canvas_size, size, max_size)
    if (height, width) == tuple(canvas_size):
        return bounding_boxes, canvas_size
    format = as_format(format)
    ratios = torch.tensor([width / canvas_size[1], height / canvas_size[0]], device=bounding_boxes.device)
    if not is_rotated_bounding_format(format):
        return (bounding_boxes * ratios.repeat(2)).to(bounding_boxes.dtype), (height, width)
    corners = converted(bounding_boxes, format, _Format.XYXYXYXY).reshape(-1, 8) * ratios.repeat(4)
    boxes = clamped(_rectangles(corners), _Format.XYXYXYXY, (height, width), clamping_mode)
    boxes = converted(boxes, _Format.XYXYXYXY, format).to(bounding_boxes.dtype)
    return boxes.reshape(bounding_boxes.shape), (height, width)


# ---- warps --------------------------------------------------------------------------------------------------


def affine_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: Size,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
    center: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> Tensor:
    """Through an affine map."""

    def move(points: Tensor) -> tuple[Tensor, Size]:
        return _points.affine(points, canvas_size, angle, translate, scale, shear, center)

    return _moved(_floats(bounding_boxes), format, clamping_mode, move)[0].to(bounding_boxes.dtype)


def rotate_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: Size,
    angle: float,
    expand: bool = False,
    center: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> tuple[Tensor, Size]:
    """Turned against the clock."""

    def move(points: Tensor) -> tuple[Tensor, Size]:
        return _points.affine(points, canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)

    boxes, new_size = _moved(_floats(bounding_boxes), format, clamping_mode, move)
    return boxes.to(bounding_boxes.dtype), new_size


def perspective_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: Size,
    startpoints: Sequence[Sequence[int]] | None,
    endpoints: Sequence[Sequence[int]] | None,
    coefficients: Sequence[float] | None = None,
    clamping_mode: str | None = "soft",
) -> Tensor:
    """Through a projective map."""
    numbers = _points.perspective_coefficients(startpoints, endpoints, coefficients)

    def move(points: Tensor) -> tuple[Tensor, Size]:
        return _points.perspective(points, numbers), canvas_size

    return _moved(bounding_boxes, format, clamping_mode, move)[0].to(bounding_boxes.dtype)


def elastic_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: Size,
    displacement: Tensor,
    clamping_mode: str | None = "soft",
) -> Tensor:
    """Against a displacement of every pixel; a rotated box keeps its size and its angle."""
    _points.check_displacement(displacement, canvas_size)
    format = as_format(format)

    def move(points: Tensor) -> tuple[Tensor, Size]:
        places = points.ceil() if points.is_floating_point() else points
        return _points.elastic(places, canvas_size, displacement), canvas_size

    if not is_rotated_bounding_format(format):
        return _moved(bounding_boxes, format, clamping_mode, move)[0].to(bounding_boxes.dtype)
    boxes = converted(bounding_boxes, format, _Format.CXCYWHR).reshape(-1, 5)
    boxes = torch.cat([move(boxes[:, :2])[0], boxes[:, 2:]], dim=1)
    boxes = clamped(boxes, _Format.CXCYWHR, canvas_size, clamping_mode)
    return converted(boxes, _Format.CXCYWHR, format).reshape(bounding_boxes.shape)


def _floats(boxes: Tensor) -> Tensor:
    return boxes if boxes.is_floating_point() else boxes.float()


def _moved(
    boxes: Tensor,
    format: BoundingBoxFormat,
    clamping_mode: str | None,
    move: Callable[[Tensor], tuple[Tensor, Size]],
) -> tuple[Tensor, Size]:
    """Boxes around the corners after they were moved, in the canvas whose size `move` returns beside the points."""
    format = as_format(format)
    if is_rotated_bounding_format(format):
        corners_format = _Format.XYXYXYXY
        points, canvas_size = move(converted(boxes, format, corners_format).reshape(-1, 2))
        moved = _rectangles(points.reshape(-1, 8))
    else:
        corners_format = _Format.XYXY
        corners = converted(boxes, format, corners_format).reshape(-1, 4)
        points, canvas_size = move(corners[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2))
        points = points.reshape(-1, 4, 2)
        moved = torch.cat([points.amin(1), points.amax(1)], dim=1)
    moved = clamped(moved, corners_format, canvas_size, clamping_mode)
    return converted(moved, corners_format, format).reshape(boxes.shape), canvas_size


def _rectangles(parallelograms: Tensor) -> Tensor:
    """Rectangles (N, 8) of the same centres that enclose parallelograms, along the longer of their sides."""
    numbers = (
        parallelograms if parallelograms.dtype in (torch.float32, torch.float64) else parallelograms.float()
    )
    x1, y1, x2, y2, x3, y3, x4, y4 = numbers.unbind(-1)
    side, other = torch.hypot(x2 - x1, y2 - y1), torch.hypot(x4 - x1, y4 - y1)
    angle, other_angle = torch.atan2(y1 - y2, x2 - x1), torch.atan2(y1 - y4, x4 - x1)
    between = angle - other_angle
    cos = between.cos() * torch.where(between > torch.pi / 2, -1, 1)
    width = torch.where(side < other, side * between.sin(), side + other * cos)
    height = torch.where(side > other, other * between.sin(), other + side * cos)
    angle = torch.where(other > side, other_angle + torch.pi / 2, angle)
    boxes = torch.stack([(x1 + x3) / 2, (y1 + y3) / 2, width, height, angle / torch.pi * 180.0], dim=-1)
    return (
        converted(boxes, _Format.CXCYWHR, _Format.XYXYXYXY)
        .to(parallelograms.dtype)
        .reshape(parallelograms.shape)
    )
