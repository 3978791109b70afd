"""MNASNet, variant B1: https://arxiv.org/abs/1807.11626."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import (
    _make_divisible,
    classifier,
    handle_legacy_interface,
    he_fan_out,
    init_layers,
)

__all__ = [
    "MNASNet",
    "MNASNet0_5_Weights", "MNASNet0_75_Weights", "MNASNet1_0_Weights", "MNASNet1_3_Weights",
    "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3",
]  # fmt: skip

_BN_MOMENTUM = 1 - 0.9997  # the paper gives the share of the old value, as TensorFlow does


class _InvertedResidual(nn.Module):
    """Convolutions of 1 x 1, of each channel by itself, and of 1 x 1; and the input added where it fits.

    Raises ValueError for a stride other than 1 and 2, and a kernel other than 3 and 5.
    """

    def __init__(
        self,
        in_ch: int,
        out_ch: int,
        kernel_size: int,
        stride: int,
        expansion_factor: int,
        bn_momentum: float = 0.1,
    ) -> None:
        super().__init__()
        if stride not in (1, 2):
            raise ValueError(f"stride should be 1 or 2 instead of {stride}")
        if kernel_size not in (3, 5):
            raise ValueError(f"kernel_size should be 3 or 5 instead of {kernel_size}")
        mid_ch = in_ch * expansion_factor
        self.apply_residual = in_ch == out_ch and stride == 1
        self.layers = nn.Sequential(
            nn.Conv2d(in_ch, mid_ch, 1, bias=False),
            nn.BatchNorm2d(mid_ch, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_ch, mid_ch, kernel_size, stride, kernel_size // 2, groups=mid_ch, bias=False),
            nn.BatchNorm2d(mid_ch, momentum=bn_momentum),
            nn.ReLU(inplace=True),
            nn.Conv2d(mid_ch, out_ch, 1, bias=False),
            nn.BatchNorm2d(out_ch, momentum=bn_momentum),
        )

    def forward(self, input: Tensor) -> Tensor:
        """(N, in_ch, H, W) to (N, out_ch, H / stride, W / stride)."""
        return self.layers(input) + input if self.apply_residual else self.layers(input)


def _stack(
    in_ch: int, out_ch: int, kernel_size: int, stride: int, exp_factor: int, repeats: int, bn_momentum: float
) -> nn.Sequential:
    """Blocks one after another, the first of which has the stride.

    Raises ValueError for fewer than one.
    """
    if repeats < 1:
        raise ValueError(f"repeats should be >= 1, instead got {repeats}")
    first = _InvertedResidual(in_ch, out_ch, kernel_size, stride, exp_factor, bn_momentum)
    rest = [
        _InvertedResidual(out_ch, out_ch, kernel_size, 1, exp_factor, bn_momentum) for _ in range(1, repeats)
    ]
    return nn.Sequential(first, *rest)


def _get_depths(alpha: float) -> list[int]:
    """The channels of the stages, `alpha` times as many as the paper's."""
    return [_make_divisible(depth * alpha, 8) for depth in (32, 16, 24, 40, 80, 96, 192, 320)]


def _stem(first: int, second: int) -> list[nn.Module]:
    """A convolution, and one of each channel by itself that a third mixes."""
    return [
        nn.Conv2d(3, first, 3, padding=1, stride=2, bias=False),
        nn.BatchNorm2d(first, momentum=_BN_MOMENTUM),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, first, 3, padding=1, stride=1, groups=first, bias=False),
        nn.BatchNorm2d(first, momentum=_BN_MOMENTUM),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, second, 1, padding=0, stride=1, bias=False),
        nn.BatchNorm2d(second, momentum=_BN_MOMENTUM),
    ]


