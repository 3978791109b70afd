"""Changes of Pillow's pictures: what `functional` calls for them, under the names that it has for tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn.vision._pillow import is_image, pillow
from tritonnn.vision._types import Fill, PILImage
from tritonnn.vision.transforms._tensor_checks import fill_values
from tritonnn.vision.transforms._tensor_geometry import parse_padding

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "adjust_sharpness",
    "affine", "autocontrast", "crop", "equalize", "get_dimensions", "get_image_num_channels", "get_image_size",
    "hflip", "invert", "pad", "perspective", "posterize", "resize", "rotate", "solarize", "to_grayscale", "vflip",
]  # fmt: skip

_PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def _is_pil_image(img: object) -> bool:
    return is_image(img)


def _check(img: object) -> None:
    if not is_image(img):
        raise TypeError(f"img should be PIL Image. Got {type(img)}")


def _module(name: str) -> Any:
    return pillow("torchvision.transforms.functional", name)


def get_dimensions(img: PILImage) -> list[int]:
    """Channels, height and width."""
    if not is_image(img):
        raise TypeError(f"Unexpected type {type(img)}: a Tensor or a PIL Image is expected")
    return [len(img.getbands()), img.height, img.width]


def get_image_size(img: PILImage) -> list[int]:
    """Width and height."""
    return get_dimensions(img)[:0:-1]


def get_image_num_channels(img: PILImage) -> int:
    """The number of channels."""
    return get_dimensions(img)[0]


def hflip(img: PILImage) -> PILImage:
    """Left and right exchanged."""
    _check(img)
    return img.transpose(_module("Image").Transpose.FLIP_LEFT_RIGHT)


def vflip(img: PILImage) -> PILImage:
    """Top and bottom exchanged."""
    _check(img)
    return img.transpose(_module("Image").Transpose.FLIP_TOP_BOTTOM)


def crop(img: PILImage, top: int, left: int, height: int, width: int) -> PILImage:
    """The part of that size at that place; what lies outside is zero."""
    _check(img)
    return img.crop((left, top, left + width, top + height))


def resize(img: PILImage, size: Sequence[int], interpolation: int = 2) -> PILImage:
    """In another size, (height, width); the number of the interpolation is Pillow's."""
    _check(img)
    if not (isinstance(size, (list, tuple)) and len(size) == 2):
        raise TypeError(f"Got inappropriate size arg: {size}")
    return img.resize((size[1], size[0]), interpolation)


def pad(
    img: PILImage, padding: int | Sequence[int], fill: Fill = 0, padding_mode: str = "constant"
) -> PILImage:
    """Pixels added on all sides, or taken away where a number is negative: see the tensors' `pad`."""
    _check(img)
    left, right, top, bottom = parse_padding(padding)
    if fill is not None and not isinstance(fill, (int, float, tuple, list)):
        raise TypeError(
            f"Got inappropriate fill arg: a number or a sequence of them is expected, got {fill!r}"
        )
    if not isinstance(padding_mode, str):
        raise TypeError(f"Got inappropriate padding_mode arg: a str is expected, got {padding_mode!r}")
    if padding_mode not in _PADDING_MODES:
        raise ValueError(
            f"Padding mode should be either constant, edge, reflect or symmetric, got {padding_mode!r}"
        )
    palette = img.getpalette() if img.mode == "P" else None
    if padding_mode == "constant":
        result = _module("ImageOps").expand(img, (left, top, right, bottom), **_parse_fill(fill, img, "fill"))
    else:
        within = (max(-left, 0), max(-top, 0), img.width - max(-right, 0), img.height - max(-bottom, 0))
        pixels = np.asarray(img.crop(within) if min(left, right, top, bottom) < 0 else img)
        widths = ((max(top, 0), max(bottom, 0)), (max(left, 0), max(right, 0)), (0, 0))
        padded = np.pad(pixels, widths[: pixels.ndim], padding_mode)  # type: ignore[call-overload]
        result = _module("Image").fromarray(padded)
    if palette is not None:
        result.putpalette(palette)
    return result


def _parse_fill(fill: Fill, img: PILImage, name: str = "fillcolor") -> dict[str, Any]:
    """The keyword argument that Pillow takes for a colour: as many numbers as the picture has channels."""
    channels = get_image_num_channels(img)
    colours = fill_values(fill)
    if len(colours) not in (1, channels):
        raise ValueError(
            "The number of elements in 'fill' does not match the number of channels of the image "
            f"({len(colours)} != {channels})"
        )
    if img.mode != "F":
        colours = [int(value) for value in colours]
    if channels == 1 and not isinstance(fill, (tuple, list)):
        return {name: colours[0]}
    return {name: tuple(colours * channels if len(colours) == 1 else colours)}


