"""Division: exact, rounded down or towards zero, and what those leave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array, Operand, binary, blockwise, working

_FLOAT64 = np.dtype(np.float64)


def _refuse_zero(out: Array, other: Operand) -> None:
    if out.size and not np.all(other):
        raise RuntimeError("ZeroDivisionError: integer division or modulo by zero")


def _dividing(ufunc: np.ufunc, whole: np.ufunc, rest: bool) -> Callable[[Array, Operand, Operand], None]:
    """Division with a whole quotient: `whole` of the exact one, or the `rest` that it leaves.

    float32 goes through float64, eight times as fast as NumPy's ufunc: the quotient of two numbers of 24 bits
    is nowhere nearer to a whole number than 2^-24 of itself, and its product with the divisor is exact.
    """
    run_ufunc = binary(ufunc)

    def directly(out: Array, x: Operand, y: Operand) -> None:
        run_ufunc(out, x, y)
        if rest and out.dtype.kind not in "iu":
            _sign_of_nothing(out, x)

    def step(out: Array, x: Operand, y: Operand) -> None:
        # a number is one of float32: the quotient by 0.1 as float64 has it is another one
        x, y = (n if isinstance(n, np.ndarray) else np.float32(n) for n in (x, y))
        quotient = np.divide(x, y, dtype=_FLOAT64)
        endless = not rest and np.isinf(y).any()  # -1 by infinity rounds down to -1, which -0 does not show
        if endless or not np.abs(quotient).max() < _EXACT_QUOTIENT:  # also where there is a NaN
            directly(out, x, y)
            return
        # in place of the exact quotient: one array for the whole way
        whole(quotient, out=quotient)
        if not rest:
            out[...] = quotient
            return
        quotient *= y
        left = np.subtract(x, quotient, out=quotient)
        if np.isnan(left).any():
            directly(out, x, y)
        else:
            out[...] = left
            _sign_of_nothing(out, x)

    def run(out: Array, input: Operand, other: Operand) -> None:
        if out.dtype.kind in "iu":
            _refuse_zero(out, other)
        if working(out.dtype) == np.float32:
            blockwise(step, out, input, other)
        else:
            directly(out, input, other)

    return run


def _sign_of_nothing(out: Array, x: Operand) -> None:
    """A rest of zero has the dividend's sign, as C's fmod gives it."""
    np.copysign(out, x, out=out, where=out == 0)


# 27 bits of a whole quotient by 24 of a divisor: the product fits a float64's 53
_EXACT_QUOTIENT = 2.0**27
floor_divide = _dividing(np.floor_divide, np.floor, rest=False)
fmod = _dividing(np.fmod, np.trunc, rest=True)
remainder = _dividing(np.remainder, np.floor, rest=True)


def trunc_divide(out: Array, input: Operand, other: Operand) -> None:
    """Division rounded towards zero."""
    if out.dtype.kind not in "iu":
        blockwise(lambda out, x, y: np.trunc(np.divide(x, y, dtype=out.dtype), out=out), out, input, other)
        return
    _refuse_zero(out, other)
    quotient = np.floor_divide(input, other)
    # rounded down is one too low where the signs differ and something is left
    quotient += ((np.bitwise_xor(input, other)) < 0) & (quotient * other != input)
    out[...] = quotient


floor_quotient = floor_divide  # as `div` has it, with a derivative
_true_divide = binary(np.true_divide)
_ROUNDED = {"floor": floor_divide, "trunc": trunc_divide}


def div(out: Array, input: Operand, other: Operand, rounding_mode: str | None) -> None:
    (_true_divide if rounding_mode is None else _ROUNDED[rounding_mode])(out, input, other)
