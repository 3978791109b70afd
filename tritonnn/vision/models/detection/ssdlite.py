"""SSDLite (https://arxiv.org/abs/1801.04381): SSD with depthwise convolutions."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided, mobilenet_stages
from tritonnn.vision.models._utils import handle_legacy_interface, load_weights
from tritonnn.vision.models.detection import _utils as det_utils
from tritonnn.vision.models.detection.anchor_utils import DefaultBoxGenerator
from tritonnn.vision.models.detection.backbone_utils import (
    _validate_trainable_layers,
    freeze_stages,
)
from tritonnn.vision.models.detection.ssd import SSD, SSDScoringHead, same_length
from tritonnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from tritonnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["SSDLite320_MobileNet_V3_Large_Weights", "ssdlite320_mobilenet_v3_large"]

NormLayer = Callable[..., nn.Module]


def _prediction_block(
    in_channels: int, out_channels: int, kernel_size: int, norm_layer: NormLayer
) -> nn.Sequential:
    """A depthwise convolution, and one of 1x1 that predicts."""
    return nn.Sequential(
        _convolution(in_channels, in_channels, norm_layer, kernel_size=kernel_size, groups=in_channels),
        nn.Conv2d(in_channels, out_channels, 1),
    )


def _extra_block(in_channels: int, out_channels: int, norm_layer: NormLayer) -> nn.Sequential:
    """A depthwise convolution that halves the map, between two of 1x1."""
    between = out_channels // 2
    return nn.Sequential(
        _convolution(in_channels, between, norm_layer, kernel_size=1),
        _convolution(between, between, norm_layer, kernel_size=3, stride=2, groups=between),
        _convolution(between, out_channels, norm_layer, kernel_size=1),
    )


def _convolution(before: int, after: int, norm_layer: NormLayer, **options: Any) -> nn.Module:
    return Conv2dNormActivation(before, after, norm_layer=norm_layer, activation_layer=nn.ReLU6, **options)


def _normal_init(conv: nn.Module) -> None:
    for layer in conv.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, mean=0.0, std=0.03)
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.0)


class SSDLiteHead(nn.Module):
    """Scores and codes for every default box.

    Args:
        in_channels: of each feature map.
        num_anchors: of a point of each feature map.
        num_classes: with the background.
        norm_layer: in each layer.
    """

    def __init__(
        self, in_channels: list[int], num_anchors: list[int], num_classes: int, norm_layer: NormLayer
    ) -> None:
        super().__init__()
        self.classification_head = SSDLiteClassificationHead(
            in_channels, num_anchors, num_classes, norm_layer
        )
        self.regression_head = SSDLiteRegressionHead(in_channels, num_anchors, norm_layer)

    def forward(self, x: list[Tensor]) -> dict[str, Tensor]:
        return {"bbox_regression": self.regression_head(x), "cls_logits": self.classification_head(x)}


class SSDLiteClassificationHead(SSDScoringHead):
    """Scores of the classes.

    Args:
        in_channels: of each feature map.
        num_anchors: of a point of each feature map.
        num_classes: with the background.
        norm_layer: in each layer.
    """

    def __init__(
        self, in_channels: list[int], num_anchors: list[int], num_classes: int, norm_layer: NormLayer
    ) -> None:
        super().__init__(_predictors(in_channels, num_anchors, num_classes, norm_layer), num_classes)


class SSDLiteRegressionHead(SSDScoringHead):
    """Codes of the boxes.

    Args:
        in_channels: of each feature map.
        num_anchors: of a point of each feature map.
        norm_layer: in each layer.
    """

    def __init__(self, in_channels: list[int], num_anchors: list[int], norm_layer: NormLayer) -> None:
        super().__init__(_predictors(in_channels, num_anchors, 4, norm_layer), 4)


def _predictors(
    in_channels: list[int], num_anchors: list[int], columns: int, norm_layer: NormLayer
) -> nn.ModuleList:
    layers = nn.ModuleList(
        _prediction_block(channels, columns * anchors, 3, norm_layer)
        for channels, anchors in zip(in_channels, num_anchors)
    )
    _normal_init(layers)
    return layers


class SSDLiteFeatureExtractorMobileNet(nn.Module):
    """Two feature maps of a MobileNet, and four of blocks behind it.

    Args:
        backbone: the MobileNet's `features`.
        c4_pos: the block whose expansion is the first map.
        norm_layer: in each block behind.
        width_mult: how many channels these have, in parts of the usual number.
        min_depth: how many at least.
    """

    def __init__(
        self,
        backbone: nn.Sequential,
        c4_pos: int,
        norm_layer: NormLayer,
        width_mult: float = 1.0,
        min_depth: int = 16,
    ) -> None:
        super().__init__()
        if backbone[c4_pos].use_res_connect:
            raise ValueError("backbone[c4_pos].use_res_connect should be False")
        self.features = nn.Sequential(
            nn.Sequential(*backbone[:c4_pos], backbone[c4_pos].block[0]),
            nn.Sequential(backbone[c4_pos].block[1:], *backbone[c4_pos + 1 :]),
        )
        depths = [max(min_depth, int(depth * width_mult)) for depth in (512, 256, 256, 128)]
        before = [backbone[-1].out_channels, *depths]
        extra = nn.ModuleList(_extra_block(*pair, norm_layer) for pair in zip(before, depths))
        _normal_init(extra)
        self.extra = extra

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        maps = []
        for block in (*self.features, *self.extra):
            x = block(x)
            maps.append(x)
        return OrderedDict((str(i), feature) for i, feature in enumerate(maps))


def _mobilenet_extractor(
    backbone: nn.Module, trainable_layers: int, norm_layer: NormLayer
) -> SSDLiteFeatureExtractorMobileNet:
    features = backbone.features
    stages = mobilenet_stages(features)
    if not 0 <= trainable_layers <= len(stages):
        raise ValueError(
            f"trainable_layers should be in the range [0, {len(stages)}], instead got {trainable_layers}"
        )
    freeze_stages(features, stages, trainable_layers)
    return SSDLiteFeatureExtractorMobileNet(features, stages[-2], norm_layer)


class SSDLite320_MobileNet_V3_Large_Weights(WeightsEnum, data="detection.ssdlite"):
    """Weights of `ssdlite320_mobilenet_v3_large`."""


@register_model()
@handle_legacy_interface(
    weights=("pretrained", SSDLite320_MobileNet_V3_Large_Weights.COCO_V1),
    weights_backbone=("pretrained_backbone", MobileNet_V3_Large_Weights.IMAGENET1K_V1),
)
def ssdlite320_mobilenet_v3_large(
    *,
    weights: SSDLite320_MobileNet_V3_Large_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    trainable_backbone_layers: int | None = None,
    norm_layer: NormLayer | None = None,
    **kwargs: Any,
) -> SSD:
    """SSDLite for images of 320 x 320 on a MobileNetV3-Large.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 91.
        weights_backbone: of the MobileNet, where there are none of the whole; without them its last blocks are
            narrower.
        trainable_backbone_layers: how many of its 6 stages, from the last one, are trained; default: all.
        norm_layer: default: batch normalisation with momentum 0.03.
        kwargs: of `SSD`, but for `size`; and of the MobileNet.
    """
    weights, weights_backbone, classes = decided(
        (SSDLite320_MobileNet_V3_Large_Weights, weights),
        (MobileNet_V3_Large_Weights, weights_backbone),
        num_classes,
        91,
    )
    is_trained = weights is not None or weights_backbone is not None
    trained = _validate_trainable_layers(is_trained, trainable_backbone_layers, 6, 6)
    if norm_layer is None:
        norm_layer = partial(nn.BatchNorm2d, eps=0.001, momentum=0.03)
    of_mobilenet = {name: kwargs.pop(name) for name in ("width_mult", "dilated", "dropout") if name in kwargs}
    mobilenet = mobilenet_v3_large(
        weights=weights_backbone,
        progress=progress,
        norm_layer=norm_layer,
        reduced_tail=weights_backbone is None,
        **of_mobilenet,
    )
    if weights_backbone is None:
        _normal_init(mobilenet)
    model = _ssdlite(_mobilenet_extractor(mobilenet, trained, norm_layer), classes, norm_layer, kwargs)
    return load_weights(model, weights, progress)


def _ssdlite(backbone: nn.Module, classes: int, norm_layer: NormLayer, kwargs: dict[str, Any]) -> SSD:
    """The network on a backbone; images come in as -1 to 1."""
    size = 320, 320
    anchors = DefaultBoxGenerator([[2, 3] for _ in range(6)], min_ratio=0.2, max_ratio=0.95)
    channels = det_utils.retrieve_out_channels(backbone, size)
    same_length(channels, anchors)
    head = SSDLiteHead(channels, anchors.num_anchors_per_location(), classes, norm_layer)
    defaults = {
        "score_thresh": 0.001, "nms_thresh": 0.55, "detections_per_img": 300, "topk_candidates": 300,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5],
    }  # fmt: skip
    return SSD(backbone, anchors, size, classes, head=head, **{**defaults, **kwargs})
