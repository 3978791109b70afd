"""Scalar functions that Triton does not have on every backend, for float32 and float64.

Triton's portable functions are exp, exp2, log, log2, sin, cos, sqrt, rsqrt, erf, floor, ceil, fma and abs;
the vendors' libdevice functions exist neither in the interpreter nor under one name on NVIDIA and AMD. These
are built from the portable ones, so one source runs everywhere. Errors are a few units in the last place.

Sources: W. Kahan for expm1 and log1p by way of their inverse; S. Moshier's Cephes library for the rational
approximation of atan.
"""

from __future__ import annotations

import triton
from triton import language as tl

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)
LN2: tl.constexpr = tl.constexpr(0.6931471805599453)
LN10_INV: tl.constexpr = tl.constexpr(0.4342944819032518)
PI: tl.constexpr = tl.constexpr(3.141592653589793)
HALF_PI: tl.constexpr = tl.constexpr(1.5707963267948966)
QUARTER_PI: tl.constexpr = tl.constexpr(0.7853981633974483)
INF: tl.constexpr = tl.constexpr(float("inf"))


@triton.jit
def either(x, y):
    """Whether one of both is not 0."""
    return (x != 0) | (y != 0)


@triton.jit
def identity(x):
    """x itself: what a copy computes."""
    return x


@triton.jit
def plus(x, y):
    """x + y."""
    return x + y


@triton.jit
def minus(x, y):
    """x - y."""
    return x - y


@triton.jit
def exp(x):
    """e**x. The float32 instruction computes 2**t, and rounding t = x log2(e) would cost as many bits as t
    has before its point: so the product is split into an exact part and a small rest."""
    if x.dtype == tl.float32:
        # infinities would become NaN in x - high; beyond 150 the result is infinite or 0 in any case
        x = tl.clamp(x, -150.0, 150.0, propagate_nan=tl.PropagateNan.ALL)
        high = (x.to(tl.int32, bitcast=True) & -4096).to(tl.float32, bitcast=True)  # 12 bits, times 11
        rest = (x - high) * 1.4426950408889634 + high * 3.1222838896340737e-04
        return tl.exp2(high * 1.4423828125) * tl.exp2(rest)
    else:
        return tl.exp(x)


@triton.jit
def expm1(x):
    """e**x - 1 without cancellation: (u - 1) x / log(u) with u = e**x is exact in what u lost by rounding."""
    u = exp(x)
    # u is off by its rounding, but so is log(u): their quotient is not
    y = (u - 1.0) * (x / tl.log(u))
    y = tl.where(u == 1.0, x, y)
    # log(0): e**x has vanished beside 1
    y = tl.where(u - 1.0 == -1.0, -1.0, y)
    return tl.where(u == INF, u, y)


@triton.jit
def log1p(x):
    """log(1 + x) without cancellation."""
    u = 1.0 + x
    # u - 1 is what x became by rounding, exactly: the factor corrects the logarithm by what was lost
    y = tl.log(u) * (x / (u - 1.0))
    y = tl.where(u == 1.0, x, y)
    return tl.where(x == INF, x, y)


@triton.jit
def sqrt(x):
    """Square root, correctly rounded."""
    if x.dtype == tl.float32:
        # tl.sqrt and / on float32 are approximations of the hardware, off by up to 2 units in the last place
        return tl.sqrt_rn(x)
    else:
        return tl.sqrt(x)


@triton.jit
def divide(x, y):
    """x / y, correctly rounded."""
    if x.dtype == tl.float32:
        return tl.div_rn(x, y)
    else:
        return x / y


@triton.jit
def reciprocal(x):
    """1 / x, correctly rounded."""
    return divide(tl.full(x.shape, 1.0, x.dtype), x)


@triton.jit
def signbit(x):
    """Whether the sign is negative, -0.0 included."""
    if x.dtype == tl.float64:
        return x.to(tl.int64, bitcast=True) < 0
    elif x.dtype == tl.float32:
        return x.to(tl.int32, bitcast=True) < 0
    else:
        return x < 0


@triton.jit
def negative(x):
    """-x, also of zeros: Triton 3.6 computes the unary minus as 0 - x."""
    if x.dtype.is_floating():
        return x * -1.0
    else:
        return -x


@triton.jit
def copysign(x, y):
    """|x| with the sign of y."""
    a = tl.abs(x)
    return tl.where(signbit(y), negative(a), a)


@triton.jit
def trunc(x):
    """x rounded towards zero."""
    return copysign(tl.floor(tl.abs(x)), x)


