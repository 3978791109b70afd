"""Functionals of colour, for pictures and videos: any dimensions may precede (C, H, W)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import PictureT, PILImage
from tritonnn.vision.transforms import _functional_tensor
from tritonnn.vision.transforms import functional as _F
from tritonnn.vision.transforms._interpolation import functions_of
from tritonnn.vision.transforms.v2.functional._utils import (
    PICTURE,
    functional,
    image_kernel,
    kernel_of,
    video_kernel,
)
from tritonnn.vision.tv_tensors import Image, Video

__all__ = [
    "adjust_brightness", "adjust_brightness_image", "adjust_brightness_video", "adjust_contrast",
    "adjust_contrast_image", "adjust_contrast_video", "adjust_gamma", "adjust_gamma_image", "adjust_gamma_video",
    "adjust_hue", "adjust_hue_image", "adjust_hue_video", "adjust_saturation", "adjust_saturation_image",
    "adjust_saturation_video", "adjust_sharpness", "adjust_sharpness_image", "adjust_sharpness_video",
    "autocontrast", "autocontrast_image", "autocontrast_video", "equalize", "equalize_image", "equalize_video",
    "grayscale_to_rgb", "grayscale_to_rgb_image", "invert", "invert_image", "invert_video", "permute_channels",
    "permute_channels_image", "permute_channels_video", "posterize", "posterize_image", "posterize_video",
    "rgb_to_grayscale", "rgb_to_grayscale_image", "solarize", "solarize_image", "solarize_video", "to_grayscale",
]  # fmt: skip


@functional
def rgb_to_grayscale(inpt: PictureT, num_output_channels: int = 1) -> PictureT:
    """How bright the colours look, in one channel or in three equal ones."""


@functional
def grayscale_to_rgb(inpt: PictureT) -> PictureT:
    """Three equal channels of one; a picture in colour stays as it is."""


@functional
def adjust_brightness(inpt: PictureT, brightness_factor: float) -> PictureT:
    """0: black, 1: as it is, 2: twice as bright.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.adjust_brightness(torch.tensor([[[20, 200]]], dtype=torch.uint8), 1.5)
    tensor([[[ 30, 255]]], dtype=torch.uint8)
    """


@functional
def adjust_saturation(inpt: PictureT, saturation_factor: float) -> PictureT:
    """0: gray, 1: as it is, 2: twice as far from gray."""


@functional
def adjust_contrast(inpt: PictureT, contrast_factor: float) -> PictureT:
    """0: all of the mean brightness, 1: as it is, 2: twice as far from the mean."""


@functional
def adjust_sharpness(inpt: PictureT, sharpness_factor: float) -> PictureT:
    """0: smoothed, 1: as it is, more: sharpened."""


@functional
def adjust_hue(inpt: PictureT, hue_factor: float) -> PictureT:
    """All hues moved along their circle, of which 0.5 is one half, by at most that."""


@functional
def adjust_gamma(inpt: PictureT, gamma: float, gain: float = 1) -> PictureT:
    """`gain` times every value, from 0 to 1, to the power of `gamma`."""


@functional
def posterize(inpt: PictureT, bits: int) -> PictureT:
    """So many leading bits of every value."""


@functional
def solarize(inpt: PictureT, threshold: float) -> PictureT:
    """The negative of what is as bright as the threshold, or brighter."""


@functional
def autocontrast(inpt: PictureT) -> PictureT:
    """Each channel stretched from the darkest to the brightest there is."""


@functional
def equalize(inpt: PictureT) -> PictureT:
    """Each channel's values mapped so that all are about equally frequent."""


@functional
def invert(inpt: PictureT) -> PictureT:
    """The negative."""


@functional
def permute_channels(inpt: PictureT, permutation: Sequence[int] | Tensor) -> PictureT:
    """The channels in another order, which lists all of them.

    >>> import tritonnn as torch
    >>> from tritonnn.vision.transforms.v2 import functional as F
    >>> F.permute_channels(torch.tensor([[[1]], [[2]], [[3]]]), [2, 0, 1]).flatten()
    tensor([3, 1, 2])
    """


to_grayscale = rgb_to_grayscale


def rgb_to_grayscale_image(image: Tensor, num_output_channels: int = 1) -> Tensor:
    """`rgb_to_grayscale` of a picture."""
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels must be 1 or 3, got {num_output_channels}.")
    if is_image(image):
        return functions_of(image).to_grayscale(image, num_output_channels)
    if image.shape[-3] == 1 and num_output_channels == 3:
        return grayscale_to_rgb_image(image)
    return _F.rgb_to_grayscale(image, num_output_channels)


