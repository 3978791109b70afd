"""Activation functions: scalar functions for the pointwise kernel, as in `elementwise.py`."""

from __future__ import annotations

import sys
from typing import Any

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import dtype as DType
from tritonnn.kernels import short_functions
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.pointwise_cases import scalar_cases

SQRT_HALF: tl.constexpr = tl.constexpr(0.7071067811865476)
INVERSE_SQRT_2PI: tl.constexpr = tl.constexpr(0.3989422804014327)
SQRT_2_OVER_PI: tl.constexpr = tl.constexpr(0.7978845608028654)


@triton.jit
def relu(x):
    """max(x, 0)."""
    # a comparison with NaN is false, so NaN comes through, which a maximum would drop
    return tl.where(x <= 0, 0, x)


@triton.jit
def relu6(x):
    """x within [0, 6]."""
    return tl.where(x <= 0, 0, tl.where(x >= 6, 6, x))


@triton.jit
def leaky_relu(x, negative_slope):
    """x above 0, x * negative_slope below."""
    return tl.where(x > 0.0, x, x * negative_slope)


@triton.jit
def prelu(x, weight):
    return tl.where(x > 0.0, x, x * weight)


@triton.jit
def elu(x, alpha):
    """x above 0, alpha (e**x - 1) below."""
    # expm1: e**x - 1 would cancel for x just below 0
    return tl.where(x > 0.0, x, alpha * _math.expm1(x))


@triton.jit
def selu(x):
    """scale * elu(x, alpha), with the scale and alpha that keep a mean of 0 and a variance of 1."""
    # the fixed points of mean and variance (Klambauer et al., 2017)
    return 1.0507009873554805 * tl.where(x > 0.0, x, 1.6732632423543772 * _math.expm1(x))


@triton.jit
def celu(x, alpha):
    """x above 0, alpha (e**(x / alpha) - 1) below."""
    return tl.where(x > 0.0, x, alpha * _math.expm1(x / alpha))


@triton.jit
def gelu_erf(x):
    """x times the normal distribution function of x: x (1 + erf(x / sqrt(2))) / 2."""
    return 0.5 * x * (1.0 + tl.erf(x * SQRT_HALF))


@triton.jit
def gelu_tanh(x):
    """x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x**3))) / 2."""
    return 0.5 * x * (1.0 + _math.tanh((x + 0.044715 * x * x * x) * SQRT_2_OVER_PI))


@triton.jit
def silu(x):
    """x sigmoid(x)."""
    # an infinite exponential is the right limit: x / inf is 0
    return x / (1.0 + _math.exp(-x))


@triton.jit
def mish(x):
    """x tanh(log(1 + e**x)), written with n = e**x (e**x + 2) so that only one exponential is needed."""
    # beyond 20 the factor of x is 1 even in float64, and beyond 44 the square of e**x overflows float32
    e = _math.exp(tl.minimum(x, 20.0, propagate_nan=tl.PropagateNan.ALL))
    n = e * (e + 2.0)
    return tl.where(x > 20.0, x, x * (n / (n + 2.0)))


@triton.jit
def softplus(x, beta, threshold):
    """log(1 + e**(beta x)) / beta; x itself where beta x is above the threshold."""
    scaled = x * beta
    # the line above the threshold is also where exp may overflow: `where` does not take that side
    return tl.where(scaled > threshold, x, _math.log1p(_math.exp(scaled)) / beta)


@triton.jit
def softsign(x):
    """x / (1 + |x|)."""
    return x / (1.0 + tl.abs(x))


@triton.jit
def tanhshrink(x):
    return x - _math.tanh(x)


@triton.jit
def logsigmoid(x):
    """log(1 / (1 + e**-x))."""
    # min(x, 0) - log(1 + e**-|x|): exp sees nothing positive and cannot overflow
    return tl.where(x < 0.0, x, 0.0) - _math.log1p(_math.exp(-tl.abs(x)))


@triton.jit
def hardtanh(x, min_val, max_val):
    return _math.minimum(_math.maximum(x, min_val), max_val)


@triton.jit
def hardsigmoid(x):
    """(x + 3) / 6 within [0, 1]."""
    return _math.minimum(_math.maximum(x + 3.0, 0.0), 6.0) / 6.0


@triton.jit
def hardswish(x):
    """x hardsigmoid(x)."""
    return x * _math.minimum(_math.maximum(x + 3.0, 0.0), 6.0) / 6.0


