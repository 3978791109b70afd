"""Special functions in float64, without a vendor's library, as `math.py` does for the elementary ones.

Polynomials are in powers of `t`, highest first. Where a comment names the function and the interval, they are
its Chebyshev interpolants, computed at 60 digits and cut where the terms fall below 1e-17. The rational
functions of the normal quantile are M. J. Wichura's, algorithm AS 241, Applied Statistics 37, 1988.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn import coefficients
from tritonnn.kernels.device import math as _math

_ERFCX: tl.constexpr = tl.constexpr(coefficients.ERFCX)
_CENTRE_TOP: tl.constexpr = tl.constexpr((
    2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
    1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080,
))  # fmt: skip
_CENTRE_BOTTOM: tl.constexpr = tl.constexpr((
    5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
    5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0,
))  # fmt: skip
_NEAR_TOP: tl.constexpr = tl.constexpr((
    7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
    1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590,
    1.42343711074968357734,
))  # fmt: skip
_NEAR_BOTTOM: tl.constexpr = tl.constexpr((
    1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
    1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
    2.05319162663775882187, 1.0,
))  # fmt: skip
_FAR_TOP: tl.constexpr = tl.constexpr((
    2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
    2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
    5.46378491116411436990, 6.65790464350110377720,
))  # fmt: skip
_FAR_BOTTOM: tl.constexpr = tl.constexpr((
    2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
    7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
    5.99832206555887937690e-1, 1.0,
))  # fmt: skip
_I0_SMALL: tl.constexpr = tl.constexpr(coefficients.I0_SMALL)
_I0_LARGE: tl.constexpr = tl.constexpr(coefficients.I0_LARGE)
_I1_SMALL: tl.constexpr = tl.constexpr(coefficients.I1_SMALL)
_I1_LARGE: tl.constexpr = tl.constexpr(coefficients.I1_LARGE)
# B(2k) / (2k (2k - 1)), of Stirling's series for log Gamma, k = 10 ... 1
_STIRLING: tl.constexpr = tl.constexpr((
    -1.3924322169059011, 0.17964437236883057, -0.02955065359477124, 0.006410256410256411,
    -0.0019175269175269174, 0.0008417508417508418, -0.0005952380952380952, 0.0007936507936507937,
    -0.002777777777777778, 0.08333333333333333,
))  # fmt: skip
# B(2k) / 2k, of its derivative's series, k = 10 ... 1
_DIGAMMA_TAIL: tl.constexpr = tl.constexpr((
    -26.456212121212122, 3.0539543302701198, -0.4432598039215686, 0.08333333333333334,
    -0.02109279609279609, 0.007575757575757576, -0.004166666666666667, 0.003968253968253968,
    -0.008333333333333333, 0.08333333333333333,
))  # fmt: skip
# B(2k) / (2k)!, of Euler and Maclaurin's formula, k = 1 ... 10
_ZETA_TAIL: tl.constexpr = tl.constexpr((
    0.08333333333333333, -0.001388888888888889, 3.3068783068783064e-05, -8.267195767195768e-07,
    2.08767569878681e-08, -5.284190138687493e-10, 1.338253653068468e-11, -3.3896802963225827e-13,
    8.586062056277845e-15, -2.174868698558062e-16,
))  # fmt: skip

LOG_PI: tl.constexpr = tl.constexpr(1.1447298858494002)
HALF_LOG_2PI: tl.constexpr = tl.constexpr(0.9189385332046727)
SQRT_HALF: tl.constexpr = tl.constexpr(0.7071067811865476)


@triton.jit
def horner(t, COEFFICIENTS: tl.constexpr, COUNT: tl.constexpr):
    """The polynomial with COUNT coefficients, highest power first, at t."""
    result = tl.full(t.shape, COEFFICIENTS[0], t.dtype)
    for k in tl.static_range(1, COUNT):
        result = result * t + COEFFICIENTS[k]
    return result


# ---- error function


@triton.jit
def _erfcx_positive(a):
    return horner(1.0 - 7.5 / (a + 3.75), _ERFCX, 25) * 0.5 / (0.5 + a)  # 2 a may overflow


@triton.jit
def _exp_of_negative_square(a):
    """exp(-a^2) with a small relative error for large a: the square of a's upper half is exact."""
    # 24 bits: their square fits 53
    high = a.to(tl.float32).to(tl.float64)
    # rounding a^2 alone would cost some 300 units in the last place at a = 27
    return tl.exp(-high * high) * tl.exp((high - a) * (high + a))


