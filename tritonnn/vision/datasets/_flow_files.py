"""Files of optical flow and of disparity: FLO, PFM, and PNG of 16 bits."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from tritonnn.vision._pillow import pillow
from tritonnn.vision.datasets._named import naming

__all__ = ["read_flo", "read_flow_png", "read_pfm", "read_png16"]

AnyPath = str | os.PathLike[str]


def read_flo(path: AnyPath) -> Any:
    """The flow in a file of Middlebury's format: a float32 array of 2, height, width.

    Raises ValueError for another format, and where numbers are missing.
    """
    with naming(path), open(path, "rb") as file:
        if file.read(4) != b"PIEH":
            raise ValueError("Magic number incorrect. Invalid .flo file")
        width, height = np.frombuffer(file.read(8), "<i4").tolist()
        data = np.frombuffer(file.read(), "<f4").copy()
        return data[: 2 * width * height].reshape(height, width, 2).transpose(2, 0, 1)


def read_pfm(path: AnyPath, slice_channels: int = 2) -> Any:
    """The first channels of a picture of floats: a float32 array of channels, height, width.

    Raises ValueError for another format, and where numbers are missing.
    """
    with naming(path), open(path, "rb") as file:
        kind = file.readline().rstrip()
        if kind not in (b"PF", b"Pf"):
            raise ValueError("Invalid PFM file")
        size = re.fullmatch(rb"(\d+)\s(\d+)\s+", file.readline())
        if size is None:
            raise ValueError("Malformed PFM header.")
        width, height = (int(number) for number in size.groups())
        order = "<" if float(file.readline()) < 0 else ">"
        data = np.frombuffer(file.read(), f"{order}f4").reshape(height, width, 3 if kind == b"PF" else 1)
        return data[::-1].transpose(2, 0, 1)[:slice_channels].astype(np.float32)


def _with_layout(path: AnyPath, layout: str) -> Any:
    """A picture's array, where Pillow takes what it has unpacked as laid out like this."""
    with pillow("torchvision.datasets").open(path) as image:
        if image.format != "PNG" or len(image.tile) != 1 or image.tile[0][3] != "RGB;16B":
            raise ValueError(
                f"a PNG of three channels of 16 bits was expected, but it is {image.format} {image.mode}"
            )
        codec, extent, offset, _ = image.tile[0]
        tile = getattr(image.tile[0], "_make", tuple)
        image.tile = [tile((codec, extent, offset, layout))]
        image.load()
        return np.asarray(image)


def read_png16(path: AnyPath) -> Any:
    """A PNG of three channels of 16 bits: a uint16 array of height, width, 3.

    Pillow gives eight bits of each number only, which are, for numbers whose higher byte comes first, the first; where
    it is told that the higher byte comes last it gives the second. So the file is read twice.
    """
    with naming(path):
        high, low = (_with_layout(path, layout) for layout in ("RGB;16B", "RGB;16L"))
        return high.astype(np.uint16) << 8 | low


def read_flow_png(path: AnyPath) -> tuple[Any, Any]:
    """KITTI's flow: a float32 array of 2, height, width, and which pixels are known."""
    data = read_png16(path).transpose(2, 0, 1)
    return (data[:2].astype(np.float32) - 2**15) / 64, data[2] != 0
