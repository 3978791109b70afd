"""Functionals of values, and those that tell which boxes and points are worth keeping."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision import tv_tensors
from tritonnn.vision._types import PictureT, PILImage
from tritonnn.vision.transforms import functional as _F
from tritonnn.vision.transforms._tensor_values import channel_statistics
from tritonnn.vision.transforms.v2.functional._box_formats import as_format, converted
from tritonnn.vision.transforms.v2.functional._utils import (
    PICTURE,
    functional,
    is_pure_tensor,
    kernel_of,
    video_kernel,
)
from tritonnn.vision.tv_tensors import BoundingBoxes, BoundingBoxFormat, Image, KeyPoints, Mask, Video

__all__ = [
    "convert_image_dtype", "gaussian_blur", "gaussian_blur_image", "gaussian_blur_video", "gaussian_noise",
    "gaussian_noise_image", "gaussian_noise_video", "normalize", "normalize_image", "normalize_video",
    "sanitize_bounding_boxes", "sanitize_keypoints", "to_dtype", "to_dtype_image", "to_dtype_video",
]  # fmt: skip


@functional
def normalize(inpt: PictureT, mean: Sequence[float], std: Sequence[float], inplace: bool = False) -> PictureT:
    """Minus the mean, divided by the standard deviation, of each channel.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.normalize(torch.ones(1, 1, 2), [0.5], [0.25])
    tensor([[[2., 2.]]])
    """


@functional
def gaussian_blur(
    inpt: PictureT, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> PictureT:
    """Blurred by a Gaussian.

    Args:
        inpt: the input.
        kernel_size: an odd number of pixels, or one for x and one for y.
        sigma: in pixels, one number or one for x and one for y; None: as befits the size.
    """


@functional
def gaussian_noise(inpt: PictureT, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> PictureT:
    """With normally distributed noise added, of which 1 is full brightness.

    Args:
        inpt: floating-point numbers, or uint8.
        mean: of the noise.
        sigma: its standard deviation.
        clip: whether the result stays between darkness and full brightness; without, uint8 goes round at 256.
    """


@functional
def to_dtype(inpt: PictureT, dtype: torch.dtype = torch.float32, scale: bool = False) -> PictureT:
    """In another type.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.to_dtype(torch.tensor([0, 255], dtype=torch.uint8), torch.float32, scale=True)
    tensor([0., 1.])

    Args:
        inpt: the input.
        dtype: of the result.
        scale: whether full brightness of pictures and videos, 1 of floating point, stays full brightness.
    """


def normalize_image(
    image: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor, inplace: bool = False
) -> Tensor:
    """`normalize` of a picture. A picture of one channel and several means has a result of as many channels."""
    centre, spread = channel_statistics(image, mean, std)
    return (image.sub_(centre) if inplace else image - centre).div_(spread)


def gaussian_blur_image(
    image: Tensor, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> Tensor:
    """`gaussian_blur` of a picture."""
    return _F.gaussian_blur(image, kernel_size, sigma)


def gaussian_noise_image(image: Tensor, mean: float = 0.0, sigma: float = 0.1, clip: bool = True) -> Tensor:
    """`gaussian_noise` of a picture."""
    if sigma < 0:
        raise ValueError(f"sigma shouldn't be negative. Got {sigma}")
    if image.is_floating_point():
        noisy = image + (mean + torch.randn_like(image) * sigma)
        return noisy.clamp(0, 1) if clip else noisy
    if image.dtype != torch.uint8:
        raise ValueError(f"Input tensor is expected to be in uint8 or float dtype, got dtype={image.dtype}")
    noise = mean * 255 + torch.randn_like(image, dtype=torch.float32) * (sigma * 255)
    sum_ = image + noise.to(torch.int16)
    return (sum_.clamp(0, 255) if clip else sum_).to(torch.uint8)


def _gaussian_noise_pil(
    image: PILImage, mean: float = 0.0, sigma: float = 0.1, clip: bool = True
) -> PILImage:
    raise ValueError("Gaussian Noise is not implemented for PIL images.")


def to_dtype_image(image: Tensor, dtype: torch.dtype = torch.float32, scale: bool = False) -> Tensor:
    """`to_dtype` of a picture."""
    return _F.convert_image_dtype(image, dtype) if scale else image.to(dtype)


def convert_image_dtype(image: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """An older name of `to_dtype` with `scale`, for tensors."""
    return to_dtype_image(image, dtype, scale=True)


def _to_dtype_unscaled(inpt: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    return inpt.to(dtype)


normalize_video = video_kernel(normalize_image)
gaussian_blur_video = video_kernel(gaussian_blur_image)
gaussian_noise_video = video_kernel(gaussian_noise_image)
to_dtype_video = video_kernel(to_dtype_image)

kernel_of(normalize, Tensor, Image)(normalize_image)
kernel_of(normalize, Video)(normalize_video)
kernel_of(gaussian_blur, Tensor, Image, PICTURE)(gaussian_blur_image)
kernel_of(gaussian_blur, Video)(gaussian_blur_video)
kernel_of(gaussian_noise, Tensor, Image)(gaussian_noise_image)
kernel_of(gaussian_noise, PICTURE)(_gaussian_noise_pil)
kernel_of(gaussian_noise, Video)(gaussian_noise_video)
kernel_of(to_dtype, Tensor, Image)(to_dtype_image)
kernel_of(to_dtype, Video)(to_dtype_video)
kernel_of(to_dtype, Mask, BoundingBoxes, KeyPoints)(_to_dtype_unscaled)


# ---- which boxes and points are worth keeping ---------------------------------------------------------------


def sanitize_bounding_boxes(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat | str | None = None,
    canvas_size: tuple[int, int] | None = None,
    min_size: float = 1.0,
    min_area: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Those boxes that lie in their canvas and are large enough, and a mask of which ones they are.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> boxes = torch.tensor([[0, 0, 4, 4], [2, 2, 2, 3], [4, 4, 9, 6]])
    >>> F.sanitize_bounding_boxes(boxes, "XYXY", (8, 8))
    (tensor([[0, 0, 4, 4]]), tensor([ True, False, False]))

    Args:
        bounding_boxes: BoundingBoxes, or a tensor.
        format: that of a tensor; BoundingBoxes say theirs.
        canvas_size: that of a tensor; BoundingBoxes say theirs.
        min_size: the least width and height, of a rotated box the lengths of its sides.
        min_area: the least area.
    """
    said = f"Got format={format} and canvas_size={canvas_size}."
    if is_pure_tensor(bounding_boxes):
        if format is None or canvas_size is None:
            raise ValueError(
                f"format and canvas_size cannot be None if bounding_boxes is a pure tensor. {said}"
            )
        valid = _get_sanitize_bounding_boxes_mask(
            bounding_boxes, as_format(format), canvas_size, min_size, min_area
        )
        return bounding_boxes[valid], valid
    if not isinstance(bounding_boxes, BoundingBoxes):
        raise ValueError("bounding_boxes must be a tv_tensors.BoundingBoxes instance or a pure tensor.")
    if format is not None or canvas_size is not None:
        raise ValueError(
            f"format and canvas_size must be None when bounding_boxes is a tv_tensors.BoundingBoxes instance. {said}"
        )
    valid = _get_sanitize_bounding_boxes_mask(
        bounding_boxes, bounding_boxes.format, bounding_boxes.canvas_size, min_size, min_area
    )
    return tv_tensors.wrap(bounding_boxes.as_subclass(Tensor)[valid], like=bounding_boxes), valid


