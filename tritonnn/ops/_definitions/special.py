"""Definitions of special functions by series and Python's own; `reference=` of their entries."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


def digamma(x: float) -> float:
    """ψ(x) = ψ(x + n) - Σ 1 / (x + k), and far out its asymptotic series; by reflection below 0."""
    if x <= 0:
        if x == 0:
            return -math.inf
        return math.nan if x == math.floor(x) else digamma(1 - x) - math.pi / math.tan(math.pi * x)
    total = 0.0
    while x < 20:
        total, x = total - 1 / x, x + 1
    return total + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4) - 1 / (252 * x**6)


def _zeta(s: float, q: float) -> float:
    """Σ (q + k)^-s over k = 0, 1, ...: a thousand terms, and the rest by Euler and Maclaurin."""
    if s == 1:
        return math.inf
    n = 1000
    rest = (q + n) ** (1 - s) / (s - 1) + (q + n) ** -s / 2 + s * (q + n) ** (-s - 1) / 12
    return math.fsum((q + k) ** -s for k in range(n)) + rest


def zeta(input: Any, other: Any) -> Array:
    """Hurwitz's zeta function."""
    return np.vectorize(_zeta, otypes=[float])(input, other)


def polygamma(n: int, input: Array) -> Array:
    """ψ itself, else (-1)^(n + 1) n! ζ(n + 1, x)."""
    if n == 0:
        return np.vectorize(digamma, otypes=[float])(input)
    return (-1) ** (n + 1) * math.factorial(n) * zeta(n + 1.0, input)


def logit(input: Array, eps: float | None) -> Array:
    """log(x / (1 - x)) of the x between eps and 1 - eps."""
    x = input if eps is None else np.clip(input, eps, 1 - eps)
    return np.log(x / (1 - x))


def xlogy(input: Any, other: Any) -> Array:
    """x log(y), and 0 where x is."""
    return np.where(np.equal(input, 0), 0, input * np.log(other))


def nan_to_num(input: Array, nan: Any, posinf: Any, neginf: Any) -> Array:
    """NumPy's nan_to_num."""
    return np.nan_to_num(input, nan=nan or 0.0, posinf=posinf, neginf=neginf)


def _igamma(a: float, x: float) -> float:
    """The integral of the exponential's series, term by term."""
    terms = (x ** (a + n) * (-1) ** n / (math.factorial(n) * (a + n)) for n in range(80))
    return math.fsum(terms) / math.gamma(a)


def igamma(input: Array, other: Array) -> Array:
    """The lower regularised incomplete gamma function."""
    return np.vectorize(_igamma, otypes=[float])(input, other)
