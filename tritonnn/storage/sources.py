"""Memory of storages from elsewhere: a buffer's contents, a file."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np

from tritonnn.device import CPU
from tritonnn.dtypes import dtype as DType
from tritonnn.memory import Storage

_ORDERS = {"big": ">", "little": "<", "native": "="}


def copied(buffer: Any, byte_order: str | None, count: int, offset: int, dtype: DType | None) -> Storage:
    """A copy of elements that a buffer holds, in this machine's order of bytes: see `UntypedStorage.from_buffer`."""
    if not isinstance(dtype, DType):
        raise RuntimeError(f"from_buffer(): argument 'dtype' must be a torch.dtype, got {dtype!r}")
    content = np.frombuffer(bytes(memoryview(buffer)), np.uint8)
    size = dtype.itemsize
    part = size // 2 if dtype.is_complex else size  # what has an order of bytes
    if part > 1 and byte_order is None:
        raise RuntimeError("from_buffer(): elements of several bytes need the argument 'byte_order' (pos 2)")
    if part > 1 and byte_order not in _ORDERS:
        raise ValueError(f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')")
    if not 0 <= offset <= content.size:
        raise ValueError(
            f"offset must be non-negative and no greater than buffer length ({content.size}), but got {offset}"
        )
    rest = content.size - offset
    if count < 0:
        if rest % size:
            raise ValueError(f"buffer size ({content.size}) must be a multiple of element size ({size})")
        count = rest // size
    if count * size > rest:
        raise ValueError(
            f"buffer has only {rest // size} elements after offset {offset}, but specified a size of {count}"
        )
    taken = content[offset : offset + count * size]
    if part > 1 and not np.dtype(f"{_ORDERS[str(byte_order)]}u{part}").isnative:
        taken = taken.reshape(-1, part)[:, ::-1].reshape(-1)
    return Storage(taken.copy(), CPU)


class FileArray(np.ndarray):
    """Bytes that are mapped to a file.

    Attributes:
        filename: of the file, where writes go there.
    """

    shared_name = "file"
    resizable = False
    filename: str | None = None


def mapped(filename: str, shared: bool, nbytes: int) -> FileArray:
    """Memory mapped to the first bytes of a file: see `UntypedStorage.from_file`."""
    if nbytes < 0:
        raise RuntimeError(f"unable to mmap {nbytes} bytes from file <{filename}>: the size is negative")
    mode = "read-write" if shared else "read-only"
    try:
        fd = os.open(filename, os.O_RDWR | os.O_CREAT if shared else os.O_RDONLY, 0o600)
    except OSError as error:
        text = f"unable to open file <{filename}> in {mode} mode: {error.strerror} ({error.errno})"
        raise RuntimeError(text) from None
    with os.fdopen(fd, "r+b" if shared else "rb") as file:
        length = os.fstat(file.fileno()).st_size
        if length < nbytes:
            if not shared:
                raise RuntimeError(
                    f"file <{filename}> size <{length}> is smaller than the required mapping size <{nbytes}>"
                )
            file.truncate(nbytes)
        if nbytes:
            access = mmap.ACCESS_WRITE if shared else mmap.ACCESS_COPY
            memory: Any = mmap.mmap(file.fileno(), nbytes, access=access)
        else:
            memory = bytearray()  # nothing can be mapped
    array = np.frombuffer(memory, np.uint8).view(FileArray)
    array.filename = filename if shared else None
    return array
