"""Activation functions and their gradients, in blocks that stay in the cache.

Later steps mostly write over the first one's result (`*=`, `out=`): fresh memory costs as much as the arithmetic.
"""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.common import special as _special
from tritonnn.cpu_fallback.common.pointwise import Array, Operand, blockwise, formula, select

_SQRT_HALF = 0.7071067811865476
_SQRT_2_OVER_PI = 0.7978845608028654
_INVERSE_SQRT_2_PI = 0.3989422804014327
# Fixed points of mean and variance: G. Klambauer et al., arXiv:1706.02515.
_SELU_ALPHA = 1.6732632423543772
_SELU_SCALE = 1.0507009873554805
_CUBIC = 0.044715  # of the tanh form of gelu: D. Hendrycks, K. Gimpel, arXiv:1606.08415


def _exp_neg_abs(x: Array) -> Array:
    """exp(-|x|), which never overflows."""
    result = np.abs(x)
    np.negative(result, out=result)
    return np.exp(result, out=result)


def _sigmoid(x: Array) -> Array:
    # exp may overflow: 1 / inf is the right limit
    result = np.negative(x)
    result = np.exp(result)
    result += 1
    return np.divide(1, result)


# ---- rectifiers ---------------------------------------------------------------------------------------

# The maximum with a number is slow; `np.clip` is not, but takes longer to begin.
_FEW = 1 << 12


def relu(out: Array, input: Array) -> None:
    if out.dtype.char not in "fd" or out.size <= _FEW:
        np.maximum(input, 0, out=out)
    else:
        np.clip(input, 0, np.inf, out=out)


def _threshold_backward(out: Array, grad: Operand, x: Array, threshold: float) -> None:
    select(out, np.less_equal(x, threshold), 0, grad)


def _threshold(out: Array, x: Array, threshold: float, value: float) -> None:
    number = np.asarray(value).astype(out.dtype)  # of unsigned types modulo their range
    select(out, np.less_equal(x, threshold), number[()], x)


def _hardtanh_backward(out: Array, grad: Operand, x: Array, low: float, high: float) -> None:
    # of the comparisons that are false for NaN, which passes the gradient on
    select(out, np.less_equal(x, low) | np.greater_equal(x, high), 0, grad)


def _leaky_relu(out: Array, x: Array, slope: float) -> None:
    # the right branch is the larger one on both sides of 0; a slope of 0 would make NaN of infinities
    if 0 < slope <= 1:
        np.maximum(x, x * slope, out=out)
        return
    select(out, np.greater(x, 0), x, x * slope)


def _leaky_relu_backward(out: Array, grad: Operand, x: Array, slope: float) -> None:
    select(out, np.greater(x, 0), grad, grad * slope)


def _prelu(out: Array, x: Array, weight: Operand) -> None:
    select(out, np.greater(x, 0), x, x * weight)


def _scaled_elu(out: Array, x: Array, alpha: float, scale: float, input_scale: float) -> None:
    # expm1: exp(x) - 1 would cancel for x just below 0
    negative = np.expm1(x * input_scale)
    negative *= alpha * scale
    select(out, np.greater(x, 0), x * scale, negative)


def elu(out: Array, input: Array, alpha: float) -> None:
    blockwise(_scaled_elu, out, input, alpha, 1.0, 1.0)


def selu(out: Array, input: Array) -> None:
    blockwise(_scaled_elu, out, input, _SELU_ALPHA, _SELU_SCALE, 1.0)


def celu(out: Array, input: Array, alpha: float) -> None:
    blockwise(_scaled_elu, out, input, alpha, 1.0, 1.0 / alpha)


def _elu_backward(
    out: Array, grad: Operand, x: Array, alpha: float, scale: float, input_scale: float
) -> None:
    negative = np.exp(x * input_scale)
    negative = negative * (alpha * scale * input_scale) * grad
    select(out, np.less_equal(x, 0), negative, grad * scale)


def _hardshrink(out: Array, x: Array, lambd: float) -> None:
    select(out, np.less_equal(np.abs(x), lambd), 0, x)


def _softshrink(out: Array, x: Array, lambd: float) -> None:
    # within the bounds x - x, beyond them x less the nearer one, and NaN stays NaN
    np.subtract(x, np.clip(x, -lambd, lambd), out=out)


threshold = formula(_threshold)
threshold_backward = formula(_threshold_backward)
hardtanh_backward = formula(_hardtanh_backward)
leaky_relu = formula(_leaky_relu)
leaky_relu_backward = formula(_leaky_relu_backward)
prelu = formula(_prelu)
elu_backward = formula(_elu_backward)
hardshrink = formula(_hardshrink)
softshrink = formula(_softshrink)


# ---- piecewise polynomials ----------------------------------------------------------------------------


def hardtanh(out: Array, input: Array, min_val: float, max_val: float) -> None:
    if out.dtype.kind in "iu":
        # bounds that are floats would make the result one
        min_val, max_val = int(min_val), int(max_val)
    blockwise(lambda out, x: np.clip(x, min_val, max_val, out=out), out, input)


def relu6(out: Array, input: Array) -> None:
    hardtanh(out, input, 0, 6)


def _hardsigmoid(out: Array, x: Array) -> None:
    result = np.clip(x + 3, 0, 6)
    np.divide(result, 6, out=out)


def _hardsigmoid_backward(out: Array, grad: Operand, x: Array) -> None:
    select(out, np.greater(x, -3) & np.less(x, 3), grad / 6, 0)


