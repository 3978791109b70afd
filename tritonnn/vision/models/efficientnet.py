"""EfficientNet (https://arxiv.org/abs/1905.11946) and EfficientNetV2 (https://arxiv.org/abs/2104.00298)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._efficientnet_stages import V1, V2
from tritonnn.vision.models._utils import _make_divisible, classifier, handle_legacy_interface
from tritonnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from tritonnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = [
    "EfficientNet", "EfficientNet_B0_Weights", "EfficientNet_B1_Weights", "EfficientNet_B2_Weights",
    "EfficientNet_B3_Weights", "EfficientNet_B4_Weights", "EfficientNet_B5_Weights", "EfficientNet_B6_Weights",
    "EfficientNet_B7_Weights", "EfficientNet_V2_S_Weights", "EfficientNet_V2_M_Weights",
    "EfficientNet_V2_L_Weights", "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3",
    "efficientnet_b4", "efficientnet_b5", "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_s",
    "efficientnet_v2_m", "efficientnet_v2_l",
]  # fmt: skip

Layer = Callable[..., nn.Module]


@dataclass
class _MBConvConfig:
    """One stage: `num_layers` blocks, of which the first has the stage's stride and changes the channels."""

    expand_ratio: float
    kernel: int
    stride: int
    input_channels: int
    out_channels: int
    num_layers: int
    block: Layer

    @staticmethod
    def adjust_channels(channels: int, width_mult: float, min_value: int | None = None) -> int:
        """The channels of a network `width_mult` as wide: a multiple of 8."""
        return _make_divisible(channels * width_mult, 8, min_value)


class MBConvConfig(_MBConvConfig):
    """A stage of `MBConv` blocks, scaled in width and depth."""

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        width_mult: float = 1.0,
        depth_mult: float = 1.0,
        block: Layer | None = None,
    ) -> None:
        input_channels = self.adjust_channels(input_channels, width_mult)
        out_channels = self.adjust_channels(out_channels, width_mult)
        num_layers = self.adjust_depth(num_layers, depth_mult)
        block = MBConv if block is None else block
        super().__init__(expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block)

    @staticmethod
    def adjust_depth(num_layers: int, depth_mult: float) -> int:
        """The blocks of a network `depth_mult` as deep, rounded up."""
        return math.ceil(num_layers * depth_mult)


class FusedMBConvConfig(_MBConvConfig):
    """A stage of `FusedMBConv` blocks."""

    def __init__(
        self,
        expand_ratio: float,
        kernel: int,
        stride: int,
        input_channels: int,
        out_channels: int,
        num_layers: int,
        block: Layer | None = None,
    ) -> None:
        block = FusedMBConv if block is None else block
        super().__init__(expand_ratio, kernel, stride, input_channels, out_channels, num_layers, block)


class _Residual(nn.Module):
    """What both kinds of block share: a body that is added to its input where the shapes allow it."""

    def __init__(self, cnf: _MBConvConfig, stochastic_depth_prob: float) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        self.block = nn.Sequential()
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")
        self.out_channels = cnf.out_channels

    def forward(self, input: Tensor) -> Tensor:
        result = self.block(input)
        if self.use_res_connect:
            result = self.stochastic_depth(result)
            result += input
        return result


