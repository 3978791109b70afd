"""FCOS (https://arxiv.org/abs/1904.01355): one stage; every point says how far the sides of its box are."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.detection import _utils as det_utils
from tritonnn.vision.models.detection._builders import resnet50_pyramid
from tritonnn.vision.models.detection._dense import best_of_levels, by_level, per_anchor
from tritonnn.vision.models.detection._detector import Detector, channels_of, imagenet, of_type
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.image_list import ImageList
from tritonnn.vision.models.detection.transform import GeneralizedRCNNTransform
from tritonnn.vision.models.resnet import ResNet50_Weights
from tritonnn.vision.ops.feature_pyramid_network import LastLevelP6P7
from tritonnn.vision.ops.focal_loss import sigmoid_focal_loss
from tritonnn.vision.ops.giou_loss import generalized_box_iou_loss

__all__ = ["FCOS", "FCOS_ResNet50_FPN_Weights", "fcos_resnet50_fpn"]

Target = dict[str, Tensor]
NormLayer = Callable[..., nn.Module]


class FCOSHead(nn.Module):
    """Scores, codes and centerness for every point.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        num_classes: with the background.
        num_convs: how many 3x3 convolutions come first.
    """

    def __init__(
        self, in_channels: int, num_anchors: int, num_classes: int, num_convs: int | None = 4
    ) -> None:
        super().__init__()
        convolutions = 4 if num_convs is None else num_convs
        self.box_coder = det_utils.BoxLinearCoder(normalize_by_size=True)
        self.classification_head = FCOSClassificationHead(in_channels, num_anchors, num_classes, convolutions)
        self.regression_head = FCOSRegressionHead(in_channels, num_anchors, convolutions)

    def compute_loss(
        self,
        targets: Sequence[Target],
        head_outputs: dict[str, Tensor],
        anchors: Sequence[Tensor],
        matched_idxs: Sequence[Tensor],
    ) -> dict[str, Tensor]:
        """Each loss of all images, divided by the number of points that are to have a class."""
        logits, around = head_outputs["cls_logits"], torch.stack(list(anchors))
        wanted = [_wanted(target, matched) for target, matched in zip(targets, matched_idxs)]
        classes, boxes = torch.stack([label for label, _ in wanted]), torch.stack([box for _, box in wanted])
        positive = classes >= 0
        one_hot = torch.zeros_like(logits)
        one_hot[positive, classes[positive]] = 1.0
        found = self.box_coder.decode(head_outputs["bbox_regression"], around)
        centerness = _centerness(self.box_coder.encode(around, boxes)[positive])
        losses = {
            "classification": sigmoid_focal_loss(logits, one_hot, reduction="sum"),
            "bbox_regression": generalized_box_iou_loss(found[positive], boxes[positive], reduction="sum"),
            "bbox_ctrness": F.binary_cross_entropy_with_logits(
                head_outputs["bbox_ctrness"].squeeze(dim=2)[positive], centerness, reduction="sum"
            ),
        }
        count = positive.sum().clamp(min=1)
        return {name: loss / count for name, loss in losses.items()}

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        codes, centerness = self.regression_head(x)
        return {
            "cls_logits": self.classification_head(x),
            "bbox_regression": codes,
            "bbox_ctrness": centerness,
        }


def _wanted(target: Target, matched: Tensor) -> tuple[Tensor, Tensor]:
    """The class of every point, or -1, and its box."""
    labels, boxes = target["labels"], target["boxes"]
    if not len(labels):
        return torch.full_like(matched, -1), boxes.new_zeros(len(matched), 4)
    rows = matched.clamp(min=0)
    return labels[rows].masked_fill(matched < 0, -1), boxes[rows]


def _centerness(distances: Tensor) -> Tensor:
    """1 in the middle of a box, and 0 at its sides: of the distances of the left, upper, right and lower one."""
    opposite = distances.view(-1, 2, 2)
    ratios = opposite.amin(dim=1) / opposite.amax(dim=1)
    return torch.sqrt(ratios[:, 0] * ratios[:, 1])


def _tower(in_channels: int, count: int, norm_layer: NormLayer | None) -> nn.Sequential:
    """3x3 convolutions, each normalised."""
    normalised = partial(nn.GroupNorm, 32) if norm_layer is None else norm_layer
    layers: list[nn.Module] = []
    for _ in range(count):
        layers += [nn.Conv2d(in_channels, in_channels, 3, padding=1), normalised(in_channels), nn.ReLU()]
    return nn.Sequential(*layers)


def _draw(module: nn.Module) -> None:
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, std=0.01)
            nn.init.zeros_(layer.bias)


class FCOSClassificationHead(nn.Module):
    """Scores of the classes for every point.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        num_classes: with the background.
        num_convs: how many 3x3 convolutions come first.
        prior_probability: what every score is at first.
        norm_layer: behind each convolution; default: groups of 32.
    """

    def __init__(
        self,
        in_channels: int,
        num_anchors: int,
        num_classes: int,
        num_convs: int = 4,
        prior_probability: float = 0.01,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_anchors = num_anchors
        self.conv = _tower(in_channels, num_convs, norm_layer)
        _draw(self.conv)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, 3, padding=1)
        nn.init.normal_(self.cls_logits.weight, std=0.01)
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return torch.cat([per_anchor(self.cls_logits(self.conv(t)), self.num_classes) for t in x], dim=1)


class FCOSRegressionHead(nn.Module):
    """Codes of the boxes, and how central each point is in its box.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        num_convs: how many 3x3 convolutions come first.
        norm_layer: behind each convolution; default: groups of 32.
    """

    def __init__(
        self, in_channels: int, num_anchors: int, num_convs: int = 4, norm_layer: NormLayer | None = None
    ) -> None:
        super().__init__()
        self.conv = _tower(in_channels, num_convs, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, 3, padding=1)
        self.bbox_ctrness = nn.Conv2d(in_channels, num_anchors, 3, padding=1)
        _draw(self)

    def forward(self, x: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        features = [self.conv(feature) for feature in x]
        codes = [per_anchor(F.relu(self.bbox_reg(t)), 4) for t in features]
        centerness = [per_anchor(self.bbox_ctrness(t), 1) for t in features]
        return torch.cat(codes, dim=1), torch.cat(centerness, dim=1)


class FCOS(Detector):
    """Finds things in images: boxes, classes and scores.

    Args:
        backbone: makes feature maps, all with `backbone.out_channels`.
        num_classes: with the background, which is class 0.
        min_size: see `GeneralizedRCNNTransform`, like the next three.
        max_size: of the longer side.
        image_mean: default: ImageNet's.
        image_std: default: ImageNet's.
        anchor_generator: one anchor for each point, which says how large things on each map are.
        head: default: FCOSHead.
        center_sampling_radius: a point learns a box if it is this near to the middle, in sizes of the anchor.
        score_thresh: detections have a higher score.
        nms_thresh: the IoU above which, of two detections of a class, only the better one is kept.
        detections_per_img: how many are kept at most.
        topk_candidates: how many of each feature map are looked at.
        kwargs: of `GeneralizedRCNNTransform`.

    It is called like `FasterRCNN`. The losses are "classification", "bbox_regression" and "bbox_ctrness".
    """

    def __init__(
        self, backbone: nn.Module, num_classes: int, min_size: int | Sequence[int] = 800, max_size: int = 1333,
        image_mean: list[float] | None = None, image_std: list[float] | None = None,
        anchor_generator: AnchorGenerator | None = None, head: nn.Module | None = None,
        center_sampling_radius: float = 1.5, score_thresh: float = 0.2, nms_thresh: float = 0.6,
        detections_per_img: int = 100, topk_candidates: int = 1000, **kwargs: Any,
    ) -> None:  # fmt: skip
        out_channels = channels_of(backbone)
        of_type("anchor_generator", anchor_generator, AnchorGenerator)
        super().__init__()
        self.backbone = backbone
        if anchor_generator is None:  # as large as a point's stride
            anchor_generator = AnchorGenerator(((8,), (16,), (32,), (64,), (128,)), ((1.0,),) * 5)
        self.anchor_generator = anchor_generator
        anchors = anchor_generator.num_anchors_per_location()[0]
        if anchors != 1:
            raise ValueError(
                f"anchor_generator.num_anchors_per_location()[0] should be 1 instead of {anchors}"
            )
        self.head = FCOSHead(out_channels, anchors, num_classes) if head is None else head
        self.box_coder = det_utils.BoxLinearCoder(normalize_by_size=True)
        self.transform = GeneralizedRCNNTransform(
            min_size, max_size, *imagenet(image_mean, image_std), **kwargs
        )
        self.center_sampling_radius = center_sampling_radius
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def compute_loss(
        self,
        targets: Sequence[Target],
        head_outputs: dict[str, Tensor],
        anchors: Sequence[Tensor],
        num_anchors_per_level: Sequence[int],
    ) -> dict[str, Tensor]:
        matched = [
            self._match(target["boxes"], around, num_anchors_per_level)
            for target, around in zip(targets, anchors)
        ]
        return self.head.compute_loss(targets, head_outputs, anchors, matched)

    def _match(self, boxes: Tensor, anchors: Tensor, counts: Sequence[int]) -> Tensor:
        """The true box of every point, or -1: the smallest whose middle is near and whose sides are as far as fits."""
        if boxes.numel() == 0:
            return torch.full((len(anchors),), -1, dtype=torch.int64, device=anchors.device)
        points = (anchors[:, :2] + anchors[:, 2:]) / 2
        sizes = anchors[:, 2] - anchors[:, 0]
        middles = (boxes[:, :2] + boxes[:, 2:]) / 2
        near = (points[:, None] - middles).abs().amax(dim=2) < self.center_sampling_radius * sizes[:, None]
        distances = torch.cat((points[:, None] - boxes[:, :2], boxes[:, 2:] - points[:, None]), dim=2)
        inside = distances.amin(dim=2) > 0
        lower, upper = sizes * 4, sizes * 8
        lower[: counts[0]] = 0
        upper[-counts[-1] :] = float("inf")
        farthest = distances.amax(dim=2)
        fits = near & inside & (farthest > lower[:, None]) & (farthest < upper[:, None])
        areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        best, index = (fits.to(torch.float32) * (1e8 - areas)).max(dim=1)
        return index.masked_fill(best < 1e-5, -1)

    def postprocess_detections(
        self,
        head_outputs: dict[str, list[Tensor]],
        anchors: Sequence[Sequence[Tensor]],
        image_shapes: Sequence[tuple[int, int]],
    ) -> list[Target]:
        """The detections of each image, of predictions that are apart for each feature map."""
        scores = [
            torch.sqrt(logits.sigmoid() * centerness.sigmoid())
            for logits, centerness in zip(head_outputs["cls_logits"], head_outputs["bbox_ctrness"])
        ]
        codes = head_outputs["bbox_regression"]
        return [
            best_of_levels(
                self,
                zip([score[i] for score in scores], [code[i] for code in codes], anchors[i]),
                self.box_coder.decode,
                shape,
            )
            for i, shape in enumerate(image_shapes)
        ]

    def detect(
        self, images: ImageList, features: dict[str, Tensor], targets: list[Target] | None
    ) -> tuple[list[Target], dict[str, Tensor]]:
        maps = list(features.values())
        outputs = self.head(maps)
        anchors = self.anchor_generator(images, maps)
        if self.training:
            counts = [feature.shape[-2] * feature.shape[-1] for feature in maps]
            return [], self.compute_loss(targets or [], outputs, anchors, counts)
        return self.postprocess_detections(*by_level(outputs, anchors, maps), images.image_sizes), {}


class FCOS_ResNet50_FPN_Weights(WeightsEnum, data="detection.fcos"):
    """Weights of `fcos_resnet50_fpn`."""


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FCOS_ResNet50_FPN_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def fcos_resnet50_fpn(
    *,
    weights: FCOS_ResNet50_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> FCOS:
    """FCOS on a ResNet-50 with a feature pyramid.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 91.
        weights_backbone: of the ResNet, where there are none of the whole.
        trainable_backbone_layers: how many of its 5 stages, from the last one, are trained; default: 3, or all where
            nothing is trained yet.
        kwargs: of `FCOS`.
    """
    weights, weights_backbone, classes = decided(
        (FCOS_ResNet50_FPN_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    backbone = resnet50_pyramid(
        weights, weights_backbone, trainable_backbone_layers, progress, (2, 3, 4), LastLevelP6P7(256, 256)
    )
    return load_weights(FCOS(backbone, classes, **kwargs), weights, progress)
