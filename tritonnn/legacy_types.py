"""Names of older programs: `torch.FloatTensor`, `torch.cuda.LongTensor`, `torch.FloatStorage`, `x.type('...')`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.dtypes import (
    FLOAT8,
    SHELLS,
    UNSIGNED,
    bfloat16,
    bool_,
    complex32,
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

KINDS = {
    "Half": float16, "BFloat16": bfloat16, "Float": float32, "Double": float64, "Byte": uint8, "Char": int8,
    "Short": int16, "Int": int32, "Long": int64, "Bool": bool_, "ComplexFloat": complex64, "ComplexDouble": complex128,
}  # fmt: skip
# Types that no class of this module stands for, under names that `type()` gives and takes.
_OTHERS = {
    **{
        "UInt" + d.name[4:] if d.name.startswith("u") else d.name.capitalize(): d
        for d in (*UNSIGNED, *FLOAT8, *SHELLS)
    },
    "ComplexHalf": complex32,
}
_NAMES = {d: kind for kind, d in (KINDS | _OTHERS).items()}


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
    if hasattr(first, "_memory"):
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
        if kind not in (known := KINDS | _OTHERS) or not name.endswith("Tensor"):
            raise ValueError(f"invalid type: '{wanted}'")
        return known[kind], Device(place)
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


def new(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    """Older name: a tensor of this one's dtype and device, from sizes or data."""
    return construct(self.dtype, kwargs.pop("device", self.device), args, kwargs)
