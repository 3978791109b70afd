"""Fused gradients of the activation functions; each has a derivative of its own, for second derivatives."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.ops._table import FLOATING, Sample, pointwise
from tritonnn.ops.creation.creation import zeros_like
from tritonnn.ops.elementwise import comparison as cp
from tritonnn.ops.elementwise import elementwise as ew
from tritonnn.table import Make
from tritonnn.table.types import Number

_C = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gradient(*options: Any, grad: dict[str, Callable]) -> Callable[[Callable], Callable[..., Any]]:
    """An entry for `grad * slope(input)`, with samples for each set of further arguments."""

    def samples(make: Make) -> list[Sample]:
        pair = make(3, 5), make(3, 5, low=-4, high=4)
        return [Sample(*pair, *option) for option in options or ((),)]

    return pointwise(api="", inplace=False, dtypes=FLOATING, samples=samples, grad=grad)


def _none(g: Tensor) -> Tensor:
    """Of a slope that is constant in pieces: 0, and not the lack of a gradient."""
    return zeros_like(g)


@_gradient(
    (0.5,),
    grad={"grad": lambda g, input, threshold: threshold_backward(g, input, threshold), "input": _none},
)
def threshold_backward(grad: Tensor, input: Tensor, threshold: Number) -> Any:
    """grad where input > threshold, else 0."""


@_gradient(
    (-1.0, 1.0),
    grad={
        "grad": lambda g, input, min_val, max_val: hardtanh_backward(g, input, min_val, max_val),
        "input": _none,
    },
)
def hardtanh_backward(grad: Tensor, input: Tensor, min_val: Number, max_val: Number) -> Any:
    """0 where input <= min_val or input >= max_val, else grad, at NaN too."""


@_gradient(
    (0.1,),
    grad={
        "grad": lambda g, input, negative_slope: leaky_relu_backward(g, input, negative_slope),
        "input": _none,
    },
)
def leaky_relu_backward(grad: Tensor, input: Tensor, negative_slope: Number) -> Any:
    """grad where input > 0, else negative_slope * grad."""


def _elu_curvature(
    g: Tensor, grad: Tensor, input: Tensor, alpha: Number, scale: float, input_scale: float
) -> Tensor:
    curve = ew.exp(input * input_scale) * (alpha * scale * input_scale * input_scale)
    return g * grad * ew.choose(cp.lt(input, 0), curve, 0.0)


@_gradient(
    (1.5, 1.0, 1.0), (1.0, 2.0, 0.5),
    grad={
        "grad": lambda g, input, alpha, scale, input_scale: elu_backward(g, input, alpha, scale, input_scale),
        "input": _elu_curvature,
    },
)  # fmt: skip
def elu_backward(grad: Tensor, input: Tensor, alpha: Number, scale: float, input_scale: float) -> Any:
    """alpha * scale * input_scale * exp(input_scale * input) * grad where input <= 0, else scale * grad."""


def _gelu_curvature(g: Tensor, grad: Tensor, input: Tensor, approximate: str) -> Tensor:
    square = input * input
    if approximate == "none":
        return g * grad * (ew.exp(square * -0.5) * (2 - square) / math.sqrt(2 * math.pi))
    t = ew.tanh((square * _CUBIC + 1) * input * _C)
    first = (square * (3 * _CUBIC) + 1) * _C
    bend = input * (input * (6 * _C * _CUBIC) - t * first * first * 2) * 0.5
    return g * grad * (1 - t * t) * (first + bend)


@_gradient(
    ("none",), ("tanh",),
    grad={
        "grad": lambda g, input, approximate: gelu_backward(g, input, approximate),
        "input": _gelu_curvature,
    },
)  # fmt: skip
def gelu_backward(grad: Tensor, input: Tensor, approximate: str) -> Any:
    """grad times the slope of gelu."""


def _silu_curvature(g: Tensor, grad: Tensor, input: Tensor) -> Tensor:
    s = ew.sigmoid(input)
    return g * grad * (s * (1 - s) * (2 + input * (1 - 2 * s)))


@_gradient(grad={"grad": lambda g, input: silu_backward(g, input), "input": _silu_curvature})
def silu_backward(grad: Tensor, input: Tensor) -> Any:
    """grad times the slope of silu."""


def _mish_curvature(g: Tensor, grad: Tensor, input: Tensor) -> Tensor:
    s = ew.sigmoid(input)
    t = ew.tanh(ew.log1p(ew.exp(-ew.abs(input))) + cp.clamp(input, 0))
    first = (1 - t * t) * s
    second = (1 - t * t) * (s * (1 - s) - 2 * t * s * s)
    return g * grad * (2 * first + input * second)


@_gradient(grad={"grad": lambda g, input: mish_backward(g, input), "input": _mish_curvature})
def mish_backward(grad: Tensor, input: Tensor) -> Any:
    """grad times the slope of mish."""


def _softplus_curvature(g: Tensor, grad: Tensor, input: Tensor, beta: Number, threshold: Number) -> Tensor:
    s = ew.sigmoid(input * beta)
    return g * grad * ew.replaced(s * (1 - s) * beta, cp.gt(input * beta, threshold))


@_gradient(
    (1.0, 20.0), (2.0, 3.0),
    grad={
        "grad": lambda g, input, beta, threshold: softplus_backward(g, input, beta, threshold),
        "input": _softplus_curvature,
    },
)  # fmt: skip
def softplus_backward(grad: Tensor, input: Tensor, beta: Number, threshold: Number) -> Any:
    """grad * sigmoid(beta * input); grad itself where beta * input > threshold."""


@_gradient(
    grad={
        "grad": lambda g, input: logsigmoid_backward(g, input),
        "input": lambda g, grad, input: -g * ew.sigmoid_backward(grad, ew.sigmoid(input)),
    }
)
def logsigmoid_backward(grad: Tensor, input: Tensor) -> Any:
    """grad * sigmoid(-input)."""


@_gradient(grad={"grad": lambda g, input: hardsigmoid_backward(g, input), "input": _none})
def hardsigmoid_backward(grad: Tensor, input: Tensor) -> Any:
    """grad / 6 where -3 < input < 3, else 0."""


def _hardswish_curvature(g: Tensor, grad: Tensor, input: Tensor) -> Tensor:
    return hardtanh_backward(g * grad, input, -3.0, 3.0) / 3


@_gradient(grad={"grad": lambda g, input: hardswish_backward(g, input), "input": _hardswish_curvature})
def hardswish_backward(grad: Tensor, input: Tensor) -> Any:
    """grad times the slope of hardswish: 0 up to -3, 1 from 3 on, input / 3 + 1/2 between."""
