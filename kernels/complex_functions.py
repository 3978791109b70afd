"""The elementwise ops of complex numbers: scalar functions of pairs, under the names of the ops.

Each takes the real and the imaginary part of every operand, in the real type of the result's parts, and returns both
parts of a complex result or the one number of a real one. What is more than sums and products is computed in float64
and rounded once: complex64 then meets neither overflow nor cancellation on the way, complex128 is treated with care.
Infinities, NaN and signed zeros give what C99 (annex G) says.

Source: W. Kahan, Branch cuts for complex elementary functions, for the inverse functions.
"""

from __future__ import annotations

import sys

import triton
from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.complex_pointwise import complex_case

_FAR: tl.constexpr = tl.constexpr(700.0)  # beyond, e**x is taken as the square of its half


@triton.jit
def _wide(x, y):
    return x.to(tl.float64), y.to(tl.float64)


@triton.jit
def _infinite(x, y):
    return (tl.abs(x) == _math.INF) | (tl.abs(y) == _math.INF)


@triton.jit
def _finite(x):
    return tl.abs(x) < _math.INF


@triton.jit
def product(a, b, c, d):
    """(a + bi)(c + di)."""
    return a * c - b * d, a * d + b * c


@triton.jit
def quotient(a, b, c, d):
    """(a + bi) / (c + di) by R. L. Smith's algorithm (CACM 5, 1962), in float64."""
    a, b = _wide(a, b)
    c, d = _wide(c, d)
    first = tl.abs(c) >= tl.abs(d)
    large, small = tl.where(first, c, d), tl.where(first, d, c)
    nothing = (c == 0.0) & (d == 0.0)
    ratio = small / tl.where(nothing, 1.0, large)
    scale = 1.0 / (large + small * ratio)
    re = tl.where(first, a + b * ratio, a * ratio + b) * scale
    im = tl.where(first, b - a * ratio, b * ratio - a) * scale
    # by zero each part on its own: infinities, or NaN of 0 / 0
    zero = tl.abs(c)
    return tl.where(nothing, a / zero, re), tl.where(nothing, b / zero, im)


@triton.jit
def _times(x, y, a, b):
    """x + yi times a number; by 1 the number itself, whose infinities a product with 0i would turn to NaN."""
    re, im = product(x, y, a, b)
    one = (a == 1.0) & (b == 0.0)
    return tl.where(one, x, re), tl.where(one, y, im)


# ---- arithmetic


@triton.jit
def add(x, xi, y, yi, alpha, alpha_i):
    re, im = _times(y, yi, alpha, alpha_i)
    return x + re, xi + im


@triton.jit
def sub(x, xi, y, yi, alpha, alpha_i):
    re, im = _times(y, yi, alpha, alpha_i)
    return x - re, xi - im


@triton.jit
def rsub(x, xi, y, yi, alpha, alpha_i):
    return sub(y, yi, x, xi, alpha, alpha_i)


@triton.jit
def mul(x, xi, y, yi):
    return product(x, xi, y, yi)


@triton.jit
def div(x, xi, y, yi):
    return quotient(x, xi, y, yi)


@triton.jit
def reciprocal(x, y):
    return quotient(tl.full(x.shape, 1.0, x.dtype), tl.zeros_like(x), x, y)


@triton.jit
def square(x, y):
    return product(x, y, x, y)


@triton.jit
def neg(x, y):
    return _math.negative(x), _math.negative(y)


@triton.jit
def turned(x, y):
    """i times x + yi: a quarter turn."""
    return _math.negative(y), x


@triton.jit
def turned_conjugate(x, y):
    """i times x - yi."""
    return y, x


@triton.jit
def conj_physical(x, y):
    return x, _math.negative(y)


@triton.jit
def addcmul(x, xi, a, ai, b, bi, value, value_i):
    re, im = _times(a, ai, value, value_i)
    re, im = product(re, im, b, bi)
    return x + re, xi + im


@triton.jit
def addcdiv(x, xi, a, ai, b, bi, value, value_i):
    re, im = quotient(a, ai, b, bi)
    re, im = _times(re, im, value, value_i)
    return x + re, xi + im


