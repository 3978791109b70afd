"""Conversions between types of which NumPy, or ml_dtypes, has another idea than PyTorch, or none."""

from __future__ import annotations

import ml_dtypes
import numpy as np

_E4M3, _E5M2, _E8M0 = (
    np.dtype(t) for t in (ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.float8_e8m0fnu)
)
_FNUZ = (np.dtype(ml_dtypes.float8_e4m3fnuz), np.dtype(ml_dtypes.float8_e5m2fnuz))
_ONE_NAN = frozenset((_E8M0, *_FNUZ))
FLOAT8 = frozenset((_E4M3, _E5M2, _E8M0, *_FNUZ))
_SMALLEST = np.float32(2.0**-127)


def to_float8(input: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Real numbers rounded to a float8 type by way of float32, as PyTorch rounds them."""
    values = input.astype(np.float32)
    if dtype == _E4M3:  # this type has no infinity: what is too large becomes the largest
        return np.clip(values, -448, 448).astype(dtype)
    if dtype == _E8M0:  # powers of 2 alone: no sign, and the smallest for 0
        return np.maximum(np.abs(values), _SMALLEST).astype(dtype)
    result = values.astype(dtype)
    if dtype == _E5M2:  # of its codes for NaN one
        codes = result.view(np.uint8)
        codes |= (codes & 0x7F) > 0x7C
        codes |= ((codes & 0x7F) > 0x7C).view(np.uint8) << 1
    return result


def from_float8(input: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Numbers of the types with one NaN, or as they are; that NaN has no sign, and is a signalling one for float32.

    `dtype` is what they are to be converted to.
    """
    if input.dtype not in _ONE_NAN:
        return input
    values = input.astype(np.float32)
    values.view(np.uint32)[values != values] = 0x7F800001 if dtype.char in "fdFD" else 0x7FC00000
    return values


def pairs(dtype: np.dtype) -> bool:
    """Whether elements are complex numbers of two float16, of which NumPy only knows that they are two."""
    return dtype.names is not None


def to_pairs(input: np.ndarray, out: np.ndarray) -> None:
    """Numbers of any other type, broadcast and rounded into pairs of float16."""
    if input.dtype.kind == "c":
        np.copyto(out["real"], input.real, casting="unsafe")
        np.copyto(out["imag"], input.imag, casting="unsafe")
    else:
        np.copyto(
            out["real"], input.astype(np.float32) if input.dtype.kind == "V" else input, casting="unsafe"
        )
        out["imag"] = 0
