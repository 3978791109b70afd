"""The loss of intersection over union with the distance of centres and the proportions of sides."""

from __future__ import annotations

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.ops._utils import _mean_or_zero, _reduced, _upcast_non_float
from tritonnn.vision.ops.diou_loss import _diou_iou_loss


def complete_box_iou_loss(
    boxes1: Tensor, boxes2: Tensor, reduction: str = "none", eps: float = 1e-7
) -> Tensor:
    """1 - `complete_box_iou` of boxes and those in the same place.

    Args:
        boxes1: (N, 4) or (4,) of x1, y1, x2, y2.
        boxes2: of the same shape.
        reduction: 'none', 'mean' or 'sum'; the mean of no boxes is 0.
        eps: added to what is divided by.

    >>> import tritonnn as torch
    >>> torch.vision.ops.complete_box_iou_loss(torch.tensor([0.0, 0, 2, 2]), torch.tensor([0.0, 0, 2, 1]))
    tensor(0.5345)

    Raises ValueError for another reduction. Source: https://arxiv.org/abs/1911.08287.
    """
    boxes1, boxes2 = _upcast_non_float(boxes1), _upcast_non_float(boxes2)
    loss, iou = _diou_iou_loss(boxes1, boxes2, eps)
    angles = [torch.atan(torch.div(*(b[..., 2:] - b[..., :2]).unbind(-1))) for b in (boxes2, boxes1)]
    v = 4 / torch.pi**2 * (angles[0] - angles[1]) ** 2
    with torch.no_grad():
        alpha = v / (1 - iou + v + eps)
    return _reduced(loss + alpha * v, reduction, _mean_or_zero)
