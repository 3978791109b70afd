"""Fractional max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module
from tritonnn.nn.modules.utils import _ntuple
from tritonnn.table.types import IntOrInts

__all__ = ["FractionalMaxPool2d", "FractionalMaxPool3d"]


class _FractionalMaxPoolNd(Module):
    _dims: int

    def __init__(
        self,
        kernel_size: IntOrInts,
        output_size: IntOrInts | None = None,
        output_ratio: float | Sequence[float] | None = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ) -> None:
        super().__init__()
        to_tuple, name = _ntuple(self._dims), type(self).__name__
        kernel_size = to_tuple(kernel_size)
        if any(not isinstance(k, int) or k <= 0 for k in kernel_size):
            raise ValueError(f"kernel_size must greater than zero, but got {kernel_size}")
        if output_size is None and output_ratio is None:
            raise ValueError(f"{name} requires specifying either an output size, or a pooling ratio")
        if output_size is not None and output_ratio is not None:
            raise ValueError(f"only one of output_size and output_ratio may be specified for {name}")
        self.kernel_size = kernel_size
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)
        self.output_size = None if output_size is None else to_tuple(output_size)
        self.output_ratio = None if output_ratio is None else to_tuple(output_ratio)
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise ValueError(f"output_ratio must be between 0 and 1 (got {output_ratio})")


class FractionalMaxPool2d(_FractionalMaxPoolNd):
    """Maximum over windows of (N, C, H, W) at pseudo-random places that give a chosen output size (Graham
    2014).

    Args:
        kernel_size: extents of the window.
        output_size: extents of the output, or
        output_ratio: their ratio to the input's, between 0 and 1.
        return_indices: also return where the maxima were.

    >>> import tritonnn as torch
    >>> torch.nn.FractionalMaxPool2d(3, output_ratio=0.5)(torch.ones(1, 4, 50, 32)).shape
    torch.Size([1, 4, 25, 16])
    """

    _dims = 2

    def forward(self, input: Tensor) -> Any:
        return F.fractional_max_pool2d(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples,
        )  # fmt: skip


class FractionalMaxPool3d(_FractionalMaxPoolNd):
    """Fractional max pooling of (N, C, D, H, W); arguments as of `FractionalMaxPool2d`.

    >>> import tritonnn as torch
    >>> torch.nn.FractionalMaxPool3d(2, output_size=(3, 4, 5))(torch.ones(1, 2, 7, 9, 11)).shape
    torch.Size([1, 2, 3, 4, 5])
    """

    _dims = 3

    def forward(self, input: Tensor) -> Any:
        return F.fractional_max_pool3d(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
            _random_samples=self._random_samples,
        )  # fmt: skip
