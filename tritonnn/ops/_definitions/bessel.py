"""Definitions of Bessel functions: integrals (NIST's handbook, 10.9 and 10.32), by Gauss's rule of 400 points."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _integral(function: Callable[[Array], Array], end: float) -> float:
    points, weights = np.polynomial.legendre.leggauss(400)
    return float(weights @ function((points + 1) * (end / 2))) * end / 2


def _each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    return lambda input: np.vectorize(function, otypes=[float])(input)


def _j(n: int, x: float) -> float:
    return _integral(lambda t: np.cos(n * t - x * np.sin(t)), math.pi) / math.pi


def _y(n: int, x: float) -> float:
    if x <= 0:
        return -math.inf if x == 0 else math.nan
    waves = _integral(lambda t: np.sin(x * np.sin(t) - n * t), math.pi)
    rest = _integral(
        lambda t: (np.exp(n * t) + (-1) ** n * np.exp(-n * t)) * np.exp(-x * np.sinh(t)), math.asinh(60 / x)
    )
    return (waves - rest) / math.pi


def _i(n: int, x: float) -> float:
    return _integral(lambda t: np.exp(x * np.cos(t)) * np.cos(n * t), math.pi) / math.pi


def _scaled_k(n: int, x: float) -> float:
    if x <= 0:
        return math.inf if x == 0 else math.nan
    return _integral(lambda t: np.exp(-x * (np.cosh(t) - 1)) * np.cosh(n * t), math.acosh(1 + 60 / x))


def _airy(x: float) -> float:
    """The two series around 0."""
    f = g = 0.0
    even, odd = 1.0, x
    for k in range(80):
        f, g = f + even, g + odd
        even *= x**3 / ((3 * k + 2) * (3 * k + 3))
        odd *= x**3 / ((3 * k + 3) * (3 * k + 4))
    return f / (3 ** (2 / 3) * math.gamma(2 / 3)) - g / (3 ** (1 / 3) * math.gamma(1 / 3))


bessel_j0 = _each(lambda x: _j(0, x))
bessel_j1 = _each(lambda x: _j(1, x))
bessel_y0 = _each(lambda x: _y(0, x))
bessel_y1 = _each(lambda x: _y(1, x))
modified_bessel_i0 = _each(lambda x: _i(0, x))
modified_bessel_i1 = _each(lambda x: _i(1, x))
modified_bessel_k0 = _each(lambda x: _scaled_k(0, x) * math.exp(-x))
modified_bessel_k1 = _each(lambda x: _scaled_k(1, x) * math.exp(-x))
scaled_modified_bessel_k0 = _each(lambda x: _scaled_k(0, x))
scaled_modified_bessel_k1 = _each(lambda x: _scaled_k(1, x))
spherical_bessel_j0 = _each(lambda x: _integral(lambda t: np.cos(x * t), 1.0))
airy_ai = _each(_airy)
