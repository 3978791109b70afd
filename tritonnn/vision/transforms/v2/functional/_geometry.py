"""Functionals of geometry: what they do is in the files of what they do it to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import Tensor
from tritonnn.vision._types import Fill, PictureT
from tritonnn.vision.transforms._tensor_geometry import parse_padding as _parse_pad_padding
from tritonnn.vision.transforms.functional import InterpolationMode
from tritonnn.vision.transforms.v2.functional._geometry_boxes import (
    affine_bounding_boxes,
    center_crop_bounding_boxes,
    crop_bounding_boxes,
    elastic_bounding_boxes,
    horizontal_flip_bounding_boxes,
    pad_bounding_boxes,
    perspective_bounding_boxes,
    resize_bounding_boxes,
    resized_crop_bounding_boxes,
    rotate_bounding_boxes,
    vertical_flip_bounding_boxes,
)
from tritonnn.vision.transforms.v2.functional._geometry_images import (
    _elastic_image_pil,
    _resize_image_pil,
    _resized_crop_image_pil,
    affine_image,
    center_crop_image,
    crop_image,
    elastic_image,
    five_crop_image,
    horizontal_flip_image,
    pad_image,
    perspective_image,
    resize_image,
    resized_crop_image,
    rotate_image,
    ten_crop_image,
    vertical_flip_image,
)
from tritonnn.vision.transforms.v2.functional._geometry_keypoints import (
    affine_keypoints,
    center_crop_keypoints,
    crop_keypoints,
    elastic_keypoints,
    horizontal_flip_keypoints,
    pad_keypoints,
    perspective_keypoints,
    resize_keypoints,
    resized_crop_keypoints,
    rotate_keypoints,
    vertical_flip_keypoints,
)
from tritonnn.vision.transforms.v2.functional._geometry_masks import (
    affine_mask,
    center_crop_mask,
    crop_mask,
    elastic_mask,
    horizontal_flip_mask,
    pad_mask,
    perspective_mask,
    resize_mask,
    resized_crop_mask,
    rotate_mask,
    vertical_flip_mask,
)
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation, _check_interpolation
from tritonnn.vision.transforms.v2.functional._utils import PICTURE, functional, kernel_of, video_kernel
from tritonnn.vision.tv_tensors import BoundingBoxes, Image, KeyPoints, Mask, Video

__all__ = [
    "affine", "affine_bounding_boxes", "affine_image", "affine_keypoints", "affine_mask", "affine_video",
    "center_crop", "center_crop_bounding_boxes", "center_crop_image", "center_crop_keypoints", "center_crop_mask",
    "center_crop_video", "crop", "crop_bounding_boxes", "crop_image", "crop_keypoints", "crop_mask", "crop_video",
    "elastic", "elastic_bounding_boxes", "elastic_image", "elastic_keypoints", "elastic_mask", "elastic_transform",
    "elastic_video", "five_crop", "five_crop_image", "five_crop_video", "hflip", "horizontal_flip",
    "horizontal_flip_bounding_boxes", "horizontal_flip_image", "horizontal_flip_keypoints", "horizontal_flip_mask",
    "horizontal_flip_video", "pad", "pad_bounding_boxes", "pad_image", "pad_keypoints", "pad_mask", "pad_video",
    "perspective", "perspective_bounding_boxes", "perspective_image", "perspective_keypoints", "perspective_mask",
    "perspective_video", "resize", "resize_bounding_boxes", "resize_image", "resize_keypoints", "resize_mask",
    "resize_video", "resized_crop", "resized_crop_bounding_boxes", "resized_crop_image", "resized_crop_keypoints",
    "resized_crop_mask", "resized_crop_video", "rotate", "rotate_bounding_boxes", "rotate_image", "rotate_keypoints",
    "rotate_mask", "rotate_video", "ten_crop", "ten_crop_image", "ten_crop_video", "vertical_flip",
    "vertical_flip_bounding_boxes", "vertical_flip_image", "vertical_flip_keypoints", "vertical_flip_mask",
    "vertical_flip_video", "vflip", "_check_interpolation", "_parse_pad_padding",
]  # fmt: skip

_BILINEAR, _NEAREST = InterpolationMode.BILINEAR, InterpolationMode.NEAREST


@functional
def horizontal_flip(inpt: PictureT) -> PictureT:
    """Left and right exchanged.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.horizontal_flip(torch.tensor([[[1, 2]]]))
    tensor([[[2, 1]]])
    """


@functional
def vertical_flip(inpt: PictureT) -> PictureT:
    """Top and bottom exchanged."""


@functional
def resize(
    inpt: PictureT,
    size: int | Sequence[int] | None,
    interpolation: Interpolation = _BILINEAR,
    max_size: int | None = None,
    antialias: bool | None = True,
) -> PictureT:
    """The whole input in another size.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.resize(torch.zeros(3, 4, 8), [2]).shape
    torch.Size([3, 2, 4])

    Args:
        inpt: the input.
        size: height and width, or that of the shorter edge alone, or None with a `max_size` for the longer one.
        interpolation: an InterpolationMode or its name; masks take the nearest pixel in any case.
        max_size: which the longer edge is not to exceed.
        antialias: whether each new pixel sees all old ones that it covers; Pillow's pictures always do.
    """


@functional
def affine(
    inpt: PictureT,
    angle: float,
    translate: Sequence[float],
    scale: float,
    shear: float | Sequence[float],
    interpolation: Interpolation = _NEAREST,
    fill: Fill = None,
    center: Sequence[float] | None = None,
) -> PictureT:
    """Through an affine map.

    Args:
        inpt: the input.
        angle: in degrees, with the clock.
        translate: in pixels, to the right and down.
        scale: larger than zero.
        shear: in degrees, along x and along y.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; None: zero.
        center: x and y of what stays where it is; None: the middle.
    """


@functional
def rotate(
    inpt: PictureT,
    angle: float,
    interpolation: Interpolation = _NEAREST,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> PictureT:
    """Turned by an angle in degrees, against the clock.

    Args:
        inpt: the input.
        angle: in degrees.
        interpolation: "nearest" or "bilinear".
        expand: whether the result is so large that all of the input is in it.
        center: x and y of what stays where it is; None: the middle.
        fill: what lies outside: a number, or one for each channel; None: zero.
    """


@functional
def pad(
    inpt: PictureT, padding: int | Sequence[int], fill: Fill = None, padding_mode: str = "constant"
) -> PictureT:
    """Larger on all sides.

    Args:
        inpt: the input.
        padding: one number, (x, y), or (left, top, right, bottom).
        fill: the value of what is added, or one for each channel.
        padding_mode: "constant", "edge", "reflect" or "symmetric"; boxes and points know the first.
    """


@functional
def crop(inpt: PictureT, top: int, left: int, height: int, width: int) -> PictureT:
    """The part of that size at that place; what lies outside of a picture is zero."""


@functional
def perspective(
    inpt: PictureT,
    startpoints: Sequence[Sequence[int]] | None,
    endpoints: Sequence[Sequence[int]] | None,
    interpolation: Interpolation = _BILINEAR,
    fill: Fill = None,
    coefficients: Sequence[float] | None = None,
) -> PictureT:
    """Through a projective map.

    Args:
        inpt: the input.
        startpoints: four points (x, y) of the input, or None with `coefficients`.
        endpoints: where they are in the result.
        interpolation: "nearest" or "bilinear".
        fill: what lies outside: a number, or one for each channel; None: zero.
        coefficients: the eight numbers of the map from places of the result to those of the input.
    """


@functional
def elastic(
    inpt: PictureT, displacement: Tensor, interpolation: Interpolation = _BILINEAR, fill: Fill = None
) -> PictureT:
    """Through a map that moves every place by its own (x, y), of shape (1, H, W, 2) and from -1 to 1."""


@functional
def center_crop(inpt: PictureT, output_size: int | Sequence[int]) -> PictureT:
    """The middle of the input; zeros are around a picture that is smaller."""


@functional
def resized_crop(
    inpt: PictureT,
    top: int,
    left: int,
    height: int,
    width: int,
    size: int | Sequence[int],
    interpolation: Interpolation = _BILINEAR,
    antialias: bool | None = True,
) -> PictureT:
    """Cropped, then resized."""


@functional
def five_crop(inpt: PictureT, size: int | Sequence[int]) -> tuple[PictureT, ...]:
    """Upper left, upper right, lower left, lower right and middle, in a tuple."""


@functional
def ten_crop(inpt: PictureT, size: int | Sequence[int], vertical_flip: bool = False) -> tuple[PictureT, ...]:
    """The five crops of the input, and those of its mirror image."""


hflip, vflip, elastic_transform = horizontal_flip, vertical_flip, elastic

horizontal_flip_video = video_kernel(horizontal_flip_image)
vertical_flip_video = video_kernel(vertical_flip_image)
resize_video = video_kernel(resize_image)
affine_video = video_kernel(affine_image)
rotate_video = video_kernel(rotate_image)
pad_video = video_kernel(pad_image)
crop_video = video_kernel(crop_image)
perspective_video = video_kernel(perspective_image)
elastic_video = video_kernel(elastic_image)
center_crop_video = video_kernel(center_crop_image)
resized_crop_video = video_kernel(resized_crop_image)
five_crop_video = video_kernel(five_crop_image)
ten_crop_video = video_kernel(ten_crop_image)

_CLASSES: tuple[type | str, ...] = (Image, PICTURE, Video, Mask, BoundingBoxes, KeyPoints)
# fmt: off
_KERNELS: dict[Any, tuple[Any, ...]] = {
    horizontal_flip: (
        horizontal_flip_image, horizontal_flip_image, horizontal_flip_video, horizontal_flip_mask,
        horizontal_flip_bounding_boxes, horizontal_flip_keypoints,
    ),
    vertical_flip: (
        vertical_flip_image, vertical_flip_image, vertical_flip_video, vertical_flip_mask,
        vertical_flip_bounding_boxes, vertical_flip_keypoints,
    ),
    resize: (
        resize_image, _resize_image_pil, resize_video, resize_mask, resize_bounding_boxes, resize_keypoints,
    ),
    affine: (affine_image, affine_image, affine_video, affine_mask, affine_bounding_boxes, affine_keypoints),
    rotate: (rotate_image, rotate_image, rotate_video, rotate_mask, rotate_bounding_boxes, rotate_keypoints),
    pad: (pad_image, pad_image, pad_video, pad_mask, pad_bounding_boxes, pad_keypoints),
    crop: (crop_image, crop_image, crop_video, crop_mask, crop_bounding_boxes, crop_keypoints),
    perspective: (
        perspective_image, perspective_image, perspective_video, perspective_mask, perspective_bounding_boxes,
        perspective_keypoints,
    ),
    elastic: (
        elastic_image, _elastic_image_pil, elastic_video, elastic_mask, elastic_bounding_boxes, elastic_keypoints,
    ),
    center_crop: (
        center_crop_image, center_crop_image, center_crop_video, center_crop_mask, center_crop_bounding_boxes,
        center_crop_keypoints,
    ),
    resized_crop: (
        resized_crop_image, _resized_crop_image_pil, resized_crop_video, resized_crop_mask,
        resized_crop_bounding_boxes, resized_crop_keypoints,
    ),
    five_crop: (five_crop_image, five_crop_image, five_crop_video),
    ten_crop: (ten_crop_image, ten_crop_image, ten_crop_video),
}
# fmt: on
for _functional, _kernels in _KERNELS.items():
    kernel_of(_functional, Tensor)(_kernels[0])
    for _cls, _kernel in zip(_CLASSES, _kernels, strict=False):
        kernel_of(_functional, _cls)(_kernel)
