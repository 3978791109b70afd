"""Orthogonal polynomials by their recurrences, degree by degree for all elements at once.

A degree is the whole part of a number; below 0 the value is 0. Chebyshev's are cosines between -1 and 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array, in_float64

Next = Callable[
    [float, Array, Array, Array], Array
]  # of degree k + 1 from those of k and k - 1: (k, x, p, before)


def _degrees(n: Array) -> Array:
    """Whole parts; what is no whole number of 64 bits is the smallest one, as a conversion in C gives it."""
    return np.trunc(np.where(np.abs(n) < 2.0**63, n, -(2.0**63)))


def _recurrence(x: Array, n: Array, first: Array, step: Next) -> Array:
    """The value of degree n, of those of 0 (which is 1) and 1 and what follows."""
    before, p = np.ones_like(x), first.copy()
    result = np.where(n == 0, 1.0, np.where(n < 0, 0.0, p))
    k, last = 1, n.max(initial=0)
    while k < last:
        before, p = p, step(k, x, p, before)
        k += 1
        result = np.where(n >= k, p, result)
        if not np.any(n[~np.isnan(p)] > k):  # NaN stays
            break
    return result


def _chebyshev(x: Array, first: Array) -> Next:
    twice = x + x
    return lambda k, x, p, before: twice * p - before


def _ends(x: Array, n: Array, right: Array | float, left: Array | float) -> Array:
    """Values at 1 and, times (-1)^n, at -1; NaN elsewhere."""
    sign = np.where(n % 2 == 0, 1.0, -1.0)
    return np.where(x == 1, right, np.where(x == -1, sign * left, np.nan))


def _t(x: Array, n: Array) -> Array:
    n = _degrees(n)
    waves = (n > 6) & (np.abs(x) < 1)
    low = np.where(waves | (np.abs(x) == 1), 0, n)
    value = np.where(waves, np.cos(n * np.arccos(x)), _recurrence(x, low, x, _chebyshev(x, x)))
    return np.where((np.abs(x) == 1) & (n >= 0), _ends(x, n, 1.0, 1.0), np.where(n < 0, 0.0, value))


def _u(x: Array, n: Array) -> Array:
    n = _degrees(n)
    waves = (n > 8) & (np.abs(x) < 1)
    angle = np.arccos(x)
    low = np.where(waves | (np.abs(x) == 1), 0, n)
    value = np.where(
        waves, np.sin((n + 1) * angle) / np.sin(angle), _recurrence(x, low, x + x, _chebyshev(x, x))
    )
    return np.where((np.abs(x) == 1) & (n >= 0), _ends(x, n, n + 1, n + 1), np.where(n < 0, 0.0, value))


def _v(x: Array, n: Array) -> Array:
    n = _degrees(n)
    waves = (n > 8) & (np.abs(x) < 1)
    angle = np.arccos(x)
    low = np.where(waves | (np.abs(x) == 1), 0, n)
    wave = np.cos((n + 0.5) * angle) / np.cos(angle / 2)
    value = np.where(waves, wave, _recurrence(x, low, x + x - 1, _chebyshev(x, x)))
    return np.where((np.abs(x) == 1) & (n >= 0), _ends(x, n, 1.0, n + n + 1), np.where(n < 0, 0.0, value))


def _w(x: Array, n: Array) -> Array:
    n = _degrees(n)
    waves = (n > 8) & (np.abs(x) < 1)
    angle = np.arccos(x)
    low = np.where(waves | (np.abs(x) == 1), 0, n)
    wave = np.sin((n + 0.5) * angle) / np.sin(angle / 2)
    value = np.where(waves, wave, _recurrence(x, low, x + x + 1, _chebyshev(x, x)))
    return np.where((np.abs(x) == 1) & (n >= 0), _ends(x, n, n + n + 1, 1.0), np.where(n < 0, 0.0, value))


def _shifted(function: Callable[[Array, Array], Array]) -> Callable[[Array, Array], Array]:
    return lambda x, n: function(x + x - 1, n)


_HERMITE_DEGREES = 512  # beyond it PyTorch gives NaN in float64


def _hermite(factor: float) -> Callable[[Array, Array], Array]:
    """factor x p(k) - factor k p(k - 1): 2 for physicists, 1 for probabilists."""

    def run(x: Array, n: Array) -> Array:
        n = _degrees(n)
        above = n > _HERMITE_DEGREES
        step: Next = lambda k, x, p, before: factor * (x * p - k * before)
        return np.where(above, np.nan, _recurrence(x, np.where(above, 0, n), factor * x, step))

    return run


def _laguerre(x: Array, n: Array) -> Array:
    n = _degrees(n)
    step: Next = lambda k, x, p, before: ((2 * k + 1 - x) * p - k * before) / (k + 1)
    return _recurrence(x, np.where((x == 0) & (n > 0), 0, n), 1 - x, step)


def _legendre(x: Array, n: Array) -> Array:
    n = _degrees(n)
    end = (np.abs(x) == 1) & (n >= 0)
    step: Next = lambda k, x, p, before: ((2 * k + 1) * x * p - k * before) / (k + 1)
    return np.where(end, _ends(x, n, 1.0, 1.0), _recurrence(x, np.where(end, 0, n), x, step))


chebyshev_polynomial_t = in_float64(_t, 2)
chebyshev_polynomial_u = in_float64(_u, 2)
chebyshev_polynomial_v = in_float64(_v, 2)
chebyshev_polynomial_w = in_float64(_w, 2)
shifted_chebyshev_polynomial_t = in_float64(_shifted(_t), 2)
shifted_chebyshev_polynomial_u = in_float64(_shifted(_u), 2)
shifted_chebyshev_polynomial_v = in_float64(_shifted(_v), 2)
shifted_chebyshev_polynomial_w = in_float64(_shifted(_w), 2)
hermite_polynomial_h = in_float64(_hermite(2.0), 2)
hermite_polynomial_he = in_float64(_hermite(1.0), 2)
laguerre_polynomial_l = in_float64(_laguerre, 2)
legendre_polynomial_p = in_float64(_legendre, 2)
