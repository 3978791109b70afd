"""Elementwise arithmetic, comparison and special functions.

Operands come in the type the op computes in and broadcast to `out`, which may be one of them; either may be
a Python number. Most ops are one ufunc and one line. float16 and bfloat16 are computed in float32 and
rounded once.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tritonnn.cpu_fallback.common import bessel as _bessel
from tritonnn.cpu_fallback.common import special as _special
from tritonnn.cpu_fallback.common.pointwise import (
    BLOCK,
    Array,
    Operand,
    binary,
    blockwise,
    comparison,
    complex_log_add,
    formula,
    in_float64,
    pieces,
    select,
    unary,
    wide_number,
    working,
)
from tritonnn.cpu_fallback.common.short_rows import combine
from tritonnn.cpu_fallback.elementwise.negation import neg
from tritonnn.cpu_fallback.elementwise.powers import pow
from tritonnn.cpu_fallback.elementwise.quotients import div, floor_divide, fmod, remainder, trunc_divide

__all__ = ["div", "floor_divide", "fmod", "neg", "pow", "remainder", "trunc_divide"]  # beside this file

_FLOAT64 = np.dtype(np.float64)

# ---- one ufunc of one operand -------------------------------------------------------------------------

abs = unary(np.absolute)
acos = unary(np.arccos)
acosh = unary(np.arccosh)
asin = unary(np.arcsin)
asinh = unary(np.arcsinh)
atan = unary(np.arctan)
atanh = unary(np.arctanh)
bitwise_not = unary(np.invert)
ceil = unary(np.ceil)
cos = unary(np.cos)
cosh = unary(np.cosh)
exp = unary(np.exp)
exp2 = unary(np.exp2)
expm1 = unary(np.expm1)
floor = unary(np.floor)
isfinite = unary(np.isfinite)
isinf = unary(np.isinf)
isnan = unary(np.isnan)
log = unary(np.log)
log1p = unary(np.log1p)
logical_not = unary(np.logical_not)
sin = unary(np.sin)
sinh = unary(np.sinh)
sqrt = unary(np.sqrt)
square = unary(np.square)
tan = unary(np.tan)
tanh = unary(np.tanh)
trunc = unary(np.trunc)


def conj_physical(out: Array, input: Array) -> None:
    np.conjugate(input, out=out) if out.dtype.kind == "c" else np.copyto(out, input)


def reciprocal(out: Array, input: Array) -> None:
    np.divide(1, input, out=out)


def sign(out: Array, input: Array) -> None:
    """-1, 0 or 1; 0 for NaN."""
    if out.dtype == bool:
        np.copyto(out, input)
        return
    np.sign(input, out=out)
    if out.dtype.kind in "fV":
        out[np.isnan(out) | (out == 0)] = 0  # also of -0, which NumPy keeps in bfloat16


sgn = sign  # of a complex number: the number of magnitude 1 with its angle


def signbit(out: Array, input: Array) -> None:
    if input.dtype.kind in "fV":
        np.signbit(input, out=out)
    else:
        np.less(input, 0, out=out)


def isposinf(out: Array, input: Array) -> None:
    np.equal(input, np.inf, out=out)


def isneginf(out: Array, input: Array) -> None:
    np.equal(input, -np.inf, out=out)


# ---- one operand, several steps -----------------------------------------------------------------------


def _rsqrt(out: Array, x: Array) -> None:
    np.divide(1, np.sqrt(x), out=out)


def _frac(out: Array, x: Array) -> None:
    np.subtract(x, np.trunc(x), out=out)


def _logarithm(ufunc: np.ufunc, factor: float) -> Callable[[Array, Array], None]:
    """A logarithm to another base; float32 through float64, exact at powers of the base and three times faster."""

    def step(out: Array, x: Array) -> None:
        y = np.log(x, dtype=_FLOAT64)
        y *= factor
        out[...] = y

    def run(out: Array, input: Array) -> None:
        if working(out.dtype) == np.float32:
            blockwise(step, out, input)
        else:
            ufunc(input, out=out)

    return run


log2 = _logarithm(np.log2, 1.4426950408889634)
log10 = _logarithm(np.log10, 0.4342944819032518)


def _sigmoid(out: Array, x: Array) -> None:
    neg(out, x)
    np.exp(out, out=out)  # may overflow: 1 / inf is the right limit
    out += 1
    np.divide(1, out, out=out)


def _logit(out: Array, x: Array, eps: float | None) -> None:
    if eps is not None and not eps < 0:
        x = np.where(x < eps, eps, np.where(x > 1 - eps, 1 - eps, x))  # a bound of NaN bounds nothing
    np.log(x / (1 - x), out=out)


def _sinc(out: Array, x: Array) -> None:
    y = x * x.dtype.type(np.pi)
    zero = y == 0
    np.sin(y, out=out)
    np.divide(out, y, out=out, where=~zero)  # sin(0) / 0 would be NaN
    out[zero] = 1


def _erf(out: Array, x: Array) -> None:
    if out.dtype == _FLOAT64:
        out[...] = _special.erf(x.reshape(-1)).reshape(x.shape)
    else:
        out[...] = _special.erf32(x)


rsqrt = formula(_rsqrt)
frac = formula(_frac)
sigmoid = formula(_sigmoid)
logit = formula(_logit)
sinc = formula(_sinc)
erf = formula(_erf)
digamma = in_float64(_special.digamma)
erfc = in_float64(_special.erfc)
erfcx = in_float64(_special.erfcx)
erfinv = in_float64(_special.erfinv)
i0 = in_float64(_bessel.i0)
i0e = in_float64(_bessel.i0e)
i1 = in_float64(_bessel.i1)
i1e = in_float64(_bessel.i1e)
lgamma = in_float64(_special.lgamma)
ndtri = in_float64(_special.ndtri)
polygamma = in_float64(lambda x, n: _special.polygamma(n, x))


def round(out: Array, input: Array, decimals: int) -> None:
    """To the nearest whole number, halves to even; or to so many decimals."""
    if input.dtype.kind in "iu":  # not by way of float64, which has no place for the largest of int64
        np.copyto(out, input)
    elif decimals == 0:
        np.rint(input, out=out, casting="unsafe")
    elif decimals > 0:
        scale = 10.0**decimals if decimals <= 308 else np.inf
        blockwise(lambda out, x: np.divide(np.rint(x * scale), scale, out=out), out, input)
    else:
        scale = 10.0**-decimals if decimals >= -308 else np.inf
        blockwise(lambda out, x: np.multiply(np.rint(x / scale), scale, out=out), out, input)


def nan_to_num(out: Array, input: Array, nan: float, posinf: float, neginf: float) -> None:
    if out.dtype.kind not in "fV":
        np.copyto(out, input)
        return
    marks = [(np.isnan(input), nan), (input == np.inf, posinf), (input == -np.inf, neginf)]
    np.copyto(out, input)
    for mark, value in marks:
        out[mark] = value


# ---- two operands -------------------------------------------------------------------------------------

atan2 = binary(np.arctan2)
bitwise_and = binary(np.bitwise_and)
bitwise_or = binary(np.bitwise_or)
bitwise_xor = binary(np.bitwise_xor)
bitwise_left_shift = binary(np.left_shift)
bitwise_right_shift = binary(np.right_shift)
fmax = binary(np.fmax)
fmin = binary(np.fmin)
gcd = binary(np.gcd)
hypot = binary(np.hypot)
lcm = binary(np.lcm)
maximum = binary(np.maximum)
minimum = binary(np.minimum)
mul = binary(np.multiply)
copysign = comparison(np.copysign)
nextafter = comparison(np.nextafter)

eq = comparison(np.equal)
ge = comparison(np.greater_equal)
gt = comparison(np.greater)
le = comparison(np.less_equal)
lt = comparison(np.less)
ne = comparison(np.not_equal)
logical_and = comparison(np.logical_and)
logical_or = comparison(np.logical_or)
logical_xor = comparison(np.logical_xor)


def add(out: Array, input: Operand, other: Operand, alpha: float) -> None:
    if alpha != 1:
        blockwise(_add_scaled, out, input, other, alpha)
        return
    if out.itemsize == 2:
        input, other = wide_number(input, out.dtype), wide_number(other, out.dtype)
    combine(np.add, input, other, out)


def sub(out: Array, input: Operand, other: Operand, alpha: float) -> None:
    if alpha != 1:
        blockwise(_sub_scaled, out, input, other, alpha)
        return
    if out.itemsize == 2:
        input, other = wide_number(input, out.dtype), wide_number(other, out.dtype)
    combine(np.subtract, input, other, out)


def rsub(out: Array, input: Operand, other: Operand, alpha: float) -> None:
    sub(out, other, input, alpha)


def _add_scaled(out: Array, x: Operand, y: Operand, alpha: float) -> None:
    np.add(x, np.multiply(y, out.dtype.type(alpha), dtype=out.dtype), out=out)


def _sub_scaled(out: Array, x: Operand, y: Operand, alpha: float) -> None:
    np.subtract(x, np.multiply(y, out.dtype.type(alpha), dtype=out.dtype), out=out)


def heaviside(out: Array, input: Operand, other: Operand) -> None:
    """0 below zero (and for NaN), 1 above, `other` at zero."""
    out[...] = np.where(np.equal(input, 0), other, np.greater(input, 0))


def _distance(x: Array, y: Array) -> Array:
    """|x - y|; 0 where both are the same infinity."""
    return np.where(np.equal(x, y), 0, np.abs(np.subtract(x, y)))


def _logaddexp(out: Array, x: Operand, y: Operand) -> None:
    if out.dtype.kind == "c":
        out[...] = complex_log_add(*np.broadcast_arrays(y, x))
    else:
        np.add(np.maximum(x, y), np.log1p(np.exp(-_distance(x, y))), out=out)  # exp at most 1


_LOG2_E = 1.4426950408889634


def _logaddexp2(out: Array, x: Operand, y: Operand) -> None:
    step = np.log1p(np.exp2(-_distance(x, y))) * _LOG2_E
    np.add(np.maximum(x, y), step, out=out)


def _xlogy(out: Array, x: Operand, y: Operand) -> None:
    result = np.multiply(x, np.log(y, dtype=out.dtype))  # NaN of 0 log 0, which is 0
    out[...] = np.where(np.equal(x, 0) & ~np.isnan(y), 0, result)


logaddexp = formula(_logaddexp)
logaddexp2 = formula(_logaddexp2)
xlogy = formula(_xlogy)


zeta = in_float64(_special.zeta, 2)


# ---- three operands -----------------------------------------------------------------------------------


def where(out: Array, condition: Array, input: Operand, other: Operand) -> None:
    if out.size <= BLOCK:
        select(out, condition, input, other)
        return
    arrays = [np.broadcast_to(np.asarray(x), out.shape) for x in (condition, input, other)]
    for index in pieces(out.shape):
        select(out[index], *[x[index] for x in arrays])


_FEW = 1 << 10  # up to this size two ufuncs cost less than the way into `np.clip`


def clamp(out: Array, input: Array, min: Operand | None, max: Operand | None) -> None:
    """min(max(input, min), max), either bound may be absent; a NaN of any operand is kept."""
    if max is None:
        maximum(out, input, min)
    elif min is None:
        minimum(out, input, max)
    elif out.size <= _FEW and not isinstance(max, np.ndarray):
        maximum(out, input, min)
        minimum(out, out, max)
    elif out.dtype.kind == "V":
        blockwise(lambda out, x, low, high: np.clip(x, low, high, out=out), out, input, min, max)
    else:
        np.clip(input, min, max, out=out)


def lerp(out: Array, input: Array, end: Operand, weight: Operand) -> None:
    """input + weight (end - input), from the nearer end."""
    blockwise(_lerp, out, input, end, weight)


def _lerp(out: Array, x: Operand, end: Operand, weight: Operand) -> None:
    way = np.subtract(end, x, dtype=out.dtype)
    near = np.abs(weight) < 0.5
    if isinstance(weight, np.ndarray):
        out[...] = np.where(near, x + weight * way, end - way * (1 - weight))
    elif near:
        np.add(x, way * weight, out=out)
    else:
        np.subtract(end, way * (1 - weight), out=out)


def _addcmul(out: Array, x: Operand, a: Operand, b: Operand, value: float) -> None:
    factor = int(value) if out.dtype.kind in "iu" else value
    scaled = a if value == 1 else np.multiply(a, factor, dtype=out.dtype)  # overflows as PyTorch's
    np.add(x, np.multiply(scaled, b, dtype=out.dtype), out=out)


def _addcdiv(out: Array, x: Operand, a: Operand, b: Operand, value: float) -> None:
    quotient = np.divide(a, b, dtype=out.dtype)
    if value != 1:
        quotient = quotient * value
    np.add(x, quotient, out=out)


addcmul = formula(_addcmul)
addcdiv = formula(_addcdiv)


# ---- gradients ----------------------------------------------------------------------------------------


def _sigmoid_backward(out: Array, grad: Array, result: Array) -> None:
    slope = 1 - result
    slope *= result
    np.multiply(grad, slope, out=out)


def _tanh_backward(out: Array, grad: Array, result: Array) -> None:
    slope = result * result
    np.subtract(1, slope, out=slope)
    np.multiply(grad, slope, out=out)


sigmoid_backward = formula(_sigmoid_backward)
tanh_backward = formula(_tanh_backward)
