"""Bessel and Airy functions, in float64.

Around 0 polynomials, with the first zeros taken out, beside which they keep their digits; farther out amplitudes of a
sine and a cosine. cos(x - pi/4) is (cos(x) + sin(x)) / sqrt(2): the angle itself would be rounded.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn import bessel_coefficients as table
from tritonnn.cpu_fallback.common import bessel as _modified
from tritonnn.cpu_fallback.common.pointwise import Array, in_float64
from tritonnn.cpu_fallback.common.special import horner, pick

_NEAR = 8.0
_TWO_OVER_PI = 0.6366197723675814


def _between_zeros(x: Array, zeros: Sequence[tuple[float, float]]) -> Array:
    """The product of x^2 - z^2, for zeros given as sums of two numbers."""
    product = np.ones_like(x)
    for high, low in zeros:
        product *= ((x - high) - low) * (x + high)
    return product


def _j0_near(x: Array) -> Array:
    return _between_zeros(x, table.J0_ZEROS) * horner(table.J0_SMALL, x * x / 32 - 1)


def _j1_near(x: Array) -> Array:
    return x * _between_zeros(x, table.J1_ZEROS) * horner(table.J1_SMALL, x * x / 32 - 1)


def _waves(x: Array, p: Sequence[float], q: Sequence[float]) -> tuple[Array, Array, Array, Array]:
    """The two amplitudes, and cos(x) + sin(x) and sin(x) - cos(x), over the root of pi x."""
    r = 8 / x
    t = 2 * r * r - 1
    sine, cosine, root = np.sin(x), np.cos(x), np.sqrt(np.pi) * np.sqrt(x)
    return horner(p, t), horner(q, t) * r, (cosine + sine) / root, (sine - cosine) / root


def _j0_far(x: Array) -> Array:
    p, q, plus, minus = _waves(x, table.P0, table.Q0)
    return np.where(np.isinf(x), 0.0, p * plus - q * minus)


def _j1_far(x: Array) -> Array:
    p, q, plus, minus = _waves(x, table.P1, table.Q1)
    return np.where(np.isinf(x), 0.0, p * minus + q * plus)


def _y0_far(x: Array) -> Array:
    p, q, plus, minus = _waves(x, table.P0, table.Q0)
    return np.where(np.isinf(x), 0.0, p * minus + q * plus)


def _y1_far(x: Array) -> Array:
    p, q, plus, minus = _waves(x, table.P1, table.Q1)
    return np.where(np.isinf(x), 0.0, q * minus - p * plus)


def _j0(x: Array) -> Array:
    a = np.abs(x)
    near = ~(a > _NEAR)
    return pick(a, (near, _j0_near), (~near, _j0_far))


def _j1(x: Array) -> Array:
    a = np.abs(x)
    near = ~(a > _NEAR)
    value = pick(a, (near, _j1_near), (~near, _j1_far))
    return np.where(x < 0, -value, value)


def _y0_near(x: Array) -> Array:
    return horner(table.Y0_SMALL, x * x / 32 - 1) + _TWO_OVER_PI * np.log(x) * _j0_near(x)


def _y1_near(x: Array) -> Array:
    smooth = x * horner(table.Y1_SMALL, x * x / 32 - 1)
    return smooth + _TWO_OVER_PI * (np.log(x) * _j1_near(x) - 1 / x)


def _positive(x: Array, limit: float, near: float, *functions: object) -> Array:
    """By one of two functions for x > 0; `limit` at 0, NaN below."""
    small, large = functions
    low, high = (x > 0) & (x <= near), x > near
    return pick(
        x,
        (x == 0, lambda x: np.full_like(x, limit)),
        (low, small),  # type: ignore[arg-type]
        (high, large),  # type: ignore[arg-type]
        (~(x >= 0), lambda x: np.full_like(x, np.nan)),
    )


def _y0(x: Array) -> Array:
    return _positive(x, -np.inf, _NEAR, _y0_near, _y0_far)


def _y1(x: Array) -> Array:
    return _positive(x, -np.inf, _NEAR, _y1_near, _y1_far)


def _k0_near(x: Array) -> Array:
    return horner(table.K0_SMALL, x * x / 2 - 1) - np.log(x / 2) * _modified.i0(x)


def _k1_near(x: Array) -> Array:
    return horner(table.K1_SMALL, x * x / 2 - 1) / x + np.log(x / 2) * _modified.i1(x)


def _k_far(x: Array, coefficients: Sequence[float]) -> Array:
    """exp(x) K(x)."""
    return horner(coefficients, 4 / x - 1) / np.sqrt(x)


def _k0(x: Array) -> Array:
    return _positive(x, np.inf, 2.0, _k0_near, lambda x: np.exp(-x) * _k_far(x, table.K0_LARGE))


def _k1(x: Array) -> Array:
    return _positive(x, np.inf, 2.0, _k1_near, lambda x: np.exp(-x) * _k_far(x, table.K1_LARGE))


def _scaled_k0(x: Array) -> Array:
    return _positive(x, np.inf, 2.0, lambda x: np.exp(x) * _k0_near(x), lambda x: _k_far(x, table.K0_LARGE))


def _scaled_k1(x: Array) -> Array:
    return _positive(x, np.inf, 2.0, lambda x: np.exp(x) * _k1_near(x), lambda x: _k_far(x, table.K1_LARGE))


def _spherical_j0(x: Array) -> Array:
    tiny = np.abs(x) < 1e-8
    return np.where(tiny, 1.0, np.where(np.isinf(x), 0.0, np.sin(x) / np.where(tiny, 1.0, x)))


def _airy_far(x: Array) -> Array:
    root = np.sqrt(x)
    z = x * root * (2 / 3)
    value = horner(table.AIRY_LARGE, (4 / 3) / z - 1) * np.exp(-z) / (np.sqrt(root) * 2 * np.sqrt(np.pi))
    return np.where(np.isinf(x), 0.0, value)


def _airy_waves(x: Array) -> Array:
    a = -x
    root = np.sqrt(a)
    z = a * root * (2 / 3)
    t = (512 / 9) / z / z - 1
    p, q = horner(table.AIRY_P, t), horner(table.AIRY_Q, t) / z
    sine, cosine = np.sin(z), np.cos(z)
    value = (p * (cosine + sine) + q * (sine - cosine)) / (np.sqrt(root) * np.sqrt(2 * np.pi))
    return np.where(np.isinf(z), np.nan, value)


def _airy(x: Array) -> Array:
    return pick(
        x,
        (x < -4, _airy_waves),
        (~(x < -4) & ~(x > 1), lambda x: horner(table.AIRY_MIDDLE, (x + 1.5) / 2.5)),
        (x > 1, _airy_far),
    )


bessel_j0 = in_float64(_j0)
bessel_j1 = in_float64(_j1)
bessel_y0 = in_float64(_y0)
bessel_y1 = in_float64(_y1)
modified_bessel_i0 = in_float64(_modified.i0)
modified_bessel_i1 = in_float64(_modified.i1)
modified_bessel_k0 = in_float64(_k0)
modified_bessel_k1 = in_float64(_k1)
scaled_modified_bessel_k0 = in_float64(_scaled_k0)
scaled_modified_bessel_k1 = in_float64(_scaled_k1)
spherical_bessel_j0 = in_float64(_spherical_j0)
airy_ai = in_float64(_airy)
