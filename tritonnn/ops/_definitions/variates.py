"""How gamma and Dirichlet variates move with their parameters, by Gauss-Legendre quadrature of the score.

For parameters and variates that are not small: the substitutions leave integrands that decay slowly there.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
# panels of the half line, each of 40 nodes: beyond 512 what decays as exp(-v / 10) is nothing
_EDGES = (0.0, *(2.0**k for k in range(-8, 10)))
_UNIT, _WEIGHT = np.polynomial.legendre.leggauss(40)
_V = np.concatenate([low + (high - low) * (_UNIT + 1) / 2 for low, high in pairwise(_EDGES)])
_W = np.concatenate([(high - low) / 2 * _WEIGHT for low, high in pairwise(_EDGES)])


def _movement(log_t: tuple[Array, Array], log_density: tuple[Array, Array], log_at: float) -> float:
    """-(dF/da) / f of a density t^(a - 1) g(t): the integral of log t without its mean, below the variate.

    Args:
        log_t: at nodes below and above the variate.
        log_density: there, of the density and of the substitution.
        log_at: the logarithm of the density at the variate, without its normaliser, as theirs.
    """
    below, above = (np.exp(d - log_at) * _W for d in log_density)
    mean = ((log_t[0] * below).sum() + (log_t[1] * above).sum()) / (below.sum() + above.sum())
    return float((below * (mean - log_t[0])).sum())


def _gamma(a: float, x: float) -> float:
    log_t = np.log(x) - _V, np.log(x) + _V  # t = x exp(-v), x exp(v)
    with np.errstate(over="ignore"):
        density = a * log_t[0] - np.exp(log_t[0]), a * log_t[1] - np.exp(log_t[1])
    return _movement(log_t, density, (a - 1) * np.log(x) - x)


def _dirichlet(x: float, a: float, total: float) -> float:
    b = total - a
    low, high = np.log(x) - _V, np.log1p(-x) - _V  # t = x exp(-v), 1 - t = (1 - x) exp(-v)
    log_t = low, np.log1p(-np.exp(high))
    density = a * low + (b - 1) * np.log1p(-np.exp(low)), (a - 1) * log_t[1] + b * high
    return _movement(log_t, density, (a - 1) * np.log(x) + (b - 1) * np.log1p(-x)) / (1 - x)


def _each(function: Callable[..., float], *arrays: Array) -> Array:
    wide = np.broadcast_arrays(*[np.asarray(x, np.float64) for x in arrays])
    result = np.empty(wide[0].shape)
    for place in np.ndindex(result.shape):
        result[place] = function(*[float(x[place]) for x in wide])
    return result


def standard_gamma_grad(self: Array, output: Array) -> Array:
    """dx/da of Gamma(a, 1)."""
    return _each(_gamma, self, output)


def dirichlet_grad(x: Array, alpha: Array, total: Array) -> Array:
    """dx/da of Beta(a, total - a), over 1 - x."""
    return _each(_dirichlet, x, alpha, total)
