"""`torch.PyTorchFileReader`: the records of a saved file, for programs that read some of them only."""

from __future__ import annotations

import weakref
from typing import IO, Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.ops.creation.creation import empty
from tritonnn.serialization._archive import ArchiveReader
from tritonnn.serialization._files import PathLike
from tritonnn.storage import UntypedStorage

__all__ = ["PyTorchFileReader"]


class PyTorchFileReader:
    """Reads records of a file that `torch.save` wrote.

    Args:
        file: its path, or the file open for reading bytes.

    Raises:
        RuntimeError: there is no such file, or it is no archive.

    >>> import io
    >>> import tritonnn as torch
    >>> torch.save(torch.ones(2), file := io.BytesIO())
    >>> torch.PyTorchFileReader(file).has_record("data.pkl")
    True
    """

    def __init__(self, file: PathLike | IO[bytes]) -> None:
        try:
            self._archive = ArchiveReader(file)
        except OSError as error:
            raise RuntimeError(f"open file failed: {error.strerror}, file path: {file!r}") from error
        weakref.finalize(self, self._archive.close)

    def get_all_records(self) -> list[str]:
        """The names of the records."""
        prefix = self._archive.prefix
        return [name.removeprefix(prefix) for name in self._archive.zip.namelist()]

    def has_record(self, name: str) -> bool:
        """Whether there is a record of a name."""
        return name in self._archive

    def get_record(self, name: str) -> bytes:
        """The bytes of a record.

        Raises:
            RuntimeError: there is none, or it is damaged.
        """
        return self._archive.read(name)

    def get_record_size(self, name: str) -> int:
        """How many bytes a record has."""
        return self._archive._info(name).file_size

    def get_storage_from_record(self, name: str, numel: int, dtype: Any) -> Tensor:
        """A tensor without elements, in whose storage a record lies.

        Args:
            name: of the record.
            numel: how many elements of the type it has.
            dtype: a dtype; `torch.UntypedStorage` for bytes.

        Raises:
            RuntimeError: the record is missing or has another size.
        """
        kind: DType = dtypes.uint8 if dtype is UntypedStorage else dtype
        data = self._archive.storage(name, copy=True)
        if data.nbytes != numel * kind.itemsize:
            raise RuntimeError(
                f"record size ({data.nbytes} bytes) does not match expected size ({numel * kind.itemsize} bytes = "
                f"{numel} elements * {kind.itemsize} bytes/element) for dtype {kind}"
            )
        storage = UntypedStorage.from_buffer(data, dtype=dtypes.uint8) if data.nbytes else UntypedStorage(0)
        return empty(0, dtype=kind).set_(storage, 0, (0,))

    def serialization_id(self) -> str:
        """A number of 40 digits that tells files of different contents apart; '' where the file has none."""
        record = ".data/serialization_id"
        return self.get_record(record).decode() if self.has_record(record) else ""