@triton.jit
def lerp(x, xi, end, end_i, weight, weight_i):
    """x + weight (end - x), from the nearer end."""
    way, way_i = end - x, end_i - xi
    near = _math.hypot(weight, weight_i) < 0.5
    # weight (end - x) to be added to x, or (1 - weight) (end - x) to be taken from the end
    re, im = product(way, way_i, tl.where(near, weight, 1.0 - weight), tl.where(near, weight_i, -weight_i))
    return tl.where(near, x + re, end - re), tl.where(near, xi + im, end_i - im)


# ---- magnitude and direction


@triton.jit
def abs(x, y):
    x, y = _wide(x, y)
    return _math.hypot(x, y)


@triton.jit
def sgn(x, y):
    """The number of size 1 with the same angle; 0 of 0."""
    x, y = _wide(x, y)
    size = _math.hypot(x, y)
    endless, endless_i = tl.abs(x) == _math.INF, tl.abs(y) == _math.INF
    one, one_i = (
        _math.copysign(tl.full(x.shape, 1.0, x.dtype), x),
        _math.copysign(tl.full(x.shape, 1.0, x.dtype), y),
    )
    re = tl.where(endless, one, tl.where(endless_i, 0.0, x / size))
    im = tl.where(endless_i, one_i, tl.where(endless, 0.0, y / size))
    both = endless & endless_i
    re, im = tl.where(both, float("nan"), re), tl.where(both, float("nan"), im)
    return tl.where(size == 0.0, 0.0, re), tl.where(size == 0.0, 0.0, im)


# ---- square root, exponential, logarithm


@triton.jit
def _root(x, y):
    """Square root of x + yi in float64: the root of (|x| + |z|) / 2 is its larger part, and gives the other."""
    a, b = tl.abs(x), tl.abs(y)
    high = tl.maximum(a, b)
    # into a range where neither the sum overflows nor the squares vanish: by powers of 4, whose root is exact
    down, up = high > 1e300, high < 1e-280
    factor = tl.where(down, 0.0625, tl.where(up, 1.329227995784916e36, 1.0))  # 2**-4, 2**120
    back = tl.where(down, 4.0, tl.where(up, 8.673617379884035e-19, 1.0))  # their inverse roots: 2**2, 2**-60
    a, b = a * factor.to(tl.float64), b * factor.to(tl.float64)
    larger = tl.sqrt(0.5 * (a + _math.hypot(a, b)))
    smaller = tl.where(larger == 0.0, 0.0, 0.5 * b / larger)
    larger, smaller = larger * back.to(tl.float64), smaller * back.to(tl.float64)
    right = _math.signbit(x) == 0
    re, im = tl.where(right, larger, smaller), tl.where(right, smaller, larger)
    # infinities: along the axis, or along both
    endless = tl.abs(x) == _math.INF
    re = tl.where(endless, tl.where(right, _math.INF, tl.where(y != y, y, 0.0)), re)
    im = tl.where(endless, tl.where(right, tl.where(y != y, y, 0.0), _math.INF), im)
    whole = tl.abs(y) == _math.INF
    re, im = tl.where(whole, _math.INF, re), tl.where(whole, _math.INF, im)
    return re, _math.copysign(im, y)


@triton.jit
def _exponential(e, half, x, y):
    """e (cos y + i sin y) where e = half**2 is an exponential of x: by its half where e itself overflows."""
    c, s = tl.cos(y), tl.sin(y)
    far = tl.abs(x) > _FAR
    re = tl.where(far, half * (half * c), e * c)
    im = tl.where(far, half * (half * s), e * s)
    # infinite and without direction; 0 whatever the direction
    lost = _finite(y) == 0
    re = tl.where(lost & (x == _math.INF), _math.INF, tl.where(lost & (x == -_math.INF), 0.0, re))
    im = tl.where(lost & (x == -_math.INF), 0.0, im)
    return re, tl.where(y == 0.0, y, im)


@triton.jit
def _exp(x, y):
    return _exponential(tl.exp(x), tl.exp(0.5 * x), x, y)


@triton.jit
def _upper(x):
    """The upper half of the digits of a float64, whose square is exact."""
    return (x.to(tl.int64, bitcast=True) & -134217728).to(tl.float64, bitcast=True)


