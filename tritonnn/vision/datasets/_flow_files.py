"""Files of optical flow and of disparity: FLO, PFM, and KITTI's PNG."""

from __future__ import annotations

import os
import re
from typing import Any

import numpy as np

from tritonnn.vision.datasets._named import naming

__all__ = ["read_flo", "read_flow_png", "read_pfm"]

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


def read_flow_png(path: AnyPath) -> tuple[Any, Any]:
    """KITTI's flow, out of a PNG of three channels of 16 bits: a float32 array of 2, height, width; known pixels.

    Raises ValueError for a picture of other channels, RuntimeError for a damaged one.
    """
    from tritonnn.vision.io import read_image  # takes longer to load than all datasets

    pixels = read_image(os.fspath(path)).numpy()
    if pixels.dtype != np.uint16 or len(pixels) != 3:
        raise ValueError(
            f"{os.fspath(path)}: three channels of 16 bits were expected, but it has {len(pixels)} of {pixels.dtype}"
        )
    return (pixels[:2].astype(np.float32) - 2**15) / 64, pixels[2] != 0
