"""SSD (https://arxiv.org/abs/1512.02325): one stage, on feature maps of ever lower resolution."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.detection import _utils as det_utils
from tritonnn.vision.models.detection._dense import kept, match, per_anchor
from tritonnn.vision.models.detection._detector import Detector, imagenet
from tritonnn.vision.models.detection.anchor_utils import DefaultBoxGenerator
from tritonnn.vision.models.detection.backbone_utils import _validate_trainable_layers, freeze_stages
from tritonnn.vision.models.detection.image_list import ImageList
from tritonnn.vision.models.detection.transform import GeneralizedRCNNTransform
from tritonnn.vision.models.vgg import VGG16_Weights, vgg16
from tritonnn.vision.ops import boxes as box_ops

__all__ = ["SSD300_VGG16_Weights", "ssd300_vgg16"]

Target = dict[str, Tensor]


class SSD300_VGG16_Weights(WeightsEnum, data="detection.ssd"):
    """Weights of `ssd300_vgg16`."""


def _xavier_init(conv: nn.Module) -> None:
    for layer in conv.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.0)


class SSDHead(nn.Module):
    """Scores and codes for every default box.

    Args:
        in_channels: of each feature map.
        num_anchors: of a point of each feature map.
        num_classes: with the background.
    """

    def __init__(self, in_channels: list[int], num_anchors: list[int], num_classes: int) -> None:
        super().__init__()
        self.classification_head = SSDClassificationHead(in_channels, num_anchors, num_classes)
        self.regression_head = SSDRegressionHead(in_channels, num_anchors)

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSDScoringHead(nn.Module):
    """A layer for each feature map.

    Args:
        module_list: these layers.
        num_columns: how many numbers they give for a default box.
    """

    def __init__(self, module_list: nn.ModuleList, num_columns: int) -> None:
        super().__init__()
        self.module_list = module_list
        self.num_columns = num_columns

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return torch.cat([per_anchor(m(t), self.num_columns) for m, t in zip(self.module_list, x)], dim=1)


class SSDClassificationHead(SSDScoringHead):
    """Scores of the classes.

    Args:
        in_channels: of each feature map.
        num_anchors: of a point of each feature map.
        num_classes: with the background.
    """

    def __init__(self, in_channels: list[int], num_anchors: list[int], num_classes: int) -> None:
        super().__init__(_predictors(in_channels, num_anchors, num_classes), num_classes)


class SSDRegressionHead(SSDScoringHead):
    """Codes of the boxes.

    Args:
        in_channels: of each feature map.
        num_anchors: of a point of each feature map.
    """

    def __init__(self, in_channels: list[int], num_anchors: list[int]) -> None:
        super().__init__(_predictors(in_channels, num_anchors, 4), 4)


def _predictors(in_channels: list[int], num_anchors: list[int], columns: int) -> nn.ModuleList:
    layers = nn.ModuleList(
        nn.Conv2d(channels, columns * anchors, kernel_size=3, padding=1)
        for channels, anchors in zip(in_channels, num_anchors)
    )
    _xavier_init(layers)
    return layers


class SSD(Detector):
    """Finds things in images: boxes, classes and scores.

    Args:
        backbone: makes feature maps; `backbone.out_channels` lists their channels, or else it is run to see them.
        anchor_generator: makes the default boxes.
        size: width and height that every image gets.
        num_classes: with the background, which is class 0.
        image_mean: default: ImageNet's.
        image_std: default: ImageNet's.
        head: default: SSDHead.
        score_thresh: detections have a higher score.
        nms_thresh: the IoU above which, of two detections of a class, only the better one is kept.
        detections_per_img: how many are kept at most.
        iou_thresh: in training, a default box with this IoU with a true box is to have its class.
        topk_candidates: how many of each class are looked at.
        positive_fraction: the part of the boxes in the loss that have a class; the rest are the worst negatives.
        kwargs: of `GeneralizedRCNNTransform`.

    It is called like `FasterRCNN`. The losses are "bbox_regression" and "classification".
    """

    def __init__(
        self, backbone: nn.Module, anchor_generator: DefaultBoxGenerator, size: tuple[int, int], num_classes: int,
        image_mean: list[float] | None = None, image_std: list[float] | None = None,
        head: nn.Module | None = None, score_thresh: float = 0.01, nms_thresh: float = 0.45,
        detections_per_img: int = 200, iou_thresh: float = 0.5, topk_candidates: int = 400,
        positive_fraction: float = 0.25, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        self.backbone = backbone
        self.anchor_generator = anchor_generator
        self.box_coder = det_utils.BoxCoder(weights=(10.0, 10.0, 5.0, 5.0))
        if head is None:
            channels = getattr(backbone, "out_channels", None) or det_utils.retrieve_out_channels(
                backbone, size
            )
            same_length(channels, anchor_generator)
            head = SSDHead(channels, anchor_generator.num_anchors_per_location(), num_classes)
        self.head = head
        self.proposal_matcher = det_utils.SSDMatcher(iou_thresh)
        mean, std = imagenet(image_mean, image_std)
        self.transform = GeneralizedRCNNTransform(
            min(size), max(size), mean, std, size_divisible=1, fixed_size=size, **kwargs
        )
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates
        self.neg_to_pos_ratio = (1.0 - positive_fraction) / positive_fraction

    def compute_loss(
        self,
        targets: Sequence[Target],
        head_outputs: dict[str, Tensor],
        anchors: Sequence[Tensor],
        matched_idxs: Sequence[Tensor],
    ) -> dict[str, Tensor]:
        logits = head_outputs["cls_logits"]
        box_losses, classes = [], []
        for target, codes, around, matched in zip(
            targets, head_outputs["bbox_regression"], anchors, matched_idxs
        ):
            positive = torch.where(matched >= 0)[0]
            rows = matched[positive]
            wanted = self.box_coder.encode_single(target["boxes"][rows], around[positive])
            box_losses.append(F.smooth_l1_loss(codes[positive], wanted, reduction="sum"))
            label = torch.zeros_like(matched)  # 0 is the background
            label[positive] = target["labels"][rows]
            classes.append(label)
        label = torch.stack(classes)
        loss = F.cross_entropy(logits.flatten(0, 1), label.flatten(), reduction="none").view(label.shape)
        positive, negative = label > 0, self._worst_negatives(loss, label)
        count = torch.stack([(matched >= 0).sum() for matched in matched_idxs]).sum().clamp(min=1)
        return {
            "bbox_regression": torch.stack(box_losses).sum() / count,
            "classification": (loss[positive].sum() + loss[negative].sum()) / count,
        }

    def _worst_negatives(self, loss: Tensor, label: Tensor) -> Tensor:
        """A mask, for each image, of the boxes without a class that have the highest loss."""
        positive = label > 0
        count = self.neg_to_pos_ratio * positive.sum(1, keepdim=True)
        order = loss.masked_fill(positive, -float("inf")).argsort(1, descending=True)
        return order.argsort(1) < count

    def postprocess_detections(
        self,
        head_outputs: dict[str, Tensor],
        image_anchors: Sequence[Tensor],
        image_shapes: Sequence[tuple[int, int]],
    ) -> list[Target]:
        """The detections of each image."""
        scores = F.softmax(head_outputs["cls_logits"], dim=-1)
        return [
            self._detections(*image)
            for image in zip(head_outputs["bbox_regression"], scores, image_anchors, image_shapes)
        ]

    def _detections(self, codes: Tensor, scores: Tensor, anchors: Tensor, shape: tuple[int, int]) -> Target:
        boxes = box_ops.clip_boxes_to_image(self.box_coder.decode_single(codes, anchors), shape)
        of_class = scores[:, 1:].T  # 0 is the background
        best, rows = of_class.topk(min(self.topk_candidates, len(anchors)), dim=1)
        label, place = torch.where(best > self.score_thresh)
        return kept(self, boxes[rows[label, place]], best[label, place], label + 1)

    def detect(
        self, images: ImageList, features: dict[str, Tensor], targets: list[Target] | None
    ) -> tuple[list[Target], dict[str, Tensor]]:
        maps = list(features.values())
        outputs = self.head(maps)
        anchors = self.anchor_generator(images, maps)
        if self.training:
            matched = match(self.proposal_matcher, anchors, targets or [])
            return [], self.compute_loss(targets or [], outputs, anchors, matched)
        return self.postprocess_detections(outputs, anchors, images.image_sizes), {}


def same_length(channels: Sequence[int], anchor_generator: DefaultBoxGenerator) -> None:
    """Refuse a backbone with more or fewer feature maps than there are default boxes for."""
    if len(channels) != len(anchor_generator.aspect_ratios):
        raise ValueError(
            f"The length of the output channels from the backbone ({len(channels)}) do not match the length of the "
            f"anchor generator aspect ratios ({len(anchor_generator.aspect_ratios)})"
        )


class SSDFeatureExtractorVGG(nn.Module):
    """The feature maps of a VGG, and of convolutions behind it.

    Args:
        backbone: the VGG's `features`, which are changed.
        highres: one map more, for images of 512 pixels.
    """

    def __init__(self, backbone: nn.Sequential, highres: bool) -> None:
        super().__init__()
        pools = [i for i, layer in enumerate(backbone) if isinstance(layer, nn.MaxPool2d)]
        third, fourth = pools[2:4]
        backbone[third].ceil_mode = True  # 75 -> 38
        self.scale_weight = nn.Parameter(torch.ones(512) * 20)
        self.features = nn.Sequential(*backbone[:fourth])
        shapes = [(1024, 256, 512, 2), (512, 128, 256, 2), (256, 128, 256, 1), (256, 128, 256, 1)]
        extra = nn.ModuleList(_narrowed(*shape) for shape in shapes)
        if highres:
            extra.append(_narrowed(256, 128, 256, 1, kernel_size=4))
        _xavier_init(extra)
        dense = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=False),
            nn.Conv2d(512, 1024, kernel_size=3, padding=6, dilation=6),
            nn.ReLU(inplace=True),
            nn.Conv2d(1024, 1024, kernel_size=1),
            nn.ReLU(inplace=True),
        )
        _xavier_init(dense)
        extra.insert(0, nn.Sequential(*backbone[fourth:-1], dense))
        self.extra = extra

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        x = self.features(x)
        maps = [self.scale_weight.view(1, -1, 1, 1) * F.normalize(x)]
        for block in self.extra:
            x = block(x)
            maps.append(x)
        return OrderedDict((str(i), feature) for i, feature in enumerate(maps))


def _narrowed(before: int, between: int, after: int, stride: int, kernel_size: int = 3) -> nn.Sequential:
    """A convolution with fewer channels between."""
    return nn.Sequential(
        nn.Conv2d(before, between, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(between, after, kernel_size=kernel_size, padding=stride - 1, stride=stride),
        nn.ReLU(inplace=True),
    )


def _vgg_extractor(backbone: nn.Module, highres: bool, trainable_layers: int) -> SSDFeatureExtractorVGG:
    features = backbone.features
    pools = [i for i, layer in enumerate(features) if isinstance(layer, nn.MaxPool2d)]
    stages = [0, *pools[:-1]]
    torch._assert(
        0 <= trainable_layers <= len(stages),
        f"trainable_layers should be in the range [0, {len(stages)}]. Instead got {trainable_layers}",
    )
    freeze_stages(features, stages, trainable_layers)
    return SSDFeatureExtractorVGG(features, highres)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", SSD300_VGG16_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", VGG16_Weights.IMAGENET1K_FEATURES),
)
def ssd300_vgg16(
    *,
    weights: SSD300_VGG16_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: VGG16_Weights | None = VGG16_Weights.IMAGENET1K_FEATURES,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> SSD:
    """SSD for images of 300 x 300 on a VGG-16.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 91.
        weights_backbone: of the VGG, where there are none of the whole.
        trainable_backbone_layers: how many of its 5 stages, from the last one, are trained; default: 4, or all where
            nothing is trained yet.
        kwargs: of `SSD`, but for `size`.
    """
    weights, weights_backbone, classes = decided(
        (SSD300_VGG16_Weights, weights), (VGG16_Weights, weights_backbone), num_classes, 91
    )
    is_trained = weights is not None or weights_backbone is not None
    trained = _validate_trainable_layers(is_trained, trainable_backbone_layers, 5, 4)
    backbone = _vgg_extractor(vgg16(weights=weights_backbone, progress=progress), False, trained)
    anchors = DefaultBoxGenerator(
        [[2], [2, 3], [2, 3], [2, 3], [2], [2]],
        scales=[0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05],
        steps=[8, 16, 32, 64, 100, 300],
    )
    # the weights saw images of 0 to 255, with another mean
    seen = {"image_mean": [0.48235, 0.45882, 0.40784], "image_std": [1.0 / 255.0] * 3}
    model = SSD(backbone, anchors, (300, 300), classes, **{**seen, **kwargs})
    return load_weights(model, weights, progress)
