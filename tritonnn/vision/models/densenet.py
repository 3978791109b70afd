"""DenseNet: https://arxiv.org/abs/1608.06993."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.utils.checkpoint import checkpoint
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import _ovewrite_named_param, handle_legacy_interface, init_layers

__all__ = [
    "DenseNet",
    "DenseNet121_Weights", "DenseNet161_Weights", "DenseNet169_Weights", "DenseNet201_Weights",
    "densenet121", "densenet161", "densenet169", "densenet201", "densenet_161",
]  # fmt: skip


class _DenseLayer(nn.Module):
    """`growth_rate` channels made of all that came before.

    Args:
        num_input_features: channels of all that came before.
        growth_rate: channels of the output.
        bn_size: how many times as many there are between the two convolutions.
        drop_rate: the probability of dropout of the output.
        memory_efficient: whether what the first half computes is computed again on the way back instead of kept.
    """

    def __init__(
        self,
        num_input_features: int,
        growth_rate: int,
        bn_size: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(num_input_features)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(num_input_features, bn_size * growth_rate, kernel_size=1, stride=1, bias=False)
        self.norm2 = nn.BatchNorm2d(bn_size * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(
            bn_size * growth_rate, growth_rate, kernel_size=3, stride=1, padding=1, bias=False
        )
        self.drop_rate = float(drop_rate)
        self.memory_efficient = memory_efficient

    def bn_function(self, inputs: list[Tensor]) -> Tensor:
        """The first half."""
        return self.conv1(self.relu1(self.norm1(torch.cat(inputs, 1))))

    def any_requires_grad(self, input: list[Tensor]) -> bool:
        """Whether there is a way back to any of them."""
        return any(tensor.requires_grad for tensor in input)

    def call_checkpoint_bottleneck(self, input: list[Tensor]) -> Tensor:
        """The first half, which keeps nothing but its input."""
        return checkpoint(lambda *inputs: self.bn_function(list(inputs)), *input, use_reentrant=False)

    def forward(self, input: Tensor | list[Tensor]) -> Tensor:
        """(N, growth_rate, H, W) of one tensor or several of their channels."""
        features = [input] if isinstance(input, Tensor) else input
        if self.memory_efficient and self.any_requires_grad(features):
            between = self.call_checkpoint_bottleneck(features)
        else:
            between = self.bn_function(features)
        new = self.conv2(self.relu2(self.norm2(between)))
        return F.dropout(new, p=self.drop_rate, training=self.training) if self.drop_rate > 0 else new


class _DenseBlock(nn.ModuleDict):
    """Layers, each of which sees what all before it gave."""

    _version = 2

    def __init__(
        self,
        num_layers: int,
        num_input_features: int,
        bn_size: int,
        growth_rate: int,
        drop_rate: float,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        for index in range(num_layers):
            channels = num_input_features + index * growth_rate
            layer = _DenseLayer(channels, growth_rate, bn_size, drop_rate, memory_efficient)
            self.add_module(f"denselayer{index + 1}", layer)

    def forward(self, init_features: Tensor) -> Tensor:
        """The input and what all layers gave, one behind the other."""
        features = [init_features]
        for layer in self.values():
            features.append(layer(features))
        return torch.cat(features, 1)


class _Transition(nn.Sequential):
    """Fewer channels, and half the size."""

    def __init__(self, num_input_features: int, num_output_features: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(num_input_features)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(num_input_features, num_output_features, kernel_size=1, stride=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2, stride=2)


class DenseNet(nn.Module):
    """Blocks in which every layer sees what all layers before it gave, and a linear layer.

    Args:
        growth_rate: channels that each layer adds (k in the paper).
        block_config: how many layers each block has.
        num_init_features: channels of the first convolution.
        bn_size: a layer has `bn_size * growth_rate` channels between its two convolutions.
        drop_rate: the probability of dropout of what a layer adds.
        num_classes: how many scores it gives.
        memory_efficient: whether to compute half of each layer again on the way back, for less memory
            (https://arxiv.org/abs/1707.06990).

    >>> import tritonnn as torch
    >>> net = DenseNet(8, (2, 2), 16, num_classes=10)
    >>> net(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])
    """

    def __init__(
        self,
        growth_rate: int = 32,
        block_config: tuple[int, int, int, int] = (6, 12, 24, 16),
        num_init_features: int = 64,
        bn_size: int = 4,
        drop_rate: float = 0,
        num_classes: int = 1000,
        memory_efficient: bool = False,
    ) -> None:
        super().__init__()
        features: OrderedDict[str, nn.Module] = OrderedDict(
            conv0=nn.Conv2d(3, num_init_features, kernel_size=7, stride=2, padding=3, bias=False),
            norm0=nn.BatchNorm2d(num_init_features),
            relu0=nn.ReLU(inplace=True),
            pool0=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),
        )
        channels = num_init_features
        for index, layers in enumerate(block_config, start=1):
            block = _DenseBlock(layers, channels, bn_size, growth_rate, drop_rate, memory_efficient)
            features[f"denseblock{index}"] = block
            channels += layers * growth_rate
            if index < len(block_config):
                features[f"transition{index}"] = _Transition(channels, channels // 2)
                channels //= 2
        features["norm5"] = nn.BatchNorm2d(channels)
        self.features = nn.Sequential(features)
        self.classifier = nn.Linear(channels, num_classes)
        init_layers(self, conv=nn.init.kaiming_normal_)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        x = F.relu(self.features(x), inplace=True)
        x = F.adaptive_avg_pool2d(x, (1, 1))
        return self.classifier(torch.flatten(x, 1))


class DenseNet121_Weights(WeightsEnum, data="densenet"):
    """Weights of `densenet121`."""


class DenseNet161_Weights(WeightsEnum, data="densenet"):
    """Weights of `densenet161`."""


class DenseNet169_Weights(WeightsEnum, data="densenet"):
    """Weights of `densenet169`."""


class DenseNet201_Weights(WeightsEnum, data="densenet"):
    """Weights of `densenet201`."""


#: 'denselayer1.norm.1.weight', as the published files have it; names of modules may have no '.' any more
_OLD_KEY = re.compile(r"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\..+)$")


def _load_state_dict(model: nn.Module, weights: WeightsEnum, progress: bool) -> None:
    state_dict = weights.get_state_dict(progress=progress, check_hash=True)
    for key in filter(_OLD_KEY.match, list(state_dict)):
        state_dict[_OLD_KEY.sub(r"\1\2", key)] = state_dict.pop(key)
    model.load_state_dict(state_dict)


def _densenet(
    growth_rate: int,
    block_config: tuple[int, int, int, int],
    num_init_features: int,
    weights: WeightsEnum | None,
    progress: bool,
    **kwargs: Any,
) -> DenseNet:
    if weights is not None:
        _ovewrite_named_param(kwargs, "num_classes", len(weights.meta["categories"]))
    model = DenseNet(growth_rate, block_config, num_init_features, **kwargs)
    if weights is not None:
        _load_state_dict(model, weights, progress)
    return model


@register_model()
@handle_legacy_interface(weights=("pretrained", DenseNet121_Weights.IMAGENET1K_V1))
def densenet121(
    *, weights: DenseNet121_Weights | None = None, progress: bool = True, **kwargs: Any
) -> DenseNet:
    """DenseNet with 121 layers.

    Args:
        weights: trained ones: a member of `DenseNet121_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `DenseNet`.

    >>> from tritonnn.vision import models
    >>> sum(p.numel() for p in models.densenet121().parameters())
    7978856
    """
    return _densenet(32, (6, 12, 24, 16), 64, DenseNet121_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", DenseNet161_Weights.IMAGENET1K_V1))
def densenet161(
    *, weights: DenseNet161_Weights | None = None, progress: bool = True, **kwargs: Any
) -> DenseNet:
    """DenseNet with 161 layers: arguments as of `densenet121`."""
    return _densenet(48, (6, 12, 36, 24), 96, DenseNet161_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", DenseNet169_Weights.IMAGENET1K_V1))
def densenet169(
    *, weights: DenseNet169_Weights | None = None, progress: bool = True, **kwargs: Any
) -> DenseNet:
    """DenseNet with 169 layers: arguments as of `densenet121`."""
    return _densenet(32, (6, 12, 32, 32), 64, DenseNet169_Weights.verify(weights), progress, **kwargs)


@register_model()
@handle_legacy_interface(weights=("pretrained", DenseNet201_Weights.IMAGENET1K_V1))
def densenet201(
    *, weights: DenseNet201_Weights | None = None, progress: bool = True, **kwargs: Any
) -> DenseNet:
    """DenseNet with 201 layers: arguments as of `densenet121`."""
    return _densenet(32, (6, 12, 48, 32), 64, DenseNet201_Weights.verify(weights), progress, **kwargs)


densenet_161 = densenet161  # as older documents have it
