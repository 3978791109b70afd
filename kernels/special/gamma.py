"""The regularised incomplete gamma functions, in float64: scalar functions of the pointwise kernel.

Each element takes one of four ways: a power series, one for small x and a, a continued fraction, or Temme's uniform
expansion where a is large and x near it. A loop ends with the last element of a block that needs it.
"""

from __future__ import annotations

import sys

import triton
from triton import language as tl

from tritonnn import gamma_coefficients as _table
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device import special as _special
from tritonnn.kernels.device.pointwise_cases import scalar_cases

_BESIDE_1: tl.constexpr = tl.constexpr(_table.LOG_GAMMA_BESIDE_1)
_STIRLING: tl.constexpr = tl.constexpr(_table.STIRLING)
# the last row first, each highest power first
_TEMME: tl.constexpr = tl.constexpr(tuple(number for row in _table.TEMME[::-1] for number in row))
_TEMME_ROWS: tl.constexpr = tl.constexpr(len(_table.TEMME))
_TEMME_LENGTH: tl.constexpr = tl.constexpr(len(_table.TEMME[0]))
_ATANH: tl.constexpr = tl.constexpr(tuple(2.0 / (2 * k + 3) for k in range(15, -1, -1)))
_NAN: tl.constexpr = tl.constexpr(float("nan"))
_EPS: tl.constexpr = tl.constexpr(2.0**-53)
_TWO_PI: tl.constexpr = tl.constexpr(6.283185307179586)


@triton.jit
def _log_less(x, a):
    """log(x / a) - mu with mu = x / a - 1, which cancels for small mu: by the series of atanh."""
    mu = (x - a) / a
    r = mu / (2.0 + mu)
    square = r * r
    near = r * (square * _special.horner(square, _ATANH, 16) - mu)
    return tl.where(tl.abs(mu) < 0.4, near, tl.log(x / a) - mu)


@triton.jit
def _log_gamma_1(a):
    """log Gamma(1 + a), of which 1 + a would lose the small a."""
    return tl.where(a < 0.01, a * _special.horner(a, _BESIDE_1, 7), _special.lgamma(1.0 + a))


@triton.jit
def _front(a, x):
    """x^a exp(-x) / Gamma(a + 1)."""
    large = a >= 10.0
    big = tl.where(large, a, 10.0)
    r = 1.0 / big
    exponent = big * _log_less(tl.where(large, x, big), big) - _special.horner(r * r, _STIRLING, 10) * r
    far = tl.exp(exponent) / _math.sqrt(big * _TWO_PI)
    small = tl.where(large, 1.0, a)
    # where exp(-x) is 0
    near = _math.minimum(x, 800.0)
    product = _math.power(near, small) * tl.exp(-near) / tl.exp(_special.lgamma(small + 1.0))
    return tl.where(large, far, product)


@triton.jit
def _lower_series(a, x, wanted):
    """P by the sum of x^n / ((a + 1) ... (a + n))."""
    x = tl.where(wanted, x, 0.0)
    term = tl.full(a.shape, 1.0, tl.float64)
    total = tl.full(a.shape, 1.0, tl.float64)
    k = a + 0.0
    steps = 0
    while (tl.max((term > total * _EPS).to(tl.int32), axis=None) > 0) & (steps < 2000):
        k += 1.0
        term = term * (x / k)
        total += term
        steps += 1
    return total * _front(a, x)


@triton.jit
def _upper_fraction(a, x, wanted):
    """Q by Legendre's continued fraction, evaluated as W. J. Lentz does (Applied Optics 15, 1976)."""
    a, x = tl.where(wanted, a, 1.0), tl.where(wanted, x, 2.0)
    b = x + 1.0 - a
    c = tl.full(a.shape, 1e300, tl.float64)
    d = 1.0 / b
    value = d + 0.0
    change = tl.full(a.shape, 2.0, tl.float64)
    i = 1.0
    while (tl.max((tl.abs(change - 1.0) > 4.0 * _EPS).to(tl.int32), axis=None) > 0) & (i < 2000.0):
        factor = (a - i) * i
        b += 2.0
        d = 1.0 / (factor * d + b)
        c = b + factor / c
        change = c * d
        value = value * change
        i += 1.0
    return value * _front(a, x) * a


