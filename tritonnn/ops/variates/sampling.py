"""Gamma and binomial variates of the parameters that tensors hold, at a place of a stream."""

from __future__ import annotations

from typing import Any

from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.ops._table import FLOATING, Out, primitive
from tritonnn.ops.variates.implicit import standard_gamma_grad
from tritonnn.shape import Size


@primitive(
    dtypes=FLOATING,
    grad={
        "concentration": lambda g, concentration, result, log: (
            g * standard_gamma_grad(concentration, result.exp() if log else result) * (-result).exp()
            if log
            else g * standard_gamma_grad(concentration, result)
        )
    },
)
def philox_gamma(concentration: Tensor, log: bool, seed: int, offset: int) -> Any:
    """Gamma variates of rate 1, or their logarithms."""
    return Out(concentration.shape, concentration.dtype)


@primitive(dtypes=FLOATING)
def philox_binomial(count: Tensor, prob: Tensor, seed: int, offset: int) -> Any:
    """Numbers of successes."""
    return Out(Size(shapes.broadcast_shapes(count.shape, prob.shape)), count.dtype)
