"""The container of a saved file: a zip archive without compression, laid out as PyTorch's own.

<name>/data.pkl     the pickled object, with the storages of its tensors left out
<name>/data/<key>   the bytes of one storage each, at a multiple of 64 bytes
<name>/byteorder    'little' or 'big'
<name>/version      of the layout
"""

from __future__ import annotations

import mmap
import os
import pickle
import struct
import sys
import zipfile
from typing import IO, Any

import numpy as np

from tritonnn.serialization._budget import Budget
from tritonnn.serialization._endianness import assumed
from tritonnn.serialization._files import PathLike, is_path

ALIGNMENT = 64
CHUNK = 1 << 24
VERSION = "3"
# Beyond this many bytes a zip record needs 64-bit sizes.
_LARGE = 0xFFFFFFFF - (1 << 20)
_LOCAL_HEADER = 30
# Others are not PyTorch's, and unpack without a bound.
_COMPRESSION = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_PADDING_TAG = struct.unpack("<H", b"FB")[0]


class ArchiveWriter:
    """Writes records into a new archive.

    Args:
        file: open for writing bytes.
        name: folder that all records stand in.
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self.name = name
        self.zip = zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True)

    def write(self, record: str, data: Any) -> None:
        """Adds a record, its bytes aligned."""
        data = memoryview(data).cast("B")
        info = zipfile.ZipInfo(f"{self.name}/{record}")
        large = data.nbytes >= _LARGE
        info.file_size = data.nbytes
        info.extra = self._padding(info, large)
        with self.zip.open(info, "w", force_zip64=large) as out:
            out.write(data)

    def _padding(self, info: zipfile.ZipInfo, large: bool) -> bytes:
        """An extra field that moves the record's bytes to the next multiple of the alignment."""
        fixed = _LOCAL_HEADER + len(info.filename.encode()) + 4 + (20 if large else 0)
        size = -(self.zip.fp.tell() + fixed) % ALIGNMENT  # type: ignore[union-attr]
        return struct.pack("<HH", _PADDING_TAG, size) + b"Z" * size

    def close(self) -> None:
        """Adds the closing records and the directory."""
        self.write(".format_version", b"1")
        self.write(".storage_alignment", str(ALIGNMENT).encode())
        self.write("byteorder", sys.byteorder.encode())
        self.write("version", f"{VERSION}\n".encode())
        self.zip.close()

    def abandon(self) -> None:
        """Leaves a file that could not be written as it is; zipfile would try to end it when it is collected."""
        self.zip.fp = None


class ArchiveReader:
    """Reads records of an archive.

    Args:
        file: path, or file open for reading bytes, that can seek.
        mapped: map the storages into memory instead of reading them; needs a path.

    Raises:
        RuntimeError: not an archive, or a damaged one.
    """

    def __init__(self, file: PathLike | IO[bytes], mapped: bool = False) -> None:
        self.label = f"'{os.fspath(file)}'" if is_path(file) else "the given file object"  # type: ignore[arg-type]
        self.path = os.fspath(file) if mapped else None  # type: ignore[arg-type]
        self.file: Any = open(file, "rb") if is_path(file) else file  # type: ignore[arg-type]  # noqa: SIM115
        self.owned = is_path(file)
        try:
            self.size: int = self.file.seek(0, os.SEEK_END)  # type: ignore[union-attr]
            self.zip = zipfile.ZipFile(self.file)
        except Exception as error:  # whatever zipfile makes of damage: there is no list of it
            self.close()
            raise RuntimeError(self._story(f"failed finding central directory ({told(error)})")) from error
        self.space = Budget(self.size)
        names = self.zip.namelist()
        root = next((n for n in names if n == "data.pkl" or n.endswith("/data.pkl")), None)
        if root is None:
            self.close()
            raise RuntimeError(
                f"load: {self.label} is a zip archive but holds no data.pkl: it is no saved object"
            )
        self.prefix = root[: -len("data.pkl")]
        self.names = frozenset(names)

    def _story(self, what: str) -> str:
        return (
            f"load: {self.label} is truncated, corrupted or not a file that save() made: {what}. "
            "Load it from a good copy."
        )

    def __contains__(self, record: str) -> bool:
        return self.prefix + record in self.names

    def _info(self, record: str) -> zipfile.ZipInfo:
        if record not in self:
            raise RuntimeError(self._story(f"record '{record}' is missing"))
        return self.zip.getinfo(self.prefix + record)

    def read(self, record: str) -> bytes:
        """The bytes of a record."""
        return self.storage(record, copy=True).tobytes()

    @property
    def byteorder(self) -> str:
        """'little' or 'big'."""
        if "byteorder" not in self:
            return assumed()
        order = self.read("byteorder")
        if order not in (b"little", b"big"):
            raise RuntimeError(self._story("record 'byteorder' is neither 'little' nor 'big'"))
        return order.decode()

    def storage(self, record: str, copy: bool = False) -> np.ndarray:
        """The bytes of a record as an array of its own that can be written to."""
        info = self._info(record)
        if info.compress_size > self.size:
            raise RuntimeError(self._story(f"record '{record}' is longer than the file"))
        if info.compress_type not in _COMPRESSION:
            raise RuntimeError(self._story(f"record '{record}' is compressed in a way that is not read"))
        try:
            self.space.spend(info.file_size, f"record '{record}', unpacked,")
        except pickle.UnpicklingError as error:
            raise RuntimeError(self._story(str(error))) from None
        stored = info.compress_type == zipfile.ZIP_STORED
        if stored and info.file_size != info.compress_size:
            raise RuntimeError(self._story(f"record '{record}' has two lengths"))
        if self.path is not None and not copy and stored and info.file_size:
            return self._mapped(info)
        try:
            data = np.empty(info.file_size, np.uint8)
            with self.zip.open(info) as source:
                view, done = memoryview(data), 0
                while chunk := source.read(min(len(view) - done, CHUNK)):
                    view[done : done + len(chunk)] = chunk
                    done += len(chunk)
                # One more read: at the end of the record its checksum is compared.
                if done != len(view) or source.read(1):
                    raise zipfile.BadZipFile(f"{done} of {len(view)} bytes")
        except Exception as error:  # of damage, or of the disk
            raise RuntimeError(self._story(f"record '{record}' cannot be read ({told(error)})")) from error
        return data

    def _mapped(self, info: zipfile.ZipInfo) -> np.ndarray:
        """A record as a private map of the file: pages are read when touched, writes stay in memory."""
        assert self.path is not None
        with open(self.path, "rb") as file:
            file.seek(info.header_offset)
            header = file.read(_LOCAL_HEADER)
            if len(header) < _LOCAL_HEADER:
                raise RuntimeError(self._story(f"record '{info.filename}' lies behind its end"))
            name, extra = struct.unpack("<HH", header[26:30])
            start = info.header_offset + _LOCAL_HEADER + name + extra
            if start + info.file_size > os.fstat(file.fileno()).st_size:
                raise RuntimeError(self._story(f"record '{info.filename}' reaches beyond its end"))
            page = start - start % mmap.ALLOCATIONGRANULARITY
            memory = mmap.mmap(
                file.fileno(), start + info.file_size - page, access=mmap.ACCESS_COPY, offset=page
            )
        return np.frombuffer(memory, np.uint8, info.file_size, start - page)

    def close(self) -> None:
        """Closes the file where it was opened here."""
        if self.owned:
            self.file.close()


def told(error: BaseException) -> str:
    """An error's text, or its type where it has none."""
    return f"{str(error) or type(error).__name__:.300}"
