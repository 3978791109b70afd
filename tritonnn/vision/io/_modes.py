"""Channels that are asked for, made of those that a picture has."""

from __future__ import annotations

from enum import Enum

import numpy as np

__all__ = ["ImageReadMode", "as_mode", "oriented", "read_mode"]

#: shares of red, green and blue in grey, of 2^15: those of libpng for 0.2989, 0.587 and the rest
_GREY = (9794, 19234, 3740)


class ImageReadMode(Enum):
    """The channels that a decoded picture has; functions take the name as a string, too.

    UNCHANGED leaves those of the file. GRAY and RGB drop an opacity, GRAY_ALPHA and RGB_ALPHA (also called RGBA) add
    one where there is none.

    >>> ImageReadMode["RGBA"].name
    'RGB_ALPHA'
    """

    UNCHANGED = 0
    GRAY = 1
    GRAY_ALPHA = 2
    RGB = 3
    RGB_ALPHA = 4
    RGBA = RGB_ALPHA


def read_mode(mode: object) -> ImageReadMode:
    """The mode that is meant, by name or itself.

    Raises:
        KeyError: there is none of that name. TypeError: no mode.
    """
    if isinstance(mode, ImageReadMode):
        return mode
    if not isinstance(mode, str):
        raise TypeError(f"mode: expected an ImageReadMode or its name, but got {mode!r}")
    if mode.upper() not in ImageReadMode.__members__:
        raise KeyError(f"{mode!r} is no ImageReadMode: there are {', '.join(ImageReadMode.__members__)}")
    return ImageReadMode[mode.upper()]


def _grey(pixels: np.ndarray) -> np.ndarray:
    """Grey of red, green and blue; bytes are cut off and 16 bits rounded, as libpng does."""
    red, green, blue = (pixels[..., i : i + 1].astype(np.uint64) * share for i, share in enumerate(_GREY))
    return (red + green + blue + (1 << 14) * (pixels.itemsize == 2) >> 15).astype(pixels.dtype)


def as_mode(pixels: np.ndarray, mode: ImageReadMode) -> np.ndarray:
    """Pixels (H, W, C) of grey or colour, with or without opacity, with the channels of a mode."""
    if mode is ImageReadMode.UNCHANGED:
        return pixels
    has_color, has_alpha = pixels.shape[2] > 2, pixels.shape[2] % 2 == 0
    base = pixels[..., :3] if has_color else pixels[..., :1]
    if mode in (ImageReadMode.GRAY, ImageReadMode.GRAY_ALPHA):
        base = _grey(base) if has_color else base
    elif not has_color:
        base = np.repeat(base, 3, axis=2)
    if mode in (ImageReadMode.GRAY, ImageReadMode.RGB):
        return base
    opaque = np.full_like(pixels[..., :1], np.iinfo(pixels.dtype).max)
    return np.concatenate((base, pixels[..., -1:] if has_alpha else opaque), axis=2)


def oriented(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels (H, W, C) turned upright by the orientation that EXIF tells, 2 to 8; as they are for another."""
    if orientation not in (2, 3, 4, 5, 6, 7, 8):
        return pixels
    if orientation in (5, 6, 7, 8):  # rows and columns are exchanged
        pixels = pixels.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return (
        pixels.copy()
    )  # a row of one pixel that was turned round has a negative stride, and passes for contiguous
