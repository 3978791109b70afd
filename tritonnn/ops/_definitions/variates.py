"""How gamma and Dirichlet variates move with their parameters, by Gauss-Legendre quadrature of the score."""

from __future__ import annotations

from math import lgamma
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_STEP = 1e-6
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(200)


def _movement(log_density: Any, a: float, x: float) -> float:
    """-(dF/da) / f at x: the integral below x of the density's slope in a, t = x s^2 and then s^4."""
    s = (_NODES + 1) / 2
    t = x * s**16  # many nodes near 0, where a density may be infinite
    change = (np.exp(log_density(t, a + _STEP)) - np.exp(log_density(t, a - _STEP))) / (2 * _STEP)
    return float(-(change * 16 * x * s**15 * _WEIGHTS / 2).sum() / np.exp(log_density(x, a)))


def _log_gamma_density(t: Any, a: float) -> Any:
    return (a - 1) * np.log(t) - t - lgamma(a)


def _each(function: Any, *arrays: Array) -> Array:
    wide = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in arrays])
    result = np.empty(wide[0].shape)
    for place in np.ndindex(result.shape):
        result[place] = function(*[float(x[place]) for x in wide])
    return result


def standard_gamma_grad(self: Array, output: Array) -> Array:
    """For concentrations and variates that are not small."""
    return _each(lambda a, x: _movement(_log_gamma_density, a, x), self, output)


def dirichlet_grad(x: Array, alpha: Array, total: Array) -> Array:
    """For concentrations and variates that are not small."""

    def one(x: float, a: float, total: float) -> float:
        b = total - a

        def log_density(t: Any, a: float) -> Any:
            return (a - 1) * np.log(t) + (b - 1) * np.log1p(-t) + lgamma(a + b) - lgamma(a) - lgamma(b)

        return _movement(log_density, a, x) / (1 - x)

    return _each(one, x, alpha, total)
