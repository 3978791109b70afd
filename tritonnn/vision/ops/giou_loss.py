"""The loss of generalized intersection over union."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.ops._utils import _loss_inter_union, _mean_or_zero, _reduced, _upcast_non_float


def generalized_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - `generalized_box_iou` of boxes and those in the same place.

    Args:
        boxes1: (N, 4) or (4,) of x1, y1, x2, y2.
        boxes2: of the same shape.
        reduction: 'none', 'mean' or 'sum'; the mean of no boxes is 0.
        eps: added to what is divided by.

    >>> import tritonnn as torch
    >>> torch.vision.ops.generalized_box_iou_loss(torch.tensor([0.0, 0, 1, 1]), torch.tensor([2.0, 0, 3, 1]))
    tensor(1.3333)

    Raises ValueError for another reduction. Source: https://arxiv.org/abs/1902.09630.
    """
    boxes1, boxes2 = _upcast_non_float(boxes1), _upcast_non_float(boxes2)
    shared, covered = _loss_inter_union(boxes1, boxes2)
    low = torch.min(boxes1[..., :2], boxes2[..., :2])
    high = torch.max(boxes1[..., 2:], boxes2[..., 2:])
    width, height = (high - low).unbind(-1)
    around = width * height
    giou = shared / (covered + eps) - (around - covered) / (around + eps)
    return _reduced(1 - giou, reduction, _mean_or_zero)