class MBConv(_Residual):
    """Expand, filter each channel, weigh the channels, project."""

    def __init__(
        self,
        cnf: MBConvConfig,
        stochastic_depth_prob: float,
        norm_layer: Layer,
        se_layer: Layer = SqueezeExcitation,
    ) -> None:
        super().__init__(cnf, stochastic_depth_prob)
        expanded = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        if expanded != cnf.input_channels:
            self.block.append(conv(cnf.input_channels, expanded, kernel_size=1))
        self.block.append(
            conv(expanded, expanded, kernel_size=cnf.kernel, stride=cnf.stride, groups=expanded)
        )
        squeezed = max(1, cnf.input_channels // 4)
        self.block.append(se_layer(expanded, squeezed, activation=partial(nn.SiLU, inplace=True)))
        self.block.append(conv(expanded, cnf.out_channels, kernel_size=1, activation_layer=None))


class FusedMBConv(_Residual):
    """Expand and filter in one convolution, project; without expansion that convolution is all."""

    def __init__(self, cnf: FusedMBConvConfig, stochastic_depth_prob: float, norm_layer: Layer) -> None:
        super().__init__(cnf, stochastic_depth_prob)
        expanded = cnf.adjust_channels(cnf.input_channels, cnf.expand_ratio)
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        fused = partial(conv, cnf.input_channels, kernel_size=cnf.kernel, stride=cnf.stride)
        if expanded != cnf.input_channels:
            self.block.append(fused(expanded))
            self.block.append(conv(expanded, cnf.out_channels, kernel_size=1, activation_layer=None))
        else:
            self.block.append(fused(cnf.out_channels))


class EfficientNet(nn.Module):
    """A stem, stages of blocks, and a linear classifier of the pooled channels.

    Blocks are left out in training with a probability that grows linearly with depth up to `stochastic_depth_prob`.
    """

    def __init__(
        self,
        inverted_residual_setting: Sequence[MBConvConfig | FusedMBConvConfig],
        dropout: float,
        stochastic_depth_prob: float = 0.2,
        num_classes: int = 1000,
        norm_layer: Layer | None = None,
        last_channel: int | None = None,
    ) -> None:
        super().__init__()
        if not inverted_residual_setting:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not isinstance(inverted_residual_setting, Sequence) or not all(
            isinstance(stage, _MBConvConfig) for stage in inverted_residual_setting
        ):
            raise TypeError("The inverted_residual_setting should be List[MBConvConfig]")
        norm_layer = nn.BatchNorm2d if norm_layer is None else norm_layer
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=nn.SiLU)
        channels = inverted_residual_setting[-1].out_channels
        last_channel = 4 * channels if last_channel is None else last_channel
        self.features = nn.Sequential(
            conv(3, inverted_residual_setting[0].input_channels, kernel_size=3, stride=2),
            *_stages(inverted_residual_setting, stochastic_depth_prob, norm_layer),
            conv(channels, last_channel, kernel_size=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Dropout(dropout, inplace=True), nn.Linear(last_channel, num_classes)
        )
        self.apply(_initialise)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self._forward_impl(x)


def _stages(
    settings: Sequence[MBConvConfig | FusedMBConvConfig],
    stochastic_depth_prob: float,
    norm_layer: Layer,
) -> list[nn.Sequential]:
    blocks, built = sum(stage.num_layers for stage in settings), 0
    stages: list[nn.Sequential] = []
    for first in settings:
        stage = nn.Sequential()
        for config in [first] + [_repeated(first)] * (first.num_layers - 1):
            stage.append(config.block(config, stochastic_depth_prob * built / blocks, norm_layer))
            built += 1
        stages.append(stage)
    return stages


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, (nn.BatchNorm2d, nn.GroupNorm)) and module.weight is not None:
        nn.init.ones_(module.weight)
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


def _repeated(stage: _MBConvConfig) -> _MBConvConfig:
    """The configuration of the blocks after a stage's first one."""
    later = copy(stage)
    later.input_channels, later.stride = stage.out_channels, 1
    return later


def _efficientnet_conf(arch: str, **kwargs: Any) -> tuple[list[MBConvConfig | FusedMBConvConfig], int | None]:
    """The stages of a network, and the channels before its classifier where these are not four times the last."""
    if arch.startswith("efficientnet_b"):
        return [MBConvConfig(*stage, **kwargs) for stage in V1], None
    if arch not in V2:
        raise ValueError(f"Unsupported model type {arch}")
    fused, others = V2[arch]
    return [
        *(FusedMBConvConfig(*stage) for stage in fused),
        *(MBConvConfig(*stage) for stage in others),
    ], 1280


def _v1(
    weights: WeightsEnum | None, progress: bool, width: float, depth: float, dropout: float, /, **kwargs: Any
) -> EfficientNet:
    stages, _ = _efficientnet_conf("efficientnet_b", width_mult=width, depth_mult=depth)
    dropout = kwargs.pop("dropout", dropout)
    config = dict(inverted_residual_setting=stages, dropout=dropout, last_channel=None, **kwargs)
    return classifier(EfficientNet, weights, progress, config)