@triton.jit
def hardshrink(x, lambd):
    """0 within [-lambd, lambd], x outside."""
    return tl.where((x >= -lambd) & (x <= lambd), 0.0, x)


@triton.jit
def softshrink(x, lambd):
    """0 within [-lambd, lambd], outside x less the nearer bound."""
    # x * 0.0, not 0.0: NaN stays NaN
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
    # of the comparisons that are false for NaN, which passes the gradient on
    return tl.where((x <= min_val) | (x >= max_val), 0.0, grad)


@triton.jit
def leaky_relu_backward(grad, x, negative_slope):
    return tl.where(x > 0.0, grad, grad * negative_slope)


@triton.jit
def elu_backward(grad, x, alpha, scale, input_scale):
    # the derivative of scale (x if x > 0 else alpha (e**(input_scale x) - 1)): elu, selu or celu
    return grad * tl.where(x <= 0.0, _math.exp(x * input_scale) * (alpha * scale * input_scale), scale)


@triton.jit
def _gelu_erf_backward(grad, x):
    """grad (cdf(x) + x pdf(x)), of the normal distribution."""
    cdf = 0.5 * (1.0 + tl.erf(x * SQRT_HALF))
    # the product rule: the distribution function and x times its derivative, the density
    return grad * (cdf + x * _math.exp(-0.5 * x * x) * INVERSE_SQRT_2PI)


@triton.jit
def _gelu_tanh_backward(grad, x):
    """grad ((1 + t) / 2 + x (1 - t**2) u' / 2), with t = tanh(u) as in `gelu_tanh`."""
    t = _math.tanh((x + 0.044715 * x * x * x) * SQRT_2_OVER_PI)
    inner = (1.0 + 3.0 * 0.044715 * x * x) * SQRT_2_OVER_PI
    # 1 - t^2 is tanh's derivative, `inner` that of its argument
    return grad * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)


@triton.jit
def silu_backward(grad, x):
    """grad s (1 + x (1 - s)), with s = sigmoid(x)."""
    s = _math.sigmoid(x)
    return grad * (s * (1.0 + x * (1.0 - s)))


@triton.jit
def mish_backward(grad, x):
    """grad (t + x (1 - t**2) sigmoid(x)), with t = tanh(log(1 + e**x))."""
    e = _math.exp(_math.minimum(x, 20.0))
    n = e * (e + 2.0)
    # as in `mish`: t = tanh(log(1 + e**x)), whose argument's derivative is sigmoid(x)
    t = tl.where(x > 20.0, 1.0, n / (n + 2.0))
    return grad * (t + x * (1.0 - t * t) * _math.sigmoid(x))


@triton.jit
def softplus_backward(grad, x, beta, threshold):
    """grad sigmoid(beta x); grad itself above the threshold."""
    scaled = x * beta
    return tl.where(scaled > threshold, grad, grad * _math.sigmoid(scaled))


@triton.jit
def logsigmoid_backward(grad, x):
    """grad (1 - sigmoid(x)), which is sigmoid(-x)."""
    return grad * _math.sigmoid(-x)


@triton.jit
def hardsigmoid_backward(grad, x):
    return tl.where((x > -3.0) & (x < 3.0), grad / 6.0, 0.0)


@triton.jit
def hardswish_backward(grad, x):
    return tl.where(x <= -3.0, 0.0, tl.where(x < 3.0, grad * (x / 3.0 + 0.5), grad))


# ---- where an argument chooses


_gelu = {
    "none": pointwise(gelu_erf, short=short_functions.gelu_erf),
    "tanh": pointwise(gelu_tanh, short=short_functions.gelu_tanh),
}
_gelu_backward = {
    "none": pointwise(_gelu_erf_backward, short=short_functions.gelu_erf_backward),
    "tanh": pointwise(_gelu_tanh_backward, short=short_functions.gelu_tanh_backward),
}


def gelu(out: Buffer, x: Any, approximate: str, compute: DType) -> None:
    """x times the standard normal distribution function of x, or its approximation by tanh."""
    _gelu[approximate](out, x, compute=compute)


def gelu_backward(out: Buffer, grad: Any, x: Any, approximate: str, compute: DType) -> None:
    """The gradient of `gelu` at x."""
    _gelu_backward[approximate](out, grad, x, compute=compute)


def COMPILE() -> list[Case]:
    """Every scalar function once; the walks are checked in `device/pointwise.py`."""
    return scalar_cases(sys.modules[__name__])
