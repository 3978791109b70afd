"""JPEG through simplejpeg, where that is installed: the same library and the same pixels as Pillow's, in less time."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from tritonnn.vision.io._modes import ImageReadMode

__all__ = ["decode"]


@lru_cache(maxsize=1)
def _simplejpeg() -> Any:
    try:
        import simplejpeg
    except ImportError:
        return None
    return simplejpeg


def decode(data: bytes, mode: ImageReadMode) -> np.ndarray | None:
    """The pixels (H, W, C); None where the file is Pillow's to decode, or to say what is wrong with it."""
    library = _simplejpeg()
    if library is None:
        return None
    from tritonnn.vision._pillow import pillow

    try:
        height, width, space, _ = library.decode_jpeg_header(data)
        most = pillow("torchvision.io").MAX_IMAGE_PIXELS
        if space not in ("Gray", "YCbCr", "RGB") or (most and height * width > most):
            return None
        grey = mode is ImageReadMode.GRAY or (mode is ImageReadMode.UNCHANGED and space == "Gray")
        return library.decode_jpeg(data, "GRAY" if grey else "RGB")
    except ValueError:
        return None
