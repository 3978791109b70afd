"""Transforms of colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn.vision import transforms as _transforms
from tritonnn.vision._types import PictureT
from tritonnn.vision.transforms._class_parts import uniform
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2._transform import Transform, _RandomApplyTransform
from tritonnn.vision.transforms.v2._utils import query_chw

__all__ = [
    "RGB", "ColorJitter", "Grayscale", "RandomAdjustSharpness", "RandomAutocontrast", "RandomChannelPermutation",
    "RandomEqualize", "RandomGrayscale", "RandomInvert", "RandomPhotometricDistort", "RandomPosterize",
    "RandomSolarize",
]  # fmt: skip

Range = float | Sequence[float] | None


class Grayscale(Transform):
    """How bright the colours look.

    Args:
        num_output_channels: 1, or 3 equal ones.
    """

    _v1_transform_cls = _transforms.Grayscale

    def __init__(self, num_output_channels: int = 1) -> None:
        super().__init__()
        self.num_output_channels = num_output_channels

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=self.num_output_channels)


class RandomGrayscale(_RandomApplyTransform):
    """`Grayscale` with a probability; the number of channels stays.

    Args:
        p: the probability.
    """

    _v1_transform_cls = _transforms.RandomGrayscale

    def __init__(self, p: float = 0.1) -> None:
        super().__init__(p=p)

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"num_input_channels": query_chw(flat_inputs)[0]}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.rgb_to_grayscale, inpt, num_output_channels=params["num_input_channels"])


class RGB(Transform):
    """Three channels, which are equal where there was one."""

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.grayscale_to_rgb, inpt)


class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed by random factors, in random order.

    >>> from tritonnn.vision.transforms import v2
    >>> v2.ColorJitter(brightness=0.5, hue=0.1)
    ColorJitter(brightness=(0.5, 1.5), hue=(-0.1, 0.1))

    Args:
        brightness: the range of its factor, or how far it may be from 1; None: unchanged.
        contrast: the same.
        saturation: the same.
        hue: the range of what is added to it, or how far that may be from 0, at most 0.5.
    """

    _v1_transform_cls = _transforms.ColorJitter

    def __init__(
        self, brightness: Range = None, contrast: Range = None, saturation: Range = None, hue: Range = None
    ) -> None:
        super().__init__()
        self.brightness = _factors(brightness, "brightness")
        self.contrast = _factors(contrast, "contrast")
        self.saturation = _factors(saturation, "saturation")
        self.hue = _factors(hue, "hue", unchanged=0.0, bound=(-0.5, 0.5))

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        params: dict[str, Any] = {"fn_idx": torch.randperm(4)}
        for name in ("brightness", "contrast", "saturation", "hue"):
            limits = getattr(self, name)
            params[f"{name}_factor"] = None if limits is None else uniform(*limits)
        return params

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        for i in params["fn_idx"]:
            inpt = _adjusted(self, inpt, list(_ADJUST)[int(i)], params)
        return inpt


_ADJUST = {
    "brightness_factor": F.adjust_brightness,
    "contrast_factor": F.adjust_contrast,
    "saturation_factor": F.adjust_saturation,
    "hue_factor": F.adjust_hue,
}


def _adjusted(transform: Transform, inpt: PictureT, name: str, params: dict[str, Any]) -> PictureT:
    """An input after the adjustment by a factor; as it is where that was not drawn."""
    factor = params[name]
    return inpt if factor is None else transform._call_kernel(_ADJUST[name], inpt, **{name: factor})


def _factors(
    value: Range, name: str, unchanged: float = 1.0, bound: tuple[float, float] = (0.0, float("inf"))
) -> tuple[float, float] | None:
    """The range of a factor; None where it always leaves things unchanged."""
    if value is None:
        return None
    if isinstance(value, (int, float)):
        if value < 0:
            raise ValueError(f"If {name} is a single number, it must be non negative. Got {value}")
        low, high = unchanged - value, unchanged + value
        low = max(low, 0.0) if unchanged else low
    elif isinstance(value, Sequence) and len(value) == 2:
        low, high = (float(limit) for limit in value)
    else:
        raise TypeError(f"{name}={value} should be a single number or a sequence with length 2.")
    if not bound[0] <= low <= high <= bound[1]:
        raise ValueError(f"{name} values should be between {bound} and increasing, but got {[low, high]}.")
    return None if low == high == unchanged else (float(low), float(high))


