"""Names of older programs: `torch.FloatTensor`, `torch.cuda.LongTensor`, `torch.FloatStorage`, `x.type('...')`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tritonnn._tensor import Tensor, make, make_view
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device
from tritonnn.dtypes import (
    UNSIGNED,
    bfloat16,
    bool_,
    complex64,
    complex128,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    int8,
    int16,
    int32,
    int64,
    set_default_dtype,
    uint8,
)
from tritonnn.dtypes import dtype as DType
from tritonnn.shape import Size
from tritonnn.storage import Storage as Memory

KINDS = {
    "Half": float16, "BFloat16": bfloat16, "Float": float32, "Double": float64, "Byte": uint8, "Char": int8,
    "Short": int16, "Int": int32, "Long": int64, "Bool": bool_, "ComplexFloat": complex64, "ComplexDouble": complex128,
}  # fmt: skip
_NAMES = {d: kind for kind, d in KINDS.items()} | {d: f"UInt{d.itemsize * 8}" for d in UNSIGNED}


class _TensorType(type):
    """`isinstance(x, torch.FloatTensor)` asks for a dtype and a device, not for a Python class."""

    dtype: DType
    device_type: str

    def __instancecheck__(cls, instance: Any) -> bool:
        return (
            isinstance(instance, Tensor)
            and instance.dtype is cls.dtype
            and instance.device.type == cls.device_type
        )

    def __call__(cls, *args: Any, **kwargs: Any) -> Tensor:
        return construct(cls.dtype, Device(cls.device_type), args, kwargs)

    def __repr__(cls) -> str:
        return f"<class '{cls.__module__}.{cls.__name__}'>"


def construct(kind: dtype, device: Device, args: tuple, kwargs: dict[str, Any]) -> Tensor:
    """`FloatTensor()`, `FloatTensor(2, 3)`, `FloatTensor([1, 2])`, `FloatTensor(other)`, `FloatTensor(storage)`."""
    from tritonnn.device import resolve
    from tritonnn.ops.creation.creation import empty
    from tritonnn.ops.creation.from_data import tensor

    device = kwargs.pop("device", device)
    if kwargs:
        raise TypeError(f"Tensor constructor got an unexpected keyword argument '{next(iter(kwargs))}'")
    if not args:
        return empty(0, dtype=kind, device=device)
    first = args[0]
    if all(_is_extent(a) for a in args) and (len(args) > 1 or not isinstance(first, Tensor)):
        return empty(*args, dtype=kind, device=device)
    if len(args) > 1:
        raise TypeError(
            f"Tensor constructor takes sizes or one sequence, got {[type(a).__name__ for a in args]}"
        )
    if isinstance(first, Size):
        return empty(first, dtype=kind, device=device)
    if isinstance(first, TypedStorage):
        return empty(0, dtype=kind, device=device).set_(first)
    if isinstance(first, Tensor):
        if first.dtype is not kind:
            raise TypeError(
                f"expected a tensor of {kind.name}, got one of {first.dtype.name}: convert with .to()"
            )
        return first.detach().to(resolve(device))
    if isinstance(first, (bool, float, np.generic)):
        raise TypeError(f"new(): data must be a sequence (got {type(first).__name__})")
    return tensor(first, dtype=kind, device=device)


def _is_extent(value: Any) -> bool:
    """An integer of whatever type, and no truth value."""
    if isinstance(value, Tensor):
        return value.numel() == 1 and value.dtype.kind == 1
    if isinstance(value, np.ndarray) and value.shape:
        return False
    return isinstance(value, (int, np.ndarray, np.integer)) and not isinstance(value, bool)


def _make_type(kind: str, device_type: str) -> Any:
    module = "torch.cuda" if device_type == "cuda" else "torch"
    fields = {
        "dtype": KINDS[kind],
        "device_type": device_type,
        "__module__": module,
        "__doc__": f"{kind} tensors: a constructor and an `isinstance` test of older programs.",
    }
    return _TensorType(kind + "Tensor", (), fields)


TYPES = {(kind, place): _make_type(kind, place) for kind in KINDS for place in ("cpu", "cuda")}
globals().update({f"{kind}Tensor": TYPES[kind, "cpu"] for kind in KINDS})


def type_name(tensor: Tensor) -> str:
    """Such as 'torch.FloatTensor' or 'torch.cuda.LongTensor'."""
    module = "torch.cuda" if tensor.device.type == "cuda" else "torch"
    return f"{module}.{_NAMES[tensor.dtype]}Tensor"


def parse_type(wanted: Any) -> tuple[dtype, Any]:
    """(dtype, device or None) of a dtype, a type such as torch.FloatTensor, or its name."""
    if isinstance(wanted, dtype):
        return wanted, None
    if isinstance(wanted, str):
        name = wanted.removeprefix("torch.").removeprefix("tritonnn.")
        place = "cuda" if name.startswith("cuda.") else "cpu"
        kind = name.removeprefix("cuda.").removesuffix("Tensor")
        if name in ("Tensor",):
            return get_default_dtype(), Device("cpu")
        if kind not in KINDS or not name.endswith("Tensor"):
            raise ValueError(f"invalid type: '{wanted}'")
        return KINDS[kind], Device(place)
    if isinstance(wanted, _TensorType):
        return wanted.dtype, Device(wanted.device_type)
    if wanted is Tensor:
        return get_default_dtype(), Device("cpu")
    if isinstance(wanted, type):
        raise ValueError(
            f"type(): invalid type: '{wanted.__module__}.{wanted.__name__}', expected a torch.dtype"
        )
    raise TypeError(f"dtype must be a type, str, or dtype object, got {type(wanted).__name__}")


def set_default_tensor_type(t: Any) -> None:
    """Set the default floating dtype (and device) through a type such as torch.DoubleTensor or its name.

    Args:
        t: a type such as `torch.DoubleTensor`, or its name.

    Raises:
        TypeError: it is none, or not a floating one.

    >>> import tritonnn as torch
    >>> torch.set_default_tensor_type("torch.DoubleTensor")
    >>> torch.ones(1).dtype
    torch.float64
    >>> torch.set_default_tensor_type(torch.FloatTensor)
    """
    from tritonnn.device import set_default_device

    kind, device = parse_type(t)
    set_default_dtype(kind)
    set_default_device(device)


# ---- storages -------------------------------------------------------------------------------------------


class TypedStorage:
    """The memory behind a tensor as a flat sequence of its elements.

    >>> import tritonnn as torch
    >>> storage = torch.FloatStorage([1., 2.])
    >>> storage.size(), storage[1]
    (2, 2.0)
    """

    _kind: dtype | None = None
    _ref: Any = None  # of one that a file held: what tensors of the file are made over

    def __init__(
        self, *args: Any, wrap: Memory | None = None, dtype: dtype | None = None, device: DeviceLike = "cpu"
    ) -> None:
        self.dtype = dtype or self._kind or get_default_dtype()
        if wrap is not None:
            self._untyped = wrap
            return
        tensor = construct(self.dtype, Device(device), args, {})
        if isinstance(args[0] if args else None, int):
            tensor.zero_()
        self._untyped = tensor._storage

    @property
    def device(self) -> Device:
        """Where the memory lies."""
        return self._untyped.device

    is_sparse = False

    @property
    def is_cuda(self) -> bool:
        """Whether it lies on a GPU."""
        return self.device.type == "cuda"

    def _flat(self) -> Tensor:
        whole = make(None, self._untyped, Size((0,)), self.dtype, self.device)
        return make_view(whole, Size((self.size(),)), (1,), 0)

    def size(self) -> int:
        """Number of elements."""
        return self._untyped.nbytes // self.dtype.itemsize

    __len__ = size

    def nbytes(self) -> int:
        """Size in bytes."""
        return self._untyped.nbytes

    def element_size(self) -> int:
        """Bytes an element takes."""
        return self.dtype.itemsize

    def data_ptr(self) -> int:
        """Address of the first element."""
        return self._untyped.ptr()

    def tolist(self) -> list:
        """The elements as Python numbers."""
        return self._flat().tolist()

    def __iter__(self) -> Iterator:
        return iter(self.tolist())

    def __getitem__(self, index: Any) -> Any:
        selected = self._flat()[index]
        return (
            selected.item()
            if isinstance(index, int)
            else TypedStorage(wrap=selected.clone()._storage, dtype=self.dtype)
        )

    def __setitem__(self, index: Any, value: Any) -> None:
        self._flat()[index] = value

    def fill_(self, value: Any) -> TypedStorage:
        """Overwrite every element."""
        self._flat().fill_(value)
        return self

    def copy_(self, source: Any, non_blocking: bool = False) -> TypedStorage:
        """Overwrite with another storage's elements."""
        self._flat().copy_(source._flat(), non_blocking)
        return self

    def resize_(self, size: int) -> TypedStorage:
        """Change the number of elements, keeping the first ones."""
        from tritonnn.ops.conversion.conversion import resize_storage

        resize_storage(self._untyped, size * self.dtype.itemsize)
        return self

    def clone(self) -> TypedStorage:
        """A copy."""
        return self.to_type(self.dtype, copy=True)

    def to_type(self, kind: dtype, device: DeviceLike | None = None, copy: bool = False) -> TypedStorage:
        """The elements in another dtype or on another device."""
        converted = self._flat().to(device or self.device, kind, copy=copy)
        return storage_of(converted)

    def type(self, dtype: DType | type | str | None = None) -> Any:
        """Without argument the type's name, such as 'torch.FloatStorage'; else the elements in that dtype."""
        if dtype is None:
            return type_name(self._flat()).removesuffix("Tensor") + "Storage"
        name = dtype.replace("Storage", "Tensor") if isinstance(dtype, str) else dtype
        kind, device = (name._kind, None) if hasattr(name, "_kind") else parse_type(name)
        return self.to_type(kind, device)

    def cpu(self) -> TypedStorage:
        """The elements in host memory."""
        return self.to_type(self.dtype, "cpu")

    def cuda(self, device: DeviceLike | None = None, non_blocking: bool = False) -> TypedStorage:
        """The elements on a GPU."""
        return self.to_type(self.dtype, Device("cuda") if device is None else Device(device))

    def share_memory_(self) -> TypedStorage:
        """Move the memory to where other processes see it."""
        from tritonnn.multiprocessing import share

        if self.device.type == "cpu" and not self.is_shared():
            share(self._untyped)
        return self

    def is_shared(self) -> bool:
        """Whether other processes can see the memory."""
        return self.is_cuda or getattr(self._untyped.block, "shared_name", None) is not None

    def pin_memory(self) -> TypedStorage:
        """A copy in page-locked memory."""
        return storage_of(self._flat().pin_memory())

    def is_pinned(self) -> bool:
        """Whether the memory is page-locked."""
        return self._flat().is_pinned()

    def untyped(self) -> UntypedStorage:
        """The same memory as bytes."""
        return UntypedStorage(wrap=self._untyped)

    def __deepcopy__(self, memo: dict) -> TypedStorage:
        from tritonnn.ops.conversion.conversion import deep_copy

        # by way of a tensor, whose copy every other view of the memory shares
        return type(self)(wrap=deep_copy(self._flat(), memo)._storage)

    def __repr__(self) -> str:
        numbers = "".join(f" {value}\n" for value in self.tolist())
        return f"{numbers}[{self.type()} of size {self.size()}]"


class UntypedStorage(TypedStorage):
    """The memory behind a tensor as bytes.

    >>> import tritonnn as torch
    >>> torch.UntypedStorage(4).nbytes()
    4
    """

    _kind = uint8


def _casts() -> None:
    for kind, d in KINDS.items():
        name = {
            "BFloat16": "bfloat16",
            "ComplexFloat": "complex_float",
            "ComplexDouble": "complex_double",
        }.get(kind, kind.lower())
        setattr(TypedStorage, name, lambda self, d=d: self.to_type(d))


_casts()
STORAGES = {
    d: type(kind + "Storage", (TypedStorage,), {"_kind": d, "__module__": "torch"})
    for kind, d in KINDS.items()
}
globals().update({cls.__name__: cls for cls in STORAGES.values()})
Storage = STORAGES[KINDS["Float"]]  # as the default dtype was when it got its name


def storage_of(tensor: Tensor) -> TypedStorage:
    """`tensor.storage()`: the memory behind it, shared, as elements of its dtype."""
    return STORAGES[tensor.dtype](wrap=tensor._storage)


def new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Older name: a tensor of this one's dtype and device, from sizes or data."""
    return construct(self.dtype, kwargs.pop("device", self.device), args, kwargs)