@triton.jit
def erfc(x):
    """1 - erf(x), with a small relative error where it is tiny."""
    a = _math.minimum(tl.abs(x), 30.0)  # erfc is 0 in float64 from 27.3 on
    tail = _erfcx_positive(a) * _exp_of_negative_square(a)
    return tl.where(x < 0.0, 2.0 - tail, tail)


@triton.jit
def erfcx(x):
    """exp(x^2) erfc(x) (M. M. Shepherd, J. G. Laframboise, Math. Comp. 36, 1981)."""
    a = tl.abs(x)
    tail = _erfcx_positive(a)
    tail = tl.where(a == _math.INF, 0.0, tail)
    return tl.where(x < 0.0, 2.0 / _exp_of_negative_square(_math.minimum(a, 30.0)) - tail, tail)


@triton.jit
def _upper_quantile(p):
    """z with P(Z > z) = p for a normal Z, for 0 <= p <= 0.075."""
    r = tl.sqrt(-tl.log(p))
    near = horner(r - 1.6, _NEAR_TOP, 8) / horner(r - 1.6, _NEAR_BOTTOM, 8)
    far = horner(r - 5.0, _FAR_TOP, 8) / horner(r - 5.0, _FAR_BOTTOM, 8)
    return tl.where(r <= 5.0, near, tl.where(r == _math.INF, r, far))


@triton.jit
def ndtri(p):
    """The normal quantile: z with P(Z <= z) = p; NaN outside 0..1."""
    q = p - 0.5
    t = 0.180625 - q * q
    centre = q * (horner(t, _CENTRE_TOP, 8) / horner(t, _CENTRE_BOTTOM, 8))
    tail = _upper_quantile(_math.minimum(p, 1.0 - p))
    return tl.where(tl.abs(q) <= 0.425, centre, _math.copysign(tail, q))


@triton.jit
def erfinv(y):
    """x with erf(x) = y; infinite at -1 and 1, NaN outside."""
    t = 0.180625 - 0.25 * y * y
    centre = 0.5 * y * (horner(t, _CENTRE_TOP, 8) / horner(t, _CENTRE_BOTTOM, 8))
    tail = _upper_quantile((1.0 - tl.abs(y)) * 0.5)
    return tl.where(tl.abs(y) <= 0.85, centre, _math.copysign(tail, y)) * SQRT_HALF


# ---- gamma function


@triton.jit
def lgamma(x):
    """log |Gamma(x)|: Stirling's series after a shift to x >= 9, the reflection formula below 0.5."""
    reflect = x < 0.5
    z = tl.where(reflect, 1.0 - x, x)
    product = tl.full(x.shape, 1.0, tl.float64)
    for _ in tl.static_range(9):
        # one logarithm of the product instead of nine
        product = tl.where(z < 9.0, product * z, product)
        z = tl.where(z < 9.0, z + 1.0, z)
    r = 1.0 / z
    y = (
        (z - 0.5) * (tl.log(z) - 1.0)
        - 0.5
        + HALF_LOG_2PI
        + horner(r * r, _STIRLING, 10) * r
        - tl.log(product)
    )
    # sin(pi x) of what is beyond whole numbers: pi x itself would lose the digits behind the point
    off = x - _math.rint(x)
    tiny = tl.abs(x) < 1e-290  # where sin(pi x) has too few bits, the result is -log |x|
    log_sine = tl.log(tl.where(tiny, tl.abs(x), tl.abs(tl.sin(off * _math.PI))))
    y = tl.where(tiny, -log_sine, tl.where(reflect, LOG_PI - log_sine - y, y))
    # exact zeros, which the series misses by a unit in its last place
    y = tl.where((x == 1.0) | (x == 2.0), 0.0, y)
    return tl.where(((x <= 0.0) & (off == 0.0)) | (tl.abs(x) == _math.INF), _math.INF, y)


@triton.jit
def digamma(x):
    """d/dx log Gamma(x): an asymptotic series after a shift to x >= 10, the reflection formula below 0."""
    reflect = x < 0.0
    z = tl.where(reflect, 1.0 - x, x)
    shifted = tl.full(x.shape, 0.0, tl.float64)
    for _ in tl.static_range(10):
        shifted = tl.where(z < 10.0, shifted + 1.0 / z, shifted)
        z = tl.where(z < 10.0, z + 1.0, z)
    r = 1.0 / z
    y = tl.log(z) - 0.5 * r - horner(r * r, _DIGAMMA_TAIL, 10) * r * r - shifted
    off = x - _math.rint(x)
    pole = tl.cos(off * _math.PI) / tl.sin(off * _math.PI) * _math.PI
    y = tl.where(reflect, tl.where(off == 0.0, float("nan"), y - pole), y)
    return tl.where(
        x == 0.0, _math.copysign(tl.full(x.shape, float("inf"), tl.float64), _math.negative(x)), y
    )


