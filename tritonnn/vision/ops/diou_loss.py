"""The loss of intersection over union with the distance of centres."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.ops._utils import _loss_inter_union, _mean_or_zero, _reduced, _upcast_non_float


def distance_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - `distance_box_iou` of boxes and those in the same place.

    Args:
        boxes1: (N, 4) or (4,) of x1, y1, x2, y2.
        boxes2: of the same shape.
        reduction: 'none', 'mean' or 'sum'; the mean of no boxes is 0.
        eps: added to what is divided by.

    >>> import tritonnn as torch
    >>> torch.vision.ops.distance_box_iou_loss(torch.tensor([0.0, 0, 1, 1]), torch.tensor([1.0, 0, 2, 1]))
    tensor(1.2000)

    Raises ValueError for another reduction. Source: https://arxiv.org/abs/1911.08287.
    """
    loss, _ = _diou_iou_loss(_upcast_non_float(boxes1), _upcast_non_float(boxes2), eps)
    return _reduced(loss, reduction, _mean_or_zero)


def _diou_iou_loss(boxes1: Tensor, boxes2: Tensor, eps: float = 1e-7) -> tuple[Tensor, Tensor]:
    """The loss, and the intersection over union."""
    shared, covered = _loss_inter_union(boxes1, boxes2)
    iou = shared / (covered + eps)
    low = torch.min(boxes1[..., :2], boxes2[..., :2])
    high = torch.max(boxes1[..., 2:], boxes2[..., 2:])
    diagonal = ((high - low) ** 2).sum(-1) + eps
    centres1, centres2 = ((boxes[..., :2] + boxes[..., 2:]) / 2 for boxes in (boxes1, boxes2))
    return 1 - iou + ((centres1 - centres2) ** 2).sum(-1) / diagonal, iou
