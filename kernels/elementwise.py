"""Elementwise arithmetic, comparison, logic and special functions.

A `@triton.jit` function here is a scalar function: the pointwise kernel loads its operands, converts them
to the compute type (float32 for float16 and bfloat16, int8 for bool) and stores its result, converted to
the output's type. Tensor operands come first, then the op's other arguments. A plain function is an
implementation of its own, where an argument chooses between scalar functions.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bfloat16, bool_, float16
from tritonnn.dtypes import dtype as DType
from tritonnn.kernels import complex_functions as _complex
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device import special as _special
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.pointwise_cases import case, scalar_cases

# ---- arithmetic


@triton.jit
def add(x, y, alpha):
    return x + y * alpha


@triton.jit
def sub(x, y, alpha):
    return x - y * alpha


@triton.jit
def rsub(x, y, alpha):
    return y - x * alpha


@triton.jit
def mul(x, y):
    return x * y


@triton.jit
def _true_divide(x, y):
    return _math.divide(x, y)


@triton.jit
def trunc_divide(x, y):
    """x / y rounded towards zero."""
    if x.dtype.is_floating():
        return _math.trunc(_math.divide(x, y))
    else:
        return x // y


@triton.jit
def floor_divide(x, y):
    """x / y rounded down, by way of the rest: rounding x / y itself may reach the next whole number."""
    if x.dtype.is_floating():
        rest = _math.fmod(x, y)
        # x without its rest is a multiple of y: the quotient is whole but for rounding
        quotient = _math.divide(x - rest, y)
        # the rest has x's sign: where y has the other one this quotient is the next higher one
        quotient = tl.where((rest != 0.0) & ((y < 0.0) != (rest < 0.0)), quotient - 1.0, quotient)
        whole = tl.floor(quotient)
        # a quotient that rounding left just below its whole number
        whole = tl.where(quotient - whole > 0.5, whole + 1.0, whole)
        exact = _math.divide(x, y)
        # a zero has the exact quotient's sign
        whole = tl.where(quotient == 0.0, _math.copysign(quotient * 0.0, exact), whole)
        return tl.where(y == 0.0, exact, whole)
    elif x.dtype.is_int_signed():
        # // truncates here, as in C
        quotient = x // y
        return tl.where((quotient * y != x) & ((x < 0) != (y < 0)), quotient - 1, quotient)
    else:
        return x // y


@triton.jit
def remainder(x, y):
    """What floor_divide leaves: x - y floor(x / y), with the divisor's sign."""
    if x.dtype.is_floating():
        rest = _math.fmod(x, y)
        # Python's remainder has the divisor's sign, C's the dividend's
        return tl.where((rest != 0.0) & ((y < 0.0) != (rest < 0.0)), rest + y, rest)
    elif x.dtype.is_int_signed():
        rest = x % y
        return tl.where((rest != 0) & ((y < 0) != (rest < 0)), rest + y, rest)
    else:
        return x % y


@triton.jit
def fmod(x, y):
    """What trunc_divide leaves, with the dividend's sign."""
    if x.dtype.is_floating():
        return _math.fmod(x, y)
    else:
        return x % y


