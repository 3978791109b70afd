"""Special functions on float64 arrays, accurate to a few units in the last place, without SciPy.

Each function takes a float64 array of any shape and returns a new one. Polynomials are in powers of `t`,
highest first; where a comment names the function and the interval, they are its Chebyshev interpolants,
computed at 60 digits and cut where the terms fall below 1e-17.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tritonnn import coefficients

Array = np.ndarray
Function = Callable[[Array], Array]


def horner(coefficients: Sequence[float], t: Array) -> Array:
    """The polynomial with these coefficients, highest power first, in the dtype of `t`."""
    result = t * coefficients[0]
    for c in coefficients[1:-1]:
        result += c
        result *= t
    result += coefficients[-1]
    return result


def pick(x: Array, *cases: tuple[Array, Function]) -> Array:
    """For each case (mask, function): the function of the elements under the mask. Masks cover x."""
    result = np.empty_like(x)
    for mask, function in cases:
        if mask.all():
            return function(x)
        if mask.any():
            result[mask] = function(x[mask])
    return result


# ---- error function -----------------------------------------------------------------------------------

# erf(x) / x at t = 2 x^2 - 1, for |x| <= 1
_ERF_SMALL = (
    1.454817075960679e-14, -3.8078827395263415e-13, 9.167606746069445e-12, -2.035228404899467e-10,
    4.11580059766496e-09, -7.51156928660089e-08, 1.223382738352401e-06, -1.7537169441124826e-05,
    0.00021751715604160108, -0.0022854855611441132, 0.019852496688983708, -0.1405360890227171,
    0.9654687386698673,
)  # fmt: skip


def _split_exp(a: Array) -> Array:
    """exp(-a^2) with a small relative error for large a: the square is taken of a's upper half exactly."""
    high = (a.view(np.int64) & np.int64(-(1 << 27))).view(np.float64)
    return np.exp(-high * high) * np.exp((high - a) * (high + a))


def _erfcx_positive(x: Array) -> Array:
    return horner(coefficients.ERFCX, 1 - 7.5 / (x + 3.75)) * 0.5 / (0.5 + x)  # 2 x may overflow


def _erfc_positive(x: Array) -> Array:
    x = np.minimum(x, 30.0)  # erfc is 0 in float64 from 27.3 on
    return _erfcx_positive(x) * _split_exp(x)


def erfcx(x: Array) -> Array:
    """exp(x^2) erfc(x) (M. M. Shepherd, J. G. Laframboise, Math. Comp. 36, 1981)."""
    return pick(
        x,
        (~(x < 0), _erfcx_positive),
        (x < 0, lambda x: 2 / _split_exp(np.minimum(-x, 30)) - _erfcx_positive(-x)),
    )


def erfc(x: Array) -> Array:
    """1 - erf(x), with a small relative error where it is tiny."""
    tail = _erfc_positive(np.abs(x))
    return np.where(x < 0, 2 - tail, tail)


def erf(x: Array) -> Array:
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    small = np.abs(x) < 1
    return pick(
        x,
        (small, lambda x: x * horner(_ERF_SMALL, 2 * x * x - 1)),
        (~small, lambda x: np.copysign(1 - _erfc_positive(np.abs(x)), x)),
    )


# erf(x) = tanh(x P(x^2)): P is fitted to atanh(erf(x)) / x on |x| <= 4.2, with an error of erf of 1e-7.
_ERF_TANH = (
    1.4185386178405715e-07, -5.668504337388828e-06, 8.763750422709718e-05, -0.0006197851330335391,
    -0.000191830246324071, 0.10276905554379107, 1.1283792743341574,
)  # fmt: skip


_ERF_TANH_SCALED = tuple(c * 0.5 ** (len(_ERF_TANH) - 0.5 - i) for i, c in enumerate(_ERF_TANH))


def erf32(x: Array, scaled: bool = False) -> Array:
    """erf of a float32 array, or of its elements divided by sqrt(2)."""
    y = horner(_ERF_TANH_SCALED if scaled else _ERF_TANH, x * x)
    y *= x
    return np.tanh(y, out=y)


# The rational functions of the normal quantile: M. J. Wichura, algorithm AS 241, Applied Statistics 37, 1988.
_QUANTILE_CENTRE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_QUANTILE_NEAR = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550,
     4.63033784615654529590, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0),
)  # fmt: skip
_QUANTILE_FAR = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _ratio(fraction: tuple[Sequence[float], Sequence[float]], t: Array) -> Array:
    return horner(fraction[0], t) / horner(fraction[1], t)


