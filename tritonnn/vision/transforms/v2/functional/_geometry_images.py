"""What geometry does to pictures: tensors (..., C, H, W) and Pillow's, which the classic transforms compute with."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Fill, PictureT, PILImage
from tritonnn.vision.transforms import _functional_pil, _tensor_geometry, _tensor_warp
from tritonnn.vision.transforms import functional as _F
from tritonnn.vision.transforms._interpolation import InterpolationMode, functions_of, pil_modes_mapping
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation, _check_interpolation
from tritonnn.vision.transforms.v2.functional._points import check_displacement, perspective_coefficients
from tritonnn.vision.transforms.v2.functional._sizes import resized_canvas

Points = Sequence[Sequence[int]] | None


def horizontal_flip_image(image: Tensor) -> Tensor:
    """Left and right exchanged."""
    return _F.hflip(image)


def vertical_flip_image(image: Tensor) -> Tensor:
    """Top and bottom exchanged."""
    return _F.vflip(image)


def resize_image(
    image: Tensor,
    size: Sequence[int] | None,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> Tensor:
    """The whole picture in another size."""
    mode = _check_interpolation(interpolation)
    if mode is InterpolationMode.LANCZOS and not antialias:
        raise ValueError("InterpolationMode.LANCZOS requires antialias=True")
    old = (image.shape[-2], image.shape[-1])
    new = resized_canvas(old, size, max_size)
    if new == old:
        return image
    if mode in (InterpolationMode.BICUBIC, InterpolationMode.LANCZOS) and image.dtype == torch.uint8:
        # what is brighter than white between the two directions is cut off, as torchvision does here
        image = _tensor_geometry.resize(image, (old[0], new[1]), mode.value, antialias)
    return _tensor_geometry.resize(image, new, mode.value, antialias)


def _resize_image_pil(
    image: PILImage,
    size: Sequence[int] | None,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> PILImage:
    if antialias is False:
        warnings.warn(
            "Anti-alias option is always applied for PIL Image input. Argument antialias is ignored.",
            stacklevel=2,
        )
    mode = pil_modes_mapping[_check_interpolation(interpolation)]
    old = (image.height, image.width)
    new = resized_canvas(old, size, max_size)
    return image if new == old else _functional_pil.resize(image, new, mode)


def affine_image(
    image: Tensor,
    angle: float,
    translate: Sequence[int],
    scale: float,
    shear: Sequence[float],
    interpolation: Interpolation = InterpolationMode.NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> Tensor:
    """Through an affine map."""
    mode = _check_interpolation(interpolation)
    return _F.affine(image, angle, translate, scale, shear, mode, fill, center)


def rotate_image(
    image: Tensor,
    angle: float,
    interpolation: Interpolation = InterpolationMode.NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> Tensor:
    """Turned against the clock."""
    mode = _check_interpolation(interpolation)
    quarters, rest = divmod(angle % 360, 90)
    if center is None and rest == 0 and not is_image(image):
        if quarters % 2 == 0 or expand or image.shape[-2] == image.shape[-1]:
            return torch.rot90(image, int(quarters), (-2, -1)) if quarters else image.clone()
    return _F.rotate(image, angle, mode, expand, center, fill)


def pad_image(
    image: Tensor,
    padding: int | Sequence[int],
    fill: Fill = None,
    padding_mode: str = "constant",
) -> Tensor:
    """With pixels added on all sides, or taken away where a number is negative."""
    return functions_of(image).pad(image, padding, fill, padding_mode)


def crop_image(image: PictureT, top: int, left: int, height: int, width: int) -> PictureT:
    """The part of that size at that place; what lies outside of the picture is zero."""
    return _F.crop(image, top, left, height, width)


def center_crop_image(image: Tensor, output_size: int | Sequence[int]) -> Tensor:
    """The middle; zeros are around it where the picture is smaller."""
    return _F.center_crop(image, output_size)


def resized_crop_image(
    image: Tensor,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> Tensor:
    """Cropped, then resized."""
    return resize_image(crop_image(image, top, left, height, width), size, interpolation, antialias=antialias)


def _resized_crop_image_pil(
    image: PILImage,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Sequence[int],
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    antialias: bool | None = True,
) -> PILImage:
    cropped = crop_image(image, top, left, height, width)
    return _resize_image_pil(cropped, size, interpolation, antialias=antialias)


def perspective_image(
    image: Tensor,
    startpoints: Points,
    endpoints: Points,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> Tensor:
    """Through a projective map: of four points, or of eight coefficients."""
    coefficients = perspective_coefficients(startpoints, endpoints, coefficients)
    mode = _check_interpolation(interpolation)
    if is_image(image):
        return functions_of(image).perspective(image, coefficients, pil_modes_mapping[mode], fill)
    return _tensor_warp.perspective(image, coefficients, mode.value, fill)


def elastic_image(
    image: Tensor,
    displacement: Tensor,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> Tensor:
    """Through a map that moves every place by its own (x, y), of shape (1, H, W, 2)."""
    mode = _check_interpolation(interpolation)
    check_displacement(displacement, (image.shape[-2], image.shape[-1]))
    return _tensor_warp.elastic_transform(image, displacement, mode.value, fill)


def _elastic_image_pil(
    image: PILImage,
    displacement: Tensor,
    interpolation: Interpolation = InterpolationMode.BILINEAR,
    fill: Fill = None,
) -> PILImage:
    moved = elastic_image(_F.pil_to_tensor(image), displacement, interpolation, fill)
    return _F.to_pil_image(moved, image.mode)


def five_crop_image(image: Tensor, size: int | Sequence[int]) -> tuple[Tensor, ...]:
    """Upper left, upper right, lower left, lower right, middle."""
    return tuple(_F.five_crop(image, size))


def ten_crop_image(
    image: Tensor, size: int | Sequence[int], vertical_flip: bool = False
) -> tuple[Tensor, ...]:
    """The five crops of the picture, and those of its mirror image."""
    return tuple(_F.ten_crop(image, size, vertical_flip))
