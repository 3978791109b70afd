"""GoogLeNet, with batch normalisation: https://arxiv.org/abs/1409.4842."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._inception_parts import (
    ConvNormReLU,
    decided,
    from_imagenet_statistics,
    truncated_normal,
)
from tritonnn.vision.models._utils import _ovewrite_named_param, classifier, handle_legacy_interface

__all__ = ["GoogLeNet", "GoogLeNetOutputs", "GoogLeNet_Weights", "_GoogLeNetOutputs", "googlenet"]

Layer = Callable[..., nn.Module]


class GoogLeNetOutputs(NamedTuple):
    """Scores, and those of the two heads that only training has."""

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


_GoogLeNetOutputs = GoogLeNetOutputs


class BasicConv2d(ConvNormReLU):
    """A convolution, a normalisation and ReLU."""


class Inception(nn.Module):
    """Four branches side by side, each with convolutions of another size.

    Args:
        in_channels: of the input.
        ch1x1: channels of the branch with a convolution of 1 x 1.
        ch3x3red: channels before the convolution of 3 x 3.
        ch3x3: after it.
        ch5x5red: channels before the convolution that the paper has with 5 x 5 and the weights have with 3 x 3.
        ch5x5: after it.
        pool_proj: channels of the branch with a pooling.
        conv_block: makes a convolution; `BasicConv2d` where it is None.
    """

    def __init__(
        self,
        in_channels: int,
        ch1x1: int,
        ch3x3red: int,
        ch3x3: int,
        ch5x5red: int,
        ch5x5: int,
        pool_proj: int,
        conv_block: Layer | None = None,
    ) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.branch1 = conv(in_channels, ch1x1, kernel_size=1)
        self.branch2 = nn.Sequential(
            conv(in_channels, ch3x3red, kernel_size=1), conv(ch3x3red, ch3x3, kernel_size=3, padding=1)
        )
        self.branch3 = nn.Sequential(
            conv(in_channels, ch5x5red, kernel_size=1), conv(ch5x5red, ch5x5, kernel_size=3, padding=1)
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(kernel_size=3, stride=1, padding=1, ceil_mode=True),
            conv(in_channels, pool_proj, kernel_size=1),
        )

    def _forward(self, x: Tensor) -> list[Tensor]:
        return [self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)]

    def forward(self, x: Tensor) -> Tensor:
        """What the branches give, one behind the other."""
        return torch.cat(self._forward(x), 1)


class InceptionAux(nn.Module):
    """A head in the middle of the network, which helps training.

    Args:
        in_channels: of the input.
        num_classes: how many scores it gives.
        conv_block: makes a convolution; `BasicConv2d` where it is None.
        dropout: the probability, between the two linear layers.
    """

    def __init__(
        self, in_channels: int, num_classes: int, conv_block: Layer | None = None, dropout: float = 0.7
    ) -> None:
        super().__init__()
        conv = BasicConv2d if conv_block is None else conv_block
        self.conv = conv(in_channels, 128, kernel_size=1)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        x = self.conv(F.adaptive_avg_pool2d(x, (4, 4)))
        x = F.relu(self.fc1(torch.flatten(x, 1)), inplace=True)
        return self.fc2(self.dropout(x))


class GoogLeNet(nn.Module):
    """Nine `Inception` blocks, a linear layer, and two more heads in training.

    Args:
        num_classes: how many scores each head gives.
        aux_logits: whether there are the two more heads.
        transform_input: whether pictures come normalised with ImageNet's statistics and not with 0.5 and 0.5.
        init_weights: whether to fill the layers from a truncated normal; None does so with a warning.
        blocks: what make a convolution, a block and a head; those of this module where it is None.
        dropout: the probability, before the linear layer.
        dropout_aux: the same in the two more heads.

    >>> import tritonnn as torch
    >>> net = GoogLeNet(num_classes=10, init_weights=False)
    >>> net(torch.zeros(2, 3, 32, 32)).aux_logits1.shape, net.eval()(torch.zeros(2, 3, 32, 32)).shape
    (torch.Size([2, 10]), torch.Size([2, 10]))

    Raises ValueError where `blocks` has not three items.
    """

    __constants__ = ["aux_logits", "transform_input"]

    def __init__(
        self,
        num_classes: int = 1000,
        aux_logits: bool = True,
        transform_input: bool = False,
        init_weights: bool | None = None,
        blocks: list[Layer] | None = None,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ) -> None:
        super().__init__()
        init_weights = decided(init_weights, "GoogleNet")
        makers = [BasicConv2d, Inception, InceptionAux] if blocks is None else blocks
        if len(makers) != 3:
            raise ValueError(f"blocks length should be 3 instead of {len(makers)}")
        conv, inception, aux = makers
        self.aux_logits = aux_logits
        self.transform_input = transform_input

        self.conv1 = conv(3, 64, kernel_size=7, stride=2, padding=3)
        self.maxpool1 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.conv2 = conv(64, 64, kernel_size=1)
        self.conv3 = conv(64, 192, kernel_size=3, padding=1)
        self.maxpool2 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception3a = inception(192, 64, 96, 128, 16, 32, 32)
        self.inception3b = inception(256, 128, 128, 192, 32, 96, 64)
        self.maxpool3 = nn.MaxPool2d(3, stride=2, ceil_mode=True)
        self.inception4a = inception(480, 192, 96, 208, 16, 48, 64)
        self.inception4b = inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(512, 112, 144, 288, 32, 64, 64)
        self.inception4e = inception(528, 256, 160, 320, 32, 128, 128)
        self.maxpool4 = nn.MaxPool2d(2, stride=2, ceil_mode=True)
        self.inception5a = inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(832, 384, 192, 384, 48, 128, 128)
        self.aux1 = aux(512, num_classes, dropout=dropout_aux) if aux_logits else None
        self.aux2 = aux(528, num_classes, dropout=dropout_aux) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.dropout = nn.Dropout(p=dropout)
        self.fc = nn.Linear(1024, num_classes)
        if init_weights:
            truncated_normal(self, std=0.01)

    def _transform_input(self, x: Tensor) -> Tensor:
        return from_imagenet_statistics(x) if self.transform_input else x

    def _forward(self, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        x = self.maxpool1(self.conv1(x))
        x = self.maxpool2(self.conv3(self.conv2(x)))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if self.aux1 is not None and self.training else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if self.aux2 is not None and self.training else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        x = torch.flatten(self.avgpool(x), 1)
        return self.fc(self.dropout(x)), aux2, aux1

    def eager_outputs(self, x: Tensor, aux2: Tensor | None, aux1: Tensor | None) -> GoogLeNetOutputs | Tensor:
        """All scores in training with the further heads, those of the last head otherwise."""
        return GoogLeNetOutputs(x, aux2, aux1) if self.training and self.aux_logits else x

    def forward(self, x: Tensor) -> GoogLeNetOutputs | Tensor:
        """Scores of the classes for pictures (N, 3, H, W)."""
        x, aux2, aux1 = self._forward(self._transform_input(x))
        return self.eager_outputs(x, aux2, aux1)


class GoogLeNet_Weights(WeightsEnum, data="googlenet"):
    """Weights of `googlenet`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", GoogLeNet_Weights.IMAGENET1K_V1))
