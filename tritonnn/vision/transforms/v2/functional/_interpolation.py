"""How new pixels come from old ones: InterpolationMode, its name, or Pillow's number of it."""

from __future__ import annotations

from typing import TypeAlias

from tritonnn.vision.transforms.functional import InterpolationMode, _interpolation_modes_from_int

__all__ = ["Interpolation", "InterpolationMode", "_check_interpolation"]

Interpolation: TypeAlias = InterpolationMode | str | int
_NAMES = {mode.value: mode for mode in InterpolationMode}


def _check_interpolation(interpolation: Interpolation) -> InterpolationMode:
    """The mode that is meant.

    Raises ValueError where it is none.
    """
    if isinstance(interpolation, InterpolationMode):
        return interpolation
    if isinstance(interpolation, str):
        if interpolation not in _NAMES:
            raise ValueError(
                f"Invalid interpolation mode: '{interpolation}'. Supported string values are: {list(_NAMES)}."
            )
        return _NAMES[interpolation]
    if isinstance(interpolation, int):
        return _interpolation_modes_from_int(interpolation)
    raise ValueError(
        f"Argument interpolation should be an `InterpolationMode` or a corresponding Pillow integer constant, "
        f"but got {interpolation}."
    )
