"""Storages as programs see them: the memory behind a tensor as bytes, or as a flat sequence of elements.

`torch.UntypedStorage`, and `torch.TypedStorage` with the older names `torch.FloatStorage`, `torch.cuda.IntStorage`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor, make, make_view
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import uint8
from tritonnn.legacy_types import construct
from tritonnn.memory import Storage, no_room
from tritonnn.shape import Size
from tritonnn.storage.sources import copied, mapped


class StorageBase:
    """What both kinds of storage can do."""

    _memory: Storage
    _ref: Any = None  # of one that a file held: what tensors of the file are made over

    is_sparse = False
    is_sparse_csr = False
    is_hpu = False

    @property
    def device(self) -> Device:
        """Where the memory lies."""
        return self._memory.device

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on a GPU."""
        return self.device.type == "cuda"

    @property
    def _cdata(self) -> int:
        """A number that storages of the same memory share."""
        return id(self._memory)

    @property
    def filename(self) -> str | None:
        """The file whose contents the memory is, where writes go to the file; else None."""
        return getattr(self._memory.block, "filename", None)

    def get_device(self) -> int:
        """Number of the GPU; -1 on the host."""
        return int(self.device.index or 0) if self.is_cuda else -1

    def nbytes(self) -> int:
        """Size in bytes."""
        return self._memory.nbytes

    def data_ptr(self) -> int:
        """Address of the first byte."""
        return self._memory.ptr()

    def resizable(self) -> bool:
        """Whether `resize_` may change the size: not of memory that is shared or part of other memory."""
        return self._memory.resizable

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        return self.is_cuda or getattr(self._memory.block, "shared_name", None) is not None

    def is_pinned(self, device: DeviceLike = "cuda") -> bool:
        """Whether the memory is page-locked."""
        return bytes_of(self._memory).is_pinned()

    def __copy__(self) -> Any:
        return self.clone()

    def clone(self) -> Any:
        """A copy."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other._memory is self._memory

    def __hash__(self) -> int:
        return hash(self._cdata)

    def _share(self) -> None:
        from tritonnn.multiprocessing import share

        if self.device.type == "cpu" and not self.is_shared():
            share(self._memory)

    def _resize(self, nbytes: int) -> None:
        from tritonnn.ops.conversion.conversion import resize_storage

        if not self.resizable():
            raise RuntimeError("Trying to resize storage that is not resizable")
        resize_storage(self._memory, nbytes)


def bytes_of(memory: Storage) -> Tensor:
    """All of the memory as a tensor of bytes."""
    return elements_of(memory, uint8)


def elements_of(memory: Storage, dtype: DType) -> Tensor:
    whole = make(None, memory, Size((0,)), dtype, memory.device)
    return make_view(whole, Size((memory.nbytes // dtype.itemsize,)), (1,), 0)


def check_host(storage: StorageBase) -> None:
    if storage.device.type == "meta":
        raise NotImplementedError("Not available for 'meta' device type")


def _whole(value: object, complaint: str) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise RuntimeError(complaint)
    return int(value)


class UntypedStorage(StorageBase):
    """The memory behind a tensor as bytes.

    Args:
        args: nothing, a number of bytes, or a sequence of integers, which are taken modulo 256.
        device: where the memory is to lie.
        wrap: the memory to show, instead.

    Raises:
        TypeError: more than one argument. RuntimeError: a negative size, an item that is no integer.

    >>> import tritonnn as torch
    >>> torch.UntypedStorage(4).nbytes()
    4
    >>> torch.UntypedStorage([1, 2])[1]
    2
    """

    def __init__(self, *args: Any, wrap: Storage | None = None, device: DeviceLike = "cpu") -> None:
        if wrap is not None:
            self._memory = wrap
            return
        if len(args) > 1:
            kinds = ", ".join(type(arg).__name__ for arg in args)
            raise TypeError(f"torch.UntypedStorage() takes a size or one sequence of integers, got ({kinds})")
        content = args[0] if args else 0
        if isinstance(content, (int, np.integer)) and not isinstance(content, bool):
            if content < 0:
                raise no_room((int(content),), uint8, MemoryError())
            self._memory = construct(uint8, Device(device), (int(content),), {})._storage
            return
        if not hasattr(content, "__len__") or not hasattr(content, "__getitem__"):
            raise TypeError(
                f"torch.UntypedStorage() takes a size or a sequence of integers, got {type(content).__name__}"
            )
        values = [_whole(item, _not_integers(content, item)) % 256 for item in content]
        self._memory = construct(uint8, Device(device), (np.array(values, np.uint8),), {})._storage

    # ---- from elsewhere -----------------------------------------------------------------------------------------

    @classmethod
    def from_buffer(
        cls, buffer: object, byte_order: str | None = None, count: int = -1, offset: int = 0, *, dtype: DType
    ) -> UntypedStorage:
        """A copy of what a bytes-like object holds, its elements in this machine's order of bytes.

        Args:
            buffer: the object.
            byte_order: of elements longer than a byte: 'big', 'little' or 'native'.
            count: number of elements; -1 for all.
            offset: where they begin, in bytes.
            dtype: of the elements.

        Raises:
            TypeError: no bytes-like object. ValueError: no such order; the object does not hold that many.

        >>> import tritonnn as torch
        >>> torch.UntypedStorage.from_buffer(b"ab", dtype=torch.uint8).tolist()
        [97, 98]
        """
        return cls(wrap=copied(buffer, byte_order, count, offset, dtype))

    @classmethod
    def from_file(cls, filename: str | os.PathLike, shared: bool = False, nbytes: int = 0) -> UntypedStorage:
        """Memory that is mapped to a file, which is read where it is looked at.

        Args:
            filename: of the file.
            shared: let writes go to the file, which is created or made longer where it is too short; else they stay
                in this process.
            nbytes: how much of the file.

        Raises:
            RuntimeError: the file cannot be opened, or is too short.

        >>> import tempfile, tritonnn as torch
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     _ = file.write(b"abc"), file.flush()
        ...     torch.UntypedStorage.from_file(file.name, nbytes=2).tolist()
        [97, 98]
        """
        return cls(wrap=Storage(mapped(os.fspath(filename), shared, nbytes), Device("cpu")))

    def new(self) -> UntypedStorage:
        """An empty one on the same device."""
        return UntypedStorage(device=self.device)

    # ---- elements -----------------------------------------------------------------------------------------------

    def size(self) -> int:
        """Size in bytes."""
        return self._memory.nbytes

    def __len__(self) -> int:
        return self._memory.nbytes

    def element_size(self) -> int:
        """1."""
        return 1

    def tolist(self) -> list[int]:
        """The bytes as numbers."""
        check_host(self)
        return bytes_of(self._memory).tolist()

    def __iter__(self) -> Iterator[int]:
        return iter(self.tolist())

    def __getitem__(self, index: int | slice) -> Any:
        """A byte as a number; of a slice a storage that shares the memory."""
        check_host(self)
        if isinstance(index, slice):
            start, stop, step = index.indices(self.nbytes())
            if step != 1:
                raise RuntimeError(
                    f"Trying to slice with a step of {step}, but only a step of 1 is supported"
                )
            return UntypedStorage(wrap=self._memory.part(start, max(stop - start, 0)))
        return bytes_of(self._memory)[position(self, index, "torch.UntypedStorage")].item()

    def __setitem__(self, index: int | slice, value: complex) -> None:
        check_host(self)
        number = _whole(
            value,
            f"can only set storage content with a int types, but got {type(value).__name__} instead",
        )
        place = index if isinstance(index, slice) else position(self, index, "torch.UntypedStorage")
        bytes_of(self._memory)[place] = number % 256

    def fill_(self, value: int) -> UntypedStorage:
        """Overwrite every byte."""
        bytes_of(self._memory).fill_(
            _whole(value, f"fill_ expects int, but got {type(value).__name__}") % 256
        )
        return self

    def copy_(self, source: UntypedStorage, non_blocking: bool = False) -> UntypedStorage:
        """Overwrite with another storage's bytes."""
        copy_bytes(self, source, non_blocking)
        return self

    def byteswap(self, dtype: DType) -> None:
        """Turn round the bytes of each element, in place."""
        check_host(self)
        size = dtype.itemsize // (2 if dtype.is_complex else 1)
        if self.nbytes() % size:
            raise RuntimeError(
                f"the length of the storage, {self.nbytes()} bytes, is no multiple of the element size {size}"
            )
        if size > 1:
            flat = bytes_of(self._memory)
            flat.copy_(flat.reshape(-1, size).flip(1).reshape(-1))

    def resize_(self, size: int) -> UntypedStorage:
        """Change the number of bytes, keeping the first ones."""
        size = _whole(size, f"resize_ expects an int, but got {type(size).__name__}")
        if size < 0:
            raise no_room((size,), uint8, MemoryError())
        self._resize(size)
        return self

    # ---- elsewhere, and in other types --------------------------------------------------------------------------

    def untyped(self) -> UntypedStorage:
        """Itself."""
        return self

    def clone(self) -> UntypedStorage:
        """A copy."""
        return UntypedStorage(wrap=bytes_of(self._memory).clone()._storage)

    def to(self, *, device: DeviceLike, non_blocking: bool = False) -> UntypedStorage:
        """The bytes on a device; itself where they are there."""
        moved = bytes_of(self._memory).to(device, non_blocking=non_blocking)._storage
        return self if moved is self._memory else UntypedStorage(wrap=moved)

    def cpu(self) -> UntypedStorage:
        """The bytes in host memory."""
        return self.to(device="cpu")

    def cuda(self, device: DeviceLike | None = None, non_blocking: bool = False) -> UntypedStorage:
        """The bytes on a GPU."""
        return self.to(device="cuda" if device is None else Device(device), non_blocking=non_blocking)

    def type(self, dtype: str | None = None, non_blocking: bool = False) -> Any:
        """Without argument the type's name; else the bytes where 'torch.UntypedStorage' or
        'torch.cuda.UntypedStorage' says."""
        if dtype is None:
            return "torch.storage.UntypedStorage" if not self.is_cuda else "torch.cuda.UntypedStorage"
        places = {"torch.UntypedStorage": "cpu", "torch.storage.UntypedStorage": "cpu",
                  "torch.cuda.UntypedStorage": "cuda"}  # fmt: skip
        if dtype not in places:
            raise ValueError(f"type(): a storage of bytes is one of {sorted(places)}, got {dtype!r}")
        return self.to(device=places[dtype], non_blocking=non_blocking)

    def share_memory_(self) -> UntypedStorage:
        """Move the memory to where other processes see it."""
        self._share()
        return self

    def pin_memory(self, device: DeviceLike = "cuda") -> UntypedStorage:
        """The bytes in page-locked memory."""
        pinned = bytes_of(self._memory).pin_memory()._storage
        return self if pinned is self._memory else UntypedStorage(wrap=pinned)

    def __deepcopy__(self, memo: dict) -> UntypedStorage:
        from tritonnn.ops.conversion.conversion import deep_copy

        # by way of a tensor, whose copy every other view of the memory shares
        return UntypedStorage(wrap=deep_copy(bytes_of(self._memory), memo)._storage)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def __repr__(self) -> str:
        shown = "...\n" if self.device.type == "meta" else " " + "\n ".join(map(str, self)) + "\n"
        return f"{shown}[torch.storage.UntypedStorage(device={self.device}) of size {len(self)}]"


def _not_integers(content: object, item: object) -> str:
    kinds = f"({type(content).__name__}), but one of the items was of type {type(item).__name__}"
    return f"torch.UntypedStorage(): tried to construct a storage from a sequence {kinds} instead of int"


def position(storage: Any, index: object, kind: str) -> int:
    if isinstance(index, bool) or not isinstance(index, (int, np.integer)):
        raise TypeError(f"can't index a {kind} with {type(index).__name__}")
    size = storage.size()
    if not -size <= index < size:
        raise IndexError(f"index {index} out of range for storage of size {size}")
    return int(index) % size


def copy_bytes(target: StorageBase, source: object, non_blocking: bool) -> None:
    if not isinstance(source, StorageBase):
        raise TypeError(f"copy_(): argument 'source' must be a storage, not {type(source).__name__}")
    if source.nbytes() != target.nbytes():
        raise RuntimeError(
            f"size does not match, self was {target.nbytes()} bytes but src was {source.nbytes()} bytes"
        )
    bytes_of(target._memory).copy_(bytes_of(source._memory), non_blocking)
