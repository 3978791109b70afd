"""What detectors of one stage share: they predict for every anchor, and the best predictions are the detections."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import tritonnn as torch
from tritonnn import Tensor
from tritonnn.vision.ops import boxes as box_ops

__all__ = ["best_of_levels", "by_level", "kept", "match", "per_anchor"]

Target = dict[str, Tensor]


def per_anchor(layer: Tensor, columns: int) -> Tensor:
    """[N, A * columns, H, W] as [N, H * W * A, columns]: in the order of the anchors."""
    N, _, H, W = layer.shape
    return layer.view(N, -1, columns, H, W).permute(0, 3, 4, 1, 2).reshape(N, -1, columns)


def match(
    matcher: Callable[[Tensor], Tensor], anchors: Sequence[Tensor], targets: Sequence[Target]
) -> list[Tensor]:
    """For each image, the true box of every anchor, or -1."""
    return [
        matcher(box_ops.box_iou(target["boxes"], around))
        if target["boxes"].numel()
        else torch.full((len(around),), -1, dtype=torch.int64, device=around.device)
        for around, target in zip(anchors, targets)
    ]


def by_level(
    head_outputs: dict[str, Tensor], anchors: Sequence[Tensor], maps: Sequence[Tensor]
) -> tuple[dict[str, list[Tensor]], list[list[Tensor]]]:
    """Predictions and anchors, apart for each feature map."""
    places = [feature.shape[-2] * feature.shape[-1] for feature in maps]
    of_place = head_outputs["cls_logits"].shape[1] // sum(places)
    counts = [count * of_place for count in places]
    outputs = {name: list(output.split(counts, dim=1)) for name, output in head_outputs.items()}
    return outputs, [list(around.split(counts)) for around in anchors]


class Dense(Protocol):
    """What a detector without regions of interest says of the detections that it keeps."""

    score_thresh: float
    topk_candidates: int
    nms_thresh: float
    detections_per_img: int


def best_of_levels(
    model: Dense,
    levels: Iterable[tuple[Tensor, Tensor, Tensor]],
    decode: Callable[[Tensor, Tensor], Tensor],
    image_shape: tuple[int, int],
) -> Target:
    """The detections of one image.

    Args:
        model: says how many are kept; `topk_candidates` are of each feature map.
        levels: for each feature map, scores [A, classes], codes and anchors.
        decode: makes boxes of codes and anchors.
        image_shape: height and width.
    """
    boxes, scores, labels = [], [], []
    for score, codes, anchors in levels:
        classes = score.shape[-1]
        score = score.flatten()
        candidates = torch.where(score > model.score_thresh)[0]
        score, best = score[candidates].topk(min(model.topk_candidates, len(candidates)))
        candidates = candidates[best]
        rows = candidates // classes
        boxes.append(box_ops.clip_boxes_to_image(decode(codes[rows], anchors[rows]), image_shape))
        scores.append(score)
        labels.append(candidates % classes)
    return kept(model, torch.cat(boxes), torch.cat(scores), torch.cat(labels))


def kept(model: Dense, boxes: Tensor, scores: Tensor, labels: Tensor) -> Target:
    """Of an image's candidates, the best, none of them beside a better one of its class."""
    keep = box_ops.batched_nms(boxes, scores, labels, model.nms_thresh)[: model.detections_per_img]
    return {"boxes": boxes[keep], "scores": scores[keep], "labels": labels[keep]}