@triton.jit
def _log_size(x, y):
    """log |x + yi| in float64."""
    a, b = tl.abs(x), tl.abs(y)
    high, low = tl.maximum(a, b), tl.minimum(a, b)
    down, up = high > 1e150, high < 1e-140
    factor = tl.where(down, 2.409919865102884e-181, tl.where(up, 4.149515568880993e180, 1.0)).to(tl.float64)
    shift = tl.where(down, 600.0, tl.where(up, -600.0, 0.0)).to(tl.float64) * _math.LN2  # 2**-600 and 2**600
    p, q = high * factor, low * factor
    far = 0.5 * tl.log(p * p + q * q) + shift
    # near the unit circle the squares less 1 cancel: they are summed with all their digits
    p1, q1 = _upper(high), _upper(low)
    p2, q2 = high - p1, low - q1
    rest = (2.0 * p1 * p2 + p2 * p2) + (2.0 * q1 * q2 + q2 * q2)
    near = 0.5 * _math.log1p(((p1 * p1 - 1.0) + q1 * q1) + rest)
    result = tl.where((high > 0.7) & (high < 1.5), near, far)
    result = tl.where((x != x) | (y != y), float("nan"), result)
    return tl.where(_infinite(x, y), _math.INF, result)


@triton.jit
def _log(x, y):
    return _log_size(x, y), _math.atan2(y, x)


@triton.jit
def sqrt(x, y):
    x, y = _wide(x, y)
    return _root(x, y)


@triton.jit
def rsqrt(x, y):
    x, y = _wide(x, y)
    re, im = _root(x, y)
    return reciprocal(re, im)


@triton.jit
def exp(x, y):
    x, y = _wide(x, y)
    return _exp(x, y)


@triton.jit
def exp2(x, y):
    x, y = _wide(x, y)
    return _exponential(tl.exp2(x), tl.exp2(0.5 * x), x, y * _math.LN2)


@triton.jit
def expm1(x, y):
    """e**z - 1: expm1(x) cos(y) - 2 sin(y / 2)**2, and the imaginary part of e**z."""
    x, y = _wide(x, y)
    re, im = _exp(x, y)
    half = tl.sin(0.5 * y)
    near = _math.expm1(x) * tl.cos(y) - 2.0 * half * half
    return tl.where(tl.abs(x) < 1.0, near, re - 1.0), im


@triton.jit
def log(x, y):
    x, y = _wide(x, y)
    return _log(x, y)


@triton.jit
def log2(x, y):
    x, y = _wide(x, y)
    re, im = _log(x, y)
    return re * _math.LOG2E, im * _math.LOG2E


@triton.jit
def log10(x, y):
    x, y = _wide(x, y)
    re, im = _log(x, y)
    return re * _math.LN10_INV, im * _math.LN10_INV


@triton.jit
def log1p(x, y):
    """log(1 + z): near 0 half of log1p(|1 + z|**2 - 1)."""
    x, y = _wide(x, y)
    re, im = _log(1.0 + x, y)
    near = 0.5 * _math.log1p(x * (2.0 + x) + y * y)
    return tl.where(tl.maximum(tl.abs(x), tl.abs(y)) < 0.5, near, re), im


@triton.jit
def sigmoid(x, y):
    """1 / (1 + e**-z)."""
    x, y = _wide(x, y)
    re, im = _exp(-x, -y)
    return reciprocal(1.0 + re, im)


@triton.jit
def _slope(x, y):
    """(1 - z) z."""
    return product(1.0 - x, -y, x, y)


@triton.jit
def sigmoid_backward(g, gi, x, y):
    re, im = _slope(x, y)
    return product(g, gi, re, im)


@triton.jit
def tanh_backward(g, gi, x, y):
    re, im = product(x, y, x, y)
    return product(g, gi, 1.0 - re, -im)


