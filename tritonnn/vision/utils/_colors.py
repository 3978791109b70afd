"""Colours of drawn objects: given by name, as triplets, or chosen."""

from __future__ import annotations

from typing import Any, TypeAlias

import tritonnn as torch
from tritonnn.vision._pillow import pillow

#: one for all objects or a list with one for each, by name or as triplets; None: chosen
Colors: TypeAlias = list[str | tuple[int, int, int]] | str | tuple[int, int, int] | None
#: object i gets i times this, modulo 255: neighbours differ much
_PALETTE = (2**25 - 1, 2**15 - 1, 2**21 - 1)


def _generate_color_palette(num_objects: int) -> list[tuple[int, int, int]]:
    """So many colours, the first of them black.

    >>> _generate_color_palette(2)
    [(0, 0, 0), (1, 127, 31)]
    """
    red, green, blue = _PALETTE
    return [(i * red % 255, i * green % 255, i * blue % 255) for i in range(num_objects)]


def _parse_colors(colors: Colors, *, num_objects: int, dtype: torch.dtype | None = None) -> list[Any]:
    """One colour for each object, as numbers up to 255; up to 1 for a dtype of floating-point numbers.

    Args:
        colors: None for chosen ones, a name or triplet for all objects, or a list with one for each.
        num_objects: how many are needed.
        dtype: of the picture; uint8 for None.

    Raises:
        ValueError: a list that is too short, a tuple that is no triplet, something else.

    >>> _parse_colors(["red", (1, 2, 3)], num_objects=2)
    [(255, 0, 0), (1, 2, 3)]
    """
    chosen: list[Any]
    if colors is None:
        chosen = _generate_color_palette(num_objects)
    elif isinstance(colors, list):
        if len(colors) < num_objects:
            raise ValueError(
                "Number of colors must be equal or larger than the number of objects, but got "
                f"{len(colors)} < {num_objects}."
            )
        chosen = colors
    elif not isinstance(colors, (tuple, str)):
        raise ValueError(f"colors must be a tuple or a string, or a list thereof, but got {colors}.")
    elif isinstance(colors, tuple) and len(colors) != 3:
        raise ValueError(f"If passed as tuple, colors should be an RGB triplet, but got {colors}.")
    else:
        chosen = [colors] * num_objects
    named = pillow("torchvision.utils", "ImageColor").getrgb
    chosen = [named(color) if isinstance(color, str) else color for color in chosen]
    if dtype is not None and dtype.is_floating_point:
        chosen = [tuple(value / 255 for value in color) for color in chosen]
    return chosen
