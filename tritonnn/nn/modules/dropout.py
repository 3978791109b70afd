"""Dropout layers; all of them are the identity in evaluation."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module

__all__ = ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]


class _DropoutNd(Module):
    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if p < 0 or p > 1:
            raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
        self.p = p
        self.inplace = inplace

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_DropoutNd):
    """In training, zero each element with probability p and scale the others by 1/(1-p) (Hinton et al. 2012).

    >>> import tritonnn as torch
    >>> m = torch.nn.Dropout(0.2)
    >>> sorted(set(m(torch.ones(1000)).tolist())), m.eval()(torch.ones(2))
    ([0.0, 1.25], tensor([1., 1.]))
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_DropoutNd):
    """Dropout of whole channels of (N, C, L) or (C, L).

    >>> import tritonnn as torch
    >>> torch.nn.Dropout1d()(torch.ones(2, 3, 4)).shape
    torch.Size([2, 3, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_DropoutNd):
    """Dropout of whole channels of (N, C, H, W) (Tompson et al. 2014).

    >>> import tritonnn as torch
    >>> y = torch.nn.Dropout2d()(torch.ones(8, 8, 3, 3))
    >>> bool((y == y[:, :, :1, :1]).all())
    True
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_DropoutNd):
    """Dropout of whole channels of (N, C, D, H, W).

    >>> import tritonnn as torch
    >>> torch.nn.Dropout3d()(torch.ones(2, 3, 4, 5, 6)).shape
    torch.Size([2, 3, 4, 5, 6])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_DropoutNd):
    """Dropout for SELU networks: dropped elements get SELU's saturation value, then mean and variance are
    restored.

    Source: Klambauer et al. 2017.

    >>> import tritonnn as torch
    >>> torch.nn.AlphaDropout(0.2).eval()(torch.ones(2))
    tensor([1., 1.])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.alpha_dropout(input, self.p, self.training, self.inplace)


class FeatureAlphaDropout(_DropoutNd):
    """AlphaDropout of whole channels.

    >>> import tritonnn as torch
    >>> torch.nn.FeatureAlphaDropout(0.2)(torch.ones(2, 3, 4, 5, 6)).shape
    torch.Size([2, 3, 4, 5, 6])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.feature_alpha_dropout(input, self.p, self.training, self.inplace)