@triton.jit
def pow(x, xi, y, yi):
    """e**(y log x); the exponents 1, 2 and 3 by products."""
    x, xi = _wide(x, xi)
    y, yi = _wide(y, yi)
    size, angle = _log(x, xi)
    whole = yi == 0.0  # 0 times an infinite logarithm would be NaN
    re, im = _exp(
        tl.where(whole, y * size, y * size - yi * angle), tl.where(whole, y * angle, y * angle + yi * size)
    )
    square_re, square_im = product(x, xi, x, xi)
    cube_re, cube_im = product(x, xi, square_re, square_im)
    re = tl.where(whole & (y == 3.0), cube_re, tl.where(whole & (y == 2.0), square_re, re))
    im = tl.where(whole & (y == 3.0), cube_im, tl.where(whole & (y == 2.0), square_im, im))
    re, im = tl.where(whole & (y == 1.0), x, re), tl.where(whole & (y == 1.0), xi, im)
    zero = (x == 0.0) & (xi == 0.0)
    # of zero there is no logarithm: a power of positive real part is 0, any other has no value
    of_zero = tl.where(y > 0.0, 0.0, float("nan"))
    re, im = tl.where(zero, of_zero, re), tl.where(zero, of_zero, im)
    nothing = whole & (y == 0.0)
    return tl.where(nothing, 1.0, re), tl.where(nothing, 0.0, im)


# ---- trigonometric and hyperbolic functions: those of an angle are the hyperbolic ones of i times it


@triton.jit
def _sinh(x, y):
    """sinh x cos y + i cosh x sin y in float64."""
    c, s = tl.cos(y), tl.sin(y)
    a = tl.abs(x)
    half = tl.exp(0.5 * a)
    far = a > _FAR
    re = tl.where(far, _math.copysign((0.5 * half * tl.abs(c)) * half, x), _math.sinh(x) * tl.abs(c))
    re = tl.where(c < 0.0, -re, re)
    im = tl.where(far, (0.5 * half * s) * half, _math.cosh(x) * s)
    lost = _finite(y) == 0
    re = tl.where(lost & ((a == _math.INF) | (a == 0.0)), x, tl.where(lost, float("nan"), re))
    return re, tl.where(y == 0.0, y, im)


@triton.jit
def _cosh(x, y):
    """cosh x cos y + i sinh x sin y in float64."""
    c, s = tl.cos(y), tl.sin(y)
    a = tl.abs(x)
    half = tl.exp(0.5 * a)
    far = a > _FAR
    re = tl.where(far, (0.5 * half * c) * half, _math.cosh(x) * c)
    size = tl.where(far, (0.5 * half * s) * half, _math.sinh(a) * s)
    im = tl.where(_math.signbit(x), _math.negative(size), size)
    lost = _finite(y) == 0
    re = tl.where(lost & (a == _math.INF), _math.INF, re)
    # a part of 0 with the sign of the product, also where the other factor is infinite or lost
    zero = tl.where(_math.signbit(x) != _math.signbit(tl.where(lost, y, s)), -0.0, 0.0)
    return re, tl.where((y == 0.0) | (x == 0.0), zero, im)


@triton.jit
def _tanh(x, y):
    """(sinh x cosh x + i sin y cos y) / (cos(y)**2 + sinh(x)**2) in float64."""
    c, s = tl.cos(y), tl.sin(y)
    a = tl.abs(x)
    far = a > 20.0
    below = tl.where(far, 0.0, a)
    t = _math.sinh(below)
    under = c * c + t * t
    re = tl.where(far, 1.0, t * _math.cosh(below) / under)
    # beyond 20 both squares are e**2a / 4 in all their digits
    im = tl.where(far, 4.0 * s * c * tl.exp(-2.0 * a), s * c / under)
    lost = _finite(y) == 0
    endless = a == _math.INF
    # without a direction only infinities, which have a limit, and 0 keep a value
    nowhere = (x != x) | (lost & (endless == 0))
    re = tl.where(endless, 1.0, tl.where(nowhere & (x != 0.0), float("nan"), re))
    im = tl.where(lost & endless, 0.0, tl.where(nowhere, float("nan"), im))
    re = tl.where(lost & (x == 0.0), 0.0, re)
    return _math.copysign(re, x), tl.where(y == 0.0, y, im)


@triton.jit
def sinh(x, y):
    x, y = _wide(x, y)
    return _sinh(x, y)


@triton.jit
def cosh(x, y):
    x, y = _wide(x, y)
    return _cosh(x, y)