@triton.jit
def gcd(x, y):
    """Euclid's algorithm; after 1.45 steps per bit every pair has come to an end."""
    # + y * 0, + x * 0: both in the shape that they broadcast to, which a loop must not change
    a = (tl.abs(x) if x.dtype.is_int_signed() else x) + y * 0
    b = (tl.abs(y) if x.dtype.is_int_signed() else y) + x * 0
    for _ in range(3 * x.dtype.primitive_bitwidth // 2):
        # pairs that have come to an end wait for the others, and must not divide by 0
        rest = tl.where(b == 0, 0, a % tl.where(b == 0, 1, b))
        a = tl.where(b == 0, a, b)
        b = rest
    return a


@triton.jit
def lcm(x, y):
    """|x y| / gcd(x, y)."""
    divisor = gcd(x, y)
    # divided first: x * y may overflow where the multiple does not
    multiple = x // tl.where(divisor == 0, 1, divisor) * y
    return tl.abs(multiple) if x.dtype.is_int_signed() else multiple


@triton.jit
def _power(x, y):
    if x.dtype.is_floating():
        return _math.power(x, y)
    else:
        return _math.integer_power(x, y)


@triton.jit
def neg(x):
    return _math.negative(x)


@triton.jit
def abs(x):
    return tl.abs(x)


@triton.jit
def _cube(x):
    return x * x * x


@triton.jit
def _fourth(x):
    return (x * x) * (x * x)


@triton.jit
def _inverse_square(x):
    return _math.reciprocal(x * x)


@triton.jit
def _one(x):
    return tl.full(x.shape, 1, x.dtype)


@triton.jit
def sign(x):
    """-1, 0 or 1."""
    # 0 for NaN, of which both comparisons are false
    return (x > 0).to(tl.int8) - (x < 0).to(tl.int8)


@triton.jit
def sgn(x):
    return (x > 0).to(tl.int8) - (x < 0).to(tl.int8)


@triton.jit
def conj_physical(x):
    return x


@triton.jit
def square(x):
    return x * x


@triton.jit
def reciprocal(x):
    return _math.reciprocal(x)


@triton.jit
def sqrt(x):
    return _math.sqrt(x)


@triton.jit
def rsqrt(x):
    """1 / sqrt(x)."""
    # two correctly rounded steps; tl.rsqrt is an approximation of the hardware
    return _math.reciprocal(_math.sqrt(x))


@triton.jit
def atan2(y, x):
    return _math.atan2(y, x)


@triton.jit
def hypot(x, y):
    return _math.hypot(x, y)


@triton.jit
def copysign(x, y):
    return _math.copysign(x, y)


@triton.jit
def lerp(x, end, weight):
    """x + weight (end - x)."""
    # from the nearer end: a weight of 1 gives `end` exactly
    return tl.where(tl.abs(weight) < 0.5, x + weight * (end - x), end - (end - x) * (1.0 - weight))


@triton.jit
def addcmul(x, tensor1, tensor2, value):
    return x + value * tensor1 * tensor2


@triton.jit
def addcdiv(x, tensor1, tensor2, value):
    return x + value * _math.divide(tensor1, tensor2)


# ---- rounding


@triton.jit
def floor(x):
    if x.dtype.is_floating():
        return tl.floor(x)
    else:
        return x


@triton.jit
def ceil(x):
    if x.dtype.is_floating():
        return tl.ceil(x)
    else:
        return x


@triton.jit
def trunc(x):
    if x.dtype.is_floating():
        return _math.trunc(x)
    else:
        return x


@triton.jit
def _round_whole(x):
    if x.dtype.is_floating():
        return _math.rint(x)
    else:
        return x


@triton.jit
def _round_scaled_up(x, scale):
    return _math.divide(_math.rint(x * scale), scale)


@triton.jit
def _round_scaled_down(x, scale):
    return _math.rint(_math.divide(x, scale)) * scale


@triton.jit
def frac(x):
    return x - _math.trunc(x)


# ---- exponentials and logarithms


@triton.jit
def exp(x):
    return _math.exp(x)


@triton.jit
def exp2(x):
    return tl.exp2(x)


@triton.jit
def expm1(x):
    return _math.expm1(x)


@triton.jit
def log(x):
    return tl.log(x)


@triton.jit
def log2(x):
    return tl.log2(x)


@triton.jit
def log10(x):
    return tl.log(x) * _math.LN10_INV


@triton.jit
def log1p(x):
    return _math.log1p(x)


@triton.jit
def logaddexp(x, y):
    """log(e**x + e**y) = max + log(1 + e**-|x - y|)."""
    high = _math.maximum(x, y)
    # equal operands apart: the difference of equal infinities would be NaN
    return tl.where(x == y, high + _math.LN2, high + _math.log1p(_math.exp(-tl.abs(x - y))))


@triton.jit
def logaddexp2(x, y):
    """log2(2**x + 2**y), likewise."""
    high = _math.maximum(x, y)
    rest = _math.log1p(tl.exp2(-tl.abs(x - y))) * _math.LOG2E
    return tl.where(x == y, high + 1.0, high + rest)


@triton.jit
def xlogy(x, y):
    """x log(y)."""
    # 0 log 0 is 0, and only a NaN of y outweighs an x of 0
    return tl.where(y != y, y, tl.where(x == 0.0, 0.0, x * tl.log(y)))


# ---- trigonometric and hyperbolic functions


@triton.jit
def sin(x):
    return tl.sin(x)


@triton.jit
def cos(x):
    return tl.cos(x)


@triton.jit
def tan(x):
    return _math.divide(tl.sin(x), tl.cos(x))


@triton.jit
def asin(x):
    return _math.asin(x)


@triton.jit
def acos(x):
    return _math.acos(x)


@triton.jit
def atan(x):
    return _math.atan(x)


@triton.jit
def sinh(x):
    return _math.sinh(x)


@triton.jit
def cosh(x):
    return _math.cosh(x)


@triton.jit
def tanh(x):
    return _math.tanh(x)


@triton.jit
def asinh(x):
    return _math.asinh(x)


@triton.jit
def acosh(x):
    return _math.acosh(x)


@triton.jit
def atanh(x):
    return _math.atanh(x)


@triton.jit
def sinc(x):
    return _math.sinc(x)


# ---- special functions; those of `device/special.py` compute in float64, for which it has coefficients


@triton.jit
def erf(x):
    return tl.erf(x)


@triton.jit
def erfc(x):
    return _special.erfc(x.to(tl.float64))


@triton.jit
def erfcx(x):
    return _special.erfcx(x.to(tl.float64))


@triton.jit
def erfinv(x):
    return _special.erfinv(x.to(tl.float64))


@triton.jit
def ndtri(x):
    return _special.ndtri(x.to(tl.float64))


@triton.jit
def lgamma(x):
    return _special.lgamma(x.to(tl.float64))


@triton.jit
def digamma(x):
    return _special.digamma(x.to(tl.float64))


@triton.jit
def _trigamma(x):
    return _special.trigamma(x.to(tl.float64))


@triton.jit
def _polygamma(x, order, scale):
    """(-1)**(n + 1) n! zeta(n + 1, x), with n + 1 as `order` and what is before zeta as `scale`."""
    wide = x.to(tl.float64)
    return _special.zeta(order.to(tl.float64) + wide * 0.0, wide) * scale.to(tl.float64)


@triton.jit
def zeta(x, y):
    return _special.zeta(x.to(tl.float64), y.to(tl.float64))


@triton.jit
def i0(x):
    return _special.unscaled(tl.abs(x).to(tl.float64), _special.i0e(x.to(tl.float64)))


@triton.jit
def i0e(x):
    return _special.i0e(x.to(tl.float64))


@triton.jit
def i1(x):
    return _special.unscaled(tl.abs(x).to(tl.float64), _special.i1e(x.to(tl.float64)))


@triton.jit
def i1e(x):
    return _special.i1e(x.to(tl.float64))


@triton.jit
def sigmoid(x):
    return _math.sigmoid(x)


@triton.jit
def sigmoid_backward(grad, y):
    """grad y (1 - y)."""
    # from the result y: no exponential again
    return grad * y * (1.0 - y)


@triton.jit
def tanh_backward(grad, y):
    return grad * (1.0 - y * y)


@triton.jit
def _logit_unclamped(x):
    return tl.log(_math.divide(x, 1.0 - x))


@triton.jit
def _logit_clamped(x, eps):
    """log(p / (1 - p)) of p = x within [eps, 1 - eps]; a bound of NaN bounds nothing."""
    high = 1.0 - eps
    inside = tl.where(x < eps, eps, tl.where(x > high, high, x))
    return tl.log(_math.divide(inside, 1.0 - inside))


# ---- selection


@triton.jit
def maximum(x, y):
    return _math.maximum(x, y)


@triton.jit
def minimum(x, y):
    return _math.minimum(x, y)


@triton.jit
def fmax(x, y):
    """The larger one; where one of both is NaN, the other."""
    if x.dtype.is_floating():
        return tl.where(x != x, y, tl.where((y != y) | (x > y), x, y))
    else:
        return tl.maximum(x, y)


@triton.jit
def fmin(x, y):
    """The smaller one; where one of both is NaN, the other."""
    if x.dtype.is_floating():
        return tl.where(x != x, y, tl.where((y != y) | (x < y), x, y))
    else:
        return tl.minimum(x, y)


@triton.jit
def where(condition, x, y):
    return tl.where(condition != 0, x, y)


@triton.jit
def _clamp_both(x, low, high):
    return minimum(maximum(x, low), high)


@triton.jit
def nan_to_num(x, nan, posinf, neginf):
    """Numbers in place of NaN and infinities; whole numbers have neither."""
    if x.dtype.is_floating():
        # NaN last: it equals neither infinity
        finite = tl.where(x == _math.INF, posinf, tl.where(x == -_math.INF, neginf, x))
        return tl.where(x != x, nan, finite)
    else:
        return x


@triton.jit
def heaviside(x, values):
    """0 below 0, 1 above, `values` at 0."""
    # 0 for NaN, which is neither 0 nor above it
    return tl.where(x == 0, values, (x > 0).to(x.dtype))


@triton.jit
def _neighbour(x, y, bits, smallest):
    """The number a step after x in y's direction, given the bit pattern of x and that of the smallest number."""
    # the pattern counts magnitudes: + 1 leads away from 0, up for positive numbers and down for negative ones
    bits = tl.where((x < y) == (x > 0.0), bits + smallest, bits - smallest)
    # from 0 the next number is the smallest subnormal on y's side
    tiny = _math.copysign(smallest.to(x.dtype, bitcast=True), y)
    result = tl.where(x == 0.0, tiny, bits.to(x.dtype, bitcast=True))
    return tl.where((x != x) | (y != y), x + y, tl.where(x == y, y, result))


@triton.jit
def _next_number(x, y):
    """The neighbouring number in y's direction: one step of the bit pattern, which counts away from 0."""
    if x.dtype == tl.float64:
        return _neighbour(x, y, x.to(tl.int64, bitcast=True), tl.full(x.shape, 1, tl.int64))
    else:
        return _neighbour(x, y, x.to(tl.int32, bitcast=True), tl.full(x.shape, 1, tl.int32))


@triton.jit
def _next_bfloat16(x, y):
    # bfloat16 in float32 is the upper half of the pattern
    return _neighbour(x, y, x.to(tl.int32, bitcast=True), tl.full(x.shape, 1 << 16, tl.int32))


@triton.jit
def _next_float16(x, y):
    x, y = x.to(tl.float16), y.to(tl.float16)
    step = _neighbour(x, y, x.to(tl.int16, bitcast=True), tl.full(x.shape, 1, tl.int16))
    return step.to(tl.float32)


# ---- comparison and classification


@triton.jit
def eq(x, y):
    return x == y


@triton.jit
def ne(x, y):
    return x != y


@triton.jit
def lt(x, y):
    return x < y


@triton.jit
def le(x, y):
    return x <= y


@triton.jit
def gt(x, y):
    return x > y


@triton.jit
def ge(x, y):
    return x >= y


@triton.jit
def isnan(x):
    return x != x


@triton.jit
def isinf(x):
    if x.dtype.is_floating():
        return tl.abs(x) == _math.INF
    else:
        return x != x


@triton.jit
def isfinite(x):
    if x.dtype.is_floating():
        # false for NaN
        return tl.abs(x) < _math.INF
    else:
        return x == x


@triton.jit
def isposinf(x):
    if x.dtype.is_floating():
        return x == _math.INF
    else:
        return x != x


@triton.jit
def isneginf(x):
    if x.dtype.is_floating():
        return x == -_math.INF
    else:
        return x != x


@triton.jit
def signbit(x):
    return _math.signbit(x)


# ---- logic and bits


@triton.jit
def logical_not(x):
    return x == 0


@triton.jit
def logical_and(x, y):
    return (x != 0) & (y != 0)


@triton.jit
def logical_or(x, y):
    return (x != 0) | (y != 0)


@triton.jit
def logical_xor(x, y):
    return (x != 0) != (y != 0)


@triton.jit
def bitwise_and(x, y):
    return x & y


@triton.jit
def bitwise_or(x, y):
    return x | y


@triton.jit
def bitwise_xor(x, y):
    return x ^ y


@triton.jit
def _flip_bits(x):
    return ~x


@triton.jit
def bitwise_left_shift(x, y):
    """x times 2**y; 0 for shifts by the width or more, and for negative ones."""
    outside = (y < 0) | (y >= x.dtype.primitive_bitwidth)
    # shifts by the width or more are undefined: lanes that are not taken shift by 0
    return tl.where(outside, 0, x << tl.where(outside, 0, y))


@triton.jit
def bitwise_right_shift(x, y):
    """Shifts by the width or more (or by a negative number) leave only the sign."""
    last: tl.constexpr = x.dtype.primitive_bitwidth - 1
    outside = (y < 0) | (y > last)
    shifted = x >> tl.where(outside, last, y)
    if x.dtype.is_int_signed():
        return shifted
    else:
        return tl.where(outside, 0, shifted)


# ---- where an argument chooses


_divide = {None: pointwise(_true_divide, _complex.div), "trunc": pointwise(trunc_divide)}
_divide["floor"] = pointwise(floor_divide)
_general_power = pointwise(_power, _complex.pow)
# exponents that need no logarithm and exponential in float64
_powers = {
    -2: pointwise(_inverse_square), -1: pointwise(reciprocal), -0.5: pointwise(rsqrt), 0: pointwise(_one),
    0.5: pointwise(sqrt), 1: pointwise(_math.identity), 2: pointwise(square), 3: pointwise(_cube),
    4: pointwise(_fourth),
}  # fmt: skip
_polygammas = {0: pointwise(digamma), 1: pointwise(_trigamma)}
_general_polygamma = pointwise(_polygamma)
_not = {True: pointwise(logical_not), False: pointwise(_flip_bits)}
_next = {float16: pointwise(_next_float16), bfloat16: pointwise(_next_bfloat16)}
_next_wide = pointwise(_next_number)
_maximum, _minimum, _both = pointwise(maximum), pointwise(minimum), pointwise(_clamp_both)
_round = pointwise(_round_whole)
_round_up, _round_down = pointwise(_round_scaled_up), pointwise(_round_scaled_down)
_logit = {False: pointwise(_logit_unclamped), True: pointwise(_logit_clamped)}


def div(out: Buffer, x: Any, y: Any, rounding_mode: str | None, compute: DType) -> None:
    """x / y, rounded down (`floor`), towards zero (`trunc`) or not at all."""
    _divide[rounding_mode](out, x, y, compute=compute)


def floor_quotient(out: Buffer, x: Any, y: Any, compute: DType) -> None:
    """`floor_divide` as `div` has it, with a derivative."""
    _divide["floor"](out, x, y, compute=compute)


def pow(out: Buffer, x: Any, y: Any, compute: DType) -> None:
    """x to the power y; a number as exponent takes a short way where there is one."""
    short = None
    if compute.is_floating_point and not isinstance(y, Buffer):
        short = _powers.get(y)
    if short is None:
        _general_power(out, x, y, compute=compute)
    else:
        short(out, x, compute=compute)


def polygamma(out: Buffer, x: Buffer, n: int, compute: DType) -> None:
    """The derivative of order n + 1 of log Gamma."""
    if n in _polygammas:
        _polygammas[n](out, x, compute=compute)
    else:
        # 171! is beyond float64
        factorial = math.factorial(n) if n <= 170 else math.inf
        _general_polygamma(out, x, float(n + 1), factorial if n % 2 else -factorial, compute=compute)


def clamp(out: Buffer, x: Any, low: Any, high: Any, compute: DType) -> None:
    """x within [low, high]; either bound may be absent."""
    if low is None:
        _minimum(out, x, high, compute=compute)
    elif high is None:
        _maximum(out, x, low, compute=compute)
    else:
        _both(out, x, low, high, compute=compute)


def nextafter(out: Buffer, x: Any, y: Any, compute: DType) -> None:
    """The next number of the type of the result."""
    _next.get(out.dtype, _next_wide)(out, x, y, compute=compute)


def bitwise_not(out: Buffer, x: Buffer, compute: DType) -> None:
    """All bits inverted; for bool, the other value."""
    _not[compute is bool_](out, x, compute=compute)


def round(out: Buffer, x: Buffer, decimals: int, compute: DType) -> None:
    """Halves go to the even neighbour; `decimals` digits after the point are kept."""
    if decimals == 0 or not compute.is_floating_point:
        _round(out, x, compute=compute)
    elif decimals > 0:
        _round_up(out, x, 10.0**decimals if decimals <= 308 else math.inf, compute=compute)
    else:
        _round_down(out, x, 10.0**-decimals if decimals >= -308 else math.inf, compute=compute)


def logit(out: Buffer, x: Buffer, eps: float | None, compute: DType) -> None:
    """log(x / (1 - x)), with x clamped to [eps, 1 - eps] where eps is given."""
    if eps is None or eps < 0:
        _logit[False](out, x, compute=compute)
    else:
        _logit[True](out, x, eps, compute=compute)


def COMPILE() -> list[Case]:
    """Every scalar function once, and the walks of two operands on a product."""
    walks = [case(mul, kind, wide="both") for kind in ("bf16", "fp16", "fp64")]
    walks += [case(mul, "fp32", walk, wide="both") for walk in ("odd", "bias", "transpose", "linear")]
    integers = ("gcd", "lcm", "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_left_shift",
                "bitwise_right_shift", "_flip_bits")  # fmt: skip
    # In float64 and of many steps; their speed is not worth a tiling of their own.
    spills = {"lgamma": 48, "digamma": 768, "_trigamma": 1280, "_polygamma": 1536, "zeta": 1536}
    # Angles beyond 100 000 are reduced by a table kept in local memory; other angles never touch it.
    spills |= dict.fromkeys(("sin", "cos", "tan", "sinc"), 32)
    return walks + scalar_cases(sys.modules[__name__], integers, spills)
