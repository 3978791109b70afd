"""The older names of typed storages, `torch.FloatStorage`, `torch.cuda.IntStorage`; storages of tensors and files."""

from __future__ import annotations

import os
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import float32, get_default_dtype
from tritonnn.legacy_types import KINDS
from tritonnn.memory import Storage as Memory
from tritonnn.memory_format import strided
from tritonnn.storage.sources import mapped
from tritonnn.storage.typed import TypedStorage
from tritonnn.storage.untyped import StorageBase, elements_of


class _Kind(type):
    """`torch.FloatStorage`: a constructor of typed storages, and an `isinstance` test for their dtype and device."""

    dtype: DType
    device_type: str

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if "dtype" in kwargs or ("device" in kwargs and kwargs["device"] is not None):
            raise RuntimeError(
                f"{cls.__name__}(): dtype and device are told by the name; got {sorted(kwargs)}"
            )
        kwargs.pop("device", None)
        if "wrap_storage" in kwargs:
            return TypedStorage(*args, dtype=cls.dtype, **kwargs)
        return TypedStorage(*args, dtype=cls.dtype, device=cls.device_type, **kwargs)

    def __instancecheck__(cls, instance: object) -> bool:
        return (
            isinstance(instance, TypedStorage)
            and instance.dtype is cls.dtype
            and instance.device.type == cls.device_type
        )

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


class _Named:
    """What the kinds do besides."""

    dtype: DType

    @classmethod
    def from_buffer(
        cls, buffer: object, byte_order: str | None = None, count: int = -1, offset: int = 0
    ) -> TypedStorage:
        """See `TypedStorage.from_buffer`."""
        return TypedStorage.from_buffer(buffer, byte_order, count, offset, cls.dtype)

    @classmethod
    def from_file(cls, filename: str | os.PathLike, shared: bool = False, size: int = 0) -> TypedStorage:
        """See `TypedStorage.from_file`."""
        block = mapped(os.fspath(filename), shared, size * cls.dtype.itemsize)
        return TypedStorage(wrap=Memory(block, Device("cpu")), dtype=cls.dtype)


def _kind(name: str, place: str) -> Any:
    fields = {
        "dtype": KINDS[name], "device_type": place, "__module__": "torch.cuda" if place == "cuda" else "torch",
        "__doc__": f"Storages of {KINDS[name].name}: a constructor and an `isinstance` test of older programs.",
    }  # fmt: skip
    return _Kind(f"{name}Storage", (_Named, TypedStorage), fields)


KIND_CLASSES = {(kind, place): _kind(kind, place) for kind in KINDS for place in ("cpu", "cuda")}
STORAGES = {KINDS[kind]: cls for (kind, place), cls in KIND_CLASSES.items() if place == "cpu"}
globals().update({cls.__name__: cls for cls in STORAGES.values()})
Storage = STORAGES[float32]


def is_storage(obj: object) -> bool:
    """Whether `obj` is a storage.

    >>> import tritonnn as torch
    >>> torch.is_storage(torch.ones(1).untyped_storage()), torch.is_storage(torch.ones(1))
    (True, False)
    """
    return isinstance(obj, StorageBase)


def storage_of(tensor: Tensor) -> TypedStorage:
    """`tensor.storage()`: the memory behind it, shared, as elements of its dtype."""
    return TypedStorage(wrap=tensor._storage, dtype=tensor.dtype)


def from_file(
    filename: str | os.PathLike, shared: bool | None = None, size: int | None = 0, *, dtype: DType | None = None,
    layout: object = None, device: DeviceLike | None = None, pin_memory: bool = False, requires_grad: bool = False,
) -> Tensor:  # fmt: skip
    """A 1-d tensor whose memory is mapped to a file.

    Args:
        filename: of the file.
        shared: let writes go to the file, which is created or made longer where it is too short.
        size: number of elements.
        dtype: of the elements; the default one unless given.
        layout: `torch.strided`.
        device: the host: a file is mapped nowhere else.
        pin_memory: no: memory of a file is not page-locked.
        requires_grad: record what is done with it.

    Raises:
        RuntimeError: the file cannot be opened, or is too short; another device, layout or pinned memory.

    >>> import tempfile, tritonnn as torch
    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(bytes([1, 0, 2, 0])), file.flush()
    ...     torch.from_file(file.name, size=2, dtype=torch.int16)
    tensor([1, 2], dtype=torch.int16)
    """
    if layout not in (None, strided) or pin_memory or Device(device or "cpu").type != "cpu":
        raise RuntimeError(
            f"from_file(): a file is mapped to strided memory of the host that is not pinned, got "
            f"layout={layout}, device={device}, pin_memory={pin_memory}"
        )
    kind = dtype or get_default_dtype()
    block = mapped(os.fspath(filename), bool(shared), (size or 0) * kind.itemsize)
    return elements_of(Memory(block, Device("cpu")), kind).requires_grad_(requires_grad)
