"""Stochastic depth: branches of a residual network that are left out at random (https://arxiv.org/abs/1603.09382)."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor, fx, nn

__all__ = ["StochasticDepth", "stochastic_depth"]


def stochastic_depth(input: Tensor, p: float, mode: str, training: bool = True) -> Tensor:
    """Zeros instead of the input with probability p, and the input by 1 - p otherwise.

    Args:
        input: of shape (N, ...).
        p: the probability of zeros.
        mode: "batch" draws once, "row" for each of the N.
        training: False gives the input.

    >>> import tritonnn as torch
    >>> torch.vision.ops.stochastic_depth(torch.ones(2), 1.0, "batch")
    tensor([0., 0.])

    Raises ValueError for a p that is no probability and for another mode.
    """
    if p < 0.0 or p > 1.0:
        raise ValueError(f"drop probability has to be between 0 and 1, but got {p}")
    if mode not in ("batch", "row"):
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if not training or p == 0.0:
        return input
    rows = input.shape[0] if mode == "row" else 1
    size = (rows, *[1] * (input.ndim - 1)) if input.ndim else ()
    kept = torch.empty(size, dtype=input.dtype, device=input.device).bernoulli_(1.0 - p)
    return input * (kept.div_(1.0 - p) if p < 1.0 else kept)


fx.wrap("stochastic_depth")


class StochasticDepth(nn.Module):
    """`stochastic_depth` as a layer.

    Args:
        p: the probability of zeros.
        mode: "batch" or "row".

    >>> import tritonnn as torch
    >>> torch.vision.ops.StochasticDepth(0.2, "row")
    StochasticDepth(p=0.2, mode=row)
    """

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input: Tensor) -> Tensor:
        """Zeros at random in training, the input otherwise."""
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p={self.p}, mode={self.mode})"
