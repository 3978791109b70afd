"""DeepLabV3 (https://arxiv.org/abs/1706.05587): dilated convolutions that see the map at several scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._backbones import decided, mobilenet_stages
from tritonnn.vision.models._utils import IntermediateLayerGetter, handle_legacy_interface, load_weights
from tritonnn.vision.models.mobilenetv3 import MobileNet_V3_Large_Weights, mobilenet_v3_large
from tritonnn.vision.models.resnet import ResNet50_Weights, ResNet101_Weights, resnet50, resnet101
from tritonnn.vision.models.segmentation._utils import (
    _SimpleSegmentationModel,
    nothing_left,
    resized,
    with_aux,
)
from tritonnn.vision.models.segmentation.fcn import FCNHead

__all__ = [
    "DeepLabV3",
    "DeepLabV3_ResNet50_Weights",
    "DeepLabV3_ResNet101_Weights",
    "DeepLabV3_MobileNet_V3_Large_Weights",
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "deeplabv3_resnet101",
]


class DeepLabV3(_SimpleSegmentationModel):
    """Scores of the classes for every pixel: "out", and in networks with a second head "aux".

    Args:
        backbone: returns a dict of maps.
        classifier: gives scores of classes on the map "out".
        aux_classifier: likewise on "aux"; None where there is none.

    >>> import tritonnn as torch
    >>> from tritonnn import nn
    >>> body = IntermediateLayerGetter(nn.Sequential(nn.Conv2d(3, 8, 3, 2)), {"0": "out"})
    >>> model = DeepLabV3(body, DeepLabHead(8, 5, atrous_rates=(2, 4)))
    >>> model(torch.rand(2, 3, 16, 16))["out"].shape
    torch.Size([2, 5, 16, 16])
    """


def _normalised(before: int, after: int, kernel_size: int, **options: Any) -> list[nn.Module]:
    """A convolution, batch normalisation and ReLU."""
    return [
        nn.Conv2d(before, after, kernel_size, bias=False, **options),
        nn.BatchNorm2d(after),
        nn.ReLU(),
    ]


class DeepLabHead(nn.Sequential):
    """ASPP, a 3x3 convolution, and one of 1x1.

    Args:
        in_channels: of the map.
        num_classes: of the output.
        atrous_rates: dilations.
    """

    def __init__(
        self, in_channels: int, num_classes: int, atrous_rates: Sequence[int] = (12, 24, 36)
    ) -> None:
        super().__init__(
            ASPP(in_channels, atrous_rates),
            *_normalised(256, 256, 3, padding=1),
            nn.Conv2d(256, num_classes, 1),
        )


class ASPPConv(nn.Sequential):
    """A dilated 3x3 convolution.

    Args:
        in_channels: of the map.
        out_channels: of the output.
        dilation: of the convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, dilation: int) -> None:
        super().__init__(*_normalised(in_channels, out_channels, 3, padding=dilation, dilation=dilation))