@triton.jit
def rint(x):
    """x rounded to the nearest whole number, halves to the even one."""
    big = 6755399441055744.0 if x.dtype == tl.float64 else 12582912.0  # 1.5 * 2**(mantissa bits)
    limit = 4503599627370496.0 if x.dtype == tl.float64 else 8388608.0  # from here on all numbers are whole
    # adding `big` leaves no bits for a fraction, and the hardware rounds halves to even
    return tl.where(tl.abs(x) < limit, copysign((x + big) - big, x), x)


@triton.jit
def maximum(x, y):
    """The larger one; NaN where either is."""
    if x.dtype.is_floating():
        return tl.maximum(x, y, propagate_nan=tl.PropagateNan.ALL)
    else:
        return tl.maximum(x, y)


@triton.jit
def minimum(x, y):
    """The smaller one; NaN where either is."""
    if x.dtype.is_floating():
        return tl.minimum(x, y, propagate_nan=tl.PropagateNan.ALL)
    else:
        return tl.minimum(x, y)


@triton.jit
def sigmoid(x):
    """1 / (1 + e**-x)."""
    # an exponential that overflows gives the right limit: 1 / inf is 0
    return 1.0 / (1.0 + exp(-x))


@triton.jit
def tanh(x):
    """Hyperbolic tangent: a polynomial near 0 and 1 - 2 / (e**2x + 1) beyond in float32, expm1 in float64."""
    a = tl.abs(x)
    if x.dtype == tl.float32:
        s = x * x
        p = ((-5.91984199e-03 * s + 2.08182379e-02) * s - 5.37908205e-02) * s + 1.33320120e-01
        p = p * s - 3.33333015e-01
        near = x * (1.0 + s * p)
        # beyond 0.6 the subtraction cancels less than a bit
        far = 1.0 - 2.0 / (exp(2.0 * a) + 1.0)
        return tl.where(a < 0.6, near, copysign(far, x))
    else:
        # of -2|x|, which cannot overflow, where 2|x| would
        t = expm1(-2.0 * a)
        return copysign(-t / (t + 2.0), x)


@triton.jit
def sinh(x):
    """Hyperbolic sine."""
    a = tl.abs(x)
    t = expm1(a)
    # e**a - e**-a by t = e**a - 1: near 0 nothing cancels
    y = 0.5 * (t + t / (t + 1.0))
    h = exp(0.5 * a)  # e**a overflows before its half does
    return copysign(tl.where(t < 1e15, y, (0.5 * h) * h), x)


@triton.jit
def cosh(x):
    """Hyperbolic cosine."""
    a = tl.abs(x)
    h = exp(0.5 * a)
    e = exp(a)
    return tl.where(e < 1e15, 0.5 * e + 0.5 / e, (0.5 * h) * h)


@triton.jit
def asinh(x):
    """Inverse hyperbolic sine."""
    a = tl.abs(x)
    # sqrt(a^2 + 1) - 1 without its cancellation near 0
    y = log1p(a + a * a / (1.0 + sqrt(a * a + 1.0)))
    return copysign(tl.where(a < 1e15, y, tl.log(a) + LN2), x)


@triton.jit
def acosh(x):
    """Inverse hyperbolic cosine."""
    t = x - 1.0
    # t is exact near 1, where log(x + sqrt(x^2 - 1)) would cancel
    y = log1p(t + sqrt(2.0 * t + t * t))
    y = tl.where(x < 1e15, y, tl.log(x) + LN2)
    return tl.where(x < 1.0, float("nan"), y)


@triton.jit
def atanh(x):
    """Inverse hyperbolic tangent."""
    a = tl.abs(x)
    # log((1 + a) / (1 - a)) / 2, with the 1 of the quotient left to log1p
    return copysign(0.5 * log1p(2.0 * a / (1.0 - a)), x)


@triton.jit
def _atan_positive(a):
    """Inverse tangent of a >= 0, reduced to |x| <= tan(pi/8): a rational (float64) or a polynomial."""
    # by atan(a) = pi/4 + atan((a - 1) / (a + 1)) between tan(pi/8) and tan(3 pi/8), pi/2 - atan(1/a) above
    large = a > 2.414213562373095
    middle = (a > 0.4142135623730950) & (a <= 2.414213562373095)
    x = tl.where(large, -1.0 / a, tl.where(middle, (a - 1.0) / (a + 1.0), a))
    quarter = tl.full(a.shape, QUARTER_PI, a.dtype)  # a bare constant would be a float32
    base = tl.where(large, quarter + quarter, tl.where(middle, quarter, 0.0))
    z = x * x
    if a.dtype == tl.float64:
        p = -8.750608600031904122785e-1 * z - 1.615753718733365076637e1
        p = (p * z - 7.500855792314704667340e1) * z - 1.228866684490136173410e2
        p = p * z - 6.485021904942025371773e1
        q = (z + 2.485846490142306297962e1) * z + 1.650270098316988542046e2
        q = (q * z + 4.328810604912902668951e2) * z + 4.853903996359136964868e2
        q = q * z + 1.945506571482613964425e2
        return base + (x + x * (z * p / q))
    else:
        p = ((8.05374449538e-2 * z - 1.38776856032e-1) * z + 1.99777106478e-1) * z - 3.33329491539e-1
        return base + (x + x * (z * p))


