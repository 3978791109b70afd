"""`torch.TypedStorage`: the memory behind a tensor as a flat sequence of its elements."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.dtypes import (
    bfloat16,
    bool_,
    complex64,
    complex128,
    float8_e4m3fn,
    float8_e5m2,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from tritonnn.dtypes import dtype as DType
from tritonnn.legacy_types import KINDS, construct
from tritonnn.memory import Storage as Memory
from tritonnn.storage.sources import copied
from tritonnn.storage.untyped import StorageBase, UntypedStorage, bytes_of, check_host, elements_of, position

_KIND_OF = {d: kind for kind, d in KINDS.items()}
_FORMS = "no arguments, (size), (sequence), each with dtype= and device=, or wrap_storage="


class TypedStorage(StorageBase):
    """The memory behind a tensor as a flat sequence of its elements.

    Args:
        args: nothing, a number of elements, or a sequence of them.
        wrap_storage: the memory to show, instead.
        dtype: of the elements; the default one unless given.
        device: where the memory is to lie.
        wrap: the same as `wrap_storage`, from inside.

    Raises:
        TypeError: the argument is neither. RuntimeError: several arguments, or no dtype of what is wrapped.

    >>> import tritonnn as torch
    >>> storage = torch.TypedStorage([1, 2], dtype=torch.int32)
    >>> storage.size(), storage[1], storage.nbytes()
    (2, 2, 8)
    """

    def __init__(
        self, *args: object, wrap_storage: UntypedStorage | None = None, dtype: DType | None = None,
        device: DeviceLike | None = None, wrap: Memory | None = None,
    ) -> None:  # fmt: skip
        if wrap_storage is not None:
            if args or device is not None:
                raise RuntimeError(f"TypedStorage(): wrap_storage= stands alone; expected {_FORMS}")
            if not isinstance(dtype, DType):
                raise RuntimeError("TypedStorage(): argument 'dtype' must be given with wrap_storage=")
            if not isinstance(wrap_storage, UntypedStorage):
                kind = type(wrap_storage).__name__
                raise TypeError(
                    f"TypedStorage(): argument 'wrap_storage' must be UntypedStorage, but got {kind}"
                )
            wrap = wrap_storage._memory
        self.dtype = dtype or get_default_dtype()
        if wrap is None:
            if len(args) > 1:
                raise RuntimeError(f"TypedStorage(): got {len(args)} arguments; expected {_FORMS}")
            if args and isinstance(args[0], (str, StorageBase)):
                raise TypeError(f"TypedStorage(): got a {type(args[0]).__name__}; expected {_FORMS}")
            wrap = construct(self.dtype, Device(device or "cpu"), args, {})._storage
        self._memory = wrap

    # ---- from elsewhere -----------------------------------------------------------------------------------------

    @classmethod
    def from_buffer(
        cls, buffer: object, byte_order: str | None = None, count: int = -1, offset: int = 0,
        dtype: DType | None = None, device: DeviceLike | None = None,
    ) -> TypedStorage:  # fmt: skip
        """A copy of what a bytes-like object holds, its elements in this machine's order of bytes.

        Args:
            buffer: the object.
            byte_order: of elements longer than a byte: 'big', 'little' or 'native'.
            count: number of elements; -1 for all.
            offset: where they begin, in bytes.
            dtype: of the elements; the default one unless given.
            device: where to: the host only.

        Raises:
            TypeError: no bytes-like object. ValueError: no such order; the object does not hold that many.

        >>> import tritonnn as torch
        >>> torch.ShortStorage.from_buffer(bytes([0, 1, 0, 2]), "big").tolist()
        [1, 2]
        """
        if device is not None and Device(device).type != "cpu":
            raise TypeError(f"from_buffer(): a buffer is read into host memory, got device={device}")
        kind = dtype or get_default_dtype()
        return TypedStorage(wrap=copied(buffer, byte_order, count, offset, kind), dtype=kind)

    @classmethod
    def from_file(cls, filename: str | os.PathLike, shared: bool = False, size: int = 0) -> TypedStorage:
        """Memory that is mapped to a file: a method of the kinds, such as `torch.FloatStorage.from_file`.

        Args:
            filename: of the file.
            shared: let writes go to the file, which is created or made longer where it is too short.
            size: number of elements.

        Raises:
            RuntimeError: the file cannot be opened, or is too short; the kind of the elements is not told.
        """
        raise RuntimeError("from_file can only be called on derived classes")

    def new(self, *args: object) -> TypedStorage:
        """Older name: another one of this kind and device, of a size or sequence."""
        return TypedStorage(*args, dtype=self.dtype, device=self.device)

    # ---- elements -----------------------------------------------------------------------------------------------

    @property
    def _untyped_storage(self) -> UntypedStorage:
        return self.untyped()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(wrap=self._memory)

    def size(self) -> int:
        """Number of elements."""
        return self._memory.nbytes // self.dtype.itemsize

    def __len__(self) -> int:
        return self.size()

    def element_size(self) -> int:
        """Bytes an element takes."""
        return self.dtype.itemsize

    def _flat(self) -> Tensor:
        return elements_of(self._memory, self.dtype)

    def tolist(self) -> list:
        """The elements as Python numbers."""
        check_host(self)
        return self._flat().tolist()

    def __iter__(self) -> Iterator:
        return iter(self.tolist())

    def __getitem__(self, index: int | slice) -> Any:
        check_host(self)
        if isinstance(index, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        return self._flat()[position(self, index, "TypedStorage")].item()

    def __setitem__(self, index: int | slice, value: complex) -> None:
        check_host(self)
        place = index if isinstance(index, slice) else position(self, index, "TypedStorage")
        self._flat()[place] = self._number(value)

    def fill_(self, value: complex) -> TypedStorage:
        """Overwrite every element."""
        self._flat().fill_(self._number(value))
        return self

    def _number(self, value: complex) -> Any:
        if isinstance(value, (str, bytes, list, tuple)):
            raise TypeError(f"can't assign a {type(value).__name__} to a {self.pickle_storage_type()}")
        return value

    def copy_(self, source: TypedStorage, non_blocking: bool | None = None) -> TypedStorage:
        """Overwrite with the elements of another storage of the same length, converted."""
        if not isinstance(source, TypedStorage):
            raise TypeError(f"copy_(): argument 'source' must be a TypedStorage, not {type(source).__name__}")
        if source.size() != self.size():
            raise RuntimeError(
                f"size does not match, self has {self.size()} elements but src has {source.size()}"
            )
        self._flat().copy_(source._flat(), bool(non_blocking))
        return self

    def resize_(self, size: int) -> TypedStorage:
        """Change the number of elements, keeping the first ones."""
        self.untyped().resize_(size * self.dtype.itemsize)
        return self

    # ---- elsewhere, and in other types --------------------------------------------------------------------------

    def _of(self, memory: Memory) -> TypedStorage:
        return self if memory is self._memory else TypedStorage(wrap=memory, dtype=self.dtype)

    def clone(self) -> TypedStorage:
        """A copy."""
        return self._of(bytes_of(self._memory).clone()._storage)

    def to(self, *, device: DeviceLike, non_blocking: bool = False) -> TypedStorage:
        """The elements on a device; itself where they are there."""
        return self._of(bytes_of(self._memory).to(device, non_blocking=non_blocking)._storage)

    def _cast(self, dtype: DType) -> TypedStorage:
        if dtype is self.dtype:
            return self
        return TypedStorage(wrap=self._flat().to(dtype)._storage, dtype=dtype)

    def type(self, dtype: object = None, non_blocking: bool = False) -> Any:
        """Without argument the kind's name, such as 'torch.FloatStorage'; else the elements in that kind.

        Args:
            dtype: a dtype, a kind such as `torch.cuda.IntStorage`, or its name.
            non_blocking: do not wait for a copy between devices.

        Raises:
            ValueError: there is no such kind.
        """
        if dtype is None:
            return f"{'torch.cuda' if self.is_cuda else 'torch'}.{self.pickle_storage_type()}"
        if isinstance(dtype, DType):
            return self._cast(dtype)
        module, _, name = dtype.rpartition(".") if isinstance(dtype, str) else ("", "", "")
        kind, place = KINDS.get(name.removesuffix("Storage")), "cuda" if module == "torch.cuda" else "cpu"
        named = vars(dtype) if isinstance(dtype, type) and issubclass(dtype, TypedStorage) else {}
        if "device_type" in named:  # of a class in `storage/kinds.py`
            kind, place = named["dtype"], named["device_type"]
        if kind is None:
            raise ValueError(
                f"type(): expected a torch.dtype or a kind such as torch.FloatStorage, got {dtype!r}"
            )
        device = self.device if self.device.type == place else Device(place)
        return self._cast(kind).to(device=device, non_blocking=non_blocking)

    def cpu(self) -> TypedStorage:
        """The elements in host memory."""
        return self.to(device="cpu")

    def cuda(self, device: DeviceLike | None = None, non_blocking: bool = False) -> TypedStorage:
        """The elements on a GPU."""
        return self.to(device="cuda" if device is None else Device(device), non_blocking=non_blocking)

    def share_memory_(self) -> TypedStorage:
        """Move the memory to where other processes see it."""
        self._share()
        return self

    def pin_memory(self, device: DeviceLike = "cuda") -> TypedStorage:
        """The elements in page-locked memory."""
        return self._of(bytes_of(self._memory).pin_memory()._storage)

    def pickle_storage_type(self) -> str:
        """Name of the kind in files, such as 'FloatStorage'."""
        if self.dtype not in _KIND_OF:
            raise KeyError(f"dtype {self.dtype} is not recognized")
        return f"{_KIND_OF[self.dtype]}Storage"

    def __deepcopy__(self, memo: dict) -> TypedStorage:
        from tritonnn.ops.conversion.conversion import deep_copy

        # by way of a tensor, whose copy every other view of the memory shares
        return TypedStorage(wrap=deep_copy(bytes_of(self._memory), memo)._storage, dtype=self.dtype)

    def __sizeof__(self) -> int:
        return object.__sizeof__(self) + self.nbytes()

    def __repr__(self) -> str:
        shown = "...\n" if self.device.type == "meta" else " " + "\n ".join(map(str, self)) + "\n"
        kind = f"torch.storage.TypedStorage(dtype={self.dtype}, device={self.device})"
        return f"{shown}[{kind} of size {len(self)}]"


_CASTS = {
    "double": float64, "float": float32, "half": float16, "bfloat16": bfloat16, "long": int64, "int": int32,
    "short": int16, "char": int8, "byte": uint8, "bool": bool_, "complex_double": complex128,
    "complex_float": complex64, "float8_e5m2": float8_e5m2, "float8_e4m3fn": float8_e4m3fn,
}  # fmt: skip


def _cast_methods() -> None:
    for name, dtype in _CASTS.items():

        def cast(self: Any, dtype: DType = dtype) -> TypedStorage:
            typed = self if isinstance(self, TypedStorage) else TypedStorage(wrap=self._memory, dtype=uint8)
            return typed._cast(dtype)

        cast.__name__, cast.__doc__ = name, f"The elements as {dtype.name}; of bytes, each is one element."
        setattr(StorageBase, name, cast)


_cast_methods()
