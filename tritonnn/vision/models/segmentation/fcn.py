"""Fully convolutional networks (https://arxiv.org/abs/1411.4038)."""

from __future__ import annotations

from typing import Any

from tritonnn import nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided
from tritonnn.vision.models._utils import IntermediateLayerGetter, handle_legacy_interface, load_weights
from tritonnn.vision.models.resnet import ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from tritonnn.vision.models.segmentation._utils import (
    _SimpleSegmentationModel,
    nothing_left,
    with_aux,
)

__all__ = ["FCN", "FCN_ResNet50_Weights", "FCN_ResNet101_Weights", "fcn_resnet50", "fcn_resnet101"]


class FCN(_SimpleSegmentationModel):
    """Scores of the classes for every pixel: "out", and in networks with a second head "aux".

    Args:
        backbone: returns a dict of maps.
        classifier: gives scores of classes on the map "out".
        aux_classifier: likewise on "aux"; None where there is none.

    >>> import tritonnn as torch
    >>> from tritonnn import nn
    >>> body = IntermediateLayerGetter(nn.Sequential(nn.Conv2d(3, 8, 3, 2)), {"0": "out"})
    >>> FCN(body, FCNHead(8, 5))(torch.rand(2, 3, 16, 16))["out"].shape
    torch.Size([2, 5, 16, 16])
    """


class FCNHead(nn.Sequential):
    """A 3x3 convolution with a quarter of the channels, and one of 1x1.

    Args:
        in_channels: of the map.
        channels: of the output: classes.
    """

    def __init__(self, in_channels: int, channels: int) -> None:
        between = in_channels // 4
        super().__init__(
            nn.Conv2d(in_channels, between, 3, padding=1, bias=False),
            nn.BatchNorm2d(between),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Conv2d(between, channels, 1),
        )


class FCN_ResNet50_Weights(WeightsEnum, data="segmentation.fcn"):
    """Weights of `fcn_resnet50`."""


class FCN_ResNet101_Weights(WeightsEnum, data="segmentation.fcn"):
    """Weights of `fcn_resnet101`."""


def _fcn_resnet(backbone: nn.Module, num_classes: int, aux: bool | None) -> FCN:
    layers = {"layer4": "out"} | ({"layer3": "aux"} if aux else {})
    body = IntermediateLayerGetter(backbone, return_layers=layers)
    return FCN(body, FCNHead(2048, num_classes), FCNHead(1024, num_classes) if aux else None)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FCN_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def fcn_resnet50(
    *,
    weights: FCN_ResNet50_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    **kwargs: Any,
) -> FCN:
    """A fully convolutional network on a ResNet-50.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 21.
        aux_loss: give "aux" as well, for a second loss; default: only where there are weights.
        weights_backbone: of the ResNet, where there are none of the whole.
        kwargs: names that older programs pass; others raise TypeError.
    """
    nothing_left("fcn_resnet50", kwargs)
    weights, weights_backbone, classes = decided(
        (FCN_ResNet50_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 21
    )
    backbone = resnet50(
        weights=weights_backbone, progress=progress, replace_stride_with_dilation=[False, True, True]
    )
    return load_weights(_fcn_resnet(backbone, classes, with_aux(weights, aux_loss)), weights, progress)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", FCN_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1),
    weights_backbone=("pretrained_backbone", ResNet101_Weights.IMAGENET1K_V1),
)
def fcn_resnet101(
    *,
    weights: FCN_ResNet101_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet101_Weights | None = ResNet101_Weights.IMAGENET1K_V1,
    **kwargs: Any,
) -> FCN:
    """A fully convolutional network on a ResNet-101; the arguments of `fcn_resnet50`."""
    nothing_left("fcn_resnet101", kwargs)
    weights, weights_backbone, classes = decided(
        (FCN_ResNet101_Weights, weights), (ResNet101_Weights, weights_backbone), num_classes, 21
    )
    backbone = resnet101(
        weights=weights_backbone, progress=progress, replace_stride_with_dilation=[False, True, True]
    )
    return load_weights(_fcn_resnet(backbone, classes, with_aux(weights, aux_loss)), weights, progress)
