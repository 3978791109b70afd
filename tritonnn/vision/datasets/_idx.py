"""The IDX format: numbers, big-endian, in one to three dimensions."""

from __future__ import annotations

import gzip
import os

import numpy as np

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.datasets._named import naming

__all__ = ["expect", "read_image_file", "read_label_file", "read_sn3_pascalvincent_tensor"]

AnyPath = str | os.PathLike[str]
#: the number types of the IDX format, big-endian all of them
_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


def read_sn3_pascalvincent_tensor(path: AnyPath, strict: bool = True) -> Tensor:
    """The tensor of an IDX file, which may be compressed by gzip.

    Args:
        path: of the file.
        strict: a file with more or fewer elements than it announces raises AssertionError; else RuntimeError.

    Raises AssertionError for a file of another format.
    """
    with naming(path):
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with (gzip.open if packed else open)(path, "rb") as file:
            data = file.read()
        rank, kind = (data[3], int.from_bytes(data[:3], "big")) if len(data) > 3 else (0, 0)
        if not (1 <= rank <= 3 and kind in _TYPES and len(data) >= 4 * (rank + 1)):
            raise AssertionError(f"not an IDX file of one to three dimensions: it begins with {data[:4]!r}")
        shape = np.frombuffer(data, ">u4", rank, 4).astype(int).tolist()
        dtype = np.dtype(_TYPES[kind])
        size = len(data) - 4 * (rank + 1)
        if size != np.prod(shape, dtype=object) * dtype.itemsize:
            message = f"shape '{shape}' is invalid for {size} bytes of {dtype.newbyteorder('=')}"
            raise (AssertionError if strict else RuntimeError)(message)
        array = np.frombuffer(data, dtype, offset=4 * (rank + 1)).reshape(shape)
        return torch.from_numpy(array.astype(dtype.newbyteorder("=")))


def expect(path: AnyPath, dtype: torch.dtype, rank: int) -> Tensor:
    """The tensor of an IDX file that has to be of this type and as many dimensions."""
    value = read_sn3_pascalvincent_tensor(path, strict=False)
    if value.dtype != dtype:
        raise TypeError(f"{os.fspath(path)} should be of dtype {dtype} instead of {value.dtype}")
    if value.dim() != rank:
        raise ValueError(f"{os.fspath(path)} should have {rank} dimensions instead of {value.dim()}")
    return value


def read_label_file(path: AnyPath) -> Tensor:
    """The classes in an IDX file of uint8, as int64."""
    return expect(path, torch.uint8, 1).long()


def read_image_file(path: AnyPath) -> Tensor:
    """The pictures in an IDX file of uint8."""
    return expect(path, torch.uint8, 3)
