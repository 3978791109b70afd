"""The focal loss."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.nn import functional as F
from tritonnn.vision.ops._utils import _reduced


def sigmoid_focal_loss(
    inputs: Tensor, targets: Tensor, alpha: float = 0.25, gamma: float = 2, reduction: str = "none"
) -> Tensor:
    """The cross-entropy of yes or no, less of what is decided well already.

    Args:
        inputs: logits of any shape.
        targets: 0 or 1 for each of them.
        alpha: the weight of 1, of 0 it is 1 - alpha; -1 for none.
        gamma: the power of what is missing to the right answer.
        reduction: 'none', 'mean' or 'sum'.

    >>> import tritonnn as torch
    >>> torch.vision.ops.sigmoid_focal_loss(torch.tensor([0.0, 4.0]), torch.tensor([1.0, 1.0]))
    tensor([4.3322e-02, 1.4679e-06])

    Raises ValueError for another alpha or reduction. Source: https://arxiv.org/abs/1708.02002.
    """
    if not 0 <= alpha <= 1 and alpha != -1:
        raise ValueError(f"Invalid alpha value: {alpha}. alpha must be in the range [0,1] or -1 for ignore.")
    p = torch.sigmoid(inputs)
    loss = F.binary_cross_entropy_with_logits(inputs, targets, reduction="none")
    right = p * targets + (1 - p) * (1 - targets)
    loss = loss * (1 - right) ** gamma
    if alpha >= 0:
        loss = (alpha * targets + (1 - alpha) * (1 - targets)) * loss
    return _reduced(loss, reduction)
