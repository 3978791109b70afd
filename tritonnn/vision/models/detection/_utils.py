"""What detectors share: codings, matching, sampling, the loss of boxes."""

from __future__ import annotations

from collections.abc import Mapping

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models.detection._box_coders import BoxCoder, BoxLinearCoder, encode_boxes
from tritonnn.vision.models.detection._matching import BalancedPositiveNegativeSampler, Matcher, SSDMatcher
from tritonnn.vision.ops import (
    FrozenBatchNorm2d,
    complete_box_iou_loss,
    distance_box_iou_loss,
    generalized_box_iou_loss,
)

__all__ = [
    "BalancedPositiveNegativeSampler", "BoxCoder", "BoxLinearCoder", "Matcher", "SSDMatcher", "encode_boxes",
    "overwrite_eps", "retrieve_out_channels",
]  # fmt: skip


def overwrite_eps(model: nn.Module, eps: float) -> None:
    """Set `eps` of every FrozenBatchNorm2d: the oldest published weights were trained with 0."""
    for module in model.modules():
        if isinstance(module, FrozenBatchNorm2d):
            module.eps = eps


def retrieve_out_channels(model: nn.Module, size: tuple[int, int]) -> list[int]:
    """How many channels each output has: the model is run, in eval mode, on a black image of `size` (width, height).

    Args:
        model: returns a tensor or a dict of tensors.
        size: width and height.

    >>> from tritonnn import nn
    >>> retrieve_out_channels(nn.Conv2d(3, 8, 1), (16, 16))
    [8]
    """
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            device = next(model.parameters()).device
            features = model(torch.zeros(1, 3, size[1], size[0], device=device))
    finally:
        model.train(training)
    return [
        feature.size(1) for feature in ([features] if isinstance(features, Tensor) else features.values())
    ]


def _topk_min(input: Tensor, orig_kval: int, axis: int) -> int:
    """How many there are to take, if `orig_kval` are wanted."""
    return min(orig_kval, input.size(axis))


_IOU_LOSSES = {"ciou": complete_box_iou_loss, "diou": distance_box_iou_loss, "giou": generalized_box_iou_loss}


def _box_loss(
    type: str,
    box_coder: BoxCoder,
    anchors_per_image: Tensor,
    matched_gt_boxes_per_image: Tensor,
    bbox_regression_per_image: Tensor,
    cnf: Mapping[str, float] | None = None,
) -> Tensor:
    """The summed loss of predicted codes: of the codes ("l1", "smooth_l1"), or of the boxes ("ciou", "diou", "giou").

    `cnf` has the `beta` of smooth_l1 and the `eps` of the others.
    """
    options = cnf or {}
    torch._assert(type in ("l1", "smooth_l1", *_IOU_LOSSES), f"Unsupported loss: {type}")
    if type in _IOU_LOSSES:
        boxes = box_coder.decode_single(bbox_regression_per_image, anchors_per_image)
        loss = _IOU_LOSSES[type]
        return loss(boxes, matched_gt_boxes_per_image, reduction="sum", eps=options.get("eps", 1e-7))
    target = box_coder.encode_single(matched_gt_boxes_per_image, anchors_per_image)
    if type == "l1":
        return F.l1_loss(bbox_regression_per_image, target, reduction="sum")
    return F.smooth_l1_loss(bbox_regression_per_image, target, reduction="sum", beta=options.get("beta", 1.0))
