"""Colours, brightness and sharpness of pictures and image tensors (..., C, H, W): see `functional`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._pillow import is_image
from tritonnn.vision._types import Picture, PictureT, PILImage
from tritonnn.vision.transforms import _functional_pil, _functional_tensor
from tritonnn.vision.transforms._conversion import pil_to_tensor, to_pil_image
from tritonnn.vision.transforms._interpolation import functions_of
from tritonnn.vision.transforms._tensor_checks import check_channels, check_image

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "autocontrast", "equalize", "gaussian_blur", "invert", "posterize", "rgb_to_grayscale", "solarize",
    "to_grayscale",
]  # fmt: skip


def _check_colors(img: Picture) -> None:
    """Raise TypeError for a tensor that is not (..., C, H, W) with one or three channels."""
    if isinstance(img, Tensor):
        check_image(img)
        if img.ndim < 3:
            raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
        check_channels(img)


def adjust_brightness(img: PictureT, brightness_factor: float) -> PictureT:
    """0: black, 1: as it is, 2: twice as bright.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.adjust_brightness(torch.tensor([[[0.2, 0.8]]]), 2)
    tensor([[[0.4000, 1.0000]]])
    """
    return functions_of(img).adjust_brightness(img, brightness_factor)


def adjust_contrast(img: PictureT, contrast_factor: float) -> PictureT:
    """0: all of the image's mean brightness, 1: as it is, 2: twice as far from the mean.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.adjust_contrast(torch.tensor([[[0.25, 0.75]]]), 0)
    tensor([[[0.5000, 0.5000]]])
    """
    return functions_of(img).adjust_contrast(img, contrast_factor)


def adjust_saturation(img: PictureT, saturation_factor: float) -> PictureT:
    """0: gray, 1: as it is, 2: twice as far from gray.

    >>> import tritonnn as torch
    >>> red = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    >>> torch.vision.transforms.functional.adjust_saturation(red, 0).flatten()
    tensor([0.2989, 0.2989, 0.2989])
    """
    return functions_of(img).adjust_saturation(img, saturation_factor)


def adjust_hue(img: PictureT, hue_factor: float) -> PictureT:
    """All hues moved along their circle, half of which is 0.5, by -0.5 to 0.5.

    >>> import tritonnn as torch
    >>> red = torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1)
    >>> torch.vision.transforms.functional.adjust_hue(red, 0.5).flatten()
    tensor([0., 1., 1.])
    """
    return functions_of(img).adjust_hue(img, hue_factor)


def adjust_gamma(img: PictureT, gamma: float, gain: float = 1) -> PictureT:
    """`gain` times every value, from 0 to 1, to the power of `gamma`.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.adjust_gamma(torch.tensor([[[0.5, 1.0]]]), 2)
    tensor([[[0.2500, 1.0000]]])
    """
    if isinstance(img, Tensor):
        check_channels(img)
    return functions_of(img).adjust_gamma(img, gamma, gain)


def adjust_sharpness(img: PictureT, sharpness_factor: float) -> PictureT:
    """0: smoothed, 1: as it is, 2: sharpened.

    >>> import tritonnn as torch
    >>> dot = torch.zeros(1, 3, 3)
    >>> dot[0, 1, 1] = 1.0
    >>> torch.vision.transforms.functional.adjust_sharpness(dot, 0)[0, 1]
    tensor([0.0000, 0.3846, 0.0000])
    """
    return functions_of(img).adjust_sharpness(img, sharpness_factor)


def to_grayscale(img: PILImage, num_output_channels: int = 1) -> PILImage:
    """A picture in gray, in one channel or in three equal ones; for tensors there is `rgb_to_grayscale`.

    >>> import PIL.Image
    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.to_grayscale(PIL.Image.new("RGB", (2, 2))).mode
    'L'
    """
    if not is_image(img):
        raise TypeError(f"Input should be PIL Image. Got {type(img)}")
    return _functional_pil.to_grayscale(img, num_output_channels)


def rgb_to_grayscale(img: PictureT, num_output_channels: int = 1) -> PictureT:
    """In gray, in one channel or in three equal ones; a tensor of one channel stays one.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.rgb_to_grayscale(torch.ones(3, 2, 2)).shape
    torch.Size([1, 2, 2])
    """
    if not isinstance(img, Tensor):
        return functions_of(img).to_grayscale(img, num_output_channels)
    gray = functions_of(img).rgb_to_grayscale(img, num_output_channels)
    return gray[..., :1, :, :] if img.shape[-3] == 1 else gray


def gaussian_blur(
    img: PictureT, kernel_size: int | Sequence[int], sigma: float | Sequence[float] | None = None
) -> PictureT:
    """Blurred by a Gaussian.

    Args:
        img: the image.
        kernel_size: how many pixels are seen, odd; one number, or those for x and y.
        sigma: in pixels, likewise; None: 0.15 times the kernel's size and 0.35.

    >>> import tritonnn as torch
    >>> dot = torch.zeros(1, 5, 5)
    >>> dot[0, 2, 2] = 1.0
    >>> torch.vision.transforms.functional.gaussian_blur(dot, 3)[0, 2]
    tensor([0.0000, 0.1248, 0.2725, 0.1248, 0.0000])
    """
    sizes, sigmas = _kernel_sizes(kernel_size), _sigmas(sigma)
    if sigmas is None:
        sigmas = [size * 0.15 + 0.35 for size in sizes]
    if isinstance(img, Tensor):
        return functions_of(img).gaussian_blur(img, sizes, sigmas)
    if not is_image(img):
        raise TypeError(f"img should be PIL Image or Tensor. Got {type(img)}")
    blurred = _functional_tensor.gaussian_blur(pil_to_tensor(img), sizes, sigmas)
    return cast(PictureT, to_pil_image(blurred, img.mode))


def _kernel_sizes(kernel_size: int | Sequence[int]) -> list[int]:
    if not isinstance(kernel_size, (int, list, tuple)):
        raise TypeError(f"kernel_size should be int or a sequence of integers. Got {type(kernel_size)}")
    sizes = [kernel_size] * 2 if isinstance(kernel_size, int) else list(kernel_size)
    if len(sizes) != 2:
        raise ValueError(f"If kernel_size is a sequence its length should be 2. Got {len(sizes)}")
    if any(size % 2 == 0 or size < 0 for size in sizes):
        raise ValueError(f"kernel_size should have odd and positive integers. Got {sizes}")
    return sizes


def _sigmas(sigma: float | Sequence[float] | None) -> list[float] | None:
    if sigma is None:
        return None
    if not isinstance(sigma, (int, float, list, tuple)):
        raise TypeError(f"sigma should be either float or sequence of floats. Got {type(sigma)}")
    sigmas = [float(sigma)] if isinstance(sigma, (int, float)) else list(sigma)
    if len(sigmas) not in (1, 2):
        raise ValueError(f"If sigma is a sequence, its length should be 2. Got {len(sigmas)}")
    if any(value <= 0.0 for value in sigmas):
        raise ValueError(f"sigma should have positive values. Got {sigmas}")
    return [sigmas[0], sigmas[-1]]


def invert(img: PictureT) -> PictureT:
    """The negative.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.invert(torch.tensor([[[0, 100, 255]]], dtype=torch.uint8))
    tensor([[[255, 155,   0]]], dtype=torch.uint8)
    """
    _check_colors(img)
    return functions_of(img).invert(img)


def posterize(img: PictureT, bits: int) -> PictureT:
    """So many leading bits, 0 to 8, of every value; tensors are uint8.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.posterize(torch.tensor([[[0, 100, 255]]], dtype=torch.uint8), 1)
    tensor([[[  0,   0, 128]]], dtype=torch.uint8)
    """
    if not 0 <= bits <= 8:
        raise ValueError(f"The number if bits should be between 0 and 8. Got {bits}")
    _check_colors(img)
    _check_bytes(img)
    return functions_of(img).posterize(img, bits)


def _check_bytes(img: Picture) -> None:
    if isinstance(img, Tensor) and img.dtype != torch.uint8:
        raise TypeError(f"Only torch.uint8 image tensors are supported, but found {img.dtype}")


def solarize(img: PictureT, threshold: float) -> PictureT:
    """The negative of what is as bright as the threshold, or brighter.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.solarize(torch.tensor([[[0, 100, 250]]], dtype=torch.uint8), 200)
    tensor([[[  0, 100,   5]]], dtype=torch.uint8)
    """
    _check_colors(img)
    return functions_of(img).solarize(img, threshold)


def autocontrast(img: PictureT) -> PictureT:
    """Each channel stretched from the darkest to the brightest there is.

    >>> import tritonnn as torch
    >>> torch.vision.transforms.functional.autocontrast(torch.tensor([[[0.25, 0.5, 0.75]]]))
    tensor([[[0.0000, 0.5000, 1.0000]]])
    """
    _check_colors(img)
    return functions_of(img).autocontrast(img)


def equalize(img: PictureT) -> PictureT:
    """Each channel's values mapped so that all are about equally frequent; tensors are uint8.

    >>> import tritonnn as torch
    >>> ramp = torch.arange(256, dtype=torch.uint8).reshape(1, 16, 16)
    >>> bool((torch.vision.transforms.functional.equalize(ramp // 4) >= ramp // 4).all())
    True
    """
    if isinstance(img, Tensor):
        check_image(img)
        if img.ndim not in (3, 4):
            raise TypeError(f"Input image tensor should have 3 or 4 dimensions, but found {img.ndim}")
    _check_bytes(img)
    _check_colors(img)
    return functions_of(img).equalize(img)