def _upper_quantile(p: Array) -> Array:
    """z with P(Z > z) = p for a normal Z, for 0 <= p <= 0.075."""
    r = np.sqrt(-np.log(p))
    near = r <= 5
    return pick(
        r,
        (near, lambda r: _ratio(_QUANTILE_NEAR, r - 1.6)),
        (~near, lambda r: np.where(np.isinf(r), r, _ratio(_QUANTILE_FAR, r - 5))),
    )


def ndtri(p: Array) -> Array:
    """The normal quantile: z with P(Z <= z) = p; NaN outside 0..1."""
    q = p - 0.5
    centre = np.abs(q) <= 0.425
    tail = _upper_quantile(np.minimum(p, 1 - p))
    return np.where(centre, q * _ratio(_QUANTILE_CENTRE, 0.180625 - q * q), np.copysign(tail, q))


def erfinv(y: Array) -> Array:
    """x with erf(x) = y; infinite at -1 and 1, NaN outside."""
    centre = np.abs(y) <= 0.85
    return pick(
        y,
        (centre, lambda y: y * _ratio(_QUANTILE_CENTRE, 0.180625 - 0.25 * y * y) * _HALF_SQRT_HALF),
        (~centre, lambda y: np.copysign(_upper_quantile((1 - np.abs(y)) / 2) * _SQRT_HALF, y)),
    )


_SQRT_HALF = 0.7071067811865476
_HALF_SQRT_HALF = 0.3535533905932738


# ---- gamma function -----------------------------------------------------------------------------------

# lgamma(x) / ((x - 1) (x - 2)) at t = x - 2, for 1 <= x <= 3
_LGAMMA = (
    -8.190037783551156e-10, 1.5818126337371086e-09, 2.4694237633377504e-09, -4.358862409072515e-09,
    -8.952022836709702e-09, 1.6327287432845006e-08, -7.860744687083056e-10, 5.68873795385758e-09,
    -5.2038665332275675e-08, 1.0444285443279689e-07, -1.861315818147291e-07, 3.95720794275161e-07,
    -8.554816957122729e-07, 1.8114769634727658e-06, -3.846514242663473e-06, 8.221205092155423e-06,
    -1.76618554743359e-05, 3.81690832831345e-05, -8.30950999467849e-05, 0.00018255261441838105,
    -0.0004057073999387517, 0.0009153769241238952, -0.0021081308338291313, 0.004998641164623283,
    -0.012384192193374355, 0.032965000621156974, -0.1003173016743539, 0.42278433509846713,
)  # fmt: skip

# Bernoulli numbers B2, B4, ... B20.
_BERNOULLI = (
    1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330,
)  # fmt: skip
_STIRLING = tuple(b / ((2 * k + 1) * (2 * k + 2)) for k, b in enumerate(_BERNOULLI))[::-1]
_DIGAMMA_TAIL = tuple(b / (2 * k + 2) for k, b in enumerate(_BERNOULLI))[::-1]
_HALF_LOG_TWO_PI = 0.9189385332046728
_LOG_PI = 1.1447298858494002
_SMALLEST = 1e-290  # lgamma(x) = -log |x| to all digits, where the result of other ways is subnormal


def _sin_pi(x: Array) -> Array:
    """|sin(pi x)|, reduced exactly, so that it is 0 at whole numbers and accurate beside them."""
    r = np.abs(x - np.rint(x))
    return np.sin(np.pi * r)


def _lgamma_centre(x: Array) -> Array:
    return (x - 1) * (x - 2) * horner(_LGAMMA, x - 2) + 0.0  # 0, not -0, at 1


def _lgamma_middle(x: Array) -> Array:
    """3 < x < 9: down to 2..3 by lgamma(x) = log(x - 1) + lgamma(x - 1)."""
    x = x.copy()
    product = np.ones_like(x)
    for _ in range(6):
        step = x > 3
        x -= step
        product *= np.where(step, x, 1)
    return _lgamma_centre(x) + np.log(product)


def _lgamma_large(x: Array) -> Array:
    r = 1 / x
    tail = horner(_STIRLING, r * r) * r
    return np.where(np.isinf(x), np.inf, (x - 0.5) * (np.log(x) - 1) - 0.5 + (_HALF_LOG_TWO_PI + tail))


def _lgamma_positive(x: Array) -> Array:
    return pick(
        x,
        (x < 1, lambda x: x * (x - 1) * horner(_LGAMMA, x - 1) - np.log(x)),
        ((x >= 1) & (x <= 3), _lgamma_centre),
        ((x > 3) & (x < 9), _lgamma_middle),
        (~(x < 9), _lgamma_large),
    )


