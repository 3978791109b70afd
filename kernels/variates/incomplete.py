"""The incomplete gamma functions; formulas and sources are those of `cpu_fallback/variates/incomplete.py`."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device import special as _special
from tritonnn.kernels.device.pointwise_cases import case
from tritonnn.kernels.variates.implicit import _log_integrand, _node, _tail_width


@triton.jit
def _log_front(a, x):
    """log x^a exp(-x) / Gamma(a)."""
    off = (x - a) / a
    r = 1.0 / a
    s = r * r
    remainder = (691.0 / 360360.0) * s
    remainder = r * (
        1.0 / 12 - s * (1.0 / 360 - s * (1.0 / 1260 - s * (1.0 / 1680 - s * (1.0 / 1188 - remainder))))
    )
    large = -a * (off - _math.log1p(off)) + 0.5 * tl.log(a / 6.283185307179586) - remainder
    return tl.where(a >= 10.0, large, a * tl.log(x) - x - _special.lgamma(a))


@triton.jit
def _series(a, x, LOWER: tl.constexpr):
    """P or Q for x <= 1."""
    one_more = _special.lgamma(1.0 + a)
    log_front = a * tl.log(x) - tl.where(a < 1e-8, -0.5772156649015329 * a, one_more)
    term = a * 0.0 + 1.0
    if LOWER:
        total = term
        for n in range(1, 31):
            term = term * x / (a + n)
            total += term
        return tl.exp(log_front - x) * total
    else:
        total = a * 0.0
        for n in range(1, 31):
            term = term * -x / n
            total += term / (a + n)
        return -_math.expm1(log_front) - tl.exp(log_front) * a * total


@triton.jit
def _tail(a, x, upper):
    width = _tail_width(a, x, upper)
    total = x * 0.0
    for k in range(88):
        node, weight = _node(k + x * 0.0)
        u = width * node
        total += weight * tl.exp(_log_integrand(a, x, u))
    return tl.exp(_log_front(a, x)) * tl.abs(width) * total


@triton.jit
def _half(a, x, LOWER: tl.constexpr):
    a = a.to(tl.float64)
    x = x.to(tl.float64)
    low = x <= 1.0
    upper = (x > 1.0) & (x >= a)
    part = _tail(a, tl.where(low, 1.0, x), upper)
    value = tl.where(upper != LOWER, part, 1.0 - part)
    value = tl.where(low, _series(a, tl.where(low, x, 1.0), LOWER), value)
    ZERO: tl.constexpr = 0.0 if LOWER else 1.0
    ONE: tl.constexpr = 1.0 if LOWER else 0.0
    nan = x * 0.0 + float("nan")
    value = tl.where(x == _math.INF, ONE, value)
    value = tl.where(tl.abs(a) == _math.INF, tl.where(tl.abs(x) == _math.INF, nan, ZERO), value)
    value = tl.where(x == 0.0, ZERO, value)
    value = tl.where(a == 0.0, tl.where(x > 0.0, ONE, nan), value)
    return tl.where((a < 0.0) | (x < 0.0), nan, value)


@triton.jit
def igamma(input, other):
    return _half(input, other, True)


@triton.jit
def igammac(input, other):
    return _half(input, other, False)


COMPILE = [case(igamma, spills=4096, wide="both"), case(igammac, spills=4096, wide="both")]
