"""The arguments of `to` in their three forms."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import CPU
from tritonnn.device import device as Device
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import memory_format as MemoryFormat

# The forms of `to`: by what their first argument is, the names of those given by position.
_FORMS = (("device", "dtype"), ("dtype",), ("tensor",))
_OPTIONS = ("non_blocking", "copy")


def parse_to(args: tuple, kwargs: dict[str, Any]) -> tuple[Any, Any, bool, bool, Any]:
    """The arguments of `to(device, dtype)`, `to(dtype)`, `to(tensor)` with their options."""
    given = dict(kwargs)
    if "async" in given:
        given["non_blocking"] = given.pop("async")
    form: tuple[str, ...] = _FORMS[0]
    if args:
        form = _FORMS[1] if _is_dtype(args[0]) else _FORMS[2] if _is_value(args[0]) else _FORMS[0]
    elif "tensor" in given:
        form = _FORMS[2]
    names = (*form, *_OPTIONS)
    known = (*names, "memory_format")
    for name in given:
        if name not in known or name in names[: len(args)]:
            raise TypeError(
                f"to() got an unexpected keyword argument '{name}' beside {args}: expected {known}"
            )
    if len(args) > len(names):
        raise TypeError(f"to() takes {', '.join(names)} by position, got {args}")
    given.update(zip(names, args, strict=False))
    for name, value in given.items():
        if not _TAKES[name](value):
            got = f"type (got {value.__name__})" if isinstance(value, type) else type(value).__name__
            if args and name == form[0]:
                raise TypeError(f"to(): expected a dtype, a device or a Tensor (position 1), not {got}")
            raise TypeError(f"to(): argument '{name}' must be {_WANTED[name]}, not {got}")
    dtype, device = given.get("dtype"), given.get("device")
    if "tensor" in given:
        other = given["tensor"]
        dtype, device = (
            (other.dtype, other.device) if isinstance(other, Tensor) else (_dtype_of_number(other), CPU)
        )
    non_blocking, copy = (given.get(name, False) for name in _OPTIONS)
    return dtype, device, non_blocking, copy, given.get("memory_format")


def _is_dtype(value: Any) -> bool:
    return isinstance(value, DType) or (isinstance(value, type) and value in dtypes.OF_PYTHON)


def _dtype_of_number(value: Any) -> DType:
    if isinstance(value, bool):
        return dtypes.bool_
    return dtypes.float64 if isinstance(value, float) else dtypes.complex128


def _is_value(value: Any) -> bool:
    return isinstance(value, (Tensor, float, complex)) or value is True or value is False


_TAKES: dict[str, Any] = {
    "dtype": lambda value: value is None or _is_dtype(value),
    "device": lambda value: (
        value is None or (isinstance(value, (str, int, Device)) and not isinstance(value, bool))
    ),
    "tensor": _is_value,
    "non_blocking": lambda value: isinstance(value, bool),
    "copy": lambda value: isinstance(value, bool),
    "memory_format": lambda value: value is None or isinstance(value, MemoryFormat),
}
_WANTED = {
    "dtype": "torch.dtype", "device": "torch.device", "tensor": "Tensor", "non_blocking": "bool", "copy": "bool",
    "memory_format": "torch.memory_format",
}  # fmt: skip
