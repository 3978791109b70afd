"""What geometry does to masks: as to pictures, but no values are mixed. A mask may do without channels."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn import Tensor
from tritonnn.vision.transforms.functional import InterpolationMode
from tritonnn.vision.transforms.v2.functional import _geometry_images as images
from tritonnn.vision.transforms.v2.functional._interpolation import _check_interpolation
from tritonnn.vision.transforms.v2.functional._utils import mask_kernel

_NEAREST = InterpolationMode.NEAREST

horizontal_flip_mask = mask_kernel(images.horizontal_flip_image)
vertical_flip_mask = mask_kernel(images.vertical_flip_image)
crop_mask = mask_kernel(images.crop_image)
center_crop_mask = mask_kernel(images.center_crop_image)
resized_crop_mask = mask_kernel(images.resized_crop_image, interpolation=_NEAREST, antialias=False)
affine_mask = mask_kernel(images.affine_image, interpolation=_NEAREST)
rotate_mask = mask_kernel(images.rotate_image, interpolation=_NEAREST)
perspective_mask = mask_kernel(images.perspective_image, interpolation=_NEAREST)
elastic_mask = mask_kernel(images.elastic_image, interpolation=_NEAREST)
_resize = mask_kernel(images.resize_image, antialias=False)
_pad = mask_kernel(images.pad_image)


def resize_mask(
    mask: Tensor,
    size: Sequence[int] | None,
    interpolation: InterpolationMode | str | int = InterpolationMode.BILINEAR,
    max_size: int | None = None,
) -> Tensor:
    """`resize_image` of a mask, which takes the nearest pixel whatever the interpolation."""
    mode = _check_interpolation(interpolation)
    return _resize(mask, size, mode if mode is InterpolationMode.NEAREST_EXACT else _NEAREST, max_size)


def pad_mask(
    mask: Tensor,
    padding: int | Sequence[int],
    fill: float | Sequence[float] | None = None,
    padding_mode: str = "constant",
) -> Tensor:
    """`pad_image` of a mask, which has one value to fill with."""
    if isinstance(fill, (tuple, list)):
        raise ValueError(f"Non-scalar fill value is not supported for masks, got {fill}")
    return _pad(mask, padding, fill, padding_mode)
