"""Linear layers: Identity, Linear, Bilinear, LazyLinear."""

from __future__ import annotations

import math
from typing import Any

from tritonnn._parameter import Parameter, UninitializedParameter, is_lazy
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.nn import functional as F
from tritonnn.nn import init
from tritonnn.nn.module import Module
from tritonnn.nn.modules.lazy import LazyExtent
from tritonnn.ops.creation.creation import empty

__all__ = ["Identity", "Linear", "Bilinear", "LazyLinear"]


class Identity(Module):
    """Returns its input. Constructor arguments are there to take another layer's place, and have no meaning.

    >>> import tritonnn as torch
    >>> torch.nn.Identity(54, unused=0.1)(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


class Linear(Module):
    """y = x·Wᵀ + b over the last dimension.

    Args:
        in_features: extent of the last dimension of the input.
        out_features: extent of the last dimension of the output.
        bias: whether there is a b.
        device, dtype: of the parameters.

    Shapes: input (*, in_features), output (*, out_features), weight (out_features, in_features). Weight and
        bias
    start uniform in ±1/√in_features.

    >>> import tritonnn as torch
    >>> torch.nn.Linear(20, 30)(torch.ones(128, 20)).shape
    torch.Size([128, 30])
    """

    in_features: int
    out_features: int
    weight: Tensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(empty((out_features, in_features), device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        # With a = √5 the bound of kaiming_uniform is 1/√in_features.
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        # Attribute access finds parameters only after a failed lookup, which costs as much as a small op.
        params: dict[str, Any] = self._parameters
        if "weight" in params and "bias" in params:
            return F.linear(input, params["weight"], params["bias"])
        return F.linear(input, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"
        )


class NonDynamicallyQuantizableLinear(Linear):
    """The output projection of MultiheadAttention; a Linear under the name that checkpoints and tools look
    for.
    """


class Bilinear(Module):
    """y_k = x1ᵀ·A_k·x2 + b_k.

    Args:
        in1_features, in2_features: extents of the inputs' last dimensions, at least 1.
        out_features: number of matrices A_k.
        bias: whether there is a b.

    Shapes: inputs (*, in1_features) and (*, in2_features), output (*, out_features), weight (out_features,
    in1_features, in2_features). Both parameters start uniform in ±1/√in1_features.

    >>> import tritonnn as torch
    >>> torch.nn.Bilinear(2, 3, 4)(torch.ones(5, 2), torch.ones(5, 3)).shape
    torch.Size([5, 4])
    """

    weight: Tensor

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(empty(shape, device=device, dtype=dtype))
        self.register_parameter(
            "bias", Parameter(empty(out_features, device=device, dtype=dtype)) if bias else None
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        return F.bilinear(input1, input2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class LazyLinear(LazyExtent, Linear):
    """A Linear that learns `in_features` from its first input.

    >>> import tritonnn as torch
    >>> layer = torch.nn.LazyLinear(3)
    >>> layer(torch.ones(2, 5)).shape, layer
    (torch.Size([2, 3]), Linear(in_features=5, out_features=3, bias=True))
    """

    cls_to_become = Linear
    _extent = "in_features"

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(0, 0, False)
        self.out_features = out_features
        self.weight = UninitializedParameter(device=device, dtype=dtype)
        if bias:
            self.bias = UninitializedParameter(device=device, dtype=dtype)

    def _learn(self, input: Tensor) -> int:
        in_features = input.shape[-1]
        if not is_lazy(self.weight) and in_features != self.weight.shape[-1]:  # loaded
            raise AssertionError(
                f"The in_features inferred from input: {in_features} is not equal to in_features "
                f"from self.weight: {self.weight.shape[-1]}"
            )
        return in_features

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {"weight": (self.out_features, self.in_features), "bias": (self.out_features,)}
