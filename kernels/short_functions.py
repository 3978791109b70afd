"""Scalar functions for results of 16 bits, under the names of the ops; others are in `elementwise.py`, `activation.py`.

They compute in float32, as those do, with the two instructions that the special-function unit has for them, 2**x
and 1 / sqrt(x), and polynomials as long as 16 bits need. Before it is rounded, a result is off by less than a
quarter of a unit in its last place; `tests/kernels/test_short_functions.py` tries all inputs there are.
The exponential of a result below 2**-126 is no float32 that the unit makes: factors bring it there.

GELU and erf rest on the tail of the normal distribution, q(a) = 1 - cdf(a) for a >= 0, as

    q(a) = exp(-a**2 / 2) P(1 / (1 + p a))

whose relative error stays the same however far out a is (the form of Hastings's approximations, 1955, with
coefficients fitted to the relative error on [0, 14]).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.pointwise_cases import case

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)
SQRT_2: tl.constexpr = tl.constexpr(1.4142135623730951)
SQRT_2_OVER_PI: tl.constexpr = tl.constexpr(0.7978845608028654)
INVERSE_SQRT_2PI: tl.constexpr = tl.constexpr(0.3989422804014327)


@triton.jit
def exp(x):
    """e**x as a square, which reaches all that 16 bits hold."""
    root = tl.exp2(x * (0.5 * LOG2E))
    return root * root


@triton.jit
def _root_of_sigmoid(x):
    """sqrt(1 / (1 + e**-x)): its square reaches what 16 bits hold. e**(x / 2) / sqrt(1 + e**x), 1 from 30 on."""
    root = tl.exp2(tl.minimum(x, 30.0, propagate_nan=tl.PropagateNan.ALL) * (0.5 * LOG2E))
    return root * tl.rsqrt(1.0 + root * root)


@triton.jit
def sigmoid(x):
    """1 / (1 + e**-x)."""
    root = _root_of_sigmoid(x)
    return root * root


@triton.jit
def tanh(x):
    """1 - 2 / (e**2x + 1), and near 0, where that cancels, x - x**3 / 3."""
    root = tl.rsqrt(1.0 + tl.exp2(x * (2.0 * LOG2E)))
    far = 1.0 - 2.0 * root * root
    near = x - x * (x * x) * 0.3333333333333333
    return tl.where(tl.abs(x) < 0.125, near, far)


@triton.jit
def silu(x):
    """x sigmoid(x)."""
    root = _root_of_sigmoid(x)
    return (x * root) * root


@triton.jit
def silu_backward(grad, x):
    """grad s (1 + x (1 - s)), with s = sigmoid(x)."""
    s = sigmoid(x)
    return grad * (s + x * (s - s * s))


@triton.jit
def gelu_tanh(x):
    """x (1 + tanh(u)) / 2 = x sigmoid(2 u), with u = sqrt(2 / pi) (x + 0.044715 x**3)."""
    root = _root_of_sigmoid(x * (2.0 * SQRT_2_OVER_PI + (2.0 * 0.044715 * SQRT_2_OVER_PI) * (x * x)))
    return (x * root) * root


@triton.jit
def gelu_tanh_backward(grad, x):
    """grad (s + x s (1 - s) 2 u'), with s = sigmoid(2 u) and u as in `gelu_tanh`."""
    square = x * x
    s = sigmoid(x * (2.0 * SQRT_2_OVER_PI + (2.0 * 0.044715 * SQRT_2_OVER_PI) * square))
    inner = 2.0 * SQRT_2_OVER_PI + (6.0 * 0.044715 * SQRT_2_OVER_PI) * square
    return grad * (s + x * (s - s * s) * inner)


@triton.jit
def _tail(a, square):
    """q(a) for a >= 0 from a and a**2: off by 3.5e-5 of it."""
    root = tl.rsqrt(1.0 + 0.38 * a)
    t = root * root
    p = (-5.360150136e-09 * t + 1.125792048e-08) * t + 5.482416830e-09
    p = ((p * t + 9.407369708e-09) * t + 9.013720765e-09) * t
    # 2**24 here and 2**-24 in the coefficients: the exponential itself would be lost from 2**-126 on
    return p * tl.exp2(24.0 - square * (0.5 * LOG2E))


@triton.jit
def gelu_erf(x):
    """x times the normal distribution function of x."""
    q = _tail(tl.abs(x), x * x)
    return x * tl.where(x > 0.0, 1.0 - q, q)


@triton.jit
def gelu_erf_backward(grad, x):
    """grad (cdf(x) + x pdf(x)), of the normal distribution; here the tail is off by 9e-7 of it."""
    root = tl.rsqrt(1.0 + 0.36 * tl.abs(x))
    t = root * root
    p = ((0.047055916 * t - 0.17976347) * t + 0.18095244) * t + 0.026550315
    p = (((p * t + 0.13971895) * t + 0.14177250) * t + 0.14371304) * t
    density = tl.exp2(x * x * (-0.5 * LOG2E))
    q = p * density
    return grad * (tl.where(x > 0.0, 1.0 - q, q) + x * (density * INVERSE_SQRT_2PI))


@triton.jit
def erf(x):
    """1 - 2 q(sqrt(2) x), and near 0, where that cancels, its series."""
    square = x * x
    a = tl.abs(x)
    tail = _tail(a * SQRT_2, 2.0 * square)
    far = tl.where(x > 0.0, 1.0 - 2.0 * tail, 2.0 * tail - 1.0)
    near = x * (1.1283791671 + square * (-0.3761263890 + square * 0.1128379167))
    return tl.where(a < 0.25, near, far)


def COMPILE() -> list[Case]:
    """Every function, on both types."""
    functions = (
        exp,
        sigmoid,
        tanh,
        silu,
        silu_backward,
        gelu_tanh,
        gelu_tanh_backward,
        gelu_erf,
        gelu_erf_backward,
        erf,
    )
    return [case(function, kind, wide="both") for function in functions for kind in ("bf16", "fp16")]
