"""Lite R-ASPP (https://arxiv.org/abs/1905.02244): a coarse map, weighed by its mean, and a fine one beside it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided, mobilenet_stages
from tritonnn.vision.models._utils import IntermediateLayerGetter, handle_legacy_interface, load_weights
from tritonnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from tritonnn.vision.models.segmentation._utils import nothing_left, resized

__all__ = ["LRASPP", "LRASPP_MobileNet_V3_Large_Weights", "lraspp_mobilenet_v3_large"]


class LRASPP(nn.Module):
    """Scores of the classes for every pixel: "out".

    Args:
        backbone: returns a dict with the fine map "low" and the coarse map "high".
        low_channels: of the fine map.
        high_channels: of the coarse map.
        num_classes: of the output.
        inter_channels: in between.

    >>> import tritonnn as torch
    >>> from tritonnn import nn
    >>> layers = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.Conv2d(4, 8, 3, 2))
    >>> body = IntermediateLayerGetter(layers, {"0": "low", "1": "high"})
    >>> LRASPP(body, 4, 8, 5)(torch.rand(2, 3, 16, 16))["out"].shape
    torch.Size([2, 5, 16, 16])
    """

    def __init__(
        self,
        backbone: nn.Module,
        low_channels: int,
        high_channels: int,
        num_classes: int,
        inter_channels: int = 128,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.classifier = LRASPPHead(low_channels, high_channels, num_classes, inter_channels)

    def forward(self, input: Tensor) -> dict[str, Tensor]:
        return OrderedDict(out=resized(self.classifier(self.backbone(input)), input.shape[-2:]))


class LRASPPHead(nn.Module):
    """Scores of the classes on the fine map.

    Args:
        low_channels: of the fine map.
        high_channels: of the coarse map.
        num_classes: of the output.
        inter_channels: in between.
    """

    def __init__(self, low_channels: int, high_channels: int, num_classes: int, inter_channels: int) -> None:
        super().__init__()
        self.cbr = nn.Sequential(
            nn.Conv2d(high_channels, inter_channels, 1, bias=False),
            nn.BatchNorm2d(inter_channels),
            nn.ReLU(inplace=True),
        )
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(high_channels, inter_channels, 1, bias=False),
            nn.Sigmoid(),
        )
        self.low_classifier = nn.Conv2d(low_channels, num_classes, 1)
        self.high_classifier = nn.Conv2d(inter_channels, num_classes, 1)

    def forward(self, input: dict[str, Tensor]) -> Tensor:
        low, high = input["low"], input["high"]
        weighed = resized(self.cbr(high) * self.scale(high), low.shape[-2:])
        return self.low_classifier(low) + self.high_classifier(weighed)


def _lraspp_mobilenetv3(backbone: nn.Module, num_classes: int) -> LRASPP:
    features = backbone.features
    stages = mobilenet_stages(features)
    low, high = stages[-4], stages[-1]
    body = IntermediateLayerGetter(features, return_layers={str(low): "low", str(high): "high"})
    return LRASPP(body, features[low].out_channels, features[high].out_channels, num_classes)


class LRASPP_MobileNet_V3_Large_Weights(WeightsEnum, data="segmentation.lraspp"):
    """Weights of `lraspp_mobilenet_v3_large`."""


@register_model()
@handle_legacy_interface(
    weights=("pretrained", LRASPP_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1),
    weights_backbone=("pretrained_backbone", MobileNet_V3_Large_Weights.IMAGENET1K_V1),
)
def lraspp_mobilenet_v3_large(
    *,
    weights: LRASPP_MobileNet_V3_Large_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    **kwargs: Any,
) -> LRASPP:
    """Lite R-ASPP on a MobileNetV3-Large.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 21.
        weights_backbone: of the MobileNet, where there are none of the whole.
        kwargs: `aux_loss`, which is not true, and names that older programs pass; others raise TypeError.

    Raises NotImplementedError where `aux_loss` is true.
    """
    if kwargs.pop("aux_loss", False):
        raise NotImplementedError("This model does not use auxiliary loss")
    nothing_left("lraspp_mobilenet_v3_large", kwargs)
    weights, weights_backbone, classes = decided(
        (LRASPP_MobileNet_V3_Large_Weights, weights),
        (MobileNet_V3_Large_Weights, weights_backbone),
        num_classes,
        21,
    )
    backbone = mobilenet_v3_large(weights=weights_backbone, progress=progress, dilated=True)
    return load_weights(_lraspp_mobilenetv3(backbone, classes), weights, progress)