@triton.jit
def _zeta_positive(s, q):
    """For q > 0 and s > 1: ten terms, and Euler's and Maclaurin's formula for the others."""
    k = q + 0.0
    total = k * 0.0
    for _ in range(10):  # not unrolled: the powers take many registers
        total += _math.power(k, -s)
        k += 1.0
    last = _math.power(k, -s)
    total += last * k / (s - 1.0) + 0.5 * last
    factor = s + 0.0
    last = last / k
    for n in tl.static_range(10):
        total += _ZETA_TAIL[n] * factor * last
        factor = factor * (s + (2.0 * n + 1.0)) * (s + (2.0 * n + 2.0))
        last = last / (k * k)
    # where the largest term is all there is, the others' products may overflow
    total = tl.where(total > 1e300, _math.power(q, -s), total)
    return tl.where(q == _math.INF, 0.0, total)


@triton.jit
def zeta(s, q):
    """Hurwitz's zeta, the sum of (q + k)^-s over k >= 0, for s > 1.

    Infinite at s = 1 and at q = 0, -1, -2, ...; NaN for s < 1, and at other negative q where s is not a whole number.
    """
    s, q = tl.broadcast(s, q)
    whole = tl.floor(q) == q
    below = (q < 0.0) & (whole == 0) & (s > 1.0) & (tl.floor(s) == s)
    known = (s > 1.0) & ((q > 0.0) | below)
    exponent = tl.where(known, s, 2.0)
    # Below 0 three sums over positive numbers, of both signs of q + k; elsewhere the first of them alone. A loop, so
    # that their many registers are needed once.
    part = tl.where(known, tl.where(below, q - tl.floor(q), q), 1.0)
    sign = tl.where(tl.floor(exponent * 0.5) * 2.0 == exponent, 1.0, -1.0)
    total = tl.zeros_like(part)
    for i in range(1 + 2 * tl.max(below.to(tl.int32), axis=None)):
        start = tl.where(i == 0, part, tl.where(below, tl.where(i == 1, 1.0 - part, 1.0 - q), 1.0))
        factor = tl.where(i == 0, 1.0, tl.where(below, tl.where(i == 1, sign, -sign), 0.0))
        total += factor * _zeta_positive(exponent, start)
    at_pole = (s == 1.0) | ((s > 1.0) & (q <= 0.0) & whole)
    return tl.where(known, total, tl.where(at_pole, _math.INF, float("nan")))


@triton.jit
def trigamma(x):
    """The second derivative of log Gamma; the reflection formula below 1/2."""
    low = x < 0.5
    two = tl.full(x.shape, 2.0, tl.float64)
    y = _zeta_positive(two, tl.where(low, 1.0 - x, x))
    ratio = tl.sin((x - _math.rint(x)) * _math.PI) / _math.PI
    return tl.where(low, 1.0 / (ratio * ratio) - y, y)


# ---- modified Bessel functions


@triton.jit
def i0e(x):
    """exp(-|x|) I0(x)."""
    a = tl.abs(x)
    large = horner(16.0 / a - 1.0, _I0_LARGE, 23) / tl.sqrt(a)
    return tl.where(a <= 8.0, horner(a * 0.25 - 1.0, _I0_SMALL, 29), large)


@triton.jit
def i1e(x):
    """exp(-|x|) I1(x)."""
    a = tl.abs(x)
    small = horner(a * 0.25 - 1.0, _I1_SMALL, 28) * a
    result = tl.where(a <= 8.0, small, horner(16.0 / a - 1.0, _I1_LARGE, 23) / tl.sqrt(a))
    return tl.where(x < 0.0, -result, result)


@triton.jit
def unscaled(a, value):
    """value * exp(a), where exp(a) alone may overflow before the product does."""
    half = tl.exp(a * 0.5)
    limit = _math.copysign(tl.full(a.shape, float("inf"), tl.float64), value)
    return tl.where(a == _math.INF, limit, value * half * half)
