"""The second stage of R-CNN: what is in each proposed box, and, where the heads are there, its mask and key points."""

from __future__ import annotations

from collections.abc import Sequence

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models.detection import _utils as det_utils
from tritonnn.vision.models.detection._keypoints import (
    heatmaps_to_keypoints,
    keypointrcnn_inference,
    keypointrcnn_loss,
    keypoints_to_heatmap,
)
from tritonnn.vision.models.detection._masks import (
    expand_boxes,
    expand_masks,
    maskrcnn_inference,
    maskrcnn_loss,
    paste_mask_in_image,
    paste_masks_in_image,
    project_masks_on_boxes,
)
from tritonnn.vision.ops import boxes as box_ops

__all__ = [
    "RoIHeads", "expand_boxes", "expand_masks", "fastrcnn_loss", "heatmaps_to_keypoints", "keypointrcnn_inference",
    "keypointrcnn_loss", "keypoints_to_heatmap", "maskrcnn_inference", "maskrcnn_loss", "paste_mask_in_image",
    "paste_masks_in_image", "project_masks_on_boxes",
]  # fmt: skip

Target = dict[str, Tensor]
Shapes = Sequence[tuple[int, int]]


def fastrcnn_loss(
    class_logits: Tensor, box_regression: Tensor, labels: list[Tensor], regression_targets: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """The losses of the classes of all drawn proposals, and of the codes of those that are not background.

    Args:
        class_logits: [N, classes].
        box_regression: a code for every class, [N, 4 * classes].
        labels: the true classes, for each image.
        regression_targets: the true codes, for each image.
    """
    classes, codes = torch.cat(labels), torch.cat(list(regression_targets))
    positive = torch.where(classes > 0)[0]
    of_class = box_regression.unflatten(1, (-1, 4))[positive, classes[positive]]
    box_loss = F.smooth_l1_loss(of_class, codes[positive], beta=1 / 9, reduction="sum")
    return F.cross_entropy(class_logits, classes), box_loss / classes.numel()


class RoIHeads(nn.Module):
    """Classifies proposals and corrects their boxes; predicts masks and key points where it has those heads.

    Args:
        box_roi_pool: cuts the proposals out of the feature maps.
        box_head: makes a vector of each.
        box_predictor: makes scores of the classes and codes of the box of that.
        fg_iou_thresh: in training, a proposal with this IoU with a true box is to have its class.
        bg_iou_thresh: below this IoU it is background.
        batch_size_per_image: how many proposals of an image enter the loss.
        positive_fraction: the part of them that may have a class.
        bbox_reg_weights: the weights of the coding; default: 10, 10, 5, 5.
        score_thresh: detections have a higher score.
        nms_thresh: the IoU above which, of two detections of a class, only the better one is kept.
        detections_per_img: how many are kept at most.
        mask_roi_pool: like box_roi_pool, for masks.
        mask_head: makes features of each.
        mask_predictor: makes masks of those.
        keypoint_roi_pool: like box_roi_pool, for key points.
        keypoint_head: makes features of each.
        keypoint_predictor: makes heat maps of those.

    Called with the feature maps, the proposals and the sizes of the images, and in training the targets, it returns
    the detections of each image (in training: none) and the losses (in evaluation: none).
    """

    def __init__(
        self, box_roi_pool: nn.Module, box_head: nn.Module, box_predictor: nn.Module,
        fg_iou_thresh: float, bg_iou_thresh: float, batch_size_per_image: int, positive_fraction: float,
        bbox_reg_weights: tuple[float, float, float, float] | None,
        score_thresh: float, nms_thresh: float, detections_per_img: int,
        mask_roi_pool: nn.Module | None = None, mask_head: nn.Module | None = None,
        mask_predictor: nn.Module | None = None,
        keypoint_roi_pool: nn.Module | None = None, keypoint_head: nn.Module | None = None,
        keypoint_predictor: nn.Module | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.box_similarity = box_ops.box_iou
        self.proposal_matcher = det_utils.Matcher(
            fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=False
        )
        self.fg_bg_sampler = det_utils.BalancedPositiveNegativeSampler(
            batch_size_per_image, positive_fraction
        )
        weights = (10.0, 10.0, 5.0, 5.0) if bbox_reg_weights is None else bbox_reg_weights
        self.box_coder = det_utils.BoxCoder(weights)
        self.box_roi_pool = box_roi_pool
        self.box_head = box_head
        self.box_predictor = box_predictor
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.mask_roi_pool = mask_roi_pool
        self.mask_head = mask_head
        self.mask_predictor = mask_predictor
        self.keypoint_roi_pool = keypoint_roi_pool
        self.keypoint_head = keypoint_head
        self.keypoint_predictor = keypoint_predictor

    def has_mask(self) -> bool:
        return None not in (self.mask_roi_pool, self.mask_head, self.mask_predictor)

    def has_keypoint(self) -> bool:
        return None not in (self.keypoint_roi_pool, self.keypoint_head, self.keypoint_predictor)

    def assign_targets_to_proposals(
        self, proposals: list[Tensor], gt_boxes: list[Tensor], gt_labels: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """For each image, the true box of every proposal, and its class (0: background, -1: not in the loss)."""
        indices, labels = [], []
        for boxes, true_boxes, true_labels in zip(proposals, gt_boxes, gt_labels):
            if true_boxes.numel() == 0:
                none = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
                indices.append(none)
                labels.append(none.clone())
                continue
            matches = self.proposal_matcher(self.box_similarity(true_boxes, boxes))
            indices.append(matches.clamp(min=0))
            label = true_labels[indices[-1]].to(torch.int64)
            label = label.masked_fill(matches == self.proposal_matcher.BELOW_LOW_THRESHOLD, 0)
            labels.append(label.masked_fill(matches == self.proposal_matcher.BETWEEN_THRESHOLDS, -1))
        return indices, labels

    def subsample(self, labels: list[Tensor]) -> list[Tensor]:
        """For each image, which proposals enter the loss."""
        return [
            torch.where(positive | negative)[0] for positive, negative in zip(*self.fg_bg_sampler(labels))
        ]

    def add_gt_proposals(self, proposals: list[Tensor], gt_boxes: list[Tensor]) -> list[Tensor]:
        """True boxes are proposals as well: early in training there are no other good ones."""
        return [torch.cat(pair) for pair in zip(proposals, gt_boxes)]

    def check_targets(self, targets: Sequence[Target] | None) -> None:
        if targets is None:
            raise ValueError("targets should not be None")
        keys = ["boxes", "labels"]
        if self.has_mask():
            keys.append("masks")
        for key in keys:
            if not all(key in target for target in targets):
                raise ValueError(f"Every element of targets should have a {key} key")

    def select_training_samples(
        self, proposals: list[Tensor], targets: Sequence[Target] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Sequence[Tensor]]:
        """The proposals that enter the loss, and of each the true box's index, the class, and the true code."""
        self.check_targets(targets)
        assert targets is not None
        dtype = proposals[0].dtype
        gt_boxes = [target["boxes"].to(dtype) for target in targets]
        gt_labels = [target["labels"] for target in targets]
        proposals = self.add_gt_proposals(proposals, gt_boxes)
        matched, labels = self.assign_targets_to_proposals(proposals, gt_boxes, gt_labels)
        matched_boxes = []
        for i, drawn in enumerate(self.subsample(labels)):
            proposals[i], labels[i], matched[i] = proposals[i][drawn], labels[i][drawn], matched[i][drawn]
            true_boxes = gt_boxes[i] if gt_boxes[i].numel() else gt_boxes[i].new_zeros(1, 4)
            matched_boxes.append(true_boxes[matched[i]])
        return proposals, matched, labels, self.box_coder.encode(matched_boxes, proposals)

    def postprocess_detections(
        self, class_logits: Tensor, box_regression: Tensor, proposals: list[Tensor], image_shapes: Shapes
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        """Boxes, scores and classes of the detections of each image, the best first."""
        counts = [len(boxes) for boxes in proposals]
        each = (
            len(class_logits),
            box_regression.shape[1] // 4,
            4,
        )  # -1 could be anything where there is no proposal
        boxes = self.box_coder.decode(box_regression, proposals).view(each)
        scores = F.softmax(class_logits, -1)
        kept = [
            self._detections(*parts) for parts in zip(boxes.split(counts), scores.split(counts), image_shapes)
        ]
        return [part[0] for part in kept], [part[1] for part in kept], [part[2] for part in kept]

    def _detections(
        self, boxes: Tensor, scores: Tensor, image_shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Of one image's boxes, [N, classes, 4], those that are good, not too small, and not beside a better one."""
        boxes = box_ops.clip_boxes_to_image(boxes, image_shape)[:, 1:].reshape(-1, 4)  # 0 is the background
        labels = torch.arange(1, scores.shape[1], device=scores.device).expand(len(scores), -1).flatten()
        scores = scores[:, 1:].flatten()
        keep = torch.where(scores > self.score_thresh)[0]
        boxes, scores, labels = boxes[keep], scores[keep], labels[keep]
        keep = box_ops.remove_small_boxes(boxes, min_size=1e-2)
        boxes, scores, labels = boxes[keep], scores[keep], labels[keep]
        keep = box_ops.batched_nms(boxes, scores, labels, self.nms_thresh)[: self.detections_per_img]
        return boxes[keep], scores[keep], labels[keep]

    def forward(
        self, features: dict[str, Tensor], proposals: list[Tensor], image_shapes: Shapes,
        targets: Sequence[Target] | None = None,
    ) -> tuple[list[Target], dict[str, Tensor]]:  # fmt: skip
        self._check_dtypes(targets)
        result: list[Target] = []
        losses: dict[str, Tensor] = {}
        if self.training:
            proposals, matched, labels, codes = self.select_training_samples(proposals, targets)
            loss = fastrcnn_loss(*self._boxes(features, proposals, image_shapes), labels, codes)
            losses = {"loss_classifier": loss[0], "loss_box_reg": loss[1]}
            positive = [torch.where(label > 0)[0] for label in labels]
            boxes = [proposal[rows] for proposal, rows in zip(proposals, positive)]
            matched = [match[rows] for match, rows in zip(matched, positive)]
        else:
            outputs = self._boxes(features, proposals, image_shapes)
            found = self.postprocess_detections(*outputs, proposals, image_shapes)
            result = [{"boxes": box, "labels": label, "scores": score} for box, score, label in zip(*found)]
            boxes, matched = found[0], []
        if self.has_mask():
            losses |= self._masks(features, boxes, image_shapes, result, targets, matched)
        if self.has_keypoint():
            losses |= self._keypoints(features, boxes, image_shapes, result, targets, matched)
        return result, losses

    def _check_dtypes(self, targets: Sequence[Target] | None) -> None:
        for target in targets or ():
            if target["boxes"].dtype not in (torch.float32, torch.float64, torch.float16):
                raise TypeError(f"target boxes must of float type, instead got {target['boxes'].dtype}")
            if target["labels"].dtype != torch.int64:
                raise TypeError(f"target labels must of int64 type, instead got {target['labels'].dtype}")
            if self.has_keypoint() and target["keypoints"].dtype != torch.float32:
                raise TypeError(
                    f"target keypoints must of float type, instead got {target['keypoints'].dtype}"
                )

    def _boxes(
        self, features: dict[str, Tensor], proposals: list[Tensor], image_shapes: Shapes
    ) -> tuple[Tensor, Tensor]:
        """The scores of classes and the codes of all proposals."""
        return self.box_predictor(self.box_head(self.box_roi_pool(features, proposals, image_shapes)))

    def _masks(
        self, features: dict[str, Tensor], boxes: list[Tensor], image_shapes: Shapes, result: list[Target],
        targets: Sequence[Target] | None, matched: list[Tensor],
    ) -> dict[str, Tensor]:  # fmt: skip
        """The loss of the masks in training; in evaluation, they are put into `result`."""
        assert (
            self.mask_roi_pool is not None and self.mask_head is not None and self.mask_predictor is not None
        )
        logits = self.mask_predictor(self.mask_head(self.mask_roi_pool(features, boxes, image_shapes)))
        if self.training:
            true_masks, labels = ([target[key] for target in targets or ()] for key in ("masks", "labels"))
            return {"loss_mask": maskrcnn_loss(logits, boxes, true_masks, labels, matched)}
        for detections, masks in zip(result, maskrcnn_inference(logits, [one["labels"] for one in result])):
            detections["masks"] = masks
        return {}

    def _keypoints(
        self, features: dict[str, Tensor], boxes: list[Tensor], image_shapes: Shapes, result: list[Target],
        targets: Sequence[Target] | None, matched: list[Tensor],
    ) -> dict[str, Tensor]:  # fmt: skip
        """The loss of the key points in training; in evaluation, they are put into `result`."""
        assert self.keypoint_head is not None and self.keypoint_predictor is not None
        assert self.keypoint_roi_pool is not None
        cut = self.keypoint_roi_pool(features, boxes, image_shapes)
        logits = self.keypoint_predictor(self.keypoint_head(cut))
        if self.training:
            true_points = [target["keypoints"] for target in targets or ()]
            return {"loss_keypoint": keypointrcnn_loss(logits, boxes, true_points, matched)}
        for detections, points, scores in zip(result, *keypointrcnn_inference(logits, boxes)):
            detections["keypoints"] = points
            detections["keypoints_scores"] = scores
        return {}
