"""RetinaNet (https://arxiv.org/abs/1708.02002): one stage, with the focal loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.detection import _utils as det_utils
from tritonnn.vision.models.detection._builders import resnet50_pyramid
from tritonnn.vision.models.detection._dense import best_of_levels, by_level, match, per_anchor
from tritonnn.vision.models.detection._detector import Detector, channels_of, imagenet, of_type
from tritonnn.vision.models.detection._utils import _box_loss, overwrite_eps
from tritonnn.vision.models.detection.anchor_utils import AnchorGenerator
from tritonnn.vision.models.detection.backbone_utils import _resnet_fpn_extractor, _validate_trainable_layers
from tritonnn.vision.models.detection.image_list import ImageList
from tritonnn.vision.models.detection.transform import GeneralizedRCNNTransform
from tritonnn.vision.models.resnet import ResNet50_Weights, resnet50
from tritonnn.vision.ops.feature_pyramid_network import LastLevelP6P7
from tritonnn.vision.ops.focal_loss import sigmoid_focal_loss
from tritonnn.vision.ops.misc import Conv2dNormActivation

__all__ = [
    "RetinaNet",
    "RetinaNet_ResNet50_FPN_Weights",
    "RetinaNet_ResNet50_FPN_V2_Weights",
    "retinanet_resnet50_fpn",
    "retinanet_resnet50_fpn_v2",
]

Target = dict[str, Tensor]
NormLayer = Callable[..., nn.Module]


def _sum(x: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(x)).sum()


def _default_anchorgen() -> AnchorGenerator:
    """Three sizes on each of five feature maps."""
    thirds = (0, 1.0 / 3, 2.0 / 3)
    sizes = tuple(tuple(int(size * 2**third) for third in thirds) for size in (32, 64, 128, 256, 512))
    return AnchorGenerator(sizes, ((0.5, 1.0, 2.0),) * len(sizes))


class _Tower(nn.Module):
    """Four 3x3 convolutions, on which one more predicts."""

    _version = 2

    def __init__(self, in_channels: int, norm_layer: NormLayer | None) -> None:
        super().__init__()
        self.conv = nn.Sequential(
            *(Conv2dNormActivation(in_channels, in_channels, norm_layer=norm_layer) for _ in range(4))
        )
        for layer in self.conv.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, std=0.01)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        """In version 1 convolutions and activations stood beside each other."""
        if (local_metadata.get("version") or 1) < 2:
            for i in range(4):
                for kind in ("weight", "bias"):
                    if f"{prefix}conv.{2 * i}.{kind}" in state_dict:
                        state_dict[f"{prefix}conv.{i}.0.{kind}"] = state_dict.pop(
                            f"{prefix}conv.{2 * i}.{kind}"
                        )
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


class RetinaNetHead(nn.Module):
    """Scores and codes for every anchor.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        num_classes: with the background.
        norm_layer: behind each convolution; default: none.

    >>> import tritonnn as torch
    >>> out = RetinaNetHead(8, 9, 3)([torch.rand(2, 8, 4, 4)])
    >>> out["cls_logits"].shape, out["bbox_regression"].shape
    (torch.Size([2, 144, 3]), torch.Size([2, 144, 4]))
    """

    def __init__(
        self, in_channels: int, num_anchors: int, num_classes: int, norm_layer: NormLayer | None = None
    ) -> None:
        super().__init__()
        self.classification_head = RetinaNetClassificationHead(
            in_channels, num_anchors, num_classes, norm_layer=norm_layer
        )
        self.regression_head = RetinaNetRegressionHead(in_channels, num_anchors, norm_layer=norm_layer)

    def compute_loss(
        self,
        targets: Sequence[Target],
        head_outputs: dict[str, Tensor],
        anchors: Sequence[Tensor],
        matched_idxs: Sequence[Tensor],
    ) -> dict[str, Tensor]:
        return {
            "classification": self.classification_head.compute_loss(targets, head_outputs, matched_idxs),
            "bbox_regression": self.regression_head.compute_loss(
                targets, head_outputs, anchors, matched_idxs
            ),
        }

    def forward(self, x: Sequence[Tensor]) -> dict[str, Tensor]:
        return {"cls_logits": self.classification_head(x), "bbox_regression": self.regression_head(x)}


class RetinaNetClassificationHead(_Tower):
    """Scores of the classes for every anchor.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        num_classes: with the background.
        prior_probability: what every score is at first, so that the many negatives do not drown the rest.
        norm_layer: behind each convolution; default: none.
    """

    def __init__(
        self,
        in_channels: int,
        num_anchors: int,
        num_classes: int,
        prior_probability: float = 0.01,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__(in_channels, norm_layer)
        self.cls_logits = nn.Conv2d(in_channels, num_anchors * num_classes, 3, padding=1)
        nn.init.normal_(self.cls_logits.weight, std=0.01)
        nn.init.constant_(self.cls_logits.bias, -math.log((1 - prior_probability) / prior_probability))
        self.num_classes = num_classes
        self.num_anchors = num_anchors
        # the loss leaves anchors with this index out
        self.BETWEEN_THRESHOLDS = det_utils.Matcher.BETWEEN_THRESHOLDS

    def compute_loss(
        self, targets: Sequence[Target], head_outputs: dict[str, Tensor], matched_idxs: Sequence[Tensor]
    ) -> Tensor:
        losses = []
        for target, logits, matched in zip(targets, head_outputs["cls_logits"], matched_idxs):
            positive = matched >= 0
            wanted = torch.zeros_like(logits)
            wanted[positive, target["labels"][matched[positive]]] = 1.0
            valid = matched != self.BETWEEN_THRESHOLDS
            loss = sigmoid_focal_loss(logits[valid], wanted[valid], reduction="sum")
            losses.append(loss / positive.sum().clamp(min=1))
        return _sum(losses) / len(targets)

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return torch.cat([per_anchor(self.cls_logits(self.conv(t)), self.num_classes) for t in x], dim=1)


class RetinaNetRegressionHead(_Tower):
    """Codes of the boxes for every anchor.

    Args:
        in_channels: of the feature maps.
        num_anchors: of each point.
        norm_layer: behind each convolution; default: none.
    """

    def __init__(self, in_channels: int, num_anchors: int, norm_layer: NormLayer | None = None) -> None:
        super().__init__(in_channels, norm_layer)
        self.bbox_reg = nn.Conv2d(in_channels, num_anchors * 4, 3, padding=1)
        nn.init.normal_(self.bbox_reg.weight, std=0.01)
        nn.init.zeros_(self.bbox_reg.bias)
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self._loss_type = "l1"

    def compute_loss(
        self,
        targets: Sequence[Target],
        head_outputs: dict[str, Tensor],
        anchors: Sequence[Tensor],
        matched_idxs: Sequence[Tensor],
    ) -> Tensor:
        losses = []
        images = zip(targets, head_outputs["bbox_regression"], anchors, matched_idxs)
        for target, codes, around, matched in images:
            positive = torch.where(matched >= 0)[0]
            boxes = target["boxes"][matched[positive]]
            loss = _box_loss(self._loss_type, self.box_coder, around[positive], boxes, codes[positive])
            losses.append(loss / max(1, len(positive)))
        return _sum(losses) / max(1, len(targets))

    def forward(self, x: Sequence[Tensor]) -> Tensor:
        return torch.cat([per_anchor(self.bbox_reg(self.conv(t)), 4) for t in x], dim=1)


class RetinaNet(Detector):
    """Finds things in images: boxes, classes and scores.

    Args:
        backbone: makes feature maps, all with `backbone.out_channels`.
        num_classes: with the background, which is class 0.
        min_size: see `GeneralizedRCNNTransform`, like the next three.
        max_size: of the longer side.
        image_mean: default: ImageNet's.
        image_std: default: ImageNet's.
        anchor_generator: default: five maps, nine anchors of a point.
        head: default: RetinaNetHead.
        proposal_matcher: default: a `Matcher` with the thresholds below.
        score_thresh: detections have a higher score.
        nms_thresh: the IoU above which, of two detections of a class, only the better one is kept.
        detections_per_img: how many are kept at most.
        fg_iou_thresh: in training, an anchor with this IoU with a true box is to have its class.
        bg_iou_thresh: below this IoU it is background.
        topk_candidates: how many of each feature map are looked at.
        kwargs: of `GeneralizedRCNNTransform`.

    It is called like `FasterRCNN`. The losses are "classification" and "bbox_regression".
    """

    def __init__(
        self, backbone: nn.Module, num_classes: int, min_size: int | Sequence[int] = 800, max_size: int = 1333,
        image_mean: list[float] | None = None, image_std: list[float] | None = None,
        anchor_generator: AnchorGenerator | None = None, head: nn.Module | None = None,
        proposal_matcher: Callable[[Tensor], Tensor] | None = None, score_thresh: float = 0.05,
        nms_thresh: float = 0.5, detections_per_img: int = 300, fg_iou_thresh: float = 0.5,
        bg_iou_thresh: float = 0.4, topk_candidates: int = 1000, **kwargs: Any,
    ) -> None:  # fmt: skip
        out_channels = channels_of(backbone)
        of_type("anchor_generator", anchor_generator, AnchorGenerator)
        super().__init__()
        self.backbone = backbone
        self.anchor_generator = _default_anchorgen() if anchor_generator is None else anchor_generator
        if head is None:
            head = RetinaNetHead(
                out_channels, self.anchor_generator.num_anchors_per_location()[0], num_classes
            )
        self.head = head
        self.proposal_matcher = (
            det_utils.Matcher(fg_iou_thresh, bg_iou_thresh, allow_low_quality_matches=True)
            if proposal_matcher is None
            else proposal_matcher
        )
        self.box_coder = det_utils.BoxCoder(weights=(1.0, 1.0, 1.0, 1.0))
        self.transform = GeneralizedRCNNTransform(
            min_size, max_size, *imagenet(image_mean, image_std), **kwargs
        )
        self.score_thresh = score_thresh
        self.nms_thresh = nms_thresh
        self.detections_per_img = detections_per_img
        self.topk_candidates = topk_candidates

    def compute_loss(
        self, targets: Sequence[Target], head_outputs: dict[str, Tensor], anchors: Sequence[Tensor]
    ) -> dict[str, Tensor]:
        matched = match(self.proposal_matcher, anchors, targets)
        return self.head.compute_loss(targets, head_outputs, anchors, matched)

    def postprocess_detections(
        self,
        head_outputs: dict[str, list[Tensor]],
        anchors: Sequence[Sequence[Tensor]],
        image_shapes: Sequence[tuple[int, int]],
    ) -> list[Target]:
        """The detections of each image, of predictions that are apart for each feature map."""
        scores = [logits.sigmoid() for logits in head_outputs["cls_logits"]]
        codes = head_outputs["bbox_regression"]
        return [
            best_of_levels(
                self,
                zip([score[i] for score in scores], [code[i] for code in codes], anchors[i]),
                self.box_coder.decode_single,
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
            return [], self.compute_loss(targets or [], outputs, anchors)
        return self.postprocess_detections(*by_level(outputs, anchors, maps), images.image_sizes), {}


class RetinaNet_ResNet50_FPN_Weights(WeightsEnum, data="detection.retinanet"):
    """Weights of `retinanet_resnet50_fpn`."""


class RetinaNet_ResNet50_FPN_V2_Weights(WeightsEnum, data="detection.retinanet"):
    """Weights of `retinanet_resnet50_fpn_v2`."""


@register_model()
@handle_legacy_interface(
    weights=("pretrained", RetinaNet_ResNet50_FPN_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def retinanet_resnet50_fpn(
    *,
    weights: RetinaNet_ResNet50_FPN_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> RetinaNet:
    """RetinaNet on a ResNet-50 with a feature pyramid.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 91.
        weights_backbone: of the ResNet, where there are none of the whole.
        trainable_backbone_layers: how many of its 5 stages, from the last one, are trained; default: 3, or all where
            nothing is trained yet.
        kwargs: of `RetinaNet`.
    """
    weights, weights_backbone, classes = decided(
        (RetinaNet_ResNet50_FPN_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    # 256: P6 and P7 are made of P5, as the weights have it, and not of C5
    backbone = resnet50_pyramid(
        weights, weights_backbone, trainable_backbone_layers, progress, (2, 3, 4), LastLevelP6P7(256, 256)
    )
    model = load_weights(RetinaNet(backbone, classes, **kwargs), weights, progress)
    if weights == RetinaNet_ResNet50_FPN_Weights.COCO_V1:
        overwrite_eps(model, 0.0)
    return model


@register_model()
@handle_legacy_interface(
    weights=("pretrained", RetinaNet_ResNet50_FPN_V2_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def retinanet_resnet50_fpn_v2(
    *,
    weights: RetinaNet_ResNet50_FPN_V2_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: ResNet50_Weights | None = None,
    trainable_backbone_layers: int | None = None,
    **kwargs: Any,
) -> RetinaNet:
    """RetinaNet as https://arxiv.org/abs/1912.02424 has it: groups are normalised in the head, and boxes learn by GIoU.

    The arguments are those of the first version.
    """
    weights, weights_backbone, classes = decided(
        (RetinaNet_ResNet50_FPN_V2_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 91
    )
    is_trained = weights is not None or weights_backbone is not None
    trained = _validate_trainable_layers(is_trained, trainable_backbone_layers, 5, 3)
    resnet = resnet50(weights=weights_backbone, progress=progress)
    backbone = _resnet_fpn_extractor(resnet, trained, [2, 3, 4], LastLevelP6P7(2048, 256))
    anchors = _default_anchorgen()
    head = RetinaNetHead(
        backbone.out_channels,
        anchors.num_anchors_per_location()[0],
        classes,
        norm_layer=partial(nn.GroupNorm, 32),
    )
    head.regression_head._loss_type = "giou"
    model = RetinaNet(backbone, classes, anchor_generator=anchors, head=head, **kwargs)
    return load_weights(model, weights, progress)
