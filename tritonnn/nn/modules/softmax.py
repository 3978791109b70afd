"""Layers of the softmax family."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module

__all__ = ["Softmin", "Softmax", "Softmax2d", "LogSoftmax"]


class _AlongDim(Module):
    """Softmax and its relatives. dim=None picks 0 for inputs of 0, 1 and 3 dimensions, 1 otherwise, and
    warns.
    """

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(_AlongDim):
    """softmax(-x) along `dim`.

    >>> import tritonnn as torch
    >>> torch.nn.Softmin(dim=0)(torch.tensor([1., 1.]))
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmin(input, self.dim, _stacklevel=5)


class Softmax(_AlongDim):
    """e^x / Σ e^x along `dim`.

    >>> import tritonnn as torch
    >>> torch.nn.Softmax(dim=0)(torch.tensor([0., 1., 2., 3.]))
    tensor([0.0321, 0.0871, 0.2369, 0.6439])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.softmax(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """Softmax over the channels of (N, C, H, W) or (C, H, W), at each place.

    >>> import tritonnn as torch
    >>> torch.nn.Softmax2d()(torch.zeros(1, 4, 1, 1)).flatten()
    tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.ndim not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D, got {input.ndim}D instead")
        return F.softmax(input, -3, _stacklevel=5)


class LogSoftmax(_AlongDim):
    """log softmax along `dim`, without overflow.

    >>> import tritonnn as torch
    >>> torch.nn.LogSoftmax(dim=0)(torch.tensor([0., 1., 2., 3.]))
    tensor([-3.4402, -2.4402, -1.4402, -0.4402])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.log_softmax(input, self.dim, _stacklevel=5)