def googlenet(*, weights: GoogLeNet_Weights | None = None, progress: bool = True, **kwargs: Any) -> GoogLeNet:
    """GoogLeNet.

    Args:
        weights: trained ones: a member of `GoogLeNet_Weights` or its name; None for random ones. With trained ones
            `transform_input` is True where nothing else is said, and the further heads, which are not trained, are
            left out unless `aux_logits=True` is said.
        progress: whether a download shows how far it is.
        kwargs: of `GoogLeNet`.

    >>> from tritonnn.vision import models
    >>> models.googlenet(num_classes=10, init_weights=False).fc
    Linear(in_features=1024, out_features=10, bias=True)
    """
    weights = GoogLeNet_Weights.verify(weights)
    if weights is None:
        return GoogLeNet(**kwargs)
    wants_heads = kwargs.get("aux_logits", False)
    kwargs.setdefault("transform_input", True)
    kwargs["aux_logits"] = True  # as the file has them
    _ovewrite_named_param(kwargs, "init_weights", False)
    model = classifier(GoogLeNet, weights, progress, kwargs)
    if wants_heads:
        warnings.warn(
            "auxiliary heads in the pretrained googlenet model are NOT pretrained, so make sure to train them"
        )
    else:
        model.aux_logits = False
        model.aux1 = model.aux2 = None
    return model