class MNASNet(nn.Module):
    """A network that was searched for with its time on a phone in mind.

    Args:
        alpha: how many times as many channels it has as the paper's.
        num_classes: how many scores it gives.
        dropout: the probability, before the linear layer.

    >>> import tritonnn as torch
    >>> MNASNet(0.5, num_classes=10)(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises ValueError for an alpha that is not greater than 0.
    """

    _version = 2  # from which on `alpha` changes the first layers too

    def __init__(self, alpha: float, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        if alpha <= 0.0:
            raise ValueError(f"alpha should be greater than 0.0 instead of {alpha}")
        self.alpha = alpha
        self.num_classes = num_classes
        depths = _get_depths(alpha)
        # kernel, stride, expansion, repeats
        stages = [(3, 2, 3, 3), (5, 2, 3, 3), (5, 2, 6, 3), (3, 1, 6, 2), (5, 2, 6, 4), (3, 1, 6, 1)]
        self.layers = nn.Sequential(
            *_stem(depths[0], depths[1]),
            *[
                _stack(depths[i], depths[i + 1], *stage, _BN_MOMENTUM)
                for i, stage in enumerate(stages, start=1)
            ],
            nn.Conv2d(depths[7], 1280, 1, padding=0, stride=1, bias=False),
            nn.BatchNorm2d(1280, momentum=_BN_MOMENTUM),
            nn.ReLU(inplace=True),
        )
        self.classifier = nn.Sequential(nn.Dropout(p=dropout, inplace=True), nn.Linear(1280, num_classes))
        fan_out = partial(nn.init.kaiming_uniform_, mode="fan_out", nonlinearity="sigmoid")
        init_layers(self, conv=he_fan_out, linear=fan_out)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        x = self.layers(x)
        x = x.mean([2, 3])
        return self.classifier(x)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, local_metadata: dict[str, Any], *rest: Any
    ) -> None:
        version = local_metadata.get("version")
        if version not in (1, 2):
            raise ValueError(f"version should be set to 1 or 2 instead of {version}")
        if version == 1 and self.alpha != 1.0:
            self._become_version_1()
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)

    def _become_version_1(self) -> None:
        """The first layers as wide as with alpha 1, as they were saved."""
        depth = _get_depths(self.alpha)[2]
        for index, layer in enumerate([*_stem(32, 16), _stack(16, depth, 3, 2, 3, 3, _BN_MOMENTUM)]):
            self.layers[index] = layer
        self._version = 1  # it will be saved as such
        warnings.warn(
            "A new version of MNASNet model has been implemented. Your checkpoint was saved using the previous "
            "version. It loads and works as before; a newer model or newer weights may be better.",
            UserWarning,
        )


class MNASNet0_5_Weights(WeightsEnum, data="mnasnet"):
    """Weights of `mnasnet0_5`."""


class MNASNet0_75_Weights(WeightsEnum, data="mnasnet"):
    """Weights of `mnasnet0_75`."""


class MNASNet1_0_Weights(WeightsEnum, data="mnasnet"):
    """Weights of `mnasnet1_0`."""


class MNASNet1_3_Weights(WeightsEnum, data="mnasnet"):
    """Weights of `mnasnet1_3`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", MNASNet0_5_Weights.IMAGENET1K_V1))
def mnasnet0_5(*, weights: MNASNet0_5_Weights | None = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet with half the paper's channels.

    Args:
        weights: trained ones: a member of `MNASNet0_5_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `MNASNet`.

    >>> from tritonnn.vision import models
    >>> sum(p.numel() for p in models.mnasnet0_5().parameters())
    2218512
    """
    return classifier(partial(MNASNet, 0.5), MNASNet0_5_Weights.verify(weights), progress, kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", MNASNet0_75_Weights.IMAGENET1K_V1))
def mnasnet0_75(
    *, weights: MNASNet0_75_Weights | None = None, progress: bool = True, **kwargs: Any
) -> MNASNet:
    """MNASNet with 0.75 times the paper's channels: arguments as of `mnasnet0_5`."""
    return classifier(partial(MNASNet, 0.75), MNASNet0_75_Weights.verify(weights), progress, kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", MNASNet1_0_Weights.IMAGENET1K_V1))
def mnasnet1_0(*, weights: MNASNet1_0_Weights | None = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet with the paper's channels: arguments as of `mnasnet0_5`."""
    return classifier(partial(MNASNet, 1.0), MNASNet1_0_Weights.verify(weights), progress, kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", MNASNet1_3_Weights.IMAGENET1K_V1))
def mnasnet1_3(*, weights: MNASNet1_3_Weights | None = None, progress: bool = True, **kwargs: Any) -> MNASNet:
    """MNASNet with 1.3 times the paper's channels: arguments as of `mnasnet0_5`."""
    return classifier(partial(MNASNet, 1.3), MNASNet1_3_Weights.verify(weights), progress, kwargs)