def _hardswish(out: Array, x: Array) -> None:
    gate = np.clip(x + 3, 0, 6)
    gate = gate * x
    np.divide(gate, 6, out=out)


def _hardswish_backward(out: Array, grad: Operand, x: Array) -> None:
    slope = grad * (x / 3 + 0.5)
    slope = np.where(np.less_equal(x, -3), 0, slope)
    select(out, np.less(x, 3), slope, grad)


hardsigmoid = formula(_hardsigmoid)
hardsigmoid_backward = formula(_hardsigmoid_backward)
hardswish = formula(_hardswish)
hardswish_backward = formula(_hardswish_backward)


# ---- smooth -------------------------------------------------------------------------------------------


def _softsign(out: Array, x: Array) -> None:
    np.divide(x, np.abs(x) + 1, out=out)


def _tanhshrink(out: Array, x: Array) -> None:
    np.subtract(x, np.tanh(x), out=out)


softsign = formula(_softsign)
tanhshrink = formula(_tanhshrink)


def _gelu_erf(out: Array, x: Array) -> None:
    y = _normal_cdf(x)
    np.multiply(x, y, out=out)


def _normal_cdf(x: Array) -> Array:
    if x.dtype == np.float32:
        y = _special.erf32(x, scaled=True)
    else:
        y = _special.erf((x * _SQRT_HALF).reshape(-1)).reshape(x.shape)
    y *= 0.5
    y += 0.5
    return y


def _gelu_erf_backward(out: Array, grad: Operand, x: Array) -> None:
    # the product rule: x times the density, and the distribution function
    slope = x * x
    slope *= -0.5
    slope = np.exp(slope)
    slope *= _INVERSE_SQRT_2_PI
    slope *= x
    slope += _normal_cdf(x)
    np.multiply(grad, slope, out=out)


def _gelu_inner(x: Array) -> tuple[Array, Array]:
    """tanh(u) for u = sqrt(2 / pi) (x + 0.044715 x^3), and x^2."""
    square = x * x
    # products, never x**3: NumPy's power of a float array takes hundreds of times as long
    inner = square * (_SQRT_2_OVER_PI * _CUBIC)
    inner += _SQRT_2_OVER_PI
    inner *= x
    return np.tanh(inner), square


def _gelu_tanh(out: Array, x: Array) -> None:
    inner, _ = _gelu_inner(x)
    inner += 1
    inner *= 0.5
    np.multiply(x, inner, out=out)


def _gelu_tanh_backward(out: Array, grad: Operand, x: Array) -> None:
    inner, square = _gelu_inner(x)
    # 0.5 (1 + t + (1 - t^2) x u'), with t = tanh(u)
    square *= 3 * _CUBIC * _SQRT_2_OVER_PI
    square += _SQRT_2_OVER_PI
    square *= x
    slope = inner * inner
    np.subtract(1, slope, out=slope)
    slope *= square
    slope += inner
    slope += 1
    slope *= 0.5
    np.multiply(grad, slope, out=out)


def gelu(out: Array, input: Array, approximate: str) -> None:
    blockwise(_gelu_tanh if approximate == "tanh" else _gelu_erf, out, input)


def gelu_backward(out: Array, grad: Operand, input: Array, approximate: str) -> None:
    blockwise(_gelu_tanh_backward if approximate == "tanh" else _gelu_erf_backward, out, grad, input)


def _silu(out: Array, x: Array) -> None:
    # in an array of its own: `out` may be x, which is read once more
    y = np.exp(-x)
    y = y + 1
    np.divide(x, y, out=out)


def _silu_backward(out: Array, grad: Operand, x: Array) -> None:
    gate = _sigmoid(x)
    slope = 1 - gate
    slope *= x
    slope += 1
    slope *= gate
    np.multiply(grad, slope, out=out)


def _softplus_one(x: Array) -> Array:
    """log(1 + exp(x)) without overflow."""
    # max(x, 0) + log(1 + exp(-|x|))
    result = np.log1p(_exp_neg_abs(x))
    return result + np.maximum(x, 0)


def _softplus(out: Array, x: Array, beta: float, threshold: float) -> None:
    scaled = x * beta
    select(out, np.greater(scaled, threshold), x, _softplus_one(scaled) / beta)


def _softplus_backward(out: Array, grad: Operand, x: Array, beta: float, threshold: float) -> None:
    scaled = x * beta
    select(out, np.greater(scaled, threshold), grad, grad * _sigmoid(scaled))


def _mish(out: Array, x: Array) -> None:
    np.multiply(x, np.tanh(_softplus_one(x)), out=out)


def _mish_backward(out: Array, grad: Operand, x: Array) -> None:
    inner = np.tanh(_softplus_one(x))
    # t + x (1 - t^2) sigmoid(x), with t = tanh(softplus(x)), whose argument's derivative is sigmoid
    slope = 1 - inner * inner
    slope *= _sigmoid(x)
    slope *= x
    slope += inner
    np.multiply(grad, slope, out=out)


def _logsigmoid(out: Array, x: Array) -> None:
    np.subtract(np.minimum(x, 0), np.log1p(_exp_neg_abs(x)), out=out)


def _logsigmoid_backward(out: Array, grad: Operand, x: Array) -> None:
    np.multiply(grad, _sigmoid(-x), out=out)


silu = formula(_silu)
silu_backward = formula(_silu_backward)
softplus = formula(_softplus)
softplus_backward = formula(_softplus_backward)
mish = formula(_mish)
mish_backward = formula(_mish_backward)
logsigmoid = formula(_logsigmoid)
logsigmoid_backward = formula(_logsigmoid_backward)
