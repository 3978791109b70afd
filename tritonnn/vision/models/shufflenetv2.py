"""ShuffleNet v2: https://arxiv.org/abs/1807.11164."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import classifier, handle_legacy_interface

__all__ = [
    "ShuffleNetV2",
    "ShuffleNet_V2_X0_5_Weights", "ShuffleNet_V2_X1_0_Weights", "ShuffleNet_V2_X1_5_Weights",
    "ShuffleNet_V2_X2_0_Weights",
    "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
]  # fmt: skip


def channel_shuffle(x: Tensor, groups: int) -> Tensor:
    """The first channel of every group, then the second of every group, and so on."""
    batch, channels, height, width = x.size()
    x = x.view(batch, groups, channels // groups, height, width)
    x = torch.transpose(x, 1, 2).contiguous()
    return x.view(batch, channels, height, width)


def _mix(inp: int, out: int) -> list[nn.Module]:
    return [nn.Conv2d(inp, out, kernel_size=1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


class InvertedResidual(nn.Module):
    """Half of the channels as they are and half convolved, shuffled; with a stride both convolved.

    Args:
        inp: channels of the input.
        oup: channels of the output.
        stride: of the convolutions of 3 x 3, from 1 to 3.

    Raises ValueError for another stride, and for channels that differ where the stride is 1.
    """

    def __init__(self, inp: int, oup: int, stride: int) -> None:
        super().__init__()
        if not 1 <= stride <= 3:
            raise ValueError("illegal stride value")
        half = oup // 2
        if stride == 1 and inp != 2 * half:
            raise ValueError(
                f"Invalid combination of stride 1, inp {inp} and oup {oup}: inp must be oup // 2 * 2"
            )
        self.stride = stride
        self.branch1 = nn.Sequential()
        if stride > 1:
            depthwise = self.depthwise_conv(inp, inp, kernel_size=3, stride=stride, padding=1)
            self.branch1 = nn.Sequential(depthwise, nn.BatchNorm2d(inp), *_mix(inp, half))
        self.branch2 = nn.Sequential(
            *_mix(inp if stride > 1 else half, half),
            self.depthwise_conv(half, half, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(half),
            *_mix(half, half),
        )

    @staticmethod
    def depthwise_conv(
        i: int, o: int, kernel_size: int, stride: int = 1, padding: int = 0, bias: bool = False
    ) -> nn.Conv2d:
        """A convolution of each channel by itself."""
        return nn.Conv2d(i, o, kernel_size, stride, padding, bias=bias, groups=i)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inp, H, W) to (N, oup, H / stride, W / stride)."""
        if self.stride == 1:
            kept, convolved = x.chunk(2, dim=1)
            out = torch.cat((kept, self.branch2(convolved)), dim=1)
        else:
            out = torch.cat((self.branch1(x), self.branch2(x)), dim=1)
        return channel_shuffle(out, 2)


class ShuffleNetV2(nn.Module):
    """A convolution, three stages of blocks that shuffle channels, and a linear layer.

    Args:
        stages_repeats: how many blocks each of the three stages has.
        stages_out_channels: of the first convolution, the three stages, and the last convolution.
        num_classes: how many scores it gives.
        inverted_residual: makes a block of channels in, channels out, and stride.

    >>> import tritonnn as torch
    >>> ShuffleNetV2([2, 2, 2], [8, 16, 32, 64, 128], num_classes=10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises ValueError for lists of other lengths.
    """

    stage2: nn.Sequential
    stage3: nn.Sequential
    stage4: nn.Sequential

    def __init__(
        self,
        stages_repeats: list[int],
        stages_out_channels: list[int],
        num_classes: int = 1000,
        inverted_residual: Callable[..., nn.Module] = InvertedResidual,
    ) -> None:
        super().__init__()
        if len(stages_repeats) != 3:
            raise ValueError("expected stages_repeats as list of 3 positive ints")
        if len(stages_out_channels) != 5:
            raise ValueError("expected stages_out_channels as list of 5 positive ints")
        self._stage_out_channels = stages_out_channels
        channels, *stages, last = stages_out_channels
        first = nn.Conv2d(3, channels, 3, 2, 1, bias=False)
        self.conv1 = nn.Sequential(first, nn.BatchNorm2d(channels), nn.ReLU(inplace=True))
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        for number, repeats, out in zip((2, 3, 4), stages_repeats, stages):
            blocks = [inverted_residual(channels, out, 2)]
            blocks += [inverted_residual(out, out, 1) for _ in range(repeats - 1)]
            setattr(self, f"stage{number}", nn.Sequential(*blocks))
            channels = out
        self.conv5 = nn.Sequential(*_mix(channels, last))
        self.fc = nn.Linear(last, num_classes)

    def _forward_impl(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))
        x = self.conv5(self.stage4(self.stage3(self.stage2(x))))
        return self.fc(x.mean([2, 3]))

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        return self._forward_impl(x)


class ShuffleNet_V2_X0_5_Weights(WeightsEnum, data="shufflenetv2"):
    """Weights of `shufflenet_v2_x0_5`."""


class ShuffleNet_V2_X1_0_Weights(WeightsEnum, data="shufflenetv2"):
    """Weights of `shufflenet_v2_x1_0`."""


class ShuffleNet_V2_X1_5_Weights(WeightsEnum, data="shufflenetv2"):
    """Weights of `shufflenet_v2_x1_5`."""


class ShuffleNet_V2_X2_0_Weights(WeightsEnum, data="shufflenetv2"):
    """Weights of `shufflenet_v2_x2_0`."""


def _shufflenetv2(
    weights: WeightsEnum | None, progress: bool, channels: list[int], **kwargs: Any
) -> ShuffleNetV2:
    return classifier(partial(ShuffleNetV2, [4, 8, 4], channels), weights, progress, kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1))
def shufflenet_v2_x0_5(
    *, weights: ShuffleNet_V2_X0_5_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2 with half the channels.

    Args:
        weights: trained ones: a member of `ShuffleNet_V2_X0_5_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `ShuffleNetV2`.

    >>> from tritonnn.vision import models
    >>> sum(p.numel() for p in models.shufflenet_v2_x0_5().parameters())
    1366792
    """
    weights = ShuffleNet_V2_X0_5_Weights.verify(weights)
    return _shufflenetv2(weights, progress, [24, 48, 96, 192, 1024], **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1))
def shufflenet_v2_x1_0(
    *, weights: ShuffleNet_V2_X1_0_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2: arguments as of `shufflenet_v2_x0_5`."""
    weights = ShuffleNet_V2_X1_0_Weights.verify(weights)
    return _shufflenetv2(weights, progress, [24, 116, 232, 464, 1024], **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X1_5_Weights.IMAGENET1K_V1))
def shufflenet_v2_x1_5(
    *, weights: ShuffleNet_V2_X1_5_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2 with 1.5 times the channels: arguments as of `shufflenet_v2_x0_5`."""
    weights = ShuffleNet_V2_X1_5_Weights.verify(weights)
    return _shufflenetv2(weights, progress, [24, 176, 352, 704, 1024], **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X2_0_Weights.IMAGENET1K_V1))
def shufflenet_v2_x2_0(
    *, weights: ShuffleNet_V2_X2_0_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ShuffleNetV2:
    """ShuffleNet v2 with twice the channels: arguments as of `shufflenet_v2_x0_5`."""
    weights = ShuffleNet_V2_X2_0_Weights.verify(weights)
    return _shufflenetv2(weights, progress, [24, 244, 488, 976, 2048], **kwargs)
