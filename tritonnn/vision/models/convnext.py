"""ConvNeXt (https://arxiv.org/abs/2201.03545): convolutions arranged as transformers arrange attention."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.nn import functional as F
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import classifier, handle_legacy_interface
from tritonnn.vision.ops.misc import Conv2dNormActivation, Permute
from tritonnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = [
    "ConvNeXt", "ConvNeXt_Tiny_Weights", "ConvNeXt_Small_Weights", "ConvNeXt_Base_Weights",
    "ConvNeXt_Large_Weights", "convnext_tiny", "convnext_small", "convnext_base", "convnext_large",
]  # fmt: skip

Layer = Callable[..., nn.Module]


class LayerNorm2d(nn.LayerNorm):
    """Normalises over the channels of (batch, channels, height, width)."""

    def forward(self, x: Tensor) -> Tensor:
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class CNBlock(nn.Module):
    """A 7x7 convolution of each channel and an MLP over the channels, scaled and added to the input."""

    def __init__(
        self, dim: int, layer_scale: float, stochastic_depth_prob: float, norm_layer: Layer | None = None
    ) -> None:
        super().__init__()
        norm_layer = partial(nn.LayerNorm, eps=1e-6) if norm_layer is None else norm_layer
        self.block = nn.Sequential(
            nn.Conv2d(dim, dim, kernel_size=7, padding=3, groups=dim),
            Permute([0, 2, 3, 1]),
            norm_layer(dim),
            nn.Linear(dim, 4 * dim),
            nn.GELU(),
            nn.Linear(4 * dim, dim),
            Permute([0, 3, 1, 2]),
        )
        self.layer_scale = nn.Parameter(torch.ones(dim, 1, 1) * layer_scale)
        self.stochastic_depth = StochasticDepth(stochastic_depth_prob, "row")

    def forward(self, input: Tensor) -> Tensor:
        result = self.stochastic_depth(self.layer_scale * self.block(input))
        result += input
        return result


class CNBlockConfig:
    """A stage: its channels, those that it hands on (None: it is the last), and how many blocks it has."""

    def __init__(self, input_channels: int, out_channels: int | None, num_layers: int) -> None:
        self.input_channels = input_channels
        self.out_channels = out_channels
        self.num_layers = num_layers

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(input_channels={self.input_channels}, out_channels={self.out_channels}, "
            f"num_layers={self.num_layers})"
        )


class ConvNeXt(nn.Module):
    """A stem of 4x4 patches, stages of blocks with a step down between them, and a linear classifier.

    Args:
        block_setting: the stages.
        stochastic_depth_prob: of the last block to be left out in training; it grows linearly with depth.
        layer_scale: what blocks are multiplied by at first.
        num_classes: how many scores there are.
        block: makes a block; `CNBlock` where it is None.
        norm_layer: called with the number of channels; `LayerNorm2d` where it is None.
        kwargs: none are known.

    >>> import tritonnn as torch
    >>> net = ConvNeXt([CNBlockConfig(8, 16, 1), CNBlockConfig(16, None, 2)], num_classes=10)
    >>> net(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises:
        ValueError: no stages. TypeError: stages of another class, or unknown arguments.
    """

    def __init__(
        self,
        block_setting: list[CNBlockConfig],
        stochastic_depth_prob: float = 0.0,
        layer_scale: float = 1e-6,
        num_classes: int = 1000,
        block: Layer | None = None,
        norm_layer: Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if kwargs:
            raise TypeError(f"ConvNeXt got arguments that it does not know: {', '.join(kwargs)}")
        if not block_setting:
            raise ValueError("The block_setting should not be empty")
        if not isinstance(block_setting, Sequence) or not all(
            isinstance(s, CNBlockConfig) for s in block_setting
        ):
            raise TypeError("The block_setting should be List[CNBlockConfig]")
        block = CNBlock if block is None else block
        norm_layer = partial(LayerNorm2d, eps=1e-6) if norm_layer is None else norm_layer
        self.features = nn.Sequential(
            Conv2dNormActivation(
                3,
                block_setting[0].input_channels,
                kernel_size=4,
                stride=4,
                padding=0,
                norm_layer=norm_layer,
                activation_layer=None,
                bias=True,
            ),
            *_stages(block_setting, stochastic_depth_prob, layer_scale, block, norm_layer),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        last = block_setting[-1]
        channels = last.input_channels if last.out_channels is None else last.out_channels
        self.classifier = nn.Sequential(norm_layer(channels), nn.Flatten(1), nn.Linear(channels, num_classes))
        self.apply(_initialise)

    def _forward_impl(self, x: Tensor) -> Tensor:
        return self.classifier(self.avgpool(self.features(x)))

    def forward(self, x: Tensor) -> Tensor:
        return self._forward_impl(x)


def _stages(
    settings: Sequence[CNBlockConfig],
    stochastic_depth_prob: float,
    layer_scale: float,
    block: Layer,
    norm_layer: Layer,
) -> list[nn.Sequential]:
    blocks = sum(stage.num_layers for stage in settings)
    layers = []
    built = 0
    for stage in settings:
        layers.append(nn.Sequential())
        for _ in range(stage.num_layers):
            probability = stochastic_depth_prob * built / (blocks - 1.0)
            layers[-1].append(block(stage.input_channels, layer_scale, probability))
            built += 1
        if stage.out_channels is not None:
            down = nn.Conv2d(stage.input_channels, stage.out_channels, kernel_size=2, stride=2)
            layers.append(nn.Sequential(norm_layer(stage.input_channels), down))
    return layers


def _initialise(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv2d, nn.Linear)):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def _convnext(
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
    width: int,
    depths: tuple[int, int, int, int],
    stochastic_depth_prob: float,
) -> ConvNeXt:
    widths = (width, 2 * width, 4 * width, 8 * width)
    settings = [CNBlockConfig(*row) for row in zip(widths, (*widths[1:], None), depths)]
    probability = kwargs.pop("stochastic_depth_prob", stochastic_depth_prob)
    config = dict(block_setting=settings, stochastic_depth_prob=probability, **kwargs)
    return classifier(ConvNeXt, weights, progress, config)


class ConvNeXt_Tiny_Weights(WeightsEnum, data="convnext"): ...


class ConvNeXt_Small_Weights(WeightsEnum, data="convnext"): ...


class ConvNeXt_Base_Weights(WeightsEnum, data="convnext"): ...


class ConvNeXt_Large_Weights(WeightsEnum, data="convnext"): ...


@register_model()
@handle_legacy_interface(weights=("pretrained", ConvNeXt_Tiny_Weights.IMAGENET1K_V1))
def convnext_tiny(
    *, weights: ConvNeXt_Tiny_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ConvNeXt:
    """ConvNeXt Tiny."""
    return _convnext(ConvNeXt_Tiny_Weights.verify(weights), progress, kwargs, 96, (3, 3, 9, 3), 0.1)


@register_model()
@handle_legacy_interface(weights=("pretrained", ConvNeXt_Small_Weights.IMAGENET1K_V1))
def convnext_small(
    *, weights: ConvNeXt_Small_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ConvNeXt:
    """ConvNeXt Small."""
    return _convnext(ConvNeXt_Small_Weights.verify(weights), progress, kwargs, 96, (3, 3, 27, 3), 0.4)


@register_model()
@handle_legacy_interface(weights=("pretrained", ConvNeXt_Base_Weights.IMAGENET1K_V1))
def convnext_base(
    *, weights: ConvNeXt_Base_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ConvNeXt:
    """ConvNeXt Base."""
    return _convnext(ConvNeXt_Base_Weights.verify(weights), progress, kwargs, 128, (3, 3, 27, 3), 0.5)


@register_model()
@handle_legacy_interface(weights=("pretrained", ConvNeXt_Large_Weights.IMAGENET1K_V1))
def convnext_large(
    *, weights: ConvNeXt_Large_Weights | None = None, progress: bool = True, **kwargs: Any
) -> ConvNeXt:
    """ConvNeXt Large."""
    return _convnext(ConvNeXt_Large_Weights.verify(weights), progress, kwargs, 192, (3, 3, 27, 3), 0.5)