def lgamma(x: Array) -> Array:
    """log |gamma(x)|: Stirling's series above 9, recurrence and reflection below."""
    whole = (x < 0) & (x == np.floor(x))
    return pick(
        x,
        (whole, lambda x: np.full_like(x, np.inf)),
        (~(x < 0), _lgamma_positive),
        ((x < 0) & (x >= -_SMALLEST), lambda x: -np.log(-x)),  # sin(pi x) has too few bits there
        ((x < -_SMALLEST) & ~whole, lambda x: _LOG_PI - np.log(_sin_pi(x)) - _lgamma_positive(1 - x)),
    )


def _digamma_positive(x: Array) -> Array:
    """Recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.5, 6.3.18)."""
    x = x.copy()
    shifted = np.zeros_like(x)
    for _ in range(10):
        step = x < 10
        if not step.any():
            break
        shifted += np.where(step, 1 / x, 0)
        x += step
    r = 1 / x
    return np.log(x) - 0.5 * r - horner(_DIGAMMA_TAIL, r * r) * r * r - shifted


def _digamma_negative(x: Array) -> Array:
    r = x - np.rint(x)
    pole = np.pi / np.tan(np.pi * r)
    return np.where(r == 0, np.nan, _digamma_positive(1 - x) - pole)


def digamma(x: Array) -> Array:
    """The derivative of log gamma. -inf at 0, inf at -0, NaN at negative whole numbers."""
    zero = x == 0
    return pick(
        x,
        (zero, lambda x: np.copysign(np.inf, -x)),
        (x < 0, _digamma_negative),
        (~(x < 0) & ~zero, _digamma_positive),
    )


def _zeta_positive(s: Array, q: Array) -> Array:
    """For q > 0 and s > 1, by ten terms and Euler's and Maclaurin's formula for the others."""
    k = q.copy()
    total = np.zeros_like(q)
    for _ in range(10):
        total += k**-s
        k += 1
    last = k**-s
    total += last * k / (s - 1) + 0.5 * last
    factor, power = s, last / k
    for n, b in enumerate(_BERNOULLI):
        total += b / _FACTORIAL[2 * n + 2] * factor * power
        factor = factor * (s + 2 * n + 1) * (s + 2 * n + 2)
        power = power / (k * k)
    return np.where(np.isinf(q) | (total > 1e300), np.where(np.isinf(q), 0.0, q**-s), total)


def _zeta_negative(s: Array, q: Array) -> Array:
    """For whole s > 1 and negative q between whole numbers: three sums over positive ones, of both signs of q + k."""
    part = q - np.floor(q)
    below = _zeta_positive(s, 1 - part) - _zeta_positive(s, 1 - q)
    return _zeta_positive(s, part) + np.where(s % 2 == 0, below, -below)


def zeta(s: Array, q: Array) -> Array:
    """Hurwitz's zeta, the sum of (q + k)^-s over k >= 0, for s > 1.

    inf at s = 1, and at q = 0, -1, -2, ...; NaN for s < 1, and at other negative q where s is not a whole number.
    """
    result = np.full(q.shape, np.nan)
    result[s == 1] = np.inf
    result[(s > 1) & (q <= 0) & (q == np.floor(q))] = np.inf
    for where, function in (
        ((s > 1) & (q > 0), _zeta_positive),
        ((s > 1) & (q < 0) & (q != np.floor(q)) & (s == np.floor(s)), _zeta_negative),
    ):
        if where.any():
            result[where] = function(s[where], q[where])
    return result


_FACTORIAL = [1.0]
for _n in range(1, 171):
    _FACTORIAL.append(_FACTORIAL[-1] * _n)


def trigamma(x: Array) -> Array:
    """The second derivative of log gamma; reflection below 1/2."""
    low = x < 0.5
    return pick(
        x,
        (low, lambda x: (np.pi / _sin_pi(x)) ** 2 - _zeta_positive(np.full_like(x, 2.0), 1 - x)),
        (~low, lambda x: _zeta_positive(np.full_like(x, 2.0), x)),
    )


def polygamma(n: int, x: Array) -> Array:
    """The derivative of order n + 1 of log gamma."""
    if n == 0:
        return digamma(x)
    if n == 1:
        return trigamma(x)
    factorial = _FACTORIAL[n] if n < len(_FACTORIAL) else np.inf
    return (factorial if n % 2 else -factorial) * zeta(np.full_like(x, n + 1.0), x)
