"""Normalisation within a sample: layer, RMS, group, and local response normalisation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tritonnn._parameter import Parameter
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import explained
from tritonnn.nn import functional as F
from tritonnn.nn import init
from tritonnn.nn.module import Module
from tritonnn.ops.creation.creation import empty
from tritonnn.table.types import IntOrInts

__all__ = ["LayerNorm", "RMSNorm", "GroupNorm", "LocalResponseNorm", "CrossMapLRN2d"]


def _shape(normalized_shape: IntOrInts) -> tuple[int, ...]:
    return tuple(normalized_shape) if isinstance(normalized_shape, Iterable) else (int(normalized_shape),)


class _Affine(Module):
    """A norm that ends with · weight (starts at 1) + bias (starts at 0), each where it is wanted."""

    weight: Tensor | None

    def _register_affine(
        self, shape: Any, weight: bool, bias: bool, device: DeviceLike | None, dtype: DType | None
    ) -> None:
        for name, wanted in (("weight", weight), ("bias", weight and bias)):
            parameter = Parameter(empty(shape, device=device, dtype=dtype)) if wanted else None
            self.register_parameter(name, parameter)

    def reset_parameters(self) -> None:
        """Set weight to 1 and bias to 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)


class LayerNorm(_Affine):
    """(x - E[x]) / √(Var[x] + eps) · weight + bias over the last dimensions (Ba et al. 2016).

    Args:
        normalized_shape: extents of the dimensions to normalise over; an int is the last one.
        eps: added to the (biased) variance.
        elementwise_affine: whether there are weight (starts at 1) and bias (starts at 0).
        bias: False leaves the bias out.
        device, dtype: of the parameters.

    Shapes: (*, *normalized_shape), output alike; weight and bias normalized_shape.

    >>> import tritonnn as torch
    >>> torch.nn.LayerNorm(2, elementwise_affine=False)(torch.tensor([[1., 3.]]))
    tensor([[-1.0000,  1.0000]])
    """

    def __init__(
        self,
        normalized_shape: IntOrInts,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self._register_affine(self.normalized_shape, elementwise_affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """x / √(mean(x²) + eps) · weight over the last dimensions (Zhang and Sennrich 2019).

    Args:
        normalized_shape: extents of the dimensions to normalise over; an int is the last one.
        eps: added to the mean square; None: that of `rms_norm`.
        elementwise_affine: whether there is a weight (starts at 1).
        device, dtype: of the parameter.

    >>> import tritonnn as torch
    >>> torch.nn.RMSNorm(2)(torch.tensor([[3., 4.]])).detach()
    tensor([[0.8485, 1.1314]])
    """

    weight: Tensor | None

    def __init__(
        self,
        normalized_shape: IntOrInts,
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        weight = (
            Parameter(empty(self.normalized_shape, device=device, dtype=dtype))
            if elementwise_affine
            else None
        )
        self.register_parameter("weight", weight)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight to 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(_Affine):
    """(x - E[x]) / √(Var[x] + eps) · weight + bias over groups of channels of a sample (Wu and He 2018).

    Args:
        num_groups: number of groups; divides num_channels.
        num_channels: number of channels C.
        eps: added to the (biased) variance.
        affine: whether there are weight (starts at 1) and bias (starts at 0), one per channel.
        device, dtype: of the parameters.
        bias: False leaves the bias out (keyword only).

    Shapes: (N, C, *), output alike.

    >>> import tritonnn as torch
    >>> torch.nn.GroupNorm(3, 6)(torch.ones(20, 6, 10, 10)).shape
    torch.Size([20, 6, 10, 10])
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: DeviceLike | None = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_channels % num_groups != 0:
            raise ValueError(f"num_channels ({num_channels}) must be divisible by num_groups ({num_groups})")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self._register_affine(num_channels, affine, bias, device, dtype)
        self.reset_parameters()

    def forward(self, input: Tensor) -> Tensor:
        return F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class LocalResponseNorm(Module):
    """x / (k + alpha/size · Σ x²)^beta, the sum over `size` neighbouring channels (Krizhevsky et al. 2012).

    Args:
        size: number of channels summed over.
        alpha, beta, k: constants of the formula.

    Shapes: (N, C, *), output alike.

    >>> import tritonnn as torch
    >>> torch.nn.LocalResponseNorm(1, alpha=1., beta=1., k=1.)(torch.tensor([[[2.]]]))
    tensor([[[0.4000]]])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        return F.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"


class CrossMapLRN2d(Module):
    """`LocalResponseNorm` as older networks had it: an even `size` reaches (size-1)//2 channels to either
    side.

    As in PyTorch, the square of the first channel stays in the sums of all channels after its reach. The gradient is
    the derivative of that, where PyTorch's sums over channels beside those of the window.

    Args:
        size, alpha, beta, k: as of `LocalResponseNorm`; alpha is still divided by `size`.

    >>> import tritonnn as torch
    >>> torch.nn.CrossMapLRN2d(3)(torch.ones(1, 4, 2, 2)).shape
    torch.Size([1, 4, 2, 2])
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim != 4:
            raise explained(ValueError)(f"CrossMapLRN2d: Expected input to be 4D, got {input.ndim}D instead.")
        if input.dtype.kind < 2:
            message = f"result type Float can't be cast to the desired output type {input.dtype.name}"
            raise explained(RuntimeError)(f"CrossMapLRN2d: {message}: the input must be floating")
        rate = self.alpha / self.size
        half, channels = (self.size - 1) // 2, input.shape[1]
        squares: Any = input * input
        first = squares.select(1, 0).unsqueeze(1)
        sums: Any = F.pad(squares, (0, 0, 0, 0, half, half)).unfold(1, 2 * half + 1, 1).sum(-1)
        if channels > half + 1:
            stays = first.expand(-1, channels - half - 1, -1, -1)
            sums = sums + F.pad(stays, (0, 0, 0, 0, half + 1, 0))
        return input / (sums * rate + self.k) ** self.beta

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