@triton.jit
def tanh(x, y):
    x, y = _wide(x, y)
    return _tanh(x, y)


@triton.jit
def sin(x, y):
    x, y = _wide(x, y)
    im, re = _sinh(_math.negative(y), x)
    return re, _math.negative(im)


@triton.jit
def cos(x, y):
    x, y = _wide(x, y)
    return _cosh(_math.negative(y), x)


@triton.jit
def tan(x, y):
    x, y = _wide(x, y)
    im, re = _tanh(_math.negative(y), x)
    return re, _math.negative(im)


@triton.jit
def _asin(x, y):
    """Kahan's: of the roots of 1 - z and 1 + z, whose products cancel nowhere."""
    a, ai = _root(1.0 - x, _math.negative(y))
    b, bi = _root(1.0 + x, y)
    re = _math.atan2(x, a * b - ai * bi)
    im = _math.asinh(a * bi - ai * b)
    endless = _infinite(x, y)
    re = tl.where(endless, _math.atan2(x, tl.abs(y)), re)
    im = tl.where(endless, _math.copysign(tl.full(y.shape, _math.INF, y.dtype), y), im)
    # on the imaginary axis the real part is 0 whatever the other is
    return tl.where((x == 0.0) & (y != y), x, re), im


@triton.jit
def _acos(x, y):
    a, ai = _root(1.0 - x, _math.negative(y))
    b, bi = _root(1.0 + x, y)
    re = 2.0 * _math.atan2(a, b)
    im = _math.asinh(b * ai - bi * a)
    endless = _infinite(x, y)
    re = tl.where(endless, _math.atan2(tl.abs(y), x), re)
    im = tl.where(endless, _math.copysign(tl.full(y.shape, _math.INF, y.dtype), _math.negative(y)), im)
    right_angle = tl.full(x.shape, _math.HALF_PI, x.dtype)
    return tl.where((x == 0.0) & (y != y), right_angle, re), im


@triton.jit
def _acosh(x, y):
    a, ai = _root(x - 1.0, y)
    b, bi = _root(x + 1.0, y)
    re = _math.asinh(a * b + ai * bi)
    im = 2.0 * _math.atan2(ai, b)
    endless = _infinite(x, y)
    re = tl.where(endless, _math.INF, re)
    im = tl.where(endless, _math.copysign(_math.atan2(tl.abs(y), x), y), im)
    right_angle = tl.full(x.shape, _math.HALF_PI, x.dtype)
    return re, tl.where((x == 0.0) & (y != y), right_angle, im)


@triton.jit
def _atanh(x, y):
    """A quarter of log1p(4x / |1 - z|**2), and half the angle of (1 + z) / (1 - z)."""
    a = tl.abs(x)
    high = tl.maximum(a, tl.abs(y))
    far = high > 1e100  # where squares may overflow: 1 / z, and a right angle
    p, q = tl.where(far, 0.0, a), tl.where(far, 0.0, y)
    re = 0.25 * _math.log1p(4.0 * p / ((1.0 - p) * (1.0 - p) + q * q))
    im = 0.5 * _math.atan2(2.0 * q, (1.0 - p) * (1.0 + p) - q * q)
    u, v = a / high, y / high
    right_angle = _math.copysign(tl.full(y.shape, _math.HALF_PI, y.dtype), y)
    re = tl.where(far, u / (u * u + v * v) / high, re)
    im = tl.where(far, right_angle, im)
    endless = _infinite(x, y)
    re = tl.where(endless, 0.0, tl.where((x != x) | ((y != y) & (x != 0.0)), float("nan"), re))
    re = tl.where((x == 0.0) & (y != y), 0.0, re)
    nowhere = (y != y) | ((x != x) & (tl.abs(y) != _math.INF))
    im = tl.where(nowhere, float("nan"), tl.where(endless, right_angle, im))
    return _math.copysign(re, x), im


@triton.jit
def asin(x, y):
    x, y = _wide(x, y)
    return _asin(x, y)


@triton.jit
def acos(x, y):
    x, y = _wide(x, y)
    return _acos(x, y)


@triton.jit
def acosh(x, y):
    x, y = _wide(x, y)
    return _acosh(x, y)


