"""Small detectors, built of either library's parts, with the same weights, and images and targets for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from reference_vision import torchvision

import tritonnn

THEIRS, OURS = (torch, torchvision), (tritonnn, tritonnn.vision)


def layers(library: Any) -> Any:
    """Four steps, each of half the resolution."""
    nn = library.nn
    steps = ((3, 8, 4), (8, 12, 2), (12, 16, 2), (16, 24, 2))
    return nn.Sequential(
        *(
            nn.Sequential(
                nn.Conv2d(before, after, 2 * stride - 1, stride, stride - 1), nn.BatchNorm2d(after), nn.ReLU()
            )
            for before, after, stride in steps
        )
    )


def pyramid(library: Any, vision: Any, first: int = 0, p6: bool = False) -> Any:
    extra = vision.ops.feature_pyramid_network.LastLevelP6P7(32, 32) if p6 else None
    used = {str(i): str(i - first) for i in range(first, 4)}
    made = vision.models.detection.backbone_utils.BackboneWithFPN
    return made(layers(library), used, [8, 12, 16, 24][first:], 32, extra)


def pool(vision: Any, size: int) -> Any:
    return vision.ops.MultiScaleRoIAlign(["0", "1", "2", "3"], size, 2)


def anchors(vision: Any) -> Any:
    sizes = ((12,), (20,), (32,), (48,), (64,))
    return vision.models.detection.anchor_utils.AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * 5)


def rcnn(vision: Any, classes: int = 4, **options: Any) -> dict[str, Any]:
    parts = vision.models.detection.faster_rcnn
    return {
        "min_size": 64, "max_size": 96, "rpn_anchor_generator": anchors(vision), "rpn_post_nms_top_n_test": 30,
        "rpn_pre_nms_top_n_test": 50, "rpn_pre_nms_top_n_train": 60, "rpn_post_nms_top_n_train": 40,
        "box_roi_pool": pool(vision, 3), "box_detections_per_img": 10, "box_batch_size_per_image": 24,
        "rpn_batch_size_per_image": 32, "box_head": parts.TwoMLPHead(32 * 9, 64),
        "box_predictor": parts.FastRCNNPredictor(64, classes), **options,
    }  # fmt: skip


def faster_rcnn(library: Any, vision: Any) -> Any:
    return vision.models.detection.FasterRCNN(pyramid(library, vision), **rcnn(vision))


def faster_rcnn_deep_heads(library: Any, vision: Any) -> Any:
    parts = vision.models.detection.faster_rcnn
    norm = library.nn.BatchNorm2d
    return vision.models.detection.FasterRCNN(
        pyramid(library, vision),
        **rcnn(
            vision,
            rpn_head=parts.RPNHead(32, 3, conv_depth=2),
            box_head=parts.FastRCNNConvFCHead((32, 3, 3), [24, 16], [64], norm_layer=norm),
            bbox_reg_weights=(1.0, 2.0, 3.0, 4.0),
        ),
    )


def faster_rcnn_one_map(library: Any, vision: Any) -> Any:
    """The backbone gives a tensor, not a dict; images are not resized in training."""
    backbone = library.nn.Sequential(
        library.nn.Conv2d(3, 16, 8, 8), library.nn.ReLU(), library.nn.Conv2d(16, 16, 2, 2)
    )
    backbone.out_channels = 16
    generator = vision.models.detection.anchor_utils.AnchorGenerator(((16, 32),), ((1.0, 2.0),))
    options = {"rpn_anchor_generator": generator, "_skip_resize": True}
    return vision.models.detection.FasterRCNN(
        backbone,
        **rcnn(
            vision,
            3,
            **options,
            box_roi_pool=vision.ops.MultiScaleRoIAlign(["0"], 3, 2),
            box_head=vision.models.detection.faster_rcnn.TwoMLPHead(16 * 9, 64),
        ),
    )


def mask_rcnn(library: Any, vision: Any) -> Any:
    parts = vision.models.detection.mask_rcnn
    return vision.models.detection.MaskRCNN(
        pyramid(library, vision),
        **rcnn(vision),
        mask_roi_pool=pool(vision, 5),
        mask_head=parts.MaskRCNNHeads(32, (16, 16), 2),
        mask_predictor=parts.MaskRCNNPredictor(16, 12, 4),
    )


def keypoint_rcnn(library: Any, vision: Any) -> Any:
    parts = vision.models.detection.keypoint_rcnn
    return vision.models.detection.KeypointRCNN(
        pyramid(library, vision),
        **rcnn(vision, 2),
        keypoint_roi_pool=pool(vision, 5),
        keypoint_head=parts.KeypointRCNNHeads(32, (24, 16)),
        keypoint_predictor=parts.KeypointRCNNPredictor(16, 5),
    )


def retinanet(library: Any, vision: Any, loss: str = "l1") -> Any:
    model = vision.models.detection.RetinaNet(
        pyramid(library, vision, 1, p6=True), 4, 64, 96, anchor_generator=anchors(vision), score_thresh=0.3,
        detections_per_img=12, topk_candidates=40,
    )  # fmt: skip
    model.head.regression_head._loss_type = loss
    return model


def retinanet_giou(library: Any, vision: Any) -> Any:
    return retinanet(library, vision, "giou")


def fcos(library: Any, vision: Any) -> Any:
    return vision.models.detection.FCOS(
        pyramid(library, vision, 1, p6=True), 4, 64, 96, detections_per_img=12, topk_candidates=40
    )


def maps(library: Any, vision: Any) -> Any:
    return vision.models._utils.IntermediateLayerGetter(layers(library), {"1": "0", "2": "1", "3": "2"})


def ssd(library: Any, vision: Any) -> Any:
    boxes = vision.models.detection.anchor_utils.DefaultBoxGenerator([[2], [2, 3], [2]])
    return vision.models.detection.ssd.SSD(
        maps(library, vision), boxes, (96, 64), 4, detections_per_img=12, topk_candidates=20, score_thresh=0.2
    )


def ssdlite(library: Any, vision: Any) -> Any:
    boxes = vision.models.detection.anchor_utils.DefaultBoxGenerator(
        [[2], [2, 3], [2]], scales=[0.1, 0.3, 0.7, 1.2], steps=[8, 16, 32], clip=False
    )
    head = vision.models.detection.ssdlite.SSDLiteHead(
        [12, 16, 24], boxes.num_anchors_per_location(), 4, library.nn.BatchNorm2d
    )
    return vision.models.detection.ssd.SSD(
        maps(library, vision), boxes, (64, 64), 4, head=head, score_thresh=0.2
    )


DETECTORS: dict[str, Callable[[Any, Any], Any]] = {
    function.__name__: function
    for function in (
        faster_rcnn, faster_rcnn_deep_heads, faster_rcnn_one_map, mask_rcnn, keypoint_rcnn, retinanet, retinanet_giou,
        fcos, ssd, ssdlite,
    )
}  # fmt: skip


def drawn(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Weights with which signals neither fade nor grow, and with which predictions differ from each other."""
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if len(shape) > 1:
        scale = 0.2 if "cls_score" in name else 1  # probabilities of 1 would all be equal
        return (rng.normal(size=shape) * (scale / math.sqrt(math.prod(shape[1:])))).astype(np.float32)
    if name.endswith("running_var") or name.endswith("weight"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return (rng.normal(size=shape) * 0.1).astype(np.float32)


def pair(build: Callable[[Any, Any], Any], seed: int = 0) -> tuple[Any, Any]:
    """Their model and ours, with the same weights."""
    theirs, ours = build(*THEIRS), build(*OURS)
    rng = np.random.default_rng(seed)
    weights = {name: drawn(name, tuple(t.shape), rng) for name, t in theirs.state_dict().items()}
    theirs.load_state_dict({name: torch.from_numpy(w) for name, w in weights.items()})
    ours.load_state_dict({name: tritonnn.from_numpy(w) for name, w in weights.items()})
    return theirs, ours


def images(library: Any, sizes: tuple[tuple[int, int], ...] = ((50, 70), (64, 40))) -> list[Any]:
    rng = np.random.default_rng(5)
    return [library.from_numpy(rng.random((3, *size), dtype=np.float32)) for size in sizes]


BOXES = ([[3, 4, 30, 40], [20, 10, 60, 45], [5, 5, 15, 18]], [[2, 30, 35, 60], [10, 3, 30, 30]])


def targets(library: Any, boxes: Any = BOXES, points: int = 5, classes: int = 4) -> list[dict[str, Any]]:
    """A target for each image; key points lie in and outside of their boxes, and some are not visible."""
    rng = np.random.default_rng(7)
    made = []
    for box, size in zip(boxes, ((50, 70), (64, 40))):
        corners = np.array(box, np.float32).reshape(-1, 4)
        place = rng.random((len(corners), points, 2), dtype=np.float32) * 1.2 - 0.1
        place = corners[:, None, :2] + place * (corners[:, None, 2:] - corners[:, None, :2])
        seen = rng.integers(0, 2, (len(corners), points, 1)).astype(np.float32)
        target = {
            "boxes": corners,
            "labels": rng.integers(1, classes, len(corners)),
            "masks": rng.integers(0, 2, (len(corners), *size)).astype(np.uint8),
            "keypoints": np.concatenate((place, seen), axis=-1).astype(np.float32),
        }
        made.append({name: library.from_numpy(array) for name, array in target.items()})
    return made


def permutation(library: Any) -> Callable[..., Any]:
    """What stands in for `randperm`, whose numbers differ between the libraries."""

    def randperm(n: int, device: Any = None) -> Any:
        return library.from_numpy(np.random.default_rng(n).permutation(n))

    return randperm
