"""RegNet (https://arxiv.org/abs/2003.13678): networks whose widths follow a quantised line."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._regnet_params import BlockParams
from tritonnn.vision.models._utils import classifier, handle_legacy_interface
from tritonnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = [
    "RegNet", "RegNet_Y_400MF_Weights", "RegNet_Y_800MF_Weights", "RegNet_Y_1_6GF_Weights",
    "RegNet_Y_3_2GF_Weights", "RegNet_Y_8GF_Weights", "RegNet_Y_16GF_Weights", "RegNet_Y_32GF_Weights",
    "RegNet_Y_128GF_Weights", "RegNet_X_400MF_Weights", "RegNet_X_800MF_Weights", "RegNet_X_1_6GF_Weights",
    "RegNet_X_3_2GF_Weights", "RegNet_X_8GF_Weights", "RegNet_X_16GF_Weights", "RegNet_X_32GF_Weights",
    "regnet_y_400mf", "regnet_y_800mf", "regnet_y_1_6gf", "regnet_y_3_2gf", "regnet_y_8gf", "regnet_y_16gf",
    "regnet_y_32gf", "regnet_y_128gf", "regnet_x_400mf", "regnet_x_800mf", "regnet_x_1_6gf", "regnet_x_3_2gf",
    "regnet_x_8gf", "regnet_x_16gf", "regnet_x_32gf",
]  # fmt: skip

Layer = Callable[..., nn.Module]


class SimpleStemIN(Conv2dNormActivation):
    """One 3x3 convolution of stride 2."""

    def __init__(self, width_in: int, width_out: int, norm_layer: Layer, activation_layer: Layer) -> None:
        super().__init__(
            width_in,
            width_out,
            kernel_size=3,
            stride=2,
            norm_layer=norm_layer,
            activation_layer=activation_layer,
        )


class BottleneckTransform(nn.Sequential):
    """1x1, grouped 3x3 and 1x1 convolution, with the channels weighed before the last where `se_ratio` is given."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None,
    ) -> None:
        inner = round(width_out * bottleneck_multiplier)
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, activation_layer=activation_layer)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["a"] = conv(width_in, inner, kernel_size=1)
        layers["b"] = conv(inner, inner, kernel_size=3, stride=stride, groups=inner // group_width)
        if se_ratio:
            squeezed = round(se_ratio * width_in)
            layers["se"] = SqueezeExcitation(inner, squeezed, activation=activation_layer)
        layers["c"] = conv(inner, width_out, kernel_size=1, activation_layer=None)
        super().__init__(layers)


class ResBottleneckBlock(nn.Module):
    """`BottleneckTransform` added to the input, which is projected where the shapes differ."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int = 1,
        bottleneck_multiplier: float = 1.0,
        se_ratio: float | None = None,
    ) -> None:
        super().__init__()
        self.proj = None
        if width_in != width_out or stride != 1:
            self.proj = Conv2dNormActivation(
                width_in,
                width_out,
                kernel_size=1,
                stride=stride,
                norm_layer=norm_layer,
                activation_layer=None,
            )
        self.f = BottleneckTransform(
            width_in,
            width_out,
            stride,
            norm_layer,
            activation_layer,
            group_width,
            bottleneck_multiplier,
            se_ratio,
        )
        self.activation = activation_layer(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.proj is None else self.proj(x)
        return self.activation(shortcut + self.f(x))


class AnyStage(nn.Sequential):
    """`depth` blocks of one width; the first has the stride."""

    def __init__(
        self,
        width_in: int,
        width_out: int,
        stride: int,
        depth: int,
        block_constructor: Layer,
        norm_layer: Layer,
        activation_layer: Layer,
        group_width: int,
        bottleneck_multiplier: float,
        se_ratio: float | None = None,
        stage_index: int = 0,
    ) -> None:
        super().__init__()
        for i in range(depth):
            block = block_constructor(
                width_out if i else width_in,
                width_out,
                1 if i else stride,
                norm_layer,
                activation_layer,
                group_width,
                bottleneck_multiplier,
                se_ratio,
            )
            self.add_module(f"block{stage_index}-{i}", block)


class RegNet(nn.Module):
    """A stem, a stage for each row of `block_params`, and a linear classifier of the pooled channels."""

    def __init__(
        self,
        block_params: BlockParams,
        num_classes: int = 1000,
        stem_width: int = 32,
        stem_type: Layer | None = None,
        block_type: Layer | None = None,
        norm_layer: Layer | None = None,
        activation: Layer | None = None,
    ) -> None:
        super().__init__()
        norm_layer = nn.BatchNorm2d if norm_layer is None else norm_layer
        block_type = ResBottleneckBlock if block_type is None else block_type
        activation = nn.ReLU if activation is None else activation
        self.stem = (SimpleStemIN if stem_type is None else stem_type)(3, stem_width, norm_layer, activation)
        stages: OrderedDict[str, nn.Module] = OrderedDict()
        width = stem_width
        for i, (width_out, stride, depth, group, multiplier) in enumerate(
            block_params._get_expanded_params(), 1
        ):
            stages[f"block{i}"] = AnyStage(
                width,
                width_out,
                stride,
                depth,
                block_type,
                norm_layer,
                activation,
                group,
                multiplier,
                block_params.se_ratio,
                stage_index=i,
            )
            width = width_out
        self.trunk_output = nn.Sequential(stages)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(in_features=width, out_features=num_classes)
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.trunk_output(self.stem(x)))
        return self.fc(x.flatten(start_dim=1))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        fan_out = math.prod(module.kernel_size) * module.out_channels  # as if there were no groups
        nn.init.normal_(module.weight, mean=0.0, std=math.sqrt(2.0 / fan_out))
    elif isinstance(module, nn.BatchNorm2d):
        module.reset_parameters()
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, mean=0.0, std=0.01)
        nn.init.zeros_(module.bias)


def _regnet(
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
    depth: int,
    w_0: int,
    w_a: float,
    w_m: float,
    group_width: int,
    se_ratio: float | None = None,
) -> RegNet:
    params = BlockParams.from_init_params(depth, w_0, w_a, w_m, group_width, se_ratio=se_ratio)
    kwargs.setdefault("norm_layer", partial(nn.BatchNorm2d, eps=1e-05, momentum=0.1))
    return classifier(RegNet, weights, progress, dict(block_params=params, **kwargs))


class RegNet_Y_400MF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_800MF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_1_6GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_3_2GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_8GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_16GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_32GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_Y_128GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_400MF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_800MF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_1_6GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_3_2GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_8GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_16GF_Weights(WeightsEnum, data="regnet"): ...


class RegNet_X_32GF_Weights(WeightsEnum, data="regnet"): ...


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_400MF_Weights.IMAGENET1K_V1))
def regnet_y_400mf(
    *, weights: RegNet_Y_400MF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 400 MFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_400MF_Weights.verify(weights), progress, kwargs, 16, 48, 27.89, 2.09, 8, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_800MF_Weights.IMAGENET1K_V1))
def regnet_y_800mf(
    *, weights: RegNet_Y_800MF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 800 MFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_800MF_Weights.verify(weights), progress, kwargs, 14, 56, 38.84, 2.4, 16, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_1_6GF_Weights.IMAGENET1K_V1))
def regnet_y_1_6gf(
    *, weights: RegNet_Y_1_6GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 1.6 GFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_1_6GF_Weights.verify(weights), progress, kwargs, 27, 48, 20.71, 2.65, 24, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_3_2GF_Weights.IMAGENET1K_V1))
def regnet_y_3_2gf(
    *, weights: RegNet_Y_3_2GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 3.2 GFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_3_2GF_Weights.verify(weights), progress, kwargs, 21, 80, 42.63, 2.66, 24, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_8GF_Weights.IMAGENET1K_V1))
def regnet_y_8gf(
    *, weights: RegNet_Y_8GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 8 GFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_8GF_Weights.verify(weights), progress, kwargs, 17, 192, 76.82, 2.19, 56, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_16GF_Weights.IMAGENET1K_V1))
def regnet_y_16gf(
    *, weights: RegNet_Y_16GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 16 GFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_16GF_Weights.verify(weights), progress, kwargs, 18, 200, 106.23, 2.48, 112, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_Y_32GF_Weights.IMAGENET1K_V1))
def regnet_y_32gf(
    *, weights: RegNet_Y_32GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 32 GFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_32GF_Weights.verify(weights), progress, kwargs, 20, 232, 115.89, 2.53, 232, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", None))
def regnet_y_128gf(
    *, weights: RegNet_Y_128GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetY of 128 GFLOPs, with squeeze and excitation."""
    return _regnet(RegNet_Y_128GF_Weights.verify(weights), progress, kwargs, 27, 456, 160.83, 2.52, 264, 0.25)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_400MF_Weights.IMAGENET1K_V1))