@triton.jit
def atan(x):
    """Inverse tangent."""
    return copysign(_atan_positive(tl.abs(x)), x)


@triton.jit
def asin(x):
    """Inverse sine: atan(x / sqrt(1 - x**2))."""
    a = tl.abs(x)
    # 1 - a^2 would cancel near 1
    return copysign(_atan_positive(divide(a, sqrt((1.0 - a) * (1.0 + a)))), x)


@triton.jit
def acos(x):
    """Inverse cosine: 2 atan(sqrt((1 - x) / (1 + x)))."""
    return 2.0 * _atan_positive(sqrt(divide(1.0 - x, 1.0 + x)))


@triton.jit
def atan2(y, x):
    """Angle of the point (x, y)."""
    a, b = tl.abs(y), tl.abs(x)
    low, high = minimum(a, b), maximum(a, b)
    # two infinities are at 45 degrees, two zeros at 0, as in C
    ratio = tl.where(high == 0.0, 0.0, tl.where(low == INF, 1.0, low / high))
    angle = _atan_positive(ratio)
    angle = tl.where(a > b, -angle + HALF_PI, angle)
    angle = tl.where(signbit(x), -angle + PI, angle)
    return copysign(angle, y)


@triton.jit
def sinc(x):
    """sin(pi x) / (pi x); whole turns are taken off before pi is multiplied in. NaN where pi x overflows."""
    turned = (x - 2.0 * rint(0.5 * x)) * PI
    result = tl.where(x == 0.0, 1.0, divide(tl.sin(turned), x * PI))
    return tl.where(tl.abs(x * PI) == INF, float("nan"), result)


@triton.jit
def hypot(x, y):
    """sqrt(x**2 + y**2) without overflow on the way."""
    a, b = tl.abs(x), tl.abs(y)
    low, high = minimum(a, b), maximum(a, b)
    ratio = tl.where(high == 0.0, 0.0, low / high)
    # the larger one is taken out before anything is squared
    result = high * sqrt(1.0 + ratio * ratio)
    # as in C: infinite even beside a NaN
    return tl.where((a == INF) | (b == INF), INF, result)


@triton.jit
def fmod(x, y):
    """Remainder with the sign of x; by way of float64, whose quotient is exact for far larger x / y."""
    if x.dtype == tl.float32:
        return (x.to(tl.float64) % y.to(tl.float64)).to(tl.float32)
    else:
        return x % y


@triton.jit
def power(x, y):
    """x**y for floating x, y: e**(y log |x|) in float64, with C's signs and special cases."""
    a = tl.abs(x).to(tl.float64)
    e = y.to(tl.float64)
    # in float64, the error of y log x, which exp multiplies by its size, is below a float32's last bit
    result = tl.exp(e * tl.log(a))
    # 0 * inf in the exponent would be NaN
    result = tl.where((a == 1.0) | (e == 0.0), 1.0, result)
    whole = tl.floor(e) == e
    odd = whole & (tl.floor(0.5 * e) * 2.0 != e)
    below = signbit(x)
    # a finite odd power keeps the sign, that of -0.0 included
    result = tl.where(below & odd & (tl.abs(e) != INF), negative(result), result)
    result = tl.where((x < 0.0) & (whole == 0) & (a != INF), float("nan"), result)
    result = tl.where((x == 1.0) | (e == 0.0), 1.0, result)
    return result.to(x.dtype)


@triton.jit
def integer_power(x, y):
    """x**y by repeated squaring, wrapping around; a negative y leaves 0 unless x is 1 or -1."""
    # y * 0 gives every value the shape of both operands: in a loop a block cannot change its shape
    result = tl.full(x.shape, 1, x.dtype) + y * 0
    base = x + y * 0
    rest = tl.where(y < 0, -y, y) if x.dtype.is_int_signed() else y + x * 0
    # as many steps as y has bits, for all lanes: no data-dependent branch
    for _ in range(x.dtype.primitive_bitwidth):
        result = tl.where((rest & 1) != 0, result * base, result)
        base = base * base
        rest = rest >> 1
    if x.dtype.is_int_signed():
        result = tl.where((y < 0) & (x != 1) & (x != -1), 0, result)
    return result
