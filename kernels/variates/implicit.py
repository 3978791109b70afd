"""Derivatives of gamma and Dirichlet variates with respect to their parameters.

The formulas, their source and their constants are those of `cpu_fallback/variates/implicit.py`.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device import special as _special
from tritonnn.kernels.device.pointwise_cases import case


@triton.jit
def _node(k):
    """A node of the double exponential rule, from 3e-15 to 47, and its weight."""
    tau = k * 0.08333333333333333 - 3.4
    fall = tl.exp(-tau)
    node = tl.exp(tau - fall)
    return node, 0.08333333333333333 * node * (1.0 + fall)


@triton.jit
def _log_integrand(a, x, u):
    """a u - x (exp(u) - 1), of which u and exp(u) - 1 cancel where a and x are large and alike."""
    near = tl.abs(u) < 0.125
    v = tl.where(near, u, 0.0)
    series = v * 0.0 + 1.0
    for n in tl.static_range(9):
        series = 1.0 + series * v / (11.0 - n)
    return (a - x) * u - x * tl.where(near, series * v * v * 0.5, _math.expm1(u) - u)


@triton.jit
def _gamma_series(a, x):
    log_x = tl.log(x)
    term = x / a
    psi = _special.digamma(a) + 1.0 / a
    total = x * 0.0
    for n in range(1, 31):
        total += term * (psi - log_x)
        term *= x / (a + n)
        psi += 1.0 / (a + n)
    return total


@triton.jit
def _tail_width(a, x, upper):
    """A 40th of the u at which a u - x (exp(u) - 1) is surely below -40, on one side of 0."""
    above = 80.0 / ((x - a) + tl.sqrt((x - a) * (x - a) + 80.0 * x))
    b = 40.0 - 2.0 * (a - x)
    root = tl.sqrt(b * b + 320.0 * a)
    below = tl.where(b < 0.0, 160.0 / (root - b), (b + root) / (2.0 * a))
    return tl.where(upper, above, -below) / 40.0


@triton.jit
def _gamma_integral(a, x):
    log_x = tl.log(x)
    psi = _special.digamma(a)
    width = _tail_width(a, x, log_x >= psi)
    total = x * 0.0
    for k in range(88):
        node, weight = _node(k + x * 0.0)
        u = width * node
        total += weight * tl.exp(_log_integrand(a, x, u)) * (log_x + u - psi)
    return x * width * total


@triton.jit
def standard_gamma_grad(concentration, sample):
    a = concentration.to(tl.float64)
    x = sample.to(tl.float64)
    low = x <= 1.0
    return tl.where(low, _gamma_series(a, tl.where(low, x, 1.0)), _gamma_integral(a, tl.where(low, 1.0, x)))


@triton.jit
def _log_ratio(near, v):
    """-log(1 + near (exp(-v) - 1)), also where near rounds to 1."""
    close = v < 1.0
    short = _math.log1p(near * _math.expm1(tl.where(close, -v, 0.0)))
    return -tl.where(close, short, tl.log((1.0 - near) + near * tl.exp(-v)))


@triton.jit
def dirichlet_grad(x, alpha, total):
    x = x.to(tl.float64)
    a = alpha.to(tl.float64)
    total = total.to(tl.float64)
    b = total - a
    log_x = tl.log(x)
    mean = _special.digamma(a) - _special.digamma(total)
    upper = (log_x >= mean) & ~((a < 1.0) & (x * (1.0 + b) < 0.1))
    near = tl.where(upper, 1.0 - x, x)
    far = tl.where(upper, b, a)
    v = (40.0 + total * tl.where(upper, -log_x, -_math.log1p(-x))) / far
    for _ in range(10):
        fall = tl.exp(-v)
        slope = far - total * (near * fall / ((1.0 - near) + near * fall))
        v -= (far * v - total * _log_ratio(near, v) - 40.0) / slope
    width = v / 40.0
    result = x * 0.0
    for k in range(88):
        node, weight = _node(k + x * 0.0)
        v = width * node
        ratio = _log_ratio(near, v)
        score = tl.where(upper, log_x + ratio - mean, mean - log_x + v - ratio)
        result += weight * tl.exp(total * ratio - far * v) * score
    return x * width * result


COMPILE = [
    case(standard_gamma_grad, spills=4096, wide="both"),
    case(dirichlet_grad, spills=4096, wide="both"),
]
