"""Reading the format that PyTorch wrote before version 1.6: pickles in a row, then the storages."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from tritonnn.serialization import _tensors
from tritonnn.serialization._tensors import MapLocation, StorageRef

_MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_PROTOCOL = 1001


def is_legacy(file: IO[bytes]) -> bool:
    """Whether a file open for reading stands at such a file's beginning; it is not moved."""
    start = file.tell()
    matches = file.read(len(_MAGIC)) == _MAGIC
    file.seek(start)
    return matches


def load(file: IO[bytes], make: Callable[..., Any], map_location: MapLocation) -> Any:
    """The object in such a file.

    Args:
        file: open for reading at its beginning.
        make: (file, load_storage) -> unpickler.
        map_location: as for ``tritonnn.load``.

    Raises:
        RuntimeError: the file is truncated or corrupted.
    """
    try:
        return _load(file, make, map_location)
    except (EOFError, struct.error, KeyError, IndexError, ValueError, TypeError) as error:
        raise RuntimeError(
            f"load: a file in PyTorch's format before 1.6 is truncated or corrupted: {error}"
        ) from error


def _load(file: IO[bytes], make: Callable[..., Any], map_location: MapLocation) -> Any:
    def plain() -> Any:
        return make(file, _no_storage).load()

    plain()
    version = plain()
    if version != _PROTOCOL:
        raise ValueError(f"unknown protocol {version}")
    if plain().get("little_endian") is not True:
        raise ValueError("only little-endian files can be read")
    # The bytes stand behind the object that refers to them: read it once for their sizes, and come back.
    start = file.tell()
    sizes = _element_sizes(file, make)
    data: dict[str, bytes] = {}
    for key in plain():
        (count,) = struct.unpack("<q", file.read(8))
        wanted = count * sizes[str(key)]
        data[str(key)] = file.read(wanted)
        if len(data[str(key)]) != wanted:
            raise EOFError(f"storage {key} has {len(data[str(key)])} of {wanted} bytes")
    loaded: dict[str, StorageRef] = {}

    def load_storage(kind: Any, key: str, location: str, count: int) -> StorageRef:
        if key not in loaded:
            array = np.frombuffer(bytearray(data[key]), np.uint8)
            loaded[key] = StorageRef(_tensors.place(array, location, map_location), kind.dtype)
        return loaded[key]

    file.seek(start)
    return make(file, load_storage).load()


def _element_sizes(file: IO[bytes], make: Callable[..., Any]) -> dict[str, int]:
    """Bytes of an element of each storage: the object is unpickled once with empty storages to learn them."""
    sizes: dict[str, int] = {}

    def note(kind: Any, key: str, location: str, count: int) -> StorageRef:
        size = 1 if kind.dtype is None else kind.dtype.itemsize
        sizes[key] = size
        return StorageRef(_tensors.place(np.zeros(count * size, np.uint8), "cpu", None), kind.dtype)

    make(file, note).load()
    return sizes


def _no_storage(*_: Any) -> StorageRef:
    raise pickle.UnpicklingError("a storage where none can be")
