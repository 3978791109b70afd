"""MobileNet v3: https://arxiv.org/abs/1905.02244."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _make_divisible, classifier, handle_legacy_interface, init_layers
from tritonnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = [
    "MobileNetV3",
    "MobileNet_V3_Large_Weights", "MobileNet_V3_Small_Weights", "mobilenet_v3_large", "mobilenet_v3_small",
]  # fmt: skip

Layer = Callable[..., nn.Module]
Row = tuple[int, int, int, int, bool, str, int, int]


class InvertedResidualConfig:
    """One block: a row of the paper's tables 1 and 2.

    Args:
        input_channels: of the input.
        kernel: size of the convolution of each channel by itself.
        expanded_channels: between.
        out_channels: of the output.
        use_se: whether channels are weighed.
        activation: 'HS' for Hardswish, 'RE' for ReLU.
        stride: 1 or 2.
        dilation: with more than 1 the picture stays as large.
        width_mult: how many times as many channels as said it has.
    """

    def __init__(
        self,
        input_channels: int,
        kernel: int,
        expanded_channels: int,
        out_channels: int,
        use_se: bool,
        activation: str,
        stride: int,
        dilation: int,
        width_mult: float,
    ) -> None:
        self.input_channels = self.adjust_channels(input_channels, width_mult)
        self.kernel = kernel
        self.expanded_channels = self.adjust_channels(expanded_channels, width_mult)
        self.out_channels = self.adjust_channels(out_channels, width_mult)
        self.use_se = use_se
        self.use_hs = activation == "HS"
        self.stride = stride
        self.dilation = dilation

    @staticmethod
    def adjust_channels(channels: int, width_mult: float) -> int:
        """`width_mult` times as many, as a multiple of 8."""
        return _make_divisible(channels * width_mult, 8)


class InvertedResidual(nn.Module):
    """Convolutions to more channels, of each channel by itself, and to few; and the input added where it fits.

    Args:
        cnf: sizes.
        norm_layer: called with the number of channels.
        se_layer: weighs channels; called with their number and that of the channels between its two layers.

    Raises ValueError for a stride other than 1 and 2.
    """

    def __init__(
        self,
        cnf: InvertedResidualConfig,
        norm_layer: Layer,
        se_layer: Layer = partial(SqueezeExcitation, scale_activation=nn.Hardsigmoid),
    ) -> None:
        super().__init__()
        if not 1 <= cnf.stride <= 2:
            raise ValueError("illegal stride value")
        self.use_res_connect = cnf.stride == 1 and cnf.input_channels == cnf.out_channels
        activation = nn.Hardswish if cnf.use_hs else nn.ReLU
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer)
        expanded = cnf.expanded_channels
        layers: list[nn.Module] = []
        if expanded != cnf.input_channels:
            layers.append(conv(cnf.input_channels, expanded, kernel_size=1, activation_layer=activation))
        geometry: dict[str, Any] = {
            "stride": 1 if cnf.dilation > 1 else cnf.stride,
            "dilation": cnf.dilation,
            "groups": expanded,
        }
        layers.append(
            conv(expanded, expanded, kernel_size=cnf.kernel, activation_layer=activation, **geometry)
        )
        if cnf.use_se:
            layers.append(se_layer(expanded, _make_divisible(expanded // 4, 8)))
        layers.append(conv(expanded, cnf.out_channels, kernel_size=1, activation_layer=None))
        self.block = nn.Sequential(*layers)
        self.out_channels = cnf.out_channels
        self._is_cn = cnf.stride > 1

    def forward(self, input: Tensor) -> Tensor:
        """(N, input_channels, H, W) to (N, out_channels, H / stride, W / stride)."""
        result = self.block(input)
        if self.use_res_connect:
            result += input
        return result


class MobileNetV3(nn.Module):
    """Blocks as a search with the time on a phone in mind found them, and two linear layers.

    Args:
        inverted_residual_setting: the blocks.
        last_channel: features between the two linear layers.
        num_classes: how many scores it gives.
        block: makes a block of its sizes and the normalisation; `InvertedResidual` where it is None.
        norm_layer: called with the number of channels; BatchNorm2d with eps 0.001 and momentum 0.01 where it is None.
        dropout: the probability, before the last linear layer.
        kwargs: settings that only the builders read: 'width_mult', 'reduced_tail', 'dilated'.

    >>> import tritonnn as torch
    >>> row = InvertedResidualConfig(16, 3, 16, 16, True, "RE", 2, 1, width_mult=1.0)
    >>> MobileNetV3([row], 32, num_classes=10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises:
        ValueError: there are no blocks.
        TypeError: what stands for a block is something else, or a further setting is.
    """

    def __init__(
        self,
        inverted_residual_setting: list[InvertedResidualConfig],
        last_channel: int,
        num_classes: int = 1000,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        unknown = kwargs.keys() - {"width_mult", "reduced_tail", "dilated"}
        if unknown:
            raise TypeError(f"MobileNetV3 got unexpected keyword arguments: {sorted(unknown)}")
        setting = inverted_residual_setting
        if not setting:
            raise ValueError("The inverted_residual_setting should not be empty")
        if not isinstance(setting, Sequence) or not all(
            isinstance(s, InvertedResidualConfig) for s in setting
        ):
            raise TypeError("The inverted_residual_setting should be List[InvertedResidualConfig]")
        norm = partial(nn.BatchNorm2d, eps=0.001, momentum=0.01) if norm_layer is None else norm_layer
        make = InvertedResidual if block is None else block
        conv = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.Hardswish)
        before = setting[-1].out_channels
        self.features = nn.Sequential(
            conv(3, setting[0].input_channels, kernel_size=3, stride=2),
            *[make(row, norm) for row in setting],
            conv(before, 6 * before, kernel_size=1),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Sequential(
            nn.Linear(6 * before, last_channel),
            nn.Hardswish(inplace=True),
            nn.Dropout(p=dropout, inplace=True),
            nn.Linear(last_channel, num_classes),
        )
        fan_out = partial(nn.init.kaiming_normal_, mode="fan_out")
        init_layers(self, conv=fan_out, linear=partial(nn.init.normal_, std=0.01))

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.avgpool(self.features(x))
        return self.classifier(torch.flatten(x, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        return self._forward_impl(x)


# In the last rows channels marked by t are halved by `reduced_tail`, and the dilation marked by d is 2 if `dilated`.
def _large(t: int, d: int) -> list[Row]:
    return [
        (16, 3, 16, 16, False, "RE", 1, 1),
        (16, 3, 64, 24, False, "RE", 2, 1),
        (24, 3, 72, 24, False, "RE", 1, 1),
        (24, 5, 72, 40, True, "RE", 2, 1),
        (40, 5, 120, 40, True, "RE", 1, 1),
        (40, 5, 120, 40, True, "RE", 1, 1),
        (40, 3, 240, 80, False, "HS", 2, 1),
        (80, 3, 200, 80, False, "HS", 1, 1),
        (80, 3, 184, 80, False, "HS", 1, 1),
        (80, 3, 184, 80, False, "HS", 1, 1),
        (80, 3, 480, 112, True, "HS", 1, 1),
        (112, 3, 672, 112, True, "HS", 1, 1),
        (112, 5, 672, 160 // t, True, "HS", 2, d),
        (160 // t, 5, 960 // t, 160 // t, True, "HS", 1, d),
        (160 // t, 5, 960 // t, 160 // t, True, "HS", 1, d),
    ]


def _small(t: int, d: int) -> list[Row]:
    return [
        (16, 3, 16, 16, True, "RE", 2, 1),
        (16, 3, 72, 24, False, "RE", 2, 1),
        (24, 3, 88, 24, False, "RE", 1, 1),
        (24, 5, 96, 40, True, "HS", 2, 1),
        (40, 5, 240, 40, True, "HS", 1, 1),
        (40, 5, 240, 40, True, "HS", 1, 1),
        (40, 5, 120, 48, True, "HS", 1, 1),
        (48, 5, 144, 48, True, "HS", 1, 1),
        (48, 5, 288, 96 // t, True, "HS", 2, d),
        (96 // t, 5, 576 // t, 96 // t, True, "HS", 1, d),
        (96 // t, 5, 576 // t, 96 // t, True, "HS", 1, d),
    ]


_ROWS = {"mobilenet_v3_large": (_large, 1280), "mobilenet_v3_small": (_small, 1024)}


def _mobilenet_v3_conf(
    arch: str, width_mult: float = 1.0, reduced_tail: bool = False, dilated: bool = False, **kwargs: Any
) -> tuple[list[InvertedResidualConfig], int]:
    """The blocks, and the features between the linear layers.

    Args:
        arch: which of the two networks.
        width_mult: how many times as many channels it has as the paper's.
        reduced_tail: whether the last blocks have half as many.
        dilated: whether the picture stays as large in the last blocks.
        kwargs: what else the network is made with.

    Raises ValueError for another network.
    """
    if arch not in _ROWS:
        raise ValueError(f"Unsupported model type {arch}")
    rows, last_channel = _ROWS[arch]
    tail = 2 if reduced_tail else 1
    setting = [InvertedResidualConfig(*row, width_mult) for row in rows(tail, 2 if dilated else 1)]
    return setting, InvertedResidualConfig.adjust_channels(last_channel // tail, width_mult)


def _mobilenet_v3(
    inverted_residual_setting: list[InvertedResidualConfig],
    last_channel: int,
    weights: WeightsEnum | None,
    progress: bool,
    **kwargs: Any,
) -> MobileNetV3:
    return classifier(
        partial(MobileNetV3, inverted_residual_setting, last_channel), weights, progress, kwargs
    )


class MobileNet_V3_Large_Weights(WeightsEnum, data="mobilenetv3"):
    """Weights of `mobilenet_v3_large`."""


class MobileNet_V3_Small_Weights(WeightsEnum, data="mobilenetv3"):
    """Weights of `mobilenet_v3_small`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", MobileNet_V3_Large_Weights.IMAGENET1K_V1))
def mobilenet_v3_large(
    *, weights: MobileNet_V3_Large_Weights | None = None, progress: bool = True, **kwargs: Any
) -> MobileNetV3:
    """MobileNet v3 large.

    Args:
        weights: trained ones: a member of `MobileNet_V3_Large_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `MobileNetV3`, and 'width_mult', 'reduced_tail' and 'dilated'.

    >>> from tritonnn.vision import models
    >>> sum(p.numel() for p in models.mobilenet_v3_large().parameters())
    5483032
    """
    weights = MobileNet_V3_Large_Weights.verify(weights)
    return _mobilenet_v3(*_mobilenet_v3_conf("mobilenet_v3_large", **kwargs), weights, progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", MobileNet_V3_Small_Weights.IMAGENET1K_V1))
def mobilenet_v3_small(
    *, weights: MobileNet_V3_Small_Weights | None = None, progress: bool = True, **kwargs: Any
) -> MobileNetV3:
    """MobileNet v3 small: arguments as of `mobilenet_v3_large`."""
    weights = MobileNet_V3_Small_Weights.verify(weights)
    return _mobilenet_v3(*_mobilenet_v3_conf("mobilenet_v3_small", **kwargs), weights, progress, **kwargs)
