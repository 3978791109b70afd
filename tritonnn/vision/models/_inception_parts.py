"""What GoogLeNet and Inception v3 share: a layer, pictures as their weights want them, how layers start."""

from __future__ import annotations

import warnings
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F

__all__ = ["ConvNormReLU", "decided", "from_imagenet_statistics", "truncated_normal"]

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ConvNormReLU(nn.Module):
    """A convolution, a normalisation and ReLU.

    Args:
        in_channels: of the input.
        out_channels: of the output.
        kwargs: of Conv2d.
    """

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, bias=False, **kwargs)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """The three, one after another."""
        return F.relu(self.bn(self.conv(x)), inplace=True)


def from_imagenet_statistics(x: Tensor) -> Tensor:
    """Pictures normalised with ImageNet's mean and deviation become ones normalised with 0.5 and 0.5."""
    channels = [
        torch.unsqueeze(x[:, channel], 1) * (std / 0.5) + (mean - 0.5) / 0.5
        for channel, (mean, std) in enumerate(zip(MEAN, STD))
    ]
    return torch.cat(channels, 1)


def decided(init_weights: bool | None, network: str) -> bool:
    """True where nothing was said, with a warning that this is to change."""
    if init_weights is None:
        warnings.warn(
            f"The default weight initialization of {network} will be changed in future releases of torchvision. "
            "If you wish to keep the old behavior, please set init_weights=True.",
            FutureWarning,
        )
        return True
    return init_weights


def truncated_normal(model: nn.Module, std: float) -> None:
    """Fill the weights of layers; norms start as the identity.

    Args:
        model: the network.
        std: deviation, for layers that have none as their attribute `stddev`.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            own = float(getattr(module, "stddev", std))
            nn.init.trunc_normal_(module.weight, mean=0.0, std=own, a=-2, b=2)
        elif isinstance(module, nn.BatchNorm2d) and module.weight is not None and module.bias is not None:
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
