"""The tensors among a backend's arguments, on the host and comparable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tritonnn.buffer import Buffer
from tritonnn.device import runtime
from tritonnn.shape import extent_in_elements

# dtype -> the relative difference that is allowed; complex types as their parts. A sum's terms may be added in
# another order, so it is many roundings. What needs more is measured, see `Call.own_error`.
TOLERANCES = {
    "float64": 1e-10, "float32": 1e-4, "float16": 1e-2, "bfloat16": 8e-2, "float8_e4m3fn": 0.25, "float8_e5m2": 0.5,
    "complex128": 1e-10, "complex64": 1e-4,
}  # fmt: skip


def mapped(value: object, change: Callable) -> Any:
    """The value with every tensor in it changed."""
    if isinstance(value, (Buffer, np.ndarray)):
        return change(value)
    if isinstance(value, (list, tuple)) and any(isinstance(v, (Buffer, np.ndarray)) for v in value):
        return [mapped(v, change) for v in value]
    return value


def flat(values: Sequence[Any]) -> list:
    """The tensors and the numbers in a list of arguments."""
    leaves = []
    for value in values:
        if isinstance(value, (list, tuple)):
            leaves += flat(value)
        elif isinstance(value, dict):
            leaves += flat(list(value.values()))
        elif isinstance(value, (Buffer, np.ndarray, float, complex)):
            leaves.append(value)
    return leaves


def fetched(buffer: Buffer, seen: dict[tuple, np.ndarray]) -> np.ndarray:
    """The values of a GPU buffer on the host, in its strides; tensors that are one memory stay one."""
    key = (buffer.ptr, buffer.shape, tuple(buffer.strides), buffer.dtype)
    if key in seen:
        return seen[key]
    shape, size = tuple(buffer.shape), buffer.dtype.itemsize
    if not buffer.numel:
        array = np.empty(shape, buffer.dtype.np)
    else:
        flat = np.empty(extent_in_elements(buffer.shape, buffer.strides), buffer.dtype.np)
        runtime().download(flat, buffer.ptr, buffer.device.index, non_blocking=False)
        array = np.ndarray(shape, flat.dtype, flat, 0, tuple(stride * size for stride in buffer.strides))
    seen[key] = array
    return array


def comparable(array: np.ndarray) -> np.ndarray:
    """In a type that NumPy computes with: small floats as float32."""
    small = array.dtype.itemsize < 4 and array.dtype.name in TOLERANCES
    return array.astype(np.float32) if small else array


def finite(value: Any) -> bool:
    """Whether a tensor on the host, or a number, has no NaN and no infinity."""
    if isinstance(value, np.ndarray) and value.dtype.name not in TOLERANCES:
        return True
    return bool(np.isfinite(comparable(value) if isinstance(value, np.ndarray) else value).all())


def not_finite(array: np.ndarray) -> np.ndarray:
    """Where NaN or infinity is."""
    return ~np.isfinite(array)


def overlap(a: Buffer, b: Buffer) -> bool:
    """Whether the memory from the first to the last element of one reaches into that of the other."""
    ends = [t.ptr + extent_in_elements(t.shape, t.strides) * t.dtype.itemsize for t in (a, b)]
    return a.ptr < ends[1] and b.ptr < ends[0]


def unlike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Where two arrays of one shape and dtype are not the same bytes."""
    sides = [np.ascontiguousarray(x).reshape(-1).view(np.uint8).reshape(*x.shape, x.itemsize) for x in (a, b)]
    return (sides[0] != sides[1]).any(-1)


def change(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """How far apart the elements are; infinitely where one is no number."""
    a, b = comparable(a), comparable(b)
    with np.errstate(all="ignore"):
        off = np.abs(np.subtract(a, b, dtype=np.result_type(a, np.float64)))
    return np.where(np.isnan(off), np.inf, off)


def place_of(wrong: np.ndarray, badness: np.ndarray) -> tuple[int, ...]:
    """The index of the worst of the elements that are wrong."""
    worst = np.where(wrong, badness, -np.inf)
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(worst)), worst.shape))


def described(name: str, value: object) -> str:
    """An argument in words: shape, strides and dtype of a tensor, of a list's first four."""
    items = flat([value])
    texts = []
    for item in items[:4]:
        if isinstance(item, Buffer):
            texts.append(f"{tuple(item.shape)} strides {tuple(item.strides)} {item.dtype.name}")
        elif isinstance(item, np.ndarray):
            strides = tuple(stride // item.itemsize for stride in item.strides)
            texts.append(f"{item.shape} strides {strides} {item.dtype.name}")
        else:
            texts.append(repr(item))
    more = f" and {len(items) - 4} more" if len(items) > 4 else ""
    return f"{name}: {', '.join(texts)}{more}"
