"""Pooling to a given output size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.table.types import OptionalSize

__all__ = [
    "AdaptiveMaxPool1d", "AdaptiveMaxPool2d", "AdaptiveMaxPool3d",
    "AdaptiveAvgPool1d", "AdaptiveAvgPool2d", "AdaptiveAvgPool3d",
]  # fmt: skip


class _AdaptivePoolNd(Module):
    _function: Callable[..., Any]

    def __init__(self, output_size: OptionalSize) -> None:
        super().__init__()
        self.output_size: Any = output_size  # one extent or several, as the class has dimensions

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class _AdaptiveMaxPoolNd(_AdaptivePoolNd):
    def __init__(self, output_size: OptionalSize, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Tensor) -> Any:
        return self._function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPoolNd):
    """Maximum over output_size bins; bin i of n covers [⌊i·L/n⌋, ⌈(i+1)·L/n⌉).

    Args:
        output_size: number of bins (of each dimension in 2-D and 3-D; None there keeps the input's extent).
        return_indices: also return where the maxima were.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveMaxPool1d(2)(torch.tensor([[1., 3., 2.]]))
    tensor([[3., 3.]])
    """

    _function = staticmethod(F.adaptive_max_pool1d)


class AdaptiveMaxPool2d(_AdaptiveMaxPoolNd):
    """Maximum over bins of (N, C, H, W) or (C, H, W); arguments as of `AdaptiveMaxPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveMaxPool2d((None, 7))(torch.ones(1, 4, 10, 9)).shape
    torch.Size([1, 4, 10, 7])
    """

    _function = staticmethod(F.adaptive_max_pool2d)


class AdaptiveMaxPool3d(_AdaptiveMaxPoolNd):
    """Maximum over bins of (N, C, D, H, W) or (C, D, H, W); arguments as of `AdaptiveMaxPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveMaxPool3d(3)(torch.ones(1, 2, 10, 9, 8)).shape
    torch.Size([1, 2, 3, 3, 3])
    """

    _function = staticmethod(F.adaptive_max_pool3d)


class _AdaptiveAvgPoolNd(_AdaptivePoolNd):
    def forward(self, input: Tensor) -> Tensor:
        return self._function(input, self.output_size)


class AdaptiveAvgPool1d(_AdaptiveAvgPoolNd):
    """Mean over output_size bins; bin i of n covers [⌊i·L/n⌋, ⌈(i+1)·L/n⌉).

    Args:
        output_size: number of bins (of each dimension in 2-D and 3-D; None there keeps the input's extent).

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveAvgPool1d(2)(torch.tensor([[1., 3., 2.]]))
    tensor([[2.0000, 2.5000]])
    """

    _function = staticmethod(F.adaptive_avg_pool1d)


class AdaptiveAvgPool2d(_AdaptiveAvgPoolNd):
    """Mean over bins of (N, C, H, W) or (C, H, W); arguments as of `AdaptiveAvgPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveAvgPool2d((5, 7))(torch.ones(1, 4, 8, 9)).shape
    torch.Size([1, 4, 5, 7])
    """

    _function = staticmethod(F.adaptive_avg_pool2d)


class AdaptiveAvgPool3d(_AdaptiveAvgPoolNd):
    """Mean over bins of (N, C, D, H, W) or (C, D, H, W); arguments as of `AdaptiveAvgPool1d`.

    >>> import tritonnn as torch
    >>> torch.nn.AdaptiveAvgPool3d(3)(torch.ones(1, 2, 10, 9, 8)).shape
    torch.Size([1, 2, 3, 3, 3])
    """

    _function = staticmethod(F.adaptive_avg_pool3d)
