"""What changes each pixel of an image tensor (..., C, H, W) for itself, or by one number of the whole image."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.transforms._tensor_checks import check_channels, check_image, get_dimensions, max_value
from tritonnn.vision.transforms._tensor_values import convert_image_dtype

__all__ = [
    "adjust_brightness", "adjust_contrast", "adjust_gamma", "adjust_hue", "adjust_saturation", "blend", "hsv_to_rgb",
    "invert", "posterize", "rgb_to_grayscale", "rgb_to_hsv", "solarize",
]  # fmt: skip

#: What red, green and blue are for each sixth of the circle of hues: value, p, q or t.
_SECTORS = ((0, 2, 1, 1, 3, 0), (3, 0, 0, 2, 1, 1), (1, 1, 3, 0, 0, 2))


def _check_factor(name: str, factor: float) -> None:
    if factor < 0:
        raise ValueError(f"{name} ({factor}) is not non-negative.")


def blend(img: Tensor, other: Tensor | float, ratio: float) -> Tensor:
    """`ratio` of the first and the rest of the second, within what the first's type has room for."""
    ratio = float(ratio)
    mixed = ratio * img + (1.0 - ratio) * other
    return mixed.clamp_(0, max_value(img.dtype)).to(img.dtype)


def rgb_to_grayscale(img: Tensor, num_output_channels: int = 1) -> Tensor:
    """How bright red, green and blue look together, in one channel or in three equal ones."""
    if img.ndim < 3:
        raise TypeError(f"Input image tensor should have at least 3 dimensions, but found {img.ndim}")
    check_channels(img)
    if num_output_channels not in (1, 3):
        raise ValueError(f"num_output_channels should be either 1 or 3, got {num_output_channels}")
    gray = img.clone() if img.shape[-3] == 1 else _gray(img)
    return gray if num_output_channels == 1 else gray.expand(*img.shape[:-3], 3, *img.shape[-2:])


def _gray(img: Tensor) -> Tensor:
    r, g, b = img.unbind(-3)
    return (0.2989 * r + 0.587 * g + 0.114 * b).to(img.dtype).unsqueeze(-3)


def adjust_brightness(img: Tensor, brightness_factor: float) -> Tensor:
    """0: black, 1: as it is, 2: twice as bright."""
    _check_factor("brightness_factor", brightness_factor)
    check_channels(img)
    return (float(brightness_factor) * img).clamp_(0, max_value(img.dtype)).to(img.dtype)


def adjust_contrast(img: Tensor, contrast_factor: float) -> Tensor:
    """0: all of the image's mean brightness, 1: as it is, 2: twice as far from the mean."""
    _check_factor("contrast_factor", contrast_factor)
    check_channels(img)
    gray = _gray(img) if get_dimensions(img)[0] == 3 else img
    dtype = img.dtype if img.is_floating_point() else torch.float32
    return blend(img, gray.to(dtype).mean(dim=(-3, -2, -1), keepdim=True), contrast_factor)


def adjust_saturation(img: Tensor, saturation_factor: float) -> Tensor:
    """0: gray, 1: as it is, 2: twice as far from gray."""
    _check_factor("saturation_factor", saturation_factor)
    check_channels(img)
    if get_dimensions(img)[0] == 1:
        return img
    return blend(img, _gray(img), saturation_factor)


def adjust_hue(img: Tensor, hue_factor: float) -> Tensor:
    """All hues moved along their circle, of which 0.5 is one half, by at most that."""
    if not -0.5 <= hue_factor <= 0.5:
        raise ValueError(f"hue_factor ({hue_factor}) is not in [-0.5, 0.5].")
    check_image(img)
    check_channels(img)
    if get_dimensions(img)[0] == 1 or img.numel() == 0:
        return img
    h, s, v = rgb_to_hsv(convert_image_dtype(img, torch.float32)).unbind(-3)
    moved = torch.stack([(h + hue_factor) % 1.0, s, v], -3)
    return convert_image_dtype(hsv_to_rgb(moved), img.dtype)


def rgb_to_hsv(img: Tensor) -> Tensor:
    """Hue, saturation and value, from 0 to 1, of red, green and blue from 0 to 1."""
    r, g, b = img.unbind(-3)
    lowest, value = img.amin(-3), img.amax(-3)
    spread = value - lowest
    gray = spread == 0  # has no hue: dividing by one gives zeros, where dividing by zero would give NaN
    saturation = spread / torch.where(gray, 1.0, value)
    to_r, to_g, to_b = ((value - channel) / torch.where(gray, 1.0, spread) for channel in (r, g, b))
    hue = torch.where(value == r, to_b - to_g, torch.where(value == g, 2.0 + to_r - to_b, 4.0 + to_g - to_r))
    return torch.stack([torch.fmod(hue / 6.0 + 1.0, 1.0), saturation, value], -3)


def hsv_to_rgb(img: Tensor) -> Tensor:
    """Red, green and blue, from 0 to 1, of hue, saturation and value from 0 to 1."""
    h, s, v = img.unbind(-3)
    sector = torch.floor(h * 6.0)
    rest = h * 6.0 - sector
    p = (v * (1.0 - s)).clamp_(0.0, 1.0)
    q = (v * (1.0 - s * rest)).clamp_(0.0, 1.0)
    t = (v * (1.0 - s * (1.0 - rest))).clamp_(0.0, 1.0)
    choice = torch.tensor(_SECTORS, device=img.device)[:, sector.to(torch.int64) % 6]
    return torch.stack([v, p, q, t], -3).gather(-3, choice.movedim(0, -3))


def adjust_gamma(img: Tensor, gamma: float, gain: float = 1) -> Tensor:
    """`gain` times every value, from 0 to 1, to the power of `gamma`."""
    check_image(img)
    if gamma < 0:
        raise ValueError(f"Gamma should be a non-negative real number, got {gamma}")
    values = img if img.is_floating_point() else convert_image_dtype(img, torch.float32)
    return convert_image_dtype((gain * values.pow(gamma)).clamp_(0, 1), img.dtype)


def invert(img: Tensor) -> Tensor:
    """The negative."""
    check_image(img)
    return max_value(img.dtype) - img


def posterize(img: Tensor, bits: int) -> Tensor:
    """So many leading bits of every value; of floating point, so many powers of two of levels."""
    check_image(img)
    if img.is_floating_point():
        levels = 1 << bits
        return (img * levels).floor_().clamp_(0, levels - 1) / levels
    width = max_value(img.dtype).bit_length()
    if bits >= width:
        return img
    return img & (((1 << bits) - 1) << (width - bits))


def solarize(img: Tensor, threshold: float) -> Tensor:
    """The negative of what is as bright as the threshold, or brighter."""
    check_image(img)
    if threshold > max_value(img.dtype):
        raise TypeError(
            f"Threshold should be less than bound of img: {threshold} > {max_value(img.dtype)} of {img.dtype}"
        )
    return torch.where(img >= threshold, invert(img), img)
