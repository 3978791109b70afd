"""Orthogonal polynomials by their recurrences, in float64: scalar functions of the pointwise kernel.

A degree is the whole part of a number; below 0 the value is 0. Chebyshev's are cosines between -1 and 1. A loop ends
with the last element of a block that needs it.
"""

from __future__ import annotations

import sys

import triton
from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise_cases import scalar_cases

_NAN: tl.constexpr = tl.constexpr(float("nan"))
_CHEBYSHEV: tl.constexpr = tl.constexpr(0)
_PHYSICIST: tl.constexpr = tl.constexpr(1)
_PROBABILIST: tl.constexpr = tl.constexpr(2)
_LAGUERRE: tl.constexpr = tl.constexpr(3)
_LEGENDRE: tl.constexpr = tl.constexpr(4)


@triton.jit
def _operands(x, n):
    """x, and the degree: a whole part, or the least of 64 bits for what is none, as a conversion in C gives it."""
    wide, degree = tl.broadcast(x.to(tl.float64), n.to(tl.float64))
    limit = 9223372036854775808.0
    return wide, tl.where(tl.abs(degree) < limit, _math.trunc(degree), -limit)


@triton.jit
def _next(k, x, p, before, FORM: tl.constexpr):
    """Of degree k + 1, from those of k and k - 1."""
    if FORM == _CHEBYSHEV:
        return (x + x) * p - before
    elif FORM == _PHYSICIST:
        return 2.0 * (x * p - k * before)
    elif FORM == _PROBABILIST:
        return x * p - k * before
    elif FORM == _LAGUERRE:
        return ((2.0 * k + 1.0 - x) * p - k * before) / (k + 1.0)
    else:
        return ((2.0 * k + 1.0) * x * p - k * before) / (k + 1.0)


@triton.jit
def _recurrence(x, n, first, FORM: tl.constexpr):
    """The value of degree n, of those of 0 (which is 1) and 1 and what follows."""
    before = tl.full(x.shape, 1.0, tl.float64)
    p = first * 1.0
    k = tl.full(x.shape, 1.0, tl.float64)
    result = tl.where(n == 0.0, 1.0, tl.where(n < 0.0, 0.0, p))
    # NaN stays: nothing has to be waited for
    while tl.max(((n > k) & (p == p)).to(tl.int32), axis=None) > 0:
        following = _next(k, x, p, before, FORM)
        before = p
        p = following
        k += 1.0
        result = tl.where(n >= k, p, result)
    return result


@triton.jit
def _even(n):
    return tl.floor(n * 0.5) * 2.0 == n


@triton.jit
def _with_ends(x, n, value, right, left):
    """`right` at 1 and, times (-1)^n, `left` at -1; 0 for negative degrees."""
    value = tl.where(x == 1.0, right, tl.where(x == -1.0, tl.where(_even(n), left, -left), value))
    return tl.where(n < 0.0, 0.0, value)


@triton.jit
def _chebyshev_t(x, n):
    waves = (n > 6.0) & (tl.abs(x) < 1.0)
    low = tl.where(waves | (tl.abs(x) == 1.0), 0.0, n)
    one = tl.full(x.shape, 1.0, tl.float64)
    wave = tl.cos(tl.where(waves, n * _math.acos(tl.where(waves, x, 0.0)), 0.0))
    return _with_ends(x, n, tl.where(waves, wave, _recurrence(x, low, x, _CHEBYSHEV)), one, one)


@triton.jit
def _chebyshev_u(x, n):
    waves = (n > 8.0) & (tl.abs(x) < 1.0)
    low = tl.where(waves | (tl.abs(x) == 1.0), 0.0, n)
    angle = _math.acos(tl.where(waves, x, 0.0))
    wave = tl.sin(tl.where(waves, n + 1.0, 1.0) * angle) / tl.sin(angle)
    return _with_ends(x, n, tl.where(waves, wave, _recurrence(x, low, x + x, _CHEBYSHEV)), n + 1.0, n + 1.0)