def grayscale_to_rgb_image(image: Any) -> Tensor:
    """`grayscale_to_rgb` of a picture."""
    if is_image(image):
        return image.convert("RGB")
    return image if image.shape[-3] >= 3 else torch.cat([image] * 3, dim=-3)


adjust_brightness_image = image_kernel(_functional_tensor.adjust_brightness)
adjust_saturation_image = image_kernel(_functional_tensor.adjust_saturation)
adjust_contrast_image = image_kernel(_functional_tensor.adjust_contrast)
adjust_sharpness_image = image_kernel(_functional_tensor.adjust_sharpness)
adjust_hue_image = image_kernel(_functional_tensor.adjust_hue)
adjust_gamma_image = image_kernel(_functional_tensor.adjust_gamma)
solarize_image = image_kernel(_functional_tensor.solarize)
autocontrast_image = image_kernel(_functional_tensor.autocontrast)
equalize_image = image_kernel(_functional_tensor.equalize)
invert_image = image_kernel(_functional_tensor.invert)


def posterize_image(image: Tensor, bits: int) -> Tensor:
    """`posterize` of a picture."""
    if is_image(image):
        return _F.posterize(image, bits)
    if not isinstance(bits, int) or not 0 <= bits <= 8:
        raise TypeError(f"bits must be a positive integer in the range [0, 8], got {bits} instead.")
    return _functional_tensor.posterize(image, bits)


def permute_channels_image(image: Tensor, permutation: Sequence[int] | Tensor) -> Tensor:
    """`permute_channels` of a picture."""
    order = [int(channel) for channel in permutation]
    if len(order) != image.shape[-3]:
        raise ValueError(
            f"Length of permutation does not match number of channels: {len(order)} != {image.shape[-3]}"
        )
    return image[..., order, :, :]


def _permute_channels_image_pil(image: PILImage, permutation: Sequence[int] | Tensor) -> PILImage:
    return _F.to_pil_image(permute_channels_image(_F.pil_to_tensor(image), permutation))  # L, LA, RGB or RGBA


adjust_brightness_video = video_kernel(adjust_brightness_image)
adjust_saturation_video = video_kernel(adjust_saturation_image)
adjust_contrast_video = video_kernel(adjust_contrast_image)
adjust_sharpness_video = video_kernel(adjust_sharpness_image)
adjust_hue_video = video_kernel(adjust_hue_image)
adjust_gamma_video = video_kernel(adjust_gamma_image)
posterize_video = video_kernel(posterize_image)
solarize_video = video_kernel(solarize_image)
autocontrast_video = video_kernel(autocontrast_image)
equalize_video = video_kernel(equalize_image)
invert_video = video_kernel(invert_image)
permute_channels_video = video_kernel(permute_channels_image)

#: functional -> kernels of pictures as tensors, of those of Pillow's, and of videos, which have no colours to lose
_KERNELS: dict[Any, tuple[Any, Any, Any]] = {
    rgb_to_grayscale: (rgb_to_grayscale_image, rgb_to_grayscale_image, None),
    grayscale_to_rgb: (grayscale_to_rgb_image, grayscale_to_rgb_image, None),
    adjust_brightness: (adjust_brightness_image, adjust_brightness_image, adjust_brightness_video),
    adjust_saturation: (adjust_saturation_image, adjust_saturation_image, adjust_saturation_video),
    adjust_contrast: (adjust_contrast_image, adjust_contrast_image, adjust_contrast_video),
    adjust_sharpness: (adjust_sharpness_image, adjust_sharpness_image, adjust_sharpness_video),
    adjust_hue: (adjust_hue_image, adjust_hue_image, adjust_hue_video),
    adjust_gamma: (adjust_gamma_image, adjust_gamma_image, adjust_gamma_video),
    posterize: (posterize_image, posterize_image, posterize_video),
    solarize: (solarize_image, solarize_image, solarize_video),
    autocontrast: (autocontrast_image, autocontrast_image, autocontrast_video),
    equalize: (equalize_image, equalize_image, equalize_video),
    invert: (invert_image, invert_image, invert_video),
    permute_channels: (permute_channels_image, _permute_channels_image_pil, permute_channels_video),
}
for _functional, (_of_tensor, _of_pillow, _of_video) in _KERNELS.items():
    kernel_of(_functional, Tensor, Image)(_of_tensor)
    kernel_of(_functional, PICTURE)(_of_pillow)
    if _of_video is not None:
        kernel_of(_functional, Video)(_of_video)