class RandomChannelPermutation(Transform):
    """The channels in random order."""

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        return {"permutation": torch.randperm(query_chw(flat_inputs)[0])}

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.permute_channels, inpt, params["permutation"])


class RandomPhotometricDistort(Transform):
    """Brightness, contrast, saturation, hue and the order of channels changed, each with a probability, as SSD does.

    Args:
        brightness: the range of its factor.
        contrast: that of its factor.
        saturation: that of its factor.
        hue: the range of what is added to it.
        p: how probable each of the changes is.
    """

    def __init__(
        self,
        brightness: tuple[float, float] = (0.875, 1.125),
        contrast: tuple[float, float] = (0.5, 1.5),
        saturation: tuple[float, float] = (0.5, 1.5),
        hue: tuple[float, float] = (-0.05, 0.05),
        p: float = 0.5,
    ) -> None:
        super().__init__()
        self.brightness = brightness
        self.contrast = contrast
        self.hue = hue
        self.saturation = saturation
        self.p = p

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        channels = query_chw(flat_inputs)[0]
        params: dict[str, Any] = {}
        for name in ("brightness", "contrast", "saturation", "hue"):
            params[f"{name}_factor"] = uniform(*getattr(self, name)) if torch.rand(1) < self.p else None
        params["contrast_before"] = bool(torch.rand(()) < 0.5)
        params["channel_permutation"] = torch.randperm(channels) if torch.rand(1) < self.p else None
        return params

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        order = ["brightness_factor", "saturation_factor", "hue_factor"]
        order.insert(1 if params["contrast_before"] else 3, "contrast_factor")
        for name in order:
            inpt = _adjusted(self, inpt, name, params)
        permutation = params["channel_permutation"]
        return (
            inpt
            if permutation is None
            else self._call_kernel(F.permute_channels, inpt, permutation=permutation)
        )


class RandomEqualize(_RandomApplyTransform):
    """Each channel's values made about equally frequent, with a probability `p`."""

    _v1_transform_cls = _transforms.RandomEqualize

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.equalize, inpt)


class RandomInvert(_RandomApplyTransform):
    """The negative, with a probability `p`."""

    _v1_transform_cls = _transforms.RandomInvert

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.invert, inpt)


class RandomPosterize(_RandomApplyTransform):
    """So many leading bits of every value, with a probability.

    Args:
        bits: from 0 to 8.
        p: the probability.
    """

    _v1_transform_cls = _transforms.RandomPosterize

    def __init__(self, bits: int, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.bits = bits

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.posterize, inpt, bits=self.bits)


class RandomSolarize(_RandomApplyTransform):
    """The negative of what is bright, with a probability.

    Args:
        threshold: from which value on.
        p: the probability.
    """

    _v1_transform_cls = _transforms.RandomSolarize

    def __init__(self, threshold: float, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.threshold = threshold

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.solarize, inpt, threshold=self.threshold)


class RandomAutocontrast(_RandomApplyTransform):
    """Each channel stretched from the darkest to the brightest there is, with a probability `p`."""

    _v1_transform_cls = _transforms.RandomAutocontrast

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.autocontrast, inpt)


class RandomAdjustSharpness(_RandomApplyTransform):
    """Smoothed or sharpened, with a probability.

    Args:
        sharpness_factor: 0: smoothed, 1: as it is, more: sharpened.
        p: the probability.
    """

    _v1_transform_cls = _transforms.RandomAdjustSharpness

    def __init__(self, sharpness_factor: float, p: float = 0.5) -> None:
        super().__init__(p=p)
        self.sharpness_factor = sharpness_factor

    def transform(self, inpt: PictureT, params: dict[str, Any]) -> PictureT:
        return self._call_kernel(F.adjust_sharpness, inpt, sharpness_factor=self.sharpness_factor)
