"""Classifiers as backbones: their feature maps, with a feature pyramid on top."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, _get_enum_from_fn
from tritonnn.vision.models._backbones import mobilenet_stages
from tritonnn.vision.models._utils import IntermediateLayerGetter, handle_legacy_interface
from tritonnn.vision.ops.feature_pyramid_network import (
    ExtraFPNBlock,
    FeaturePyramidNetwork,
    LastLevelMaxPool,
)
from tritonnn.vision.ops.misc import FrozenBatchNorm2d

__all__ = ["BackboneWithFPN", "mobilenet_backbone", "resnet_fpn_backbone"]

NormLayer = Callable[..., nn.Module]


class BackboneWithFPN(nn.Module):
    """A feature pyramid over some of a network's children.

    Args:
        backbone: the network.
        return_layers: the names of the children whose output is used, and the name that each output gets.
        in_channels_list: the channels of these outputs.
        out_channels: the channels of every map of the pyramid.
        extra_blocks: what makes further maps; default: a pooled last one.
        norm_layer: normalises the maps; default: nothing does.

    >>> import tritonnn as torch
    >>> from tritonnn import nn
    >>> body = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.Conv2d(8, 16, 3, 2))
    >>> pyramid = BackboneWithFPN(body, {"0": "fine", "1": "coarse"}, [8, 16], 4)
    >>> {name: list(map.shape) for name, map in pyramid(torch.rand(1, 3, 32, 32)).items()}
    {'fine': [1, 4, 15, 15], 'coarse': [1, 4, 7, 7], 'pool': [1, 4, 4, 4]}
    """

    def __init__(
        self,
        backbone: nn.Module,
        return_layers: dict[str, str],
        in_channels_list: list[int],
        out_channels: int,
        extra_blocks: ExtraFPNBlock | None = None,
        norm_layer: NormLayer | None = None,
    ) -> None:
        super().__init__()
        self.body = IntermediateLayerGetter(backbone, return_layers=return_layers)
        self.fpn = FeaturePyramidNetwork(
            in_channels_list=in_channels_list,
            out_channels=out_channels,
            extra_blocks=LastLevelMaxPool() if extra_blocks is None else extra_blocks,
            norm_layer=norm_layer,
        )
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        return self.fpn(self.body(x))


def _builder(module: str, name: str) -> Callable[..., Any]:
    """The function that builds a backbone, by its name."""
    return vars(importlib.import_module(f"tritonnn.vision.models.{module}"))[name]


def _first_weights(module: str) -> Callable[[dict[str, Any]], WeightsEnum]:
    """The weights that `pretrained=True` means for the backbone that is named."""
    return lambda kwargs: _get_enum_from_fn(_builder(module, kwargs["backbone_name"]))["IMAGENET1K_V1"]


@handle_legacy_interface(weights=("pretrained", _first_weights("resnet")))
def resnet_fpn_backbone(
    *,
    backbone_name: str,
    weights: WeightsEnum | None,
    norm_layer: NormLayer = FrozenBatchNorm2d,
    trainable_layers: int = 3,
    returned_layers: list[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
) -> BackboneWithFPN:
    """A ResNet with a feature pyramid.

    Args:
        backbone_name: such as "resnet50".
        weights: of the ResNet.
        norm_layer: of the ResNet; the pyramid has none.
        trainable_layers: how many of its 5 stages, from the last one, are trained.
        returned_layers: which of stages 1 to 4 the pyramid stands on; default: all.
        extra_blocks: what makes further maps; default: a pooled last one.

    >>> backbone = resnet_fpn_backbone(backbone_name="resnet18", weights=None, trainable_layers=5)
    >>> backbone.out_channels
    256
    """
    backbone = _builder("resnet", backbone_name)(weights=weights, norm_layer=norm_layer)
    return _resnet_fpn_extractor(backbone, trainable_layers, returned_layers, extra_blocks)


def _resnet_fpn_extractor(
    backbone: nn.Module,
    trainable_layers: int,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
    norm_layer: NormLayer | None = None,
) -> BackboneWithFPN:
    if not 0 <= trainable_layers <= 5:
        raise ValueError(f"Trainable layers should be in the range [0,5], got {trainable_layers}")
    layers = (1, 2, 3, 4) if returned_layers is None else returned_layers
    if min(layers) <= 0 or max(layers) >= 5:
        raise ValueError(f"Each returned layer should be in the range [1,4]. Got {returned_layers}")
    trained = ("layer4", "layer3", "layer2", "layer1", "conv1")[:trainable_layers]
    if trainable_layers == 5:
        trained += ("bn1",)
    _freeze(p for name, p in backbone.named_parameters() if not name.startswith(trained))
    return BackboneWithFPN(
        backbone,
        {f"layer{layer}": str(i) for i, layer in enumerate(layers)},
        [backbone.inplanes // 8 * 2 ** (layer - 1) for layer in layers],
        256,
        extra_blocks=extra_blocks,
        norm_layer=norm_layer,
    )


def _freeze(parameters: Iterable[nn.Parameter]) -> None:
    for parameter in parameters:
        parameter.requires_grad_(False)


def _validate_trainable_layers(
    is_trained: bool, trainable_backbone_layers: int | None, max_value: int, default_value: int
) -> int:
    """How many stages of a backbone are trained: all where it has no weights."""
    if not is_trained:
        if trainable_backbone_layers is not None:
            warnings.warn(
                "Changing trainable_backbone_layers has no effect if neither pretrained nor pretrained_backbone have "
                f"been set to True, falling back to trainable_backbone_layers={max_value} so that all layers are "
                "trainable"
            )
        return max_value
    layers = default_value if trainable_backbone_layers is None else trainable_backbone_layers
    if not 0 <= layers <= max_value:
        raise ValueError(f"Trainable backbone layers should be in the range [0,{max_value}], got {layers} ")
    return layers


@handle_legacy_interface(weights=("pretrained", _first_weights("mobilenet")))
def mobilenet_backbone(
    *,
    backbone_name: str,
    weights: WeightsEnum | None,
    fpn: bool,
    norm_layer: NormLayer = FrozenBatchNorm2d,
    trainable_layers: int = 2,
    returned_layers: list[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
) -> nn.Module:
    """A MobileNet, with a feature pyramid or with one map of 256 channels.

    Args:
        backbone_name: such as "mobilenet_v3_large".
        weights: of the MobileNet.
        fpn: make a pyramid.
        norm_layer: of the MobileNet; the pyramid has none.
        trainable_layers: how many of its stages, from the last one, are trained.
        returned_layers: the stages that the pyramid stands on; default: the last two.
        extra_blocks: what makes further maps; default: a pooled last one.
    """
    backbone = _builder("mobilenet", backbone_name)(weights=weights, norm_layer=norm_layer)
    return _mobilenet_extractor(backbone, fpn, trainable_layers, returned_layers, extra_blocks)


def freeze_stages(features: nn.Sequential, stages: Sequence[int], trainable: int) -> None:
    """Freeze all but the last `trainable` of the stages that begin at `stages`."""
    end = len(features) if trainable == 0 else stages[len(stages) - trainable]
    for block in features[:end]:
        _freeze(block.parameters())


def _mobilenet_extractor(
    backbone: nn.Module,
    fpn: bool,
    trainable_layers: int,
    returned_layers: Sequence[int] | None = None,
    extra_blocks: ExtraFPNBlock | None = None,
    norm_layer: NormLayer | None = None,
) -> nn.Module:
    features = backbone.features
    stages = mobilenet_stages(features)
    last = len(stages) - 1
    if not 0 <= trainable_layers <= len(stages):
        raise ValueError(
            f"Trainable layers should be in the range [0,{len(stages)}], got {trainable_layers} "
        )
    layers = (last - 1, last) if returned_layers is None else returned_layers
    if min(layers) < 0 or max(layers) > last:
        raise ValueError(f"Each returned layer should be in the range [0,{last}], got {returned_layers} ")
    freeze_stages(features, stages, trainable_layers)
    if not fpn:
        narrowed = nn.Sequential(features, nn.Conv2d(features[-1].out_channels, 256, 1))
        narrowed.out_channels = 256
        return narrowed
    return BackboneWithFPN(
        features,
        {str(stages[layer]): str(i) for i, layer in enumerate(layers)},
        [features[stages[layer]].out_channels for layer in layers],
        256,
        extra_blocks=extra_blocks,
        norm_layer=norm_layer,
    )