@triton.jit
def atanh(x, y):
    x, y = _wide(x, y)
    return _atanh(x, y)


@triton.jit
def asinh(x, y):
    x, y = _wide(x, y)
    im, re = _asin(_math.negative(y), x)
    return re, _math.negative(im)


@triton.jit
def atan(x, y):
    x, y = _wide(x, y)
    im, re = _atanh(_math.negative(y), x)
    return re, _math.negative(im)


@triton.jit
def silu(x, y):
    re, im = sigmoid(x, y)
    x, y = _wide(x, y)
    return product(x, y, re, im)


@triton.jit
def softsign(x, y):
    """z / (1 + |z|)."""
    x, y = _wide(x, y)
    size = 1.0 + _math.hypot(x, y)
    return x / size, y / size


@triton.jit
def tanhshrink(x, y):
    re, im = tanh(x, y)
    return x - re, y - im


@triton.jit
def sinc(x, y):
    """sin(pi z) / (pi z), 1 at 0."""
    x, y = _wide(x, y)
    a, b = x * _math.PI, y * _math.PI
    re, im = sin(a, b)
    re, im = quotient(re, im, a, b)
    zero = (x == 0.0) & (y == 0.0)
    return tl.where(zero, 1.0, re), tl.where(zero, 0.0, im)


@triton.jit
def logaddexp(x, xi, y, yi):
    """log(e**x + e**y) by the larger real part."""
    x, xi = _wide(x, xi)
    y, yi = _wide(y, yi)
    later = x <= y
    re, im = _exp(tl.where(later, x - y, y - x), tl.where(later, xi - yi, yi - xi))
    re, im = log1p(re, im)
    return tl.where(later, y, x) + re, tl.where(later, yi, xi) + im


# ---- comparison, classification, selection


@triton.jit
def eq(x, xi, y, yi):
    return (x == y) & (xi == yi)


@triton.jit
def ne(x, xi, y, yi):
    return (x != y) | (xi != yi)


@triton.jit
def isnan(x, y):
    return (x != x) | (y != y)


@triton.jit
def isinf(x, y):
    return _infinite(x, y)


@triton.jit
def isfinite(x, y):
    return _finite(x) & _finite(y)


@triton.jit
def _truth(x, y):
    return (x != 0) | (y != 0)


@triton.jit
def logical_not(x, y):
    return (x == 0) & (y == 0)


@triton.jit
def logical_and(x, xi, y, yi):
    return _truth(x, xi) & _truth(y, yi)


@triton.jit
def logical_or(x, xi, y, yi):
    return _truth(x, xi) | _truth(y, yi)


@triton.jit
def logical_xor(x, xi, y, yi):
    return _truth(x, xi) != _truth(y, yi)


@triton.jit
def where(condition, condition_i, x, xi, y, yi):
    chosen = _truth(condition, condition_i)
    return tl.where(chosen, x, y), tl.where(chosen, xi, yi)


_REAL = (
    "abs",
    "eq",
    "ne",
    "isnan",
    "isinf",
    "isfinite",
    "logical_not",
    "logical_and",
    "logical_or",
    "logical_xor",
)


def COMPILE() -> list[Case]:
    """Every function on complex64, and some on complex128."""
    functions = {
        name: function
        for name, function in vars(sys.modules[__name__]).items()
        if isinstance(function, triton.JITFunction)
        and not name.startswith("_")
        and name not in ("product", "quotient", "complex_kernel")
    }
    # sines reduce angles beyond 100 000 by a table kept in local memory; other angles never touch it
    turning = [
        "exp",
        "exp2",
        "expm1",
        "sigmoid",
        "silu",
        "tanhshrink",
        "sinc",
        "logaddexp",
        "pow",
        "sinh",
        "cosh",
        "tanh",
        "sin",
        "cos",
        "tan",
    ]
    spills = dict.fromkeys(turning, 56)
    cases = [
        complex_case(function, "fp32", name not in _REAL, spills.get(name, 0))
        for name, function in functions.items()
    ]
    wide = ("mul", "abs", "asin", "pow")
    return cases + [
        complex_case(functions[name], "fp64", name not in _REAL, spills.get(name, 0)) for name in wide
    ]
