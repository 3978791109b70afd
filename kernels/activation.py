"""Activation functions: scalar functions for the pointwise kernel, as in `elementwise.py`."""

from __future__ import annotations

import sys
from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import dtype as DType
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.pointwise_cases import scalar_cases

SQRT_HALF: tl.constexpr = tl.constexpr(0.7071067811865476)
INVERSE_SQRT_2PI: tl.constexpr = tl.constexpr(0.3989422804014327)
SQRT_2_OVER_PI: tl.constexpr = tl.constexpr(0.7978845608028654)


@triton.jit
def relu(x):
    return tl.where(x <= 0, 0, x)


@triton.jit
def relu6(x):
    return tl.where(x <= 0, 0, tl.where(x >= 6, 6, x))


@triton.jit
def leaky_relu(x, negative_slope):
    return tl.where(x > 0.0, x, x * negative_slope)


@triton.jit
def prelu(x, weight):
    return tl.where(x > 0.0, x, x * weight)


@triton.jit
def elu(x, alpha):
    return tl.where(x > 0.0, x, alpha * _math.expm1(x))


@triton.jit
def selu(x):
    return 1.0507009873554805 * tl.where(x > 0.0, x, 1.6732632423543772 * _math.expm1(x))


@triton.jit
def celu(x, alpha):
    return tl.where(x > 0.0, x, alpha * _math.expm1(x / alpha))


@triton.jit
def gelu_erf(x):
    return 0.5 * x * (1.0 + tl.erf(x * SQRT_HALF))


@triton.jit
def gelu_tanh(x):
    return 0.5 * x * (1.0 + _math.tanh((x + 0.044715 * x * x * x) * SQRT_2_OVER_PI))


@triton.jit
def silu(x):
    return x / (1.0 + _math.exp(-x))


@triton.jit
def mish(x):
    """x tanh(log(1 + e**x)), written with n = e**x (e**x + 2) so that only one exponential is needed."""
    e = _math.exp(tl.minimum(x, 20.0, propagate_nan=tl.PropagateNan.ALL))
    n = e * (e + 2.0)
    return tl.where(x > 20.0, x, x * (n / (n + 2.0)))


@triton.jit
def softplus(x, beta, threshold):
    scaled = x * beta
    return tl.where(scaled > threshold, x, _math.log1p(_math.exp(scaled)) / beta)


@triton.jit
def softsign(x):
    return x / (1.0 + tl.abs(x))


@triton.jit
def tanhshrink(x):
    return x - _math.tanh(x)


@triton.jit
def logsigmoid(x):
    return tl.where(x < 0.0, x, 0.0) - _math.log1p(_math.exp(-tl.abs(x)))


@triton.jit
def hardtanh(x, min_val, max_val):
    return _math.minimum(_math.maximum(x, min_val), max_val)


@triton.jit
def hardsigmoid(x):
    return _math.minimum(_math.maximum(x + 3.0, 0.0), 6.0) / 6.0


@triton.jit
def hardswish(x):
    return x * _math.minimum(_math.maximum(x + 3.0, 0.0), 6.0) / 6.0


@triton.jit
def hardshrink(x, lambd):
    return tl.where((x >= -lambd) & (x <= lambd), 0.0, x)


@triton.jit
def softshrink(x, lambd):
    return tl.where(x > lambd, x - lambd, tl.where(x < -lambd, x + lambd, x * 0.0))


@triton.jit
def threshold(x, threshold, value):
    return tl.where(x <= threshold, value, x)


# ---- gradients: `grad` times the derivative at x


@triton.jit
def threshold_backward(grad, x, threshold):
    return tl.where(x <= threshold, 0.0, grad)


@triton.jit
def hardtanh_backward(grad, x, min_val, max_val):
    return tl.where((x <= min_val) | (x >= max_val), 0.0, grad)


@triton.jit
def leaky_relu_backward(grad, x, negative_slope):
    return tl.where(x > 0.0, grad, grad * negative_slope)


@triton.jit
def elu_backward(grad, x, alpha, scale, input_scale):
    return grad * tl.where(x > 0.0, scale, _math.exp(x * input_scale) * (alpha * scale * input_scale))


@triton.jit
def _gelu_erf_backward(grad, x):
    cdf = 0.5 * (1.0 + tl.erf(x * SQRT_HALF))
    return grad * (cdf + x * _math.exp(-0.5 * x * x) * INVERSE_SQRT_2PI)


@triton.jit
def _gelu_tanh_backward(grad, x):
    t = _math.tanh((x + 0.044715 * x * x * x) * SQRT_2_OVER_PI)
    inner = (1.0 + 3.0 * 0.044715 * x * x) * SQRT_2_OVER_PI
    return grad * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)


@triton.jit
def silu_backward(grad, x):
    s = _math.sigmoid(x)
    return grad * (s * (1.0 + x * (1.0 - s)))


@triton.jit
def mish_backward(grad, x):
    e = _math.exp(_math.minimum(x, 20.0))
    n = e * (e + 2.0)
    t = tl.where(x > 20.0, 1.0, n / (n + 2.0))
    return grad * (t + x * (1.0 - t * t) * _math.sigmoid(x))


@triton.jit
def softplus_backward(grad, x, beta, threshold):
    scaled = x * beta
    return tl.where(scaled > threshold, grad, grad * _math.sigmoid(scaled))


@triton.jit
def logsigmoid_backward(grad, x):
    return grad * _math.sigmoid(-x)


@triton.jit
def hardsigmoid_backward(grad, x):
    return tl.where((x > -3.0) & (x < 3.0), grad / 6.0, 0.0)


@triton.jit
def hardswish_backward(grad, x):
    return tl.where(x < -3.0, 0.0, tl.where(x < 3.0, grad * (x / 3.0 + 0.5), grad))


# ---- where an argument chooses


_gelu = {"none": pointwise(gelu_erf), "tanh": pointwise(gelu_tanh)}
_gelu_backward = {"none": pointwise(_gelu_erf_backward), "tanh": pointwise(_gelu_tanh_backward)}


def gelu(out: Buffer, x: Any, approximate: str, compute: DType) -> None:
    """x times the standard normal distribution function of x, or its approximation by tanh."""
    _gelu[approximate](out, x, compute=compute)


def gelu_backward(out: Buffer, grad: Any, x: Any, approximate: str, compute: DType) -> None:
    """The gradient of `gelu` at x."""
    _gelu_backward[approximate](out, grad, x, compute=compute)


def COMPILE() -> list[Case]:
    """Every scalar function once; the walks are checked in `device/pointwise.py`."""
    return scalar_cases(sys.modules[__name__])
