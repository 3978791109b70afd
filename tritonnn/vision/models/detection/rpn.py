"""The region proposal network of Faster R-CNN: which anchors have something in them, and how it lies there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models.detection import _utils as det_utils
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.image_list import ImageList
from tritonnn.vision.ops import boxes as box_ops
from tritonnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["RPNHead", "RegionProposalNetwork", "concat_box_prediction_layers", "permute_and_flatten"]

Target = dict[str, Tensor]


class RPNHead(nn.Module):
    """Convolutions over each feature map that give every anchor a score and a code of its box.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        conv_depth: how many 3x3 convolutions come first.

    >>> import tritonnn as torch
    >>> scores, codes = RPNHead(8, 3)([torch.rand(1, 8, 4, 4)])
    >>> scores[0].shape, codes[0].shape
    (torch.Size([1, 3, 4, 4]), torch.Size([1, 12, 4, 4]))
    """

    _version = 2

    def __init__(self, in_channels: int, num_anchors: int, conv_depth: int = 1) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(
                Conv2dNormActivation(in_channels, in_channels, kernel_size=3, norm_layer=None)
                for _ in range(conv_depth)
            )
        )
        self.cls_logits = nn.Conv2d(in_channels, num_anchors, kernel_size=1)
        self.bbox_pred = nn.Conv2d(in_channels, num_anchors * 4, kernel_size=1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        """In version 1 there was one convolution, which was not in a Sequential."""
        if (local_metadata.get("version") or 1) < 2:
            for kind in ("weight", "bias"):
                if f"{prefix}conv.{kind}" in state_dict:
                    state_dict[f"{prefix}conv.0.0.{kind}"] = state_dict.pop(f"{prefix}conv.{kind}")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def forward(self, x: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        features = [self.conv(feature) for feature in x]
        return [self.cls_logits(t) for t in features], [self.bbox_pred(t) for t in features]


def permute_and_flatten(layer: Tensor, N: int, A: int, C: int, H: int, W: int) -> Tensor:
    """[N, A * C, H, W] as [N, H * W * A, C]: in the order of the anchors."""
    return layer.view(N, -1, C, H, W).permute(0, 3, 4, 1, 2).reshape(N, -1, C)


def concat_box_prediction_layers(
    box_cls: list[Tensor], box_regression: list[Tensor]
) -> tuple[Tensor, Tensor]:
    """The predictions of all images and feature maps, in the order of the anchors: scores [M, C] and codes [M, 4]."""
    scores, codes = [], []
    for cls, regression in zip(box_cls, box_regression):
        N, AxC, H, W = cls.shape
        A = regression.shape[1] // 4
        scores.append(permute_and_flatten(cls, N, A, AxC // A, H, W))
        codes.append(permute_and_flatten(regression, N, A, 4, H, W))
    return torch.cat(scores, dim=1).flatten(0, -2), torch.cat(codes, dim=1).reshape(-1, 4)


class RegionProposalNetwork(nn.Module):
    """Proposes boxes.

    Args:
        anchor_generator: makes the anchors of the feature maps.
        head: predicts a score and a code for each of them, such as RPNHead.
        fg_iou_thresh: in training, an anchor with this IoU with a true box is to be proposed.
        bg_iou_thresh: an anchor below this IoU with all of them is not.
        batch_size_per_image: how many anchors of an image enter the loss.
        positive_fraction: the part of them that may be positive.
        pre_nms_top_n: how many of each feature map are kept before overlaps are removed, for "training" and "testing".
        post_nms_top_n: how many of an image are kept afterwards, likewise.
        nms_thresh: the IoU above which the one with the lower score is removed.
        score_thresh: what a score has to reach.

    Called with the batch, its feature maps by name, and in training the targets, it returns the proposals of each
    image and, in training, the losses "loss_objectness" and "loss_rpn_box_reg".
    """

    def __init__(
        self, anchor_generator: AnchorGenerator, head: nn.Module,
        fg_iou_thresh: float, bg_iou_thresh: float, batch_size_per_image: int, positive_fraction: float,
        pre_nms_top_n: dict[str, int], post_nms_top_n: dict[str, int], nms_thresh: float, score_thresh: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.anchor_generator = anchor_generator
        self.head = head
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.box_similarity = box_ops.box_iou
        self.proposal_matcher = det_utils.Matcher(
            fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True
        )
        self.fg_bg_sampler = det_utils.BalancedPositiveNegativeSampler(
            batch_size_per_image, positive_fraction
        )
        self._pre_nms_top_n = pre_nms_top_n
        self._post_nms_top_n = post_nms_top_n
        self.nms_thresh = nms_thresh
        self.score_thresh = score_thresh
        self.min_size = 1e-3

    def pre_nms_top_n(self) -> int:
        return self._pre_nms_top_n["training" if self.training else "testing"]

    def post_nms_top_n(self) -> int:
        return self._post_nms_top_n["training" if self.training else "testing"]

    def assign_targets_to_anchors(
        self, anchors: Sequence[Tensor], targets: Sequence[Target]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """For each image, the label of every anchor (1, 0, or -1: not in the loss), and its true box if any."""
        labels, boxes = [], []
        for around, target in zip(anchors, targets):
            true_boxes = target["boxes"]
            if true_boxes.numel() == 0:
                boxes.append(torch.zeros_like(around))
                labels.append(torch.zeros(len(around), dtype=torch.float32, device=around.device))
                continue
            matches = self.proposal_matcher(self.box_similarity(true_boxes, around))
            boxes.append(true_boxes[matches.clamp(min=0)])
            label = (matches >= 0).to(torch.float32)
            labels.append(label.masked_fill(matches == self.proposal_matcher.BETWEEN_THRESHOLDS, -1.0))
        return labels, boxes

    def _get_top_n_idx(self, objectness: Tensor, num_anchors_per_level: Sequence[int]) -> Tensor:
        """For each image, where the best of each feature map are: [N, maps * n]."""
        best, offset = [], 0
        for level in objectness.split(list(num_anchors_per_level), 1):
            count = det_utils._topk_min(level, self.pre_nms_top_n(), 1)
            best.append(level.topk(count, dim=1).indices + offset)
            offset += level.shape[1]
        return torch.cat(best, dim=1)

    def filter_proposals(
        self, proposals: Tensor, objectness: Tensor, image_shapes: Sequence[tuple[int, int]],
        num_anchors_per_level: Sequence[int],
    ) -> tuple[list[Tensor], list[Tensor]]:  # fmt: skip
        """The best of all boxes, and their scores, for each image."""
        images = len(proposals)
        scores = objectness.detach().reshape(images, -1)
        levels = torch.cat(
            [torch.full((count,), i, device=scores.device) for i, count in enumerate(num_anchors_per_level)]
        )
        best = self._get_top_n_idx(scores, num_anchors_per_level)
        scores = scores.gather(1, best)
        picked = torch.arange(images, device=scores.device)[:, None]
        candidates = proposals[picked, best], torch.sigmoid(scores), levels[best]
        kept = [self._filtered(*parts) for parts in zip(*candidates, image_shapes)]
        return [boxes for boxes, _ in kept], [score for _, score in kept]

    def _filtered(
        self, boxes: Tensor, scores: Tensor, levels: Tensor, image_shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Of one image's boxes, those inside it that are not too small, too bad, or beside a better one."""
        boxes = box_ops.clip_boxes_to_image(boxes, image_shape)
        keep = box_ops.remove_small_boxes(boxes, self.min_size)
        boxes, scores, levels = boxes[keep], scores[keep], levels[keep]
        keep = torch.where(scores >= self.score_thresh)[0]
        boxes, scores, levels = boxes[keep], scores[keep], levels[keep]
        keep = box_ops.batched_nms(boxes, scores, levels, self.nms_thresh)[: self.post_nms_top_n()]
        return boxes[keep], scores[keep]

    def compute_loss(
        self, objectness: Tensor, pred_bbox_deltas: Tensor, labels: list[Tensor], regression_targets: Sequence[Tensor]
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """The losses of the scores and of the codes, over the anchors that are drawn."""
        drawn = (torch.where(torch.cat(masks))[0] for masks in self.fg_bg_sampler(labels))
        positive, negative = drawn
        sampled = torch.cat((positive, negative))
        box_loss = F.smooth_l1_loss(
            pred_bbox_deltas[positive],
            torch.cat(list(regression_targets))[positive],
            beta=1 / 9,
            reduction="sum",
        )
        score_loss = F.binary_cross_entropy_with_logits(
            objectness.flatten()[sampled], torch.cat(labels)[sampled]
        )
        return score_loss, box_loss / sampled.numel()

    def forward(
        self, images: ImageList, features: dict[str, Tensor], targets: Sequence[Target] | None = None
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        maps = list(features.values())
        objectness, codes = self.head(maps)
        anchors = self.anchor_generator(images, maps)
        counts = [level[0].numel() for level in objectness]
        objectness, codes = concat_box_prediction_layers(objectness, codes)
        proposals = self.box_coder.decode(codes.detach(), anchors).view(len(anchors), -1, 4)
        boxes, _ = self.filter_proposals(proposals, objectness, images.image_sizes, counts)
        if not self.training:
            return boxes, {}
        if targets is None:
            raise ValueError("targets should not be None")
        labels, true_boxes = self.assign_targets_to_anchors(anchors, targets)
        losses = self.compute_loss(objectness, codes, labels, self.box_coder.encode(true_boxes, anchors))
        return boxes, dict(zip(("loss_objectness", "loss_rpn_box_reg"), losses))