def _get_sanitize_bounding_boxes_mask(
    bounding_boxes: Tensor,
    format: BoundingBoxFormat,
    canvas_size: tuple[int, int],
    min_size: float = 1.0,
    min_area: float = 1.0,
) -> Tensor:
    boxes = bounding_boxes.as_subclass(Tensor)
    if tv_tensors.is_rotated_bounding_format(format):
        corners = converted(boxes, format, BoundingBoxFormat.XYXYXYXY).reshape(-1, 4, 2)
        (x1, y1), (x2, y2) = (corners[:, 1] - corners[:, 0]).T, (corners[:, 2] - corners[:, 1]).T
        width, height = torch.hypot(x1, y1), torch.hypot(x2, y2)
    else:
        corners = converted(boxes, format, BoundingBoxFormat.XYXY).reshape(-1, 2, 2)
        width, height = (corners[:, 1] - corners[:, 0]).unbind(1)
    inside = (corners >= 0) & (corners <= torch.tensor(canvas_size[::-1], device=corners.device))
    large = (width >= min_size) & (height >= min_size) & (width * height >= min_area)
    return large & inside.flatten(1).all(1)


def sanitize_keypoints(
    key_points: Tensor, canvas_size: tuple[int, int] | None = None
) -> tuple[Tensor, Tensor]:
    """Those points that lie on their canvas, and a mask of which ones they are.

    Of groups of points, in tensors of three dimensions or more, only whole ones are kept.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.sanitize_keypoints(torch.tensor([[0, 0], [4, 9]]), (8, 8))
    (tensor([[0, 0]]), tensor([ True, False]))

    Args:
        key_points: KeyPoints, or a tensor.
        canvas_size: that of a tensor; KeyPoints say theirs.
    """
    if is_pure_tensor(key_points):
        if canvas_size is None:
            raise ValueError("canvas_size cannot be None if key_points is a pure tensor.")
        valid = _get_sanitize_keypoints_mask(key_points, canvas_size)
        return key_points[valid], valid
    if not isinstance(key_points, KeyPoints):
        raise ValueError("key_points must be a tv_tensors.KeyPoints instance or a pure tensor.")
    if canvas_size is not None:
        raise ValueError(
            f"canvas_size must be None when key_points is a tv_tensors.KeyPoints instance. Got {canvas_size}."
        )
    valid = _get_sanitize_keypoints_mask(key_points, key_points.canvas_size)
    return tv_tensors.wrap(key_points.as_subclass(Tensor)[valid], like=key_points), valid


def _get_sanitize_keypoints_mask(key_points: Tensor, canvas_size: tuple[int, int]) -> Tensor:
    x, y = key_points.as_subclass(Tensor).unbind(-1)
    valid = (x >= 0) & (x < canvas_size[1]) & (y >= 0) & (y < canvas_size[0])
    return valid.flatten(1).all(1) if valid.ndim > 1 else valid
