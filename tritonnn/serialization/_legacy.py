"""PyTorch's format before version 1.6, one pickle after another and then the storages: reading and writing it."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
from collections.abc import Callable
from typing import IO, Any

import numpy as np

from tritonnn.serialization import _pickling, _tensors
from tritonnn.serialization._archive import CHUNK
from tritonnn.serialization._budget import Budget
from tritonnn.serialization._safe import SafeUnpickler, Source, reason
from tritonnn.serialization._scan import StorageScan
from tritonnn.serialization._tensors import MapLocation, StorageRef

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_SIZES = {"short": 2, "int": 4, "long": 4}
# A pickle of the magic number in any protocol, with a frame around it or without.
_BEGINNINGS = tuple(pickle.dumps(_MAGIC, protocol) for protocol in range(2, 6))


def is_legacy(file: IO[bytes]) -> bool:
    """Whether a file open for reading stands at such a file's beginning; it is not moved."""
    start = file.tell()
    matches = file.read(max(map(len, _BEGINNINGS))).startswith(_BEGINNINGS)
    file.seek(start)
    return matches


def load(
    file: IO[bytes], label: str, make: Callable[..., Any], map_location: MapLocation, encoding: str
) -> Any:
    """The object in such a file.

    Args:
        file: open for reading at its beginning.
        label: what messages call it.
        make: (file, number of bytes, load_storage, budget) -> unpickler of the object.
        map_location, encoding: as for ``tritonnn.load``.

    Raises:
        RuntimeError, UnpicklingError: the file is truncated or corrupted, or names what it may not.
    """
    begin = file.tell()
    end = file.seek(0, os.SEEK_END)
    file.seek(begin)
    space = Budget(end - begin)

    def plain(kind: type = SafeUnpickler) -> Any:
        reader = kind(Source(file, end - file.tell()), _no_storage, encoding)
        return reader.load(), reader

    try:
        plain()
        version, little = plain()[0], plain()[0]
        if type(version) is not int or version != _PROTOCOL:
            raise RuntimeError("it is of an unknown protocol")
        if type(little) is not dict or little.get("little_endian") is not (sys.byteorder == "little"):
            raise RuntimeError("its numbers are in an order of bytes other than this machine's")
        # The storages stand behind the object that refers to them: it is read once for their types, without
        # building anything.
        start = file.tell()
        _, scan = plain(StorageScan)
        stop = file.tell()
        keys = plain()[0]
        data = _storages(file, end, keys, scan.storages)
    except RuntimeError as error:
        raise RuntimeError(_story(label, reason(error))) from error
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(_story(label, reason(error))) from error
    after = file.tell()
    loaded: dict[str, StorageRef] = {}

    def load_storage(kind: _pickling.StorageType, key: str, location: str, count: int) -> StorageRef:
        if key not in loaded:
            if key not in data:
                raise RuntimeError(f"storage {key} is not in the file")
            array = _tensors.truth(data.pop(key), kind.dtype)
            loaded[key] = StorageRef(_tensors.place(array, location, map_location), kind.dtype)
        if loaded[key].dtype is not kind.dtype:
            raise RuntimeError(f"storage {key} is of two types")
        return loaded[key]

    file.seek(start)
    value = make(file, stop - start, load_storage, space)
    file.seek(after)
    return value


def _story(label: str, what: str) -> str:
    return f"load: {label}, in PyTorch's format before 1.6, is truncated or corrupted: {what}"


def _storages(
    file: IO[bytes], end: int, keys: object, known: dict[str, tuple[int, int]]
) -> dict[str, np.ndarray]:
    """The bytes of each storage: behind its number of elements stand its elements.

    Args:
        file: at the first of them.
        end: the length of the file.
        keys: of the storages in their order.
        known: the key of each that the object refers to: (bytes of an element, number of elements).
    """
    data: dict[str, np.ndarray] = {}
    if type(keys) is not list or not all(type(key) in (str, int) for key in keys):
        raise RuntimeError("the list of its storages is none")
    for key in map(str, keys):
        if key not in known:
            raise RuntimeError(f"storage {key:.80} belongs to no tensor")
        size, wanted = known[key]
        header = file.read(8)
        if len(header) != 8:
            raise RuntimeError(f"it ends before storage {key:.80}")
        (count,) = struct.unpack("<q" if sys.byteorder == "little" else ">q", header)
        if count != wanted or key in data:
            raise RuntimeError(f"storage {key:.80} has {count} elements where {wanted} are expected")
        if count * size > end - file.tell():
            raise RuntimeError(f"storage {key:.80} of {count * size} bytes reaches beyond its end")
        data[key] = np.empty(count * size, np.uint8)
        view, done = memoryview(data[key]), 0
        while done < len(view):
            chunk = file.read(min(len(view) - done, CHUNK))
            if not chunk:
                raise RuntimeError(f"it ends in storage {key:.80}")
            view[done : done + len(chunk)] = chunk
            done += len(chunk)
    return data


def _no_storage(*_: object) -> StorageRef:
    raise pickle.UnpicklingError("a storage where none can be")


def save(obj: object, file: IO[bytes], protocol: int) -> None:
    """Writes an object in this format."""
    # The pickles first, in memory: an object that cannot be pickled leaves nothing behind in an open file.
    buffer = io.BytesIO()
    system = {"protocol_version": _PROTOCOL, "little_endian": sys.byteorder == "little", "type_sizes": _SIZES}
    for part in (_MAGIC, _PROTOCOL, system):
        pickle.dump(part, buffer, protocol)
    writer = _pickling.Writer(buffer, protocol, old=True)
    writer.dump(obj)
    keys = sorted(str(key) for key in range(len(writer.storages)))
    pickle.dump(keys, buffer, protocol)
    file.write(buffer.getbuffer())
    for key in keys:
        storage = writer.storages[int(key)]
        data = storage.data()
        size = 1 if storage.dtype is None else storage.dtype.itemsize
        file.write(struct.pack("=q", data.nbytes // size))
        file.write(memoryview(data))
