"""The changes that the automatic augmentations choose from, by name, and how strong each may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn.vision._types import Fill, PictureT
from tritonnn.vision.transforms._augment_ops import COLORS, Space, space
from tritonnn.vision.transforms._tensor_checks import max_value
from tritonnn.vision.transforms.v2 import functional as F
from tritonnn.vision.transforms.v2.functional._interpolation import Interpolation

__all__ = ["AugmentationSpace", "Space", "applied", "augmentation_space"]

#: name -> (magnitudes(bins, height, width), which are None of a change without any; whether they may be negative)
AugmentationSpace = dict[str, tuple[Callable[[int, int, int], torch.Tensor | None], bool]]

_MOVES = ("ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate")
_LEVELS = ("Posterize", "Solarize", "AutoContrast", "Equalize")


def _slope(magnitude: float) -> float:
    return math.degrees(math.atan(magnitude))


def _sheared(inpt: PictureT, x: float, y: float, how: dict[str, Any]) -> PictureT:
    return F.affine(
        inpt, angle=0.0, translate=[0, 0], scale=1.0, shear=[_slope(x), _slope(y)], center=[0, 0], **how
    )


def _moved(inpt: PictureT, x: float, y: float, how: dict[str, Any]) -> PictureT:
    return F.affine(inpt, angle=0.0, translate=[int(x), int(y)], scale=1.0, shear=[0.0, 0.0], **how)


def _solarized(inpt: PictureT, level: float) -> PictureT:
    """The level is a part of the brightest value."""
    largest = max_value(inpt.dtype) if isinstance(inpt, torch.Tensor) else 255
    return F.solarize(inpt, threshold=largest * level)


#: name -> change(input, magnitude, interpolation and fill)
_OPS: dict[str, Callable[[Any, float, dict[str, Any]], Any]] = {
    "Identity": lambda inpt, m, how: inpt,
    "ShearX": lambda inpt, m, how: _sheared(inpt, m, 0.0, how),
    "ShearY": lambda inpt, m, how: _sheared(inpt, 0.0, m, how),
    "TranslateX": lambda inpt, m, how: _moved(inpt, m, 0, how),
    "TranslateY": lambda inpt, m, how: _moved(inpt, 0, m, how),
    "Rotate": lambda inpt, m, how: F.rotate(inpt, angle=m, **how),
    "Brightness": lambda inpt, m, how: F.adjust_brightness(inpt, brightness_factor=1.0 + m),
    "Color": lambda inpt, m, how: F.adjust_saturation(inpt, saturation_factor=1.0 + m),
    "Contrast": lambda inpt, m, how: F.adjust_contrast(inpt, contrast_factor=1.0 + m),
    "Sharpness": lambda inpt, m, how: F.adjust_sharpness(inpt, sharpness_factor=1.0 + m),
    "Posterize": lambda inpt, m, how: F.posterize(inpt, bits=int(m)),
    "Solarize": lambda inpt, m, how: _solarized(inpt, m),
    "AutoContrast": lambda inpt, m, how: F.autocontrast(inpt),
    "Equalize": lambda inpt, m, how: F.equalize(inpt),
    "Invert": lambda inpt, m, how: F.invert(inpt),
}


def applied(
    inpt: PictureT, name: str, magnitude: float, interpolation: Interpolation, fill: Fill
) -> PictureT:
    """An input after the change of a name; ValueError for a name that there is not."""
    if name not in _OPS:
        raise ValueError(f"No transform available for {name}")
    return _OPS[name](inpt, magnitude, {"interpolation": interpolation, "fill": fill})


def augmentation_space(kind: str) -> AugmentationSpace:
    """What a kind of augmentation chooses from: the class attribute that a subclass may replace."""

    def magnitudes_of(name: str) -> Callable[[int, int, int], torch.Tensor | None]:
        def magnitudes(bins: int, height: int, width: int) -> torch.Tensor | None:
            found = _space_of(kind, bins, height, width)[name][0]
            if found.ndim == 0:
                return None
            return found / 255.0 if name == "Solarize" else found

        return magnitudes

    return {name: (magnitudes_of(name), signed) for name, (_, signed) in _space_of(kind, 2, 1, 1).items()}


def _space_of(kind: str, bins: int, height: int, width: int) -> Space:
    """For each change that a kind of augmentation chooses from, its magnitudes and whether they may be negative."""
    part = 150.0 / 331.0
    common = (*_MOVES, *COLORS, *_LEVELS)
    if kind == "AutoAugment":
        return space(bins, (*common, "Invert"), translate=(part * width, part * height))
    if kind == "RandAugment":
        return space(bins, ("Identity", *common), translate=(part * width, part * height))
    if kind == "TrivialAugmentWide":
        wide = {"shear": 0.99, "rotate": 135.0, "color": 0.99, "bits_lost": 6}
        return space(bins, ("Identity", *common), translate=(32.0, 32.0), **wide)  # type: ignore[arg-type]
    names = (*_MOVES, *_LEVELS) if kind == "AugMix without colors" else (*_MOVES, *_LEVELS, *COLORS)
    return space(bins, names, translate=(width / 3.0, height / 3.0), bits=4)