def _v2(
    weights: WeightsEnum | None, progress: bool, arch: str, dropout: float, /, **kwargs: Any
) -> EfficientNet:
    stages, last = _efficientnet_conf(arch)
    dropout, norm = kwargs.pop("dropout", dropout), partial(nn.BatchNorm2d, eps=1e-3)
    config = dict(
        inverted_residual_setting=stages, dropout=dropout, last_channel=last, norm_layer=norm, **kwargs
    )
    return classifier(EfficientNet, weights, progress, config)


#: of B5 to B7, whose weights come from TensorFlow
_NORM = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)


class EfficientNet_B0_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B1_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B2_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B3_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B4_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B5_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B6_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_B7_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_V2_S_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_V2_M_Weights(WeightsEnum, data="efficientnet"): ...


class EfficientNet_V2_L_Weights(WeightsEnum, data="efficientnet"): ...


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B0_Weights.IMAGENET1K_V1))
def efficientnet_b0(
    *, weights: EfficientNet_B0_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B0, which the others scale."""
    return _v1(EfficientNet_B0_Weights.verify(weights), progress, 1.0, 1.0, 0.2, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B1_Weights.IMAGENET1K_V1))
def efficientnet_b1(
    *, weights: EfficientNet_B1_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B1: 1.0 times as wide as B0, 1.1 times as deep."""
    return _v1(EfficientNet_B1_Weights.verify(weights), progress, 1.0, 1.1, 0.2, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B2_Weights.IMAGENET1K_V1))
def efficientnet_b2(
    *, weights: EfficientNet_B2_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B2: 1.1 times as wide as B0, 1.2 times as deep."""
    return _v1(EfficientNet_B2_Weights.verify(weights), progress, 1.1, 1.2, 0.3, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B3_Weights.IMAGENET1K_V1))
def efficientnet_b3(
    *, weights: EfficientNet_B3_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B3: 1.2 times as wide as B0, 1.4 times as deep."""
    return _v1(EfficientNet_B3_Weights.verify(weights), progress, 1.2, 1.4, 0.3, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B4_Weights.IMAGENET1K_V1))
def efficientnet_b4(
    *, weights: EfficientNet_B4_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B4: 1.4 times as wide as B0, 1.8 times as deep."""
    return _v1(EfficientNet_B4_Weights.verify(weights), progress, 1.4, 1.8, 0.4, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B5_Weights.IMAGENET1K_V1))
def efficientnet_b5(
    *, weights: EfficientNet_B5_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B5: 1.6 times as wide as B0, 2.2 times as deep."""
    return _v1(EfficientNet_B5_Weights.verify(weights), progress, 1.6, 2.2, 0.4, norm_layer=_NORM, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B6_Weights.IMAGENET1K_V1))
def efficientnet_b6(
    *, weights: EfficientNet_B6_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B6: 1.8 times as wide as B0, 2.6 times as deep."""
    return _v1(EfficientNet_B6_Weights.verify(weights), progress, 1.8, 2.6, 0.5, norm_layer=_NORM, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_B7_Weights.IMAGENET1K_V1))
def efficientnet_b7(
    *, weights: EfficientNet_B7_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNet B7: 2.0 times as wide as B0, 3.1 times as deep."""
    return _v1(EfficientNet_B7_Weights.verify(weights), progress, 2.0, 3.1, 0.5, norm_layer=_NORM, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_V2_S_Weights.IMAGENET1K_V1))
def efficientnet_v2_s(
    *, weights: EfficientNet_V2_S_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNetV2, small."""
    return _v2(EfficientNet_V2_S_Weights.verify(weights), progress, "efficientnet_v2_s", 0.2, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_V2_M_Weights.IMAGENET1K_V1))
def efficientnet_v2_m(
    *, weights: EfficientNet_V2_M_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNetV2, medium."""
    return _v2(EfficientNet_V2_M_Weights.verify(weights), progress, "efficientnet_v2_m", 0.3, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", EfficientNet_V2_L_Weights.IMAGENET1K_V1))
def efficientnet_v2_l(
    *, weights: EfficientNet_V2_L_Weights | None = None, progress: bool = True, **kwargs: Any
) -> EfficientNet:
    """EfficientNetV2, large."""
    return _v2(EfficientNet_V2_L_Weights.verify(weights), progress, "efficientnet_v2_l", 0.4, **kwargs)
