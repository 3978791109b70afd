"""What geometry does to points. Where the canvas changes, a kernel returns its new size as well."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.transforms.v2.functional import _points
from tritonnn.vision.transforms.v2.functional._sizes import centred, padded_canvas, resized_canvas

Size = tuple[int, int]


def _shifted(keypoints: Tensor, x: int, y: int) -> Tensor:
    return keypoints + torch.tensor([x, y], dtype=keypoints.dtype, device=keypoints.device)


def horizontal_flip_keypoints(keypoints: Tensor, canvas_size: Size) -> Tensor:
    """Left and right exchanged; a point lies at the centre of a pixel."""
    return torch.stack([canvas_size[1] - 1 - keypoints[..., 0], keypoints[..., 1]], dim=-1)


def vertical_flip_keypoints(keypoints: Tensor, canvas_size: Size) -> Tensor:
    """Top and bottom exchanged; a point lies at the centre of a pixel."""
    return torch.stack([keypoints[..., 0], canvas_size[0] - 1 - keypoints[..., 1]], dim=-1)


def resize_keypoints(
    keypoints: Tensor, size: Sequence[int] | None, canvas_size: Size, max_size: int | None = None
) -> tuple[Tensor, Size]:
    """With a canvas that is resized."""
    height, width = resized_canvas(canvas_size, size, max_size)
    if (height, width) == tuple(canvas_size):
        return keypoints, canvas_size
    ratios = torch.tensor([width / canvas_size[1], height / canvas_size[0]], device=keypoints.device)
    return (keypoints * ratios).to(keypoints.dtype), (height, width)


def affine_keypoints(
    keypoints: Tensor,
    canvas_size: Size,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: Sequence[float],
    center: Sequence[float] | None = None,
) -> tuple[Tensor, Size]:
    """Through an affine map."""
    return _affine(keypoints, canvas_size, angle, translate, scale, shear, center)


def rotate_keypoints(
    keypoints: Tensor,
    canvas_size: Size,
    angle: float,
    expand: bool = False,
    center: Sequence[float] | None = None,
) -> tuple[Tensor, Size]:
    """Turned against the clock."""
    return _affine(keypoints, canvas_size, -angle, [0.0, 0.0], 1.0, [0.0, 0.0], center, expand)


def _affine(keypoints: Tensor, canvas_size: Size, *how: object) -> tuple[Tensor, Size]:
    numbers = keypoints if keypoints.is_floating_point() else keypoints.float()
    moved, canvas_size = _points.affine(numbers.reshape(-1, 2), canvas_size, *how)  # type: ignore[arg-type]
    return moved.reshape(keypoints.shape).to(keypoints.dtype), canvas_size


def pad_keypoints(
    keypoints: Tensor, canvas_size: Size, padding: int | Sequence[int], padding_mode: str = "constant"
) -> tuple[Tensor, Size]:
    """With a canvas that is padded."""
    if padding_mode != "constant":
        raise ValueError(f"Padding mode '{padding_mode}' is not supported with KeyPoints, only 'constant'")
    left, top, canvas_size = padded_canvas(canvas_size, padding)
    return _shifted(keypoints, left, top), canvas_size


def crop_keypoints(keypoints: Tensor, top: int, left: int, height: int, width: int) -> tuple[Tensor, Size]:
    """With a canvas that is cropped; what lies outside of it stays there."""
    return _shifted(keypoints, -left, -top), (height, width)


def center_crop_keypoints(
    inpt: Tensor, canvas_size: Size, output_size: int | Sequence[int]
) -> tuple[Tensor, Size]:
    """With a canvas that is cropped to its middle."""
    return crop_keypoints(inpt, *centred(canvas_size, output_size))


def resized_crop_keypoints(
    keypoints: Tensor, top: int, left: int, height: int, width: int, size: Sequence[int]
) -> tuple[Tensor, Size]:
    """With a canvas that is cropped and then resized."""
    keypoints, canvas_size = crop_keypoints(keypoints, top, left, height, width)
    return resize_keypoints(keypoints, size, canvas_size)


def perspective_keypoints(
    keypoints: Tensor,
    canvas_size: Size,
    startpoints: Sequence[Sequence[int]] | None,
    endpoints: Sequence[Sequence[int]] | None,
    coefficients: Sequence[float] | None = None,
) -> Tensor:
    """Through a projective map."""
    coefficients = _points.perspective_coefficients(startpoints, endpoints, coefficients)
    moved = _points.perspective(keypoints.reshape(-1, 2), coefficients)
    return moved.reshape(keypoints.shape).to(keypoints.dtype)


def elastic_keypoints(keypoints: Tensor, canvas_size: Size, displacement: Tensor) -> Tensor:
    """Against a displacement of every pixel."""
    _points.check_displacement(displacement, canvas_size)
    moved = _points.elastic(keypoints.reshape(-1, 2), canvas_size, displacement)
    return moved.reshape(keypoints.shape).to(keypoints.dtype)
