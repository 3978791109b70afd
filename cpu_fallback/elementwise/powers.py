"""Powers: short ways for small exponents, exp and log in float64 for float32, and whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array, Operand, blockwise, working

_FLOAT64 = np.dtype(np.float64)


def pow(out: Array, input: Operand, exponent: Operand) -> None:
    """input to the power exponent; a number as exponent takes a short way where there is one."""
    if out.dtype.kind in "iu":
        _integer_power(out, input, exponent)
        return
    if not isinstance(exponent, np.ndarray) and exponent in _POWERS and out.dtype.kind in "fV":
        blockwise(_POWERS[exponent], out, input)
    elif working(out.dtype) == np.float32:
        blockwise(_power32, out, input, exponent)
    else:
        np.power(input, exponent, out=out)


def _cube(out: Array, x: Array) -> None:
    square = x * x
    np.multiply(square, x, out=out)


def _fourth(out: Array, x: Array) -> None:
    np.square(x, out=out)
    np.square(out, out=out)


def _inverse_square(out: Array, x: Array) -> None:
    np.divide(1, x * x, out=out)


def _one(out: Array, x: Array) -> None:
    out[...] = 1


_POWERS: dict[float, Callable[..., Any]] = {
    -2: _inverse_square,
    -1: lambda out, x: np.divide(1, x, out=out),
    -0.5: lambda out, x: np.divide(1, np.sqrt(x), out=out),
    0: _one,
    0.5: lambda out, x: np.sqrt(x, out=out),
    1: np.copyto,
    2: lambda out, x: np.square(x, out=out),
    3: _cube,
    4: _fourth,
}


def _power32(out: Array, x: Operand, y: Operand) -> None:
    """float32 power: through exp and log in float64, three times faster, where all of x is positive."""
    low, high = (x.min(), x.max()) if isinstance(x, np.ndarray) else (x, x)
    if not (low > 0 and high < math.inf and np.isfinite(y).all()):
        np.power(x, y, out=out)
        return
    # in float64 the error of y log x, which exp multiplies by its size, is below a float32's last bit
    exponent = np.log(x, dtype=_FLOAT64) * y
    out[...] = np.exp(exponent, out=exponent if isinstance(exponent, np.ndarray) else None)


def _integer_power(out: Array, base: Operand, exponent: Operand) -> None:
    """Whole numbers; a negative exponent gives 0, but for the bases 1 and -1."""
    negative = np.less(exponent, 0)
    if not np.any(negative):
        np.power(base, exponent, out=out, dtype=out.dtype)
        return
    # NumPy refuses negative exponents; what they give is put in afterwards
    power = np.power(base, np.where(negative, 0, exponent).astype(out.dtype), dtype=out.dtype)
    odd = np.where(np.bitwise_and(exponent, 1) == 1, -1, 1)
    # 1 / base^n is whole for 1 and -1 alone, and truncates to 0 otherwise
    inverse = np.where(np.equal(base, 1), 1, np.where(np.equal(base, -1), odd, 0))
    out[...] = np.where(negative, inverse, power)
