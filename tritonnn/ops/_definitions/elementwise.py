"""Definitions in NumPy of special functions and activations, for the tests: integrals, series and inverses."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any


def _each(function: Callable[[float], float], x: Any) -> Array:
    return np.vectorize(function, otypes=[float])(x)


def _inverse(function: Callable[[float], float], y: float, ends: tuple[float, float]) -> float:
    """x with function(x) = y by bisection; infinite at the ends of an increasing function's range, NaN outside."""
    if not ends[0] < y < ends[1]:
        return -math.inf if y == ends[0] else math.inf if y == ends[1] else math.nan
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if function(middle) < y else (low, middle)
    return (low + high) / 2


def rsqrt(input: Array) -> Array:
    return 1 / np.sqrt(input)


def neg(input: Array) -> Array:
    return 0 - input


def reciprocal(input: Array) -> Array:
    return 1 / input


def sinc(input: Array) -> Array:
    return np.sinc(input)


def frac(input: Array) -> Array:
    return input - np.trunc(input)


def sgn(input: Array) -> Array:
    """x / |x|, and 0 at 0."""
    size = np.abs(input)
    return input / np.where(size == 0, 1, size)


def round(input: Array, decimals: int) -> Array:
    return np.rint(input * 10.0**decimals) / 10.0**decimals


def isposinf(input: Array) -> Array:
    return input == np.inf


def isneginf(input: Array) -> Array:
    return input == -np.inf


# ---- special functions ----------------------------------------------------------------------------------


def erf(input: Array) -> Array:
    return _each(math.erf, input)


def erfc(input: Array) -> Array:
    return _each(math.erfc, input)


def erfinv(input: Array) -> Array:
    return _each(lambda y: _inverse(math.erf, y, (-1, 1)), input)


def erfcx(input: Array) -> Array:
    return _each(lambda x: math.exp(x * x) * math.erfc(x), input)


def normal_distribution(input: Array) -> Array:
    """The probability of a standard normal variable below x."""
    return _each(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), input)


def ndtri(input: Array) -> Array:
    return _each(lambda y: _inverse(lambda x: 0.5 * math.erfc(-x / math.sqrt(2)), y, (0, 1)), input)


def lgamma(input: Array) -> Array:
    return _each(math.lgamma, input)


def digamma(input: Array) -> Array:
    """log(x) - 1 / 2x - 1 / 12x^2 for large x, from where psi(x + 1) = psi(x) + 1 / x leads back."""
    far = np.asarray(input, np.float64) + 2000
    steps = sum(1 / (input + k) for k in range(2000))
    return np.log(far) - 1 / (2 * far) - 1 / (12 * far**2) - steps


def bessel(x: Any, order: int) -> Array:
    """The mean of exp(x cos t) cos(order t) over a turn, which is Bessel's modified function I."""
    turn = np.arange(256) * (2 * np.pi / 256)
    return (np.exp(np.multiply.outer(x, np.cos(turn))) * np.cos(order * turn)).mean(-1)


def i0(input: Array) -> Array:
    return bessel(input, 0)


def i1(input: Array) -> Array:
    return bessel(input, 1)


def i0e(input: Array) -> Array:
    return np.exp(-np.abs(input)) * bessel(input, 0)


def i1e(input: Array) -> Array:
    return np.exp(-np.abs(input)) * bessel(input, 1)


def entr(input: Array) -> Array:
    return np.where(input > 0, -input * np.log(input), np.where(input == 0, 0, -np.inf))


def xlog1py(input: Any, other: Any) -> Array:
    return np.where(np.asarray(input) == 0, np.where(np.isnan(other), np.nan, 0), input * np.log1p(other))


def mvlgamma(input: Array, p: int) -> Array:
    """log of pi^(p (p - 1) / 4) times the product of Gamma(x - i / 2) for i < p."""
    return p * (p - 1) / 4 * np.log(np.pi) + sum(_each(math.lgamma, input - i / 2) for i in range(p))


# ---- activations ----------------------------------------------------------------------------------------


def sigmoid(input: Array) -> Array:
    return 1 / (1 + np.exp(-np.asarray(input, np.float64)))


def elu(input: Array, alpha: float) -> Array:
    return np.where(input > 0, input, alpha * (np.exp(input) - 1))


def selu(input: Array) -> Array:
    """elu with the constants that keep mean 0 and variance 1 (Klambauer et al. 2017, equation 14)."""
    a, b, e = math.erfc(math.sqrt(0.5)), math.erfc(math.sqrt(2)), math.e
    alpha = -math.sqrt(2 / math.pi) / (a * math.sqrt(e) - 1)
    spread = 2 * b * e**2 + math.pi * a**2 * e - 2 * (2 + math.pi) * a * math.sqrt(e) + math.pi + 2
    return (1 - a * math.sqrt(e)) * math.sqrt(2 * math.pi / spread) * elu(input, alpha)


def gelu(input: Array, approximate: str) -> Array:
    if approximate == "none":
        return input * normal_distribution(input)
    return input * sigmoid(2 * np.sqrt(2 / np.pi) * (input + 0.044715 * input**3))  # (1 + tanh(x)) / 2


def mish(input: Array) -> Array:
    return input * np.tanh(np.log(1 + np.exp(input)))


def softplus(input: Array, beta: float, threshold: float) -> Array:
    return np.where(beta * input > threshold, input, np.log(1 + np.exp(beta * input)) / beta)


def softshrink(input: Array, lambd: float) -> Array:
    return np.where(input > lambd, input - lambd, np.where(input < -lambd, input + lambd, 0))


def hardsigmoid(input: Array) -> Array:
    return np.where(input <= -3, 0, np.where(input >= 3, 1, input / 6 + 0.5))


def prelu(input: Array, weight: Array) -> Array:
    """One weight, or one for each channel in dimension 1."""
    if weight.size > 1:
        weight = weight.reshape(-1, *[1] * (input.ndim - 2))
    return np.maximum(input, 0) + weight.reshape(weight.shape if weight.size > 1 else ()) * np.minimum(
        input, 0
    )


def glu(input: Array, dim: int) -> Array:
    first, second = np.split(input, 2, dim)
    return first * sigmoid(second)
