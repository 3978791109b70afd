"""The incomplete gamma functions: a power series for x <= 1, elsewhere the integral over the tail that is smaller."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array, formula
from tritonnn.cpu_fallback.common.special import lgamma
from tritonnn.cpu_fallback.variates.implicit import (
    DECAY,
    NODES_AND_WEIGHTS,
    TERMS,
    log_integrand,
    tail_widths,
)

_EULER = 0.5772156649015329
# Stirling's series of log Gamma, in odd powers of 1 / a (DLMF 5.11.1), for a >= 10
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def _log_front(a: Array, x: Array) -> Array:
    """log x^a exp(-x) / Gamma(a), by what a and x are apart where both are large."""
    off = (x - a) / a
    inverse = 1 / a
    remainder, power = np.zeros_like(a), inverse
    for coefficient in _STIRLING:
        remainder += coefficient * power
        power = power * inverse * inverse
    large = -a * (off - np.log1p(off)) + 0.5 * np.log(a / (2 * np.pi)) - remainder
    return np.where(a >= 10, large, a * np.log(x) - x - lgamma(a))


def _series(a: Array, x: Array) -> tuple[Array, Array]:
    """P and Q for x <= 1, each where it is small: DLMF 8.7.1 in both forms."""
    # log x^a / Gamma(1 + a), also where 1 + a rounds to 1
    log_front = a * np.log(x) - np.where(a < 1e-8, -_EULER * a, lgamma(1 + a))
    term = total = np.ones_like(a)
    power, alternating = np.ones_like(a), np.zeros_like(a)
    for n in range(1, TERMS + 1):
        term = term * x / (a + n)
        total = total + term
        power = power * -x / n
        alternating = alternating + power / (a + n)
    p = np.exp(log_front - x) * total
    return p, -np.expm1(log_front) - np.exp(log_front) * a * alternating


def _tail(a: Array, x: Array, upper: Array) -> Array:
    """P or Q for x > 1: x^a exp(-x) / Gamma(a) times the integral of exp(a u - x (exp(u) - 1)) on one side of 0."""
    above, below = tail_widths(a, x)
    width = np.where(upper, above, -below) / DECAY
    total = np.zeros_like(x)
    for node, weight in NODES_AND_WEIGHTS:
        u = width * node
        total += weight * np.exp(log_integrand(a, x, u))
    return np.exp(_log_front(a, x)) * np.abs(width) * total


def _both(a: Array, x: Array) -> tuple[Array, Array]:
    """P and Q."""
    a, x = (y.astype(np.float64) for y in np.broadcast_arrays(a, x))
    with np.errstate(all="ignore"):
        low = x <= 1
        upper = ~low & (x >= a)
        part = _tail(a, np.maximum(x, 1), upper)
        p, q = np.where(upper, 1 - part, part), np.where(upper, part, 1 - part)
        p, q = (np.where(low, *pair) for pair in zip(_series(a, np.minimum(x, 1)), (p, q), strict=True))
        for outside, value in (
            (np.isinf(x), 1.0), (np.isinf(a), 0.0), (np.isinf(a) & np.isinf(x), np.nan), (x == 0, 0.0),
            ((a == 0) & (x > 0), 1.0), ((a == 0) & ~(x > 0), np.nan), ((a < 0) | (x < 0), np.nan),
        ):  # fmt: skip
            p, q = np.where(outside, value, p), np.where(outside, 1 - value, q)
    return p, q


def _half(which: int) -> Callable[..., None]:
    def run(out: Array, a: Array, x: Array) -> None:
        out[...] = _both(a, x)[which]

    return run


igamma = formula(_half(0))
igammac = formula(_half(1))