@triton.jit
def _upper_small(a, x):
    """Q for small x, and a small beside it, where it is nearly 1 - 1: 1 - x^a / Gamma(a + 1) is taken by expm1."""
    factor = tl.full(a.shape, 1.0, tl.float64)
    total = tl.full(a.shape, 0.0, tl.float64)
    for n in range(1, 25):
        factor = factor * -x / n
        total += factor / (a + n)
    log_front = a * tl.log(x) - _log_gamma_1(a)
    return -_math.expm1(log_front) - tl.exp(log_front) * a * total


@triton.jit
def _temme(a, x, SIGN: tl.constexpr):
    """Q (SIGN 1) or P (-1) for a > 20 and x within 30 % of it."""
    mu = (x - a) / a
    half_square = -_log_less(x, a)
    eta = _math.copysign(_math.sqrt(2.0 * half_square), mu)
    total = tl.full(a.shape, 0.0, tl.float64)
    for k in tl.static_range(_TEMME_ROWS):
        row = tl.full(a.shape, 0.0, tl.float64)
        for n in tl.static_range(_TEMME_LENGTH):
            row = row * eta + _TEMME[k * _TEMME_LENGTH + n]
        total = total / a + row
    y = SIGN * eta * _math.sqrt(a * 0.5)
    scale = tl.exp(-a * half_square)
    # erfc(y) of a negative y is 2 - erfc(-y)
    tail = 0.5 * _special.erfcx(tl.abs(y)) * scale
    return tl.where(y < 0.0, 1.0 - tail, tail) + SIGN * total * scale / _math.sqrt(a * _TWO_PI)


@triton.jit
def _regularised(a, x, UPPER: tl.constexpr):
    a, x = tl.broadcast(a.to(tl.float64), x.to(tl.float64))
    infinite = (a == _math.INF) & (x == _math.INF)
    # NaN beside a number that decides alone changes nothing, as in PyTorch
    valid = ~(a < 0.0) & ~(x < 0.0) & ~((a == 0.0) & ~(x > 0.0)) & ~infinite
    all_above = valid & ((x == 0.0) | (a == _math.INF))
    all_below = valid & ~all_above & ((a == 0.0) | (x == _math.INF))
    rest = valid & ~all_above & ~all_below & (a == a) & (x == x)
    a, x = tl.where(rest, a, 1.0), tl.where(rest, x, 0.25)
    near = rest & (a > 20.0) & (tl.abs(x - a) < 0.3 * a)
    # P is not small: Q has digits of its own
    few = tl.where(x <= 0.5, a * tl.log(x) > -0.4, x * 1.1 >= a)
    fraction = rest & ~near & (x > 1.1) & (x >= a)
    small = rest & ~near & (x <= 1.1) & few
    series = rest & ~near & ~fraction & ~small
    lower = _lower_series(a, x, series)
    upper = tl.where(
        fraction,
        _upper_fraction(a, x, fraction),
        _upper_small(tl.where(small, a, 1.0), tl.where(small, x, 0.25)),
    )
    big, beside = tl.where(near, a, 30.0), tl.where(near, x, 30.0)
    if UPPER:
        value = tl.where(series, 1.0 - lower, upper)
        value = tl.where(near, _temme(big, beside, 1.0), value)
        return tl.where(rest, value, tl.where(all_above, 1.0, tl.where(all_below, 0.0, _NAN)))
    else:
        value = tl.where(series, lower, 1.0 - upper)
        value = tl.where(near, _temme(big, beside, -1.0), value)
        return tl.where(rest, value, tl.where(all_above, 0.0, tl.where(all_below, 1.0, _NAN)))


@triton.jit
def igamma(a, x):
    return _regularised(a, x, False)


@triton.jit
def igammac(a, x):
    return _regularised(a, x, True)


def COMPILE() -> list[Case]:
    """Every op's function; tables of the sines of large angles, and loops, take local memory."""
    spills = {"igamma": 1536, "igammac": 1536}
    return scalar_cases(sys.modules[__name__], spills=spills, public=True)
