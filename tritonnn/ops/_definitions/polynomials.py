"""Definitions of orthogonal polynomials: by NumPy's sums of them, and what the kinds have to do with each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _each(value: Callable[[float, int], float]) -> Callable[[Any, Any], Array]:
    return lambda x, n: np.vectorize(lambda x, n: value(x, int(n)), otypes=[float])(x, n)


def _unit(n: int) -> list[float]:
    return [0.0] * n + [1.0]


def _t(x: float, n: int) -> float:
    return float(np.polynomial.chebyshev.chebval(x, _unit(n)))


def _u(x: float, n: int) -> float:
    """The derivative of that of the first kind, of the next degree, over the degree."""
    slope = np.polynomial.chebyshev.chebder(_unit(n + 1)) if n >= 0 else [0.0]
    return float(np.polynomial.chebyshev.chebval(x, slope)) / (n + 1 if n >= 0 else 1)


def _v(x: float, n: int) -> float:
    return _u(x, n) - _u(x, n - 1)


def _w(x: float, n: int) -> float:
    return _u(x, n) + _u(x, n - 1)


chebyshev_polynomial_t = _each(_t)
chebyshev_polynomial_u = _each(_u)
chebyshev_polynomial_v = _each(_v)
chebyshev_polynomial_w = _each(_w)
shifted_chebyshev_polynomial_t = _each(lambda x, n: _t(2 * x - 1, n))
shifted_chebyshev_polynomial_u = _each(lambda x, n: _u(2 * x - 1, n))
shifted_chebyshev_polynomial_v = _each(lambda x, n: _v(2 * x - 1, n))
shifted_chebyshev_polynomial_w = _each(lambda x, n: _w(2 * x - 1, n))
hermite_polynomial_h = _each(lambda x, n: float(np.polynomial.hermite.hermval(x, _unit(n))))
hermite_polynomial_he = _each(lambda x, n: float(np.polynomial.hermite_e.hermeval(x, _unit(n))))
laguerre_polynomial_l = _each(lambda x, n: float(np.polynomial.laguerre.lagval(x, _unit(n))))
legendre_polynomial_p = _each(lambda x, n: float(np.polynomial.legendre.legval(x, _unit(n))))
