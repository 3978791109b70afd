"""Modified Bessel functions of the first kind on float64 arrays, orders 0 and 1; see `special.py`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn import coefficients
from tritonnn.cpu_fallback.common.special import Array, horner, pick


def _bessel(x: Array, small: Sequence[float], large: Sequence[float]) -> Array:
    """exp(-x) I(x) for x >= 0; below 8 for the order 1 without its factor x."""
    low = x <= 8
    return pick(
        x,
        (low, lambda x: horner(small, x / 4 - 1)),
        (~low, lambda x: horner(large, 16 / x - 1) / np.sqrt(x)),
    )


def i0e(x: Array) -> Array:
    """exp(-|x|) I0(x)."""
    return _bessel(np.abs(x), coefficients.I0_SMALL, coefficients.I0_LARGE)


def i0(x: Array) -> Array:
    """The modified Bessel function of order 0."""
    a = np.abs(x)
    return _scaled(a, i0e(a))


def i1e(x: Array) -> Array:
    """exp(-|x|) I1(x)."""
    a = np.abs(x)
    result = _bessel(a, coefficients.I1_SMALL, coefficients.I1_LARGE)
    result = np.where(a <= 8, result * a, result)
    return np.where(x < 0, -result, result)  # +0 at -0, as PyTorch's


def i1(x: Array) -> Array:
    """The modified Bessel function of order 1."""
    return _scaled(np.abs(x), i1e(x))


def _scaled(a: Array, value: Array) -> Array:
    """value exp(a), where exp(a) alone may overflow before the product does."""
    half = np.exp(a / 2)
    return np.where(np.isinf(a), np.copysign(np.inf, value), value * half * half)
