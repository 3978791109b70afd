"""The backbone of most detectors: a ResNet-50 with a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn import nn
from tritonnn.vision.models._api import WeightsEnum
from tritonnn.vision.models.detection.backbone_utils import (
    BackboneWithFPN,
    _resnet_fpn_extractor,
    _validate_trainable_layers,
)
from tritonnn.vision.models.resnet import ResNet50_Weights, resnet50
from tritonnn.vision.ops.feature_pyramid_network import ExtraFPNBlock
from tritonnn.vision.ops.misc import FrozenBatchNorm2d

__all__ = ["resnet50_pyramid"]


def resnet50_pyramid(
    weights: WeightsEnum | None,
    weights_backbone: ResNet50_Weights | None,
    trainable_backbone_layers: int | None,
    progress: bool,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
) -> BackboneWithFPN:
    """A ResNet-50 with a feature pyramid; its batch statistics are frozen where anything is trained already."""
    is_trained = weights is not None or weights_backbone is not None
    trained = _validate_trainable_layers(is_trained, trainable_backbone_layers, 5, 3)
    norm_layer = FrozenBatchNorm2d if is_trained else nn.BatchNorm2d
    backbone = resnet50(weights=weights_backbone, progress=progress, norm_layer=norm_layer)
    return _resnet_fpn_extractor(backbone, trained, returned_layers, extra_blocks)
