"""What the automatic augmentations draw from: changes of an image by name, and how strong each may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision._types import Fill, PictureT
from tritonnn.vision.transforms import functional as F
from tritonnn.vision.transforms.functional import InterpolationMode

__all__ = ["COLORS", "OPS", "Space", "apply_op", "space"]

#: For each name the magnitudes, one for each bin or one for all, and whether they may be negative too.
Space = dict[str, tuple[Tensor, bool]]
COLORS = ("Brightness", "Color", "Contrast", "Sharpness")


def _shear(img: PictureT, x: float, y: float, mode: InterpolationMode, fill: Fill) -> PictureT:
    """By slopes, not angles, around the corner at the top left."""
    angles = [math.degrees(math.atan(x)), math.degrees(math.atan(y))]
    return F.affine(img, 0.0, [0, 0], 1.0, angles, mode, fill, center=[0, 0])


def _translate(img: PictureT, x: float, y: float, mode: InterpolationMode, fill: Fill) -> PictureT:
    return F.affine(img, 0.0, [int(x), int(y)], 1.0, [0.0, 0.0], mode, fill)


#: name -> change(image, magnitude, interpolation, fill)
OPS: dict[str, Callable[[Any, float, InterpolationMode, Any], Any]] = {
    "Identity": lambda img, m, mode, fill: img,
    "ShearX": lambda img, m, mode, fill: _shear(img, m, 0.0, mode, fill),
    "ShearY": lambda img, m, mode, fill: _shear(img, 0.0, m, mode, fill),
    "TranslateX": lambda img, m, mode, fill: _translate(img, m, 0, mode, fill),
    "TranslateY": lambda img, m, mode, fill: _translate(img, 0, m, mode, fill),
    "Rotate": lambda img, m, mode, fill: F.rotate(img, m, mode, fill=fill),
    "Brightness": lambda img, m, mode, fill: F.adjust_brightness(img, 1.0 + m),
    "Color": lambda img, m, mode, fill: F.adjust_saturation(img, 1.0 + m),
    "Contrast": lambda img, m, mode, fill: F.adjust_contrast(img, 1.0 + m),
    "Sharpness": lambda img, m, mode, fill: F.adjust_sharpness(img, 1.0 + m),
    "Posterize": lambda img, m, mode, fill: F.posterize(img, int(m)),
    "Solarize": lambda img, m, mode, fill: F.solarize(img, m),
    "AutoContrast": lambda img, m, mode, fill: F.autocontrast(img),
    "Equalize": lambda img, m, mode, fill: F.equalize(img),
    "Invert": lambda img, m, mode, fill: F.invert(img),
}


def apply_op(
    img: PictureT, op_name: str, magnitude: float, interpolation: InterpolationMode, fill: Fill
) -> PictureT:
    """The change of that name; ValueError for a name that there is not."""
    if op_name not in OPS:
        raise ValueError(f"The provided operator {op_name} is not recognized: it is none of {', '.join(OPS)}")
    return OPS[op_name](img, magnitude, interpolation, fill)


def space(
    num_bins: int,
    names: tuple[str, ...],
    *,
    shear: float = 0.3,
    translate: tuple[float, float],
    rotate: float = 30.0,
    color: float = 0.9,
    bits: int = 8,
    bits_lost: int = 4,
) -> Space:
    """The magnitudes, in bins from none to the largest, of the changes of these names, in this order.

    Args:
        num_bins: how many bins there are.
        names: the changes.
        shear: the largest slope.
        translate: the farthest, in pixels, in x and y.
        rotate: the largest angle in degrees.
        color: the largest change of a factor.
        bits: that `Posterize` keeps at least in the first bin.
        bits_lost: how many fewer it keeps in the last bin.
    """
    largest = {"ShearX": shear, "ShearY": shear, "TranslateX": translate[0], "TranslateY": translate[1]}
    largest |= {"Rotate": rotate, **dict.fromkeys(COLORS, color)}
    found: Space = {}
    for name in names:
        if name in largest:
            found[name] = (torch.linspace(0.0, largest[name], num_bins), True)
        elif name == "Posterize":
            lost = (torch.arange(num_bins) / ((num_bins - 1) / bits_lost)).round().to(torch.int32)
            found[name] = (bits - lost, False)
        elif name == "Solarize":
            found[name] = (torch.linspace(255.0, 0.0, num_bins), False)
        else:
            found[name] = (torch.tensor(0.0), False)
    return found
