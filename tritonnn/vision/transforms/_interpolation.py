"""The ways in which pixels between pixels are computed, and Pillow's numbers for them."""

from __future__ import annotations

from enum import Enum
from typing import Any

from tritonnn import Tensor
from tritonnn.vision.transforms import _functional_pil, _functional_tensor

__all__ = ["InterpolationMode", "as_mode", "functions_of", "mode_from_int", "pil_modes_mapping"]


class InterpolationMode(Enum):
    """How pixels between pixels are computed; box and hamming only of Pillow's pictures.

    >>> from tritonnn.vision.transforms import InterpolationMode
    >>> InterpolationMode("bilinear").name
    'BILINEAR'
    """

    NEAREST = "nearest"
    NEAREST_EXACT = "nearest-exact"
    BILINEAR = "bilinear"
    BICUBIC = "bicubic"
    BOX = "box"
    HAMMING = "hamming"
    LANCZOS = "lanczos"


pil_modes_mapping = {
    InterpolationMode.NEAREST: 0,
    InterpolationMode.BILINEAR: 2,
    InterpolationMode.BICUBIC: 3,
    InterpolationMode.NEAREST_EXACT: 0,
    InterpolationMode.BOX: 4,
    InterpolationMode.HAMMING: 5,
    InterpolationMode.LANCZOS: 1,
}
_MODES_OF_PIL = {
    number: mode for mode, number in pil_modes_mapping.items() if mode is not InterpolationMode.NEAREST_EXACT
}


def mode_from_int(i: int) -> InterpolationMode:
    """What Pillow calls by a number; KeyError for a number that it has not."""
    return _MODES_OF_PIL[i]


def as_mode(interpolation: InterpolationMode | int) -> InterpolationMode:
    """A mode, or Pillow's number for one, as a mode; TypeError for anything else."""
    if isinstance(interpolation, int):
        return mode_from_int(interpolation)
    if not isinstance(interpolation, InterpolationMode):
        raise TypeError(
            "Argument interpolation should be a InterpolationMode or a corresponding Pillow integer constant, "
            f"got {interpolation!r}"
        )
    return interpolation


def functions_of(img: object) -> Any:
    """The module whose functions change such an image: tensors in one, all else, to be checked there, in the other."""
    return _functional_tensor if isinstance(img, Tensor) else _functional_pil
