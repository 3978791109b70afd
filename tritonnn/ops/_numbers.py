"""Python numbers as elements of a dtype."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from typing import Any

import ml_dtypes
import numpy as np

from tritonnn import dispatch, dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid

# How PyTorch's messages call the types of elements.
_NAMES = {
    dtypes.uint8: "uint8_t", dtypes.int8: "int8_t", dtypes.int16: "int16_t", dtypes.int32: "int",
    dtypes.int64: "int64_t", dtypes.float16: "c10::Half", dtypes.bfloat16: "c10::BFloat16", dtypes.float32: "float",
    dtypes.complex64: "c10::complex<float>", dtypes.float8_e4m3fn: "c10::Float8_e4m3fn",
    dtypes.float8_e5m2: "c10::Float8_e5m2", dtypes.float8_e4m3fnuz: "c10::Float8_e4m3fnuz",
    dtypes.float8_e5m2fnuz: "c10::Float8_e5m2fnuz", dtypes.float8_e8m0fnu: "c10::Float8_e8m0fnu",
    dtypes.complex32: "c10::complex<c10::Half>",
}  # fmt: skip

_WIDE = (dtypes.float64, dtypes.complex128)
_SMALLEST_POWER = 2.0**-127  # the smallest float8_e8m0fnu


def as_number(dtype: dtypes.dtype, value: Any, strict: bool = True) -> Any:
    """A Python number, or a one-element tensor's, in the category of a dtype; whole numbers wrapped into its range.

    Args:
        dtype: of the elements it is for.
        value: the number.
        strict: whether what is too large for a floating type of 16 or 8 bits is refused, or converted as elements are.

    Raises:
        RuntimeError: a number that the dtype cannot hold: a complex one, one beyond the range, for integers also
            infinity or NaN.
        OverflowError: an integer of more than 64 bits.
    """
    if value.__class__ is int and 0 <= value < 128:
        return (bool, int, float, complex)[dtype.kind](value)
    if (
        value.__class__ is float
        and -128 < value < 128
        and dtype.kind == 2
        and dtype is not dtypes.float8_e8m0fnu
    ):
        return value  # every other floating type holds it
    if isinstance(value, (Tensor, np.generic)):
        value = value.item()
    if isinstance(value, (str, bytes)):
        raise TypeError(f"expected a number, but got {type(value).__name__}")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
        text = "can't convert negative int to unsigned" if value < 0 else "int too big to convert"
        raise Invalid(text, kind=OverflowError)
    if isinstance(value, complex) and 0 < dtype.kind < 3:
        if value.imag:
            raise _overflow(dtype if strict or dtype not in dtypes.REDUCED else dtypes.float64)
        value = value.real
    if dtype.kind == 1:
        return _whole(dtype, value)
    if dtype is dtypes.float8_e8m0fnu and strict and isinstance(value, float) and value < _SMALLEST_POWER:
        raise _overflow(dtype)
    value = (bool, int, float, complex)[dtype.kind](value)
    return _rounded(dtype, value, strict) if dtype.kind >= 2 and dtype not in _WIDE else value


def hold(
    numbers: Iterable[Any], *operands: Any, exempt: dtypes.dtype | None = None, strict: bool = True
) -> None:
    """Refuse numbers that the type which the operands are promoted to, unless it is exempt, cannot hold.

    `strict` is as of `as_number`.

    Raises:
        RuntimeError, OverflowError: as of `as_number`.
    """
    # what every type holds, or wraps, is not looked at twice; NaN is not in any interval
    far = [x for x in numbers if isinstance(x, (int, float)) and not -128 < x < 128]
    if far:
        dtype = dispatch.result_type(*[x for x in operands if x is not None])
        for x in far:
            if dtype.kind and dtype is not exempt:
                as_number(dtype, x, strict)


def _rounded(dtype: dtypes.dtype, value: Any, strict: bool) -> Any:
    if dtype is dtypes.complex32 and strict:  # filling several elements asks only whether complex64 holds it
        dtype = dtypes.complex64
    limit = _limit(dtype)
    endless = dtype in dtypes.FLOAT8 and dtype is not dtypes.float8_e5m2  # it has no infinity
    parts = (value.real, value.imag) if dtype.is_complex else (value,)
    if not any(abs(part) > limit and (math.isfinite(part) or endless) for part in parts):
        return value
    if strict or dtype not in dtypes.REDUCED:
        raise _overflow(dtype)
    if dtype is dtypes.float8_e4m3fn:
        return math.copysign(limit, value)
    if endless:
        return math.nan
    with np.errstate(over="ignore"):
        return float(np.float64(value).astype(dtype.np))


@cache
def _limit(dtype: dtypes.dtype) -> float:
    return float(ml_dtypes.finfo(dtype.to_real().np).max)


def bounds(dtype: dtypes.dtype, whole: bool) -> tuple[int, int]:
    """The numbers that an integral dtype takes; `whole` negative ones wrap where it has no sign."""
    high = (1 << dtype.itemsize * 8 - dtype.is_signed) - 1
    return -high - 1 if dtype.is_signed else -high if whole else 0, high


def _whole(dtype: dtypes.dtype, value: Any) -> int:
    low, high = bounds(dtype, isinstance(value, int))
    if not low <= value <= high:  # never true of NaN
        raise _overflow(dtype)
    return int(value) & high if not dtype.is_signed else int(value)


def _overflow(dtype: dtypes.dtype) -> Invalid:
    return Invalid(f"value cannot be converted to type {_NAMES.get(dtype, 'double')} without overflow")


# what numbers are converted to by way of wider ones, as elements are
_CONVERTED = frozenset((*dtypes.FLOAT8, dtypes.complex32))


def elements(array: np.ndarray, dtype: dtypes.dtype) -> np.ndarray:
    """Numbers as elements of a dtype, in memory of their own."""
    if dtype not in _CONVERTED:
        return np.array(array, dtype=dtype.np, order="C")
    from tritonnn.cpu_fallback.conversion import copy_values

    held = np.empty(np.shape(array), dtype.np)
    copy_values(held, np.asarray(array, np.complex128 if dtype is dtypes.complex32 else np.float64))
    return held