def affine(img: PILImage, matrix: Sequence[float], interpolation: int = 0, fill: Fill = None) -> PILImage:
    """Through a matrix of 2 x 3, which maps places of the result, in pixels, to those of the picture."""
    _check(img)
    return img.transform(
        img.size, _module("Image").Transform.AFFINE, matrix, interpolation, **_parse_fill(fill, img)
    )


def rotate(
    img: Any,
    angle: float,
    interpolation: int = 0,
    expand: bool = False,
    center: Sequence[float] | None = None,
    fill: Fill = None,
) -> PILImage:
    """By an angle in degrees, counter-clockwise; with `expand` the result is so large that all of it is there."""
    _check(img)
    return img.rotate(angle, interpolation, expand, center, **_parse_fill(fill, img))


def perspective(
    img: PILImage, perspective_coeffs: Sequence[float], interpolation: int = 3, fill: Fill = None
) -> PILImage:
    """Through a projective map of eight numbers: (a x + b y + c, d x + e y + f) / (g x + h y + 1)."""
    _check(img)
    kind = _module("Image").Transform.PERSPECTIVE
    return img.transform(img.size, kind, perspective_coeffs, interpolation, **_parse_fill(fill, img))


def _enhanced(img: PILImage, what: str, factor: float) -> PILImage:
    _check(img)
    return getattr(_module("ImageEnhance"), what)(img).enhance(factor)


def adjust_brightness(img: PILImage, brightness_factor: float) -> PILImage:
    """0: black, 1: as it is."""
    return _enhanced(img, "Brightness", brightness_factor)


def adjust_contrast(img: PILImage, contrast_factor: float) -> PILImage:
    """0: all of the picture's mean brightness, 1: as it is."""
    return _enhanced(img, "Contrast", contrast_factor)


def adjust_saturation(img: PILImage, saturation_factor: float) -> PILImage:
    """0: gray, 1: as it is."""
    return _enhanced(img, "Color", saturation_factor)


def adjust_sharpness(img: PILImage, sharpness_factor: float) -> PILImage:
    """0: smoothed, 1: as it is."""
    return _enhanced(img, "Sharpness", sharpness_factor)


def adjust_hue(img: PILImage, hue_factor: float) -> PILImage:
    """All hues moved along their circle, of which 0.5 is one half."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    _check(img)
    if img.mode in ("L", "1", "I", "F"):
        return img
    image = _module("Image")
    h, s, v = img.convert("HSV").split()
    hues = np.asarray(h) + np.int32(hue_factor * 255).astype(np.uint8)  # goes round at 256
    return image.merge("HSV", (image.fromarray(hues), s, v)).convert(img.mode)


def adjust_gamma(img: PILImage, gamma: float, gain: float = 1.0) -> PILImage:
    """`gain` times every value, from 0 to 1, to the power of `gamma`."""
    _check(img)
    if gamma < 0:
        raise ValueError(f"Gamma should be a non-negative real number, got {gamma}")
    table = [int((255 + 1 - 1e-3) * gain * pow(value / 255.0, gamma)) for value in range(256)]
    return img.convert("RGB").point(table * 3).convert(img.mode)


def to_grayscale(img: PILImage, num_output_channels: int) -> PILImage:
    """In one channel, or in three equal ones."""
    _check(img)
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    gray = img.convert("L")
    return gray if num_output_channels == 1 else _module("Image").merge("RGB", (gray, gray, gray))


def invert(img: PILImage) -> PILImage:
    """The negative."""
    _check(img)
    return _module("ImageOps").invert(img)


def posterize(img: PILImage, bits: int) -> PILImage:
    """So many leading bits of every value."""
    _check(img)
    return _module("ImageOps").posterize(img, bits)


def solarize(img: PILImage, threshold: float) -> PILImage:
    """The negative of what is as bright as the threshold, or brighter."""
    _check(img)
    return _module("ImageOps").solarize(img, threshold)


def autocontrast(img: PILImage) -> PILImage:
    """Each channel stretched from the darkest to the brightest there is."""
    _check(img)
    return _module("ImageOps").autocontrast(img)


def equalize(img: PILImage) -> PILImage:
    """Each channel's values mapped so that all are about equally frequent."""
    _check(img)
    return _module("ImageOps").equalize(img)