def regnet_x_400mf(
    *, weights: RegNet_X_400MF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 400 MFLOPs."""
    return _regnet(RegNet_X_400MF_Weights.verify(weights), progress, kwargs, 22, 24, 24.48, 2.54, 16)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_800MF_Weights.IMAGENET1K_V1))
def regnet_x_800mf(
    *, weights: RegNet_X_800MF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 800 MFLOPs."""
    return _regnet(RegNet_X_800MF_Weights.verify(weights), progress, kwargs, 16, 56, 35.73, 2.28, 16)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_1_6GF_Weights.IMAGENET1K_V1))
def regnet_x_1_6gf(
    *, weights: RegNet_X_1_6GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 1.6 GFLOPs."""
    return _regnet(RegNet_X_1_6GF_Weights.verify(weights), progress, kwargs, 18, 80, 34.01, 2.25, 24)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_3_2GF_Weights.IMAGENET1K_V1))
def regnet_x_3_2gf(
    *, weights: RegNet_X_3_2GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 3.2 GFLOPs."""
    return _regnet(RegNet_X_3_2GF_Weights.verify(weights), progress, kwargs, 25, 88, 26.31, 2.25, 48)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_8GF_Weights.IMAGENET1K_V1))
def regnet_x_8gf(
    *, weights: RegNet_X_8GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 8 GFLOPs."""
    return _regnet(RegNet_X_8GF_Weights.verify(weights), progress, kwargs, 23, 80, 49.56, 2.88, 120)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_16GF_Weights.IMAGENET1K_V1))
def regnet_x_16gf(
    *, weights: RegNet_X_16GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 16 GFLOPs."""
    return _regnet(RegNet_X_16GF_Weights.verify(weights), progress, kwargs, 22, 216, 55.59, 2.1, 128)


@register_model()
@handle_legacy_interface(weights=("pretrained", RegNet_X_32GF_Weights.IMAGENET1K_V1))
def regnet_x_32gf(
    *, weights: RegNet_X_32GF_Weights | None = None, progress: bool = True, **kwargs: Any
) -> RegNet:
    """RegNetX of 32 GFLOPs."""
    return _regnet(RegNet_X_32GF_Weights.verify(weights), progress, kwargs, 23, 320, 69.86, 2.0, 168)
