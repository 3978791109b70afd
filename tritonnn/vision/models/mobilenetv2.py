"""MobileNet v2: https://arxiv.org/abs/1801.04381."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _make_divisible, classifier, handle_legacy_interface, init_layers
from tritonnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["MobileNetV2", "MobileNet_V2_Weights", "mobilenet_v2"]

Layer = Callable[..., nn.Module]


class InvertedResidual(nn.Module):
    """Convolutions of 1 x 1 to more channels, of each channel by itself, and of 1 x 1 to few; and the input added.

    Args:
        inp: channels of the input.
        oup: channels of the output.
        stride: 1, with which the input is added if the channels are as many, or 2.
        expand_ratio: how many times as many channels there are between.
        norm_layer: called with the number of channels; BatchNorm2d where it is None.

    Raises ValueError for another stride.
    """

    def __init__(
        self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Layer | None = None
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        block = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.ReLU6)
        hidden = round(inp * expand_ratio)
        self.stride = stride
        self.use_res_connect = stride == 1 and inp == oup
        self.conv = nn.Sequential(
            *([block(inp, hidden, kernel_size=1)] if expand_ratio != 1 else []),
            block(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, oup, 1, 1, 0, bias=False),
            norm(oup),
        )
        self.out_channels = oup
        self._is_cn = stride > 1

    def forward(self, x: Tensor) -> Tensor:
        """(N, inp, H, W) to (N, oup, H / stride, W / stride)."""
        return x + self.conv(x) if self.use_res_connect else self.conv(x)


#: expansion, channels, blocks and stride of each stage
SETTING = [
    [1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1],
]  # fmt: skip


class MobileNetV2(nn.Module):
    """Seven stages of blocks that are narrow at both ends, and a linear layer.

    Args:
        num_classes: how many scores it gives.
        width_mult: how many times as many channels it has as the paper's.
        inverted_residual_setting: expansion, channels, blocks and stride of each stage; the paper's where it is None.
        round_nearest: numbers of channels become multiples of it.
        block: makes a block; `InvertedResidual` where it is None.
        norm_layer: called with the number of channels; BatchNorm2d where it is None.
        dropout: the probability, before the linear layer.

    >>> import tritonnn as torch
    >>> MobileNetV2(num_classes=10, width_mult=0.25)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises ValueError for a setting that is empty, or has not four numbers for a stage.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        width_mult: float = 1.0,
        inverted_residual_setting: list[list[int]] | None = None,
        round_nearest: int = 8,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        setting = SETTING if inverted_residual_setting is None else inverted_residual_setting
        if not setting or any(len(stage) != 4 for stage in setting):
            raise ValueError(
                f"inverted_residual_setting should be non-empty or a 4-element list, got {setting}"
            )
        make = InvertedResidual if block is None else block
        norm = nn.BatchNorm2d if norm_layer is None else norm_layer
        outer = partial(Conv2dNormActivation, norm_layer=norm, activation_layer=nn.ReLU6)

        channels = _make_divisible(32 * width_mult, round_nearest)
        self.last_channel = _make_divisible(1280 * max(1.0, width_mult), round_nearest)
        features: list[nn.Module] = [outer(3, channels, stride=2)]
        for expand_ratio, out, blocks, stride in setting:
            out = _make_divisible(out * width_mult, round_nearest)
            for index in range(blocks):
                step = stride if index == 0 else 1
                features.append(make(channels, out, step, expand_ratio=expand_ratio, norm_layer=norm))
                channels = out
        features.append(outer(channels, self.last_channel, kernel_size=1))
        self.features = nn.Sequential(*features)
        self.classifier = nn.Sequential(nn.Dropout(p=dropout), nn.Linear(self.last_channel, num_classes))
        fan_out = partial(nn.init.kaiming_normal_, mode="fan_out")
        init_layers(self, conv=fan_out, linear=partial(nn.init.normal_, std=0.01))

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.features(x)
        x = nn.functional.adaptive_avg_pool2d(x, (1, 1))
        return self.classifier(torch.flatten(x, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        return self._forward_impl(x)


class MobileNet_V2_Weights(WeightsEnum, data="mobilenetv2"):
    """Weights of `mobilenet_v2`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", MobileNet_V2_Weights.IMAGENET1K_V1))
def mobilenet_v2(
    *, weights: MobileNet_V2_Weights | None = None, progress: bool = True, **kwargs: Any
) -> MobileNetV2:
    """MobileNet v2.

    Args:
        weights: trained ones: a member of `MobileNet_V2_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `MobileNetV2`.

    >>> from tritonnn.vision import models
    >>> sum(p.numel() for p in models.mobilenet_v2().parameters())
    3504872
    """
    return classifier(MobileNetV2, MobileNet_V2_Weights.verify(weights), progress, kwargs)
