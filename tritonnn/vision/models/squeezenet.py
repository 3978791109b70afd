"""SqueezeNet: https://arxiv.org/abs/1602.07360."""

from __future__ import annotations

from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import classifier, handle_legacy_interface, init_layers

__all__ = ["SqueezeNet", "SqueezeNet1_0_Weights", "SqueezeNet1_1_Weights", "squeezenet1_0", "squeezenet1_1"]


class Fire(nn.Module):
    """Few channels, from which convolutions of 1 x 1 and of 3 x 3 make many.

    Args:
        inplanes: channels of the input.
        squeeze_planes: the few.
        expand1x1_planes: of the output, by convolutions of 1 x 1.
        expand3x3_planes: of the output, by convolutions of 3 x 3.
    """

    def __init__(
        self, inplanes: int, squeeze_planes: int, expand1x1_planes: int, expand3x3_planes: int
    ) -> None:
        super().__init__()
        self.inplanes = inplanes
        self.squeeze = nn.Conv2d(inplanes, squeeze_planes, kernel_size=1)
        self.squeeze_activation = nn.ReLU(inplace=True)
        self.expand1x1 = nn.Conv2d(squeeze_planes, expand1x1_planes, kernel_size=1)
        self.expand1x1_activation = nn.ReLU(inplace=True)
        self.expand3x3 = nn.Conv2d(squeeze_planes, expand3x3_planes, kernel_size=3, padding=1)
        self.expand3x3_activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inplanes, H, W) to (N, expand1x1_planes + expand3x3_planes, H, W)."""
        x = self.squeeze_activation(self.squeeze(x))
        small = self.expand1x1_activation(self.expand1x1(x))
        large = self.expand3x3_activation(self.expand3x3(x))
        return torch.cat([small, large], 1)


def _pool() -> nn.MaxPool2d:
    return nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)


def _fires(*squeezed: int, channels: int) -> tuple[list[Fire], int]:
    """Blocks that expand each of `squeezed` eightfold, half of it by 1 x 1 and half by 3 x 3."""
    fires = []
    for planes in squeezed:
        fires.append(Fire(channels, planes, 4 * planes, 4 * planes))
        channels = 8 * planes
    return fires, channels


#: version -> channels and size of the first convolution, and what `Fire` blocks squeeze to between poolings
VERSIONS: dict[str, tuple[int, int, list[tuple[int, ...]]]] = {
    "1_0": (96, 7, [(16, 16, 32), (32, 48, 48, 64), (64,)]),
    "1_1": (64, 3, [(16, 16), (32, 32), (48, 48, 64, 64)]),
}


def _features(version: str) -> nn.Sequential:
    channels, size, parts = VERSIONS[version]
    layers: list[nn.Module] = [nn.Conv2d(3, channels, kernel_size=size, stride=2), nn.ReLU(inplace=True)]
    for squeezed in parts:
        fires, channels = _fires(*squeezed, channels=channels)
        layers += [_pool(), *fires]
    return nn.Sequential(*layers)


class SqueezeNet(nn.Module):
    """Few parameters: eight `Fire` blocks, and a convolution of 1 x 1 whose means are the scores.

    Args:
        version: '1_0', or '1_1', which takes less than half the time.
        num_classes: how many scores it gives.
        dropout: the probability, before the last convolution.

    >>> import tritonnn as torch
    >>> SqueezeNet("1_1", num_classes=10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises ValueError for another version.
    """

    def __init__(self, version: str = "1_0", num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        if version not in VERSIONS:
            raise ValueError(f"Unsupported SqueezeNet version {version}: 1_0 or 1_1 expected")
        self.num_classes = num_classes
        self.features = _features(version)
        last = nn.Conv2d(512, num_classes, kernel_size=1)
        self.classifier = nn.Sequential(
            nn.Dropout(p=dropout), last, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d((1, 1))
        )
        init_layers(self, conv=nn.init.kaiming_uniform_)
        nn.init.normal_(last.weight, mean=0.0, std=0.01)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        return torch.flatten(self.classifier(self.features(x)), 1)


class SqueezeNet1_0_Weights(WeightsEnum, data="squeezenet"):
    """Weights of `squeezenet1_0`."""


class SqueezeNet1_1_Weights(WeightsEnum, data="squeezenet"):
    """Weights of `squeezenet1_1`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", SqueezeNet1_0_Weights.IMAGENET1K_V1))
def squeezenet1_0(
    *, weights: SqueezeNet1_0_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SqueezeNet:
    """SqueezeNet as in the paper.

    Args:
        weights: trained ones: a member of `SqueezeNet1_0_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `SqueezeNet`.

    >>> from tritonnn.vision import models
    >>> sum(p.numel() for p in models.squeezenet1_0().parameters())
    1248424
    """
    return classifier(partial(SqueezeNet, "1_0"), SqueezeNet1_0_Weights.verify(weights), progress, kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", SqueezeNet1_1_Weights.IMAGENET1K_V1))
def squeezenet1_1(
    *, weights: SqueezeNet1_1_Weights | None = None, progress: bool = True, **kwargs: Any
) -> SqueezeNet:
    """SqueezeNet in the faster version: arguments as of `squeezenet1_0`."""
    return classifier(partial(SqueezeNet, "1_1"), SqueezeNet1_1_Weights.verify(weights), progress, kwargs)
