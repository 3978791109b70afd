"""Pooling to a given output size."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module

__all__ = [
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d",
]  # fmt: skip


class _AdaptiveMaxPoolNd(Module):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__()
        self.output_size = output_size
        self.return_indices = return_indices

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maximum over output_size bins; bin i of n covers [⌊i·L/n⌋, ⌈(i+1)·L/n⌉).

    Args:
        output_size: number of bins (of each dimension in 2-D and 3-D; None there keeps the input's extent).
        return_indices: also return where the maxima were.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveMaxPool1d(2)(torch.tensor([[1., 3., 2.]]))
    tensor([[3., 3.]])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool1d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maximum over bins of (N, C, H, W) or (C, H, W); arguments as of `AdaptiveMaxPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveMaxPool2d((None, 7))(torch.ones(1, 4, 10, 9)).shape
    torch.Size([1, 4, 10, 7])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool2d(input, self.output_size, self.return_indices)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maximum over bins of (N, C, D, H, W) or (C, D, H, W); arguments as of `AdaptiveMaxPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveMaxPool3d(3)(torch.ones(1, 2, 10, 9, 8)).shape
    torch.Size([1, 2, 3, 3, 3])
    """

    def forward(self, input: Tensor) -> Any:
        return F.adaptive_max_pool3d(input, self.output_size, self.return_indices)


class _AdaptiveAvgPoolNd(Module):
    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Mean over output_size bins; bin i of n covers [⌊i·L/n⌋, ⌈(i+1)·L/n⌉).

    Args:
        output_size: number of bins (of each dimension in 2-D and 3-D; None there keeps the input's extent).

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveAvgPool1d(2)(torch.tensor([[1., 3., 2.]]))
    tensor([[2.0000, 2.5000]])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self.output_size)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Mean over bins of (N, C, H, W) or (C, H, W); arguments as of `AdaptiveAvgPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveAvgPool2d((5, 7))(torch.ones(1, 4, 8, 9)).shape
    torch.Size([1, 4, 5, 7])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self.output_size)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Mean over bins of (N, C, D, H, W) or (C, D, H, W); arguments as of `AdaptiveAvgPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveAvgPool3d(3)(torch.ones(1, 2, 10, 9, 8)).shape
    torch.Size([1, 2, 3, 3, 3])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool3d(input, self.output_size)
