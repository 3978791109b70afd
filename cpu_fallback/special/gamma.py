"""The regularised incomplete gamma functions, in float64.

Each element takes one of four ways: a power series, one for small x and a, a continued fraction, or Temme's uniform
expansion where a is large and x near it.
"""

from __future__ import annotations

import numpy as np

from tritonnn import gamma_coefficients as table
from tritonnn.cpu_fallback.common.pointwise import Array, in_float64
from tritonnn.cpu_fallback.common.special import erfcx, horner, lgamma

_EPS = 2.0**-53
_STEPS = 2000  # no element takes a quarter of them


def _log_less(x: Array, a: Array) -> Array:
    """log(x / a) - mu with mu = x / a - 1, which cancels for small mu: by the series of atanh."""
    mu = (x - a) / a
    r = mu / (2 + mu)
    square = r * r
    series = horner([2 / (2 * k + 3) for k in range(16)][::-1], square)
    return np.where(np.abs(mu) < 0.4, r * (square * series - mu), np.log(x / a) - mu)


def _log_gamma_1(a: Array) -> Array:
    """log Gamma(1 + a), of which 1 + a would lose the small a."""
    return np.where(a < 0.01, a * horner(table.LOG_GAMMA_BESIDE_1, a), lgamma(1 + a))


def _front(a: Array, x: Array) -> Array:
    """x^a exp(-x) / Gamma(a + 1)."""
    large = a >= 10
    big = np.where(large, a, 10.0)
    r = 1 / big
    exponent = big * _log_less(np.where(large, x, big), big) - horner(table.STIRLING, r * r) * r
    far = np.exp(exponent) / np.sqrt(2 * np.pi * big)
    small = np.where(large, 1.0, a)
    x = np.minimum(x, 800.0)  # where exp(-x) is 0
    return np.where(large, far, np.power(x, small) * np.exp(-x) / np.exp(lgamma(small + 1)))


def _lower_series(a: Array, x: Array) -> Array:
    """P by the sum of x^n / ((a + 1) ... (a + n))."""
    term, total, k = np.ones_like(a), np.ones_like(a), a.copy()
    for _ in range(_STEPS):
        k += 1
        term *= x / k
        total += term
        if not np.any(term > total * _EPS):
            break
    return total * _front(a, x)


def _upper_fraction(a: Array, x: Array) -> Array:
    """Q by Legendre's continued fraction, evaluated as W. J. Lentz does (Applied Optics 15, 1976)."""
    b = x + 1 - a
    c, d = np.full_like(a, 1e300), 1 / b
    value = d.copy()
    for i in range(1, _STEPS):
        factor = -i * (i - a)
        b = b + 2
        d = 1 / (factor * d + b)
        c = b + factor / c
        change = c * d
        value = value * change
        if not np.any(np.abs(change - 1) > 4 * _EPS):
            break
    return value * _front(a, x) * a


def _upper_small(a: Array, x: Array) -> Array:
    """Q for small x, and a small beside it, where it is nearly 1 - 1: 1 - x^a / Gamma(a + 1) is taken by expm1."""
    factor, total = np.ones_like(a), np.zeros_like(a)
    for n in range(1, 60):
        factor = factor * -x / n
        total = total + factor / (a + n)
    log_front = a * np.log(x) - _log_gamma_1(a)
    return -np.expm1(log_front) - np.exp(log_front) * a * total


def _temme(a: Array, x: Array, upper: Array) -> Array:
    """P or Q for a > 20 and x within 30 % of it."""
    mu = (x - a) / a
    half_square = -_log_less(x, a)
    eta = np.copysign(np.sqrt(2 * half_square), mu)
    total = np.zeros_like(a)
    for row in table.TEMME[::-1]:
        total = total / a + horner(row, eta)
    sign = np.where(upper, 1.0, -1.0)
    y = sign * eta * np.sqrt(a / 2)
    scale = np.exp(-a * half_square)
    # erfc(y) of a negative y is 2 - erfc(-y)
    tail = 0.5 * erfcx(np.abs(y)) * scale
    return np.where(y < 0, 1 - tail, tail) + sign * total * scale / np.sqrt(2 * np.pi * a)


def _regularised(a: Array, x: Array, upper: bool) -> Array:
    result = np.full(a.shape, np.nan)
    # NaN beside a number that decides alone changes nothing, as in PyTorch
    valid = ~(a < 0) & ~(x < 0) & ~((a == 0) & ~(x > 0)) & ~(np.isinf(a) & np.isinf(x))
    at_one = valid & ((x == 0) | np.isinf(a))  # all is above
    at_zero = valid & ~at_one & ((a == 0) | np.isinf(x))  # all is below
    result[at_one], result[at_zero] = float(upper), float(not upper)
    rest = valid & ~at_one & ~at_zero & (a == a) & (x == x)
    near = rest & (a > 20) & (np.abs(x - a) < 0.3 * a)
    rest &= ~near
    log_x = np.log(np.where(rest, x, 1.0))
    few = np.where(x <= 0.5, a * log_x > -0.4, x * 1.1 >= a)  # P is not small: Q has digits of its own
    fraction = rest & (x > 1.1) & (x >= a)
    small = rest & (x <= 1.1) & few
    series = rest & ~fraction & ~small
    for where, function, is_upper in (
        (near, lambda a, x: _temme(a, x, np.full(a.shape, upper)), upper),
        (series, _lower_series, False),
        (fraction, _upper_fraction, True),
        (small, _upper_small, True),
    ):
        if where.any():
            value = function(a[where], x[where])
            result[where] = value if is_upper is upper else 1 - value
    return result


def _lower(a: Array, x: Array) -> Array:
    # where Q has digits of its own, P by its series has as well
    return _regularised(a, x, False)


igamma = in_float64(_lower, 2)
igammac = in_float64(lambda a, x: _regularised(a, x, True), 2)