@triton.jit
def _chebyshev_v(x, n):
    waves = (n > 8.0) & (tl.abs(x) < 1.0)
    low = tl.where(waves | (tl.abs(x) == 1.0), 0.0, n)
    angle = _math.acos(tl.where(waves, x, 0.0))
    wave = tl.cos(tl.where(waves, n + 0.5, 1.0) * angle) / tl.cos(angle * 0.5)
    one = tl.full(x.shape, 1.0, tl.float64)
    value = tl.where(waves, wave, _recurrence(x, low, x + x - 1.0, _CHEBYSHEV))
    return _with_ends(x, n, value, one, n + n + 1.0)


@triton.jit
def _chebyshev_w(x, n):
    waves = (n > 8.0) & (tl.abs(x) < 1.0)
    low = tl.where(waves | (tl.abs(x) == 1.0), 0.0, n)
    angle = _math.acos(tl.where(waves, x, 0.0))
    wave = tl.sin(tl.where(waves, n + 0.5, 1.0) * angle) / tl.sin(angle * 0.5)
    one = tl.full(x.shape, 1.0, tl.float64)
    value = tl.where(waves, wave, _recurrence(x, low, x + x + 1.0, _CHEBYSHEV))
    return _with_ends(x, n, value, n + n + 1.0, one)


@triton.jit
def chebyshev_polynomial_t(x, n):
    x, n = _operands(x, n)
    return _chebyshev_t(x, n)


@triton.jit
def chebyshev_polynomial_u(x, n):
    x, n = _operands(x, n)
    return _chebyshev_u(x, n)


@triton.jit
def chebyshev_polynomial_v(x, n):
    x, n = _operands(x, n)
    return _chebyshev_v(x, n)


@triton.jit
def chebyshev_polynomial_w(x, n):
    x, n = _operands(x, n)
    return _chebyshev_w(x, n)


@triton.jit
def shifted_chebyshev_polynomial_t(x, n):
    x, n = _operands(x, n)
    return _chebyshev_t(x + x - 1.0, n)


@triton.jit
def shifted_chebyshev_polynomial_u(x, n):
    x, n = _operands(x, n)
    return _chebyshev_u(x + x - 1.0, n)


@triton.jit
def shifted_chebyshev_polynomial_v(x, n):
    x, n = _operands(x, n)
    return _chebyshev_v(x + x - 1.0, n)


@triton.jit
def shifted_chebyshev_polynomial_w(x, n):
    x, n = _operands(x, n)
    return _chebyshev_w(x + x - 1.0, n)


@triton.jit
def hermite_polynomial_h(x, n):
    x, n = _operands(x, n)
    # beyond it PyTorch gives NaN in float64
    above = n > 512.0
    return tl.where(above, _NAN, _recurrence(x, tl.where(above, 0.0, n), x + x, _PHYSICIST))


@triton.jit
def hermite_polynomial_he(x, n):
    x, n = _operands(x, n)
    above = n > 512.0
    return tl.where(above, _NAN, _recurrence(x, tl.where(above, 0.0, n), x, _PROBABILIST))


@triton.jit
def laguerre_polynomial_l(x, n):
    x, n = _operands(x, n)
    return _recurrence(x, tl.where((x == 0.0) & (n > 0.0), 0.0, n), 1.0 - x, _LAGUERRE)


@triton.jit
def legendre_polynomial_p(x, n):
    x, n = _operands(x, n)
    one = tl.full(x.shape, 1.0, tl.float64)
    low = tl.where(tl.abs(x) == 1.0, 0.0, n)
    return _with_ends(x, n, _recurrence(x, low, x, _LEGENDRE), one, one)


def COMPILE() -> list[Case]:
    """Every op's function; tables of the sines of large angles, and loops, take local memory."""
    spills = dict.fromkeys((name for name in globals() if "chebyshev" in name), 64)
    return scalar_cases(sys.modules[__name__], spills=spills, public=True)
