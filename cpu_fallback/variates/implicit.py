"""Derivatives of gamma and Dirichlet variates with respect to their parameters.

A variate x of the distribution function F(x; a) moves with a as -(dF/da) / (dF/dx) says (M. Figurnov, S. Mohamed and
A. Mnih, "Implicit reparameterization gradients", 2018). dF/da is an integral over the tail on one side of x: on the
side where the score has one sign, so that nothing cancels. It is taken by the double exponential rule for integrands
that decay as exp(-v) (H. Takahasi and M. Mori, 1974), whose nodes are the same for all elements.
"""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import Array, formula
from tritonnn.cpu_fallback.common.special import digamma

NODES, FIRST, STEP = 88, -3.4, 1 / 12
DECAY = 40.0  # integrands are cut where they are exp(-DECAY) of what they are at x
TERMS = 30
NEWTON = 10


def _nodes() -> list[tuple[float, float]]:
    """Nodes from 3e-15 to 47 and their weights."""
    tau = FIRST + STEP * np.arange(NODES)
    v = np.exp(tau - np.exp(-tau))
    return list(zip(v.tolist(), (STEP * v * (1 + np.exp(-tau))).tolist(), strict=True))


NODES_AND_WEIGHTS = _nodes()


def log_integrand(a: Array, x: Array, u: Array) -> Array:
    """a u - x (exp(u) - 1), of which u and exp(u) - 1 cancel where a and x are large and alike."""
    # exp(u) - 1 - u: its series, whose terms beyond u^11 / 11! are nothing below 1/8
    series = np.ones_like(u)
    for n in range(11, 2, -1):
        series = 1 + series * u / n
    return (a - x) * u - x * np.where(np.abs(u) < 0.125, series * u * u / 2, np.expm1(u) - u)


def _gamma_series(a: Array, x: Array) -> Array:
    """x <= 1: the power series of the incomplete gamma function (DLMF 8.7.1), term by term differentiated."""
    log_x = np.log(x)
    term, psi = x / a, digamma(a) + 1 / a
    total = np.zeros_like(x)
    for n in range(1, TERMS + 1):
        total += term * (psi - log_x)
        term *= x / (a + n)
        psi += 1 / (a + n)
    return total


def tail_widths(a: Array, x: Array) -> tuple[Array, Array]:
    """|u| above and below 0 at which a u - x (exp(u) - 1) is surely below -DECAY.

    As it is less than (a - x) u - x u^2 / 2 above, and than (a - x) u - x u^2 / (2 - u) below.
    """
    above = 2 * DECAY / ((x - a) + np.sqrt((x - a) ** 2 + 2 * DECAY * x))
    b = DECAY - 2 * (a - x)
    root = np.sqrt(b * b + 8 * DECAY * a)
    return above, np.where(b < 0, 4 * DECAY / (root - b), (b + root) / (2 * a))


def _gamma_integral(a: Array, x: Array) -> Array:
    """x > 1: the integral over the upper or the lower tail, t = x exp(u)."""
    log_x, psi = np.log(x), digamma(a)
    upper = log_x >= psi
    above, below = tail_widths(a, x)
    width = np.where(upper, above, -below) / DECAY
    total = np.zeros_like(x)
    for node, weight in NODES_AND_WEIGHTS:
        u = width * node
        total += weight * np.exp(log_integrand(a, x, u)) * (log_x + u - psi)
    return x * width * total


def _gamma(out: Array, a: Array, x: Array) -> None:
    a, x = np.broadcast_arrays(a, x)
    a, x = a.astype(np.float64), x.astype(np.float64)
    with np.errstate(all="ignore"):
        series = _gamma_series(a, np.minimum(x, 1))
        out[...] = np.where(x <= 1, series, _gamma_integral(a, np.maximum(x, 1)))


standard_gamma_grad = formula(_gamma)


def _log_ratio(near: Array, v: Array) -> Array:
    """-log(1 + near (exp(-v) - 1)), also where near rounds to 1."""
    return np.where(v < 1, -np.log1p(near * np.expm1(-v)), -np.log((1 - near) + near * np.exp(-v)))


def _dirichlet(out: Array, x: Array, a: Array, total: Array) -> None:
    """With s = log(x / (1 - x)) as variable the integrand is t^a (1 - t)^b, log-concave in s."""
    x, a, total = (y.astype(np.float64) for y in np.broadcast_arrays(x, a, total))
    with np.errstate(all="ignore"):
        b = total - a
        log_x, mean = np.log(x), digamma(a) - digamma(total)
        upper = (log_x >= mean) & ~((a < 1) & (x * (1 + b) < 0.1))
        # the density decays as exp(-far v); `near` is the share of the way to there
        near, far = np.where(upper, 1 - x, x), np.where(upper, b, a)
        v = (DECAY + total * np.where(upper, -log_x, -np.log1p(-x))) / far
        for _ in range(NEWTON):
            # of a convex function, from above
            fall = np.exp(-v)
            slope = far - total * (near * fall / ((1 - near) + near * fall))
            v -= (far * v - total * _log_ratio(near, v) - DECAY) / slope
        width = v / DECAY
        result = np.zeros_like(x)
        for node, weight in NODES_AND_WEIGHTS:
            v = width * node
            ratio = _log_ratio(near, v)
            score = np.where(upper, log_x + ratio - mean, mean - log_x + v - ratio)
            result += weight * np.exp(total * ratio - far * v) * score
        out[...] = x * width * result


dirichlet_grad = formula(_dirichlet)