class ASPPPooling(nn.Sequential):
    """The mean of the map, at every point.

    Args:
        in_channels: of the map.
        out_channels: of the output.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(nn.AdaptiveAvgPool2d(1), *_normalised(in_channels, out_channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        return resized(super().forward(x), x.shape[-2:])


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: the map at several scales beside each other.

    Args:
        in_channels: of the map.
        atrous_rates: dilations.
        out_channels: of the output.

    >>> import tritonnn as torch
    >>> ASPP(8, (2, 4), 16)(torch.rand(2, 8, 9, 9)).shape
    torch.Size([2, 16, 9, 9])
    """

    def __init__(self, in_channels: int, atrous_rates: Sequence[int], out_channels: int = 256) -> None:
        super().__init__()
        self.convs = nn.ModuleList(
            [
                nn.Sequential(*_normalised(in_channels, out_channels, 1)),
                *(ASPPConv(in_channels, out_channels, rate) for rate in atrous_rates),
                ASPPPooling(in_channels, out_channels),
            ]
        )
        self.project = nn.Sequential(
            *_normalised(len(self.convs) * out_channels, out_channels, 1), nn.Dropout(0.5)
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.project(torch.cat([convolution(x) for convolution in self.convs], dim=1))


class DeepLabV3_ResNet50_Weights(WeightsEnum, data="segmentation.deeplabv3"):
    """Weights of `deeplabv3_resnet50`."""


class DeepLabV3_ResNet101_Weights(WeightsEnum, data="segmentation.deeplabv3"):
    """Weights of `deeplabv3_resnet101`."""


class DeepLabV3_MobileNet_V3_Large_Weights(WeightsEnum, data="segmentation.deeplabv3"):
    """Weights of `deeplabv3_mobilenet_v3_large`."""


def _deeplabv3_resnet(backbone: nn.Module, num_classes: int, aux: bool | None) -> DeepLabV3:
    layers = {"layer4": "out"} | ({"layer3": "aux"} if aux else {})
    body = IntermediateLayerGetter(backbone, return_layers=layers)
    second = FCNHead(1024, num_classes) if aux else None
    return DeepLabV3(body, DeepLabHead(2048, num_classes), second)


def _deeplabv3_mobilenetv3(backbone: nn.Module, num_classes: int, aux: bool | None) -> DeepLabV3:
    features = backbone.features
    stages = mobilenet_stages(features)
    out, middle = stages[-1], stages[-4]
    layers = {str(out): "out"} | ({str(middle): "aux"} if aux else {})
    body = IntermediateLayerGetter(features, return_layers=layers)
    second = FCNHead(features[middle].out_channels, num_classes) if aux else None
    return DeepLabV3(body, DeepLabHead(features[out].out_channels, num_classes), second)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", DeepLabV3_ResNet50_Weights.COCO_WITH_VOC_LABELS_V1),
    weights_backbone=("pretrained_backbone", ResNet50_Weights.IMAGENET1K_V1),
)
def deeplabv3_resnet50(
    *,
    weights: DeepLabV3_ResNet50_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet50_Weights | None = ResNet50_Weights.IMAGENET1K_V1,
    **kwargs: Any,
) -> DeepLabV3:
    """DeepLabV3 on a ResNet-50.

    Args:
        weights: of the whole network.
        progress: whether a download shows how far it is.
        num_classes: with the background; default: the weights', or 21.
        aux_loss: give "aux" as well, for a second loss; default: only where there are weights.
        weights_backbone: of the ResNet, where there are none of the whole.
        kwargs: names that older programs pass; others raise TypeError.
    """
    nothing_left("deeplabv3_resnet50", kwargs)
    weights, weights_backbone, classes = decided(
        (DeepLabV3_ResNet50_Weights, weights), (ResNet50_Weights, weights_backbone), num_classes, 21
    )
    backbone = resnet50(
        weights=weights_backbone, progress=progress, replace_stride_with_dilation=[False, True, True]
    )
    return load_weights(_deeplabv3_resnet(backbone, classes, with_aux(weights, aux_loss)), weights, progress)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", DeepLabV3_ResNet101_Weights.COCO_WITH_VOC_LABELS_V1),
    weights_backbone=("pretrained_backbone", ResNet101_Weights.IMAGENET1K_V1),
)
def deeplabv3_resnet101(
    *,
    weights: DeepLabV3_ResNet101_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: ResNet101_Weights | None = ResNet101_Weights.IMAGENET1K_V1,
    **kwargs: Any,
) -> DeepLabV3:
    """DeepLabV3 on a ResNet-101; the arguments of `deeplabv3_resnet50`."""
    nothing_left("deeplabv3_resnet101", kwargs)
    weights, weights_backbone, classes = decided(
        (DeepLabV3_ResNet101_Weights, weights), (ResNet101_Weights, weights_backbone), num_classes, 21
    )
    backbone = resnet101(
        weights=weights_backbone, progress=progress, replace_stride_with_dilation=[False, True, True]
    )
    return load_weights(_deeplabv3_resnet(backbone, classes, with_aux(weights, aux_loss)), weights, progress)


@register_model()
@handle_legacy_interface(
    weights=("pretrained", DeepLabV3_MobileNet_V3_Large_Weights.COCO_WITH_VOC_LABELS_V1),
    weights_backbone=("pretrained_backbone", MobileNet_V3_Large_Weights.IMAGENET1K_V1),
)
def deeplabv3_mobilenet_v3_large(
    *,
    weights: DeepLabV3_MobileNet_V3_Large_Weights | None = None,
    progress: bool = True,
    num_classes: int | None = None,
    aux_loss: bool | None = None,
    weights_backbone: MobileNet_V3_Large_Weights | None = MobileNet_V3_Large_Weights.IMAGENET1K_V1,
    **kwargs: Any,
) -> DeepLabV3:
    """DeepLabV3 on a MobileNetV3-Large; the arguments of `deeplabv3_resnet50`."""
    nothing_left("deeplabv3_mobilenet_v3_large", kwargs)
    weights, weights_backbone, classes = decided(
        (DeepLabV3_MobileNet_V3_Large_Weights, weights),
        (MobileNet_V3_Large_Weights, weights_backbone),
        num_classes,
        21,
    )
    backbone = mobilenet_v3_large(weights=weights_backbone, progress=progress, dilated=True)
    return load_weights(
        _deeplabv3_mobilenetv3(backbone, classes, with_aux(weights, aux_loss)), weights, progress
    )
