"""Distances between pairs of vectors."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.nn.module import Module

__all__ = ["PairwiseDistance", "CosineSimilarity"]


class PairwiseDistance(Module):
    """‖x1 - x2 + eps‖_p over the last dimension.

    Args:
        p: the norm's degree.
        eps: added to the difference.
        keepdim: keep the last dimension with extent 1.

    >>> import tritonnn as torch
    >>> torch.nn.PairwiseDistance()(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.]]))
    tensor([5.0000])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x1·x2 / max(‖x1‖·‖x2‖, eps) along `dim`.

    >>> import tritonnn as torch
    >>> torch.nn.CosineSimilarity(dim=0)(torch.tensor([3., 4.]), torch.tensor([4., 3.]))
    tensor(0.9600)
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return F.cosine_similarity(x1, x2, self.dim, self.eps)
