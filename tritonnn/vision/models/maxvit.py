"""MaxViT (https://arxiv.org/abs/2204.01697): convolution, attention within windows and attention across them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._maxvit_attention import (
    RelativePositionalMultiHeadAttention,
    SwapAxes,
    WindowDepartition,
    WindowPartition,
)
from tritonnn.vision.models._utils import _ovewrite_named_param, classifier, handle_legacy_interface
from tritonnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation
from tritonnn.vision.ops.stochastic_depth import StochasticDepth

__all__ = ["MaxVit", "MaxVit_T_Weights", "maxvit_t"]

Layer = Callable[..., nn.Module]


def _get_conv_output_shape(
    input_size: tuple[int, int], kernel_size: int, stride: int, padding: int
) -> tuple[int, int]:
    height, width = ((size - kernel_size + 2 * padding) // stride + 1 for size in input_size)
    return height, width


def _make_block_input_shapes(input_size: tuple[int, int], n_blocks: int) -> list[tuple[int, int]]:
    """The size of what each block gives; the stem and each block halve it."""
    shapes = [_get_conv_output_shape(input_size, 3, 2, 1)]
    for _ in range(n_blocks):
        shapes.append(_get_conv_output_shape(shapes[-1], 3, 2, 1))
    return shapes[1:]


class MBConv(nn.Module):
    """Normalise, expand, filter each channel, weigh the channels, project, and add to the input."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        expansion_ratio: float,
        squeeze_ratio: float,
        stride: int,
        activation_layer: Layer,
        norm_layer: Layer,
        p_stochastic_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.proj: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            project = nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=1, bias=True)
            pooled = [nn.AvgPool2d(kernel_size=3, stride=stride, padding=1)] if stride == 2 else []
            self.proj = nn.Sequential(*pooled, project)
        self.stochastic_depth: nn.Module = nn.Identity()
        if p_stochastic_dropout:
            self.stochastic_depth = StochasticDepth(p_stochastic_dropout, mode="row")
        inner, squeezed = int(out_channels * expansion_ratio), int(out_channels * squeeze_ratio)
        conv = partial(
            Conv2dNormActivation, activation_layer=activation_layer, norm_layer=norm_layer, inplace=None
        )
        self.layers = nn.Sequential(
            OrderedDict(
                pre_norm=norm_layer(in_channels),
                conv_a=conv(in_channels, inner, kernel_size=1, stride=1, padding=0),
                conv_b=conv(inner, inner, kernel_size=3, stride=stride, padding=1, groups=inner),
                squeeze_excitation=SqueezeExcitation(inner, squeezed, activation=nn.SiLU),
                conv_c=nn.Conv2d(inner, out_channels, kernel_size=1, bias=True),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        shortcut = self.proj(x)
        return shortcut + self.stochastic_depth(self.layers(x))


class PartitionAttentionLayer(nn.Module):
    """Attention and an MLP within windows, or ("grid") between the tokens that have the same place in all windows."""

    def __init__(
        self,
        in_channels: int,
        head_dim: int,
        partition_size: int,
        partition_type: str,
        grid_size: tuple[int, int],
        mlp_ratio: int,
        activation_layer: Layer,
        norm_layer: Layer,
        attention_dropout: float,
        mlp_dropout: float,
        p_stochastic_dropout: float,
    ) -> None:
        super().__init__()
        if partition_type not in ("grid", "window"):
            raise ValueError("partition_type must be either 'grid' or 'window'")
        grid = partition_type == "grid"
        self.n_heads = in_channels // head_dim
        self.head_dim = head_dim
        self.n_partitions = grid_size[0] // partition_size
        self.partition_type = partition_type
        self.grid_size = grid_size
        self.p, self.g = (self.n_partitions, partition_size) if grid else (partition_size, self.n_partitions)
        self.partition_op = WindowPartition()
        self.departition_op = WindowDepartition()
        self.partition_swap: nn.Module = SwapAxes(-2, -3) if grid else nn.Identity()
        self.departition_swap: nn.Module = SwapAxes(-2, -3) if grid else nn.Identity()
        self.attn_layer = nn.Sequential(
            norm_layer(in_channels),
            RelativePositionalMultiHeadAttention(in_channels, head_dim, partition_size**2),
            nn.Dropout(attention_dropout),
        )
        self.mlp_layer = nn.Sequential(
            nn.LayerNorm(in_channels),
            nn.Linear(in_channels, in_channels * mlp_ratio),
            activation_layer(),
            nn.Linear(in_channels * mlp_ratio, in_channels),
            nn.Dropout(mlp_dropout),
        )
        self.stochastic_dropout = StochasticDepth(p_stochastic_dropout, mode="row")

    def forward(self, x: Tensor) -> Tensor:
        gh, gw = self.grid_size[0] // self.p, self.grid_size[1] // self.p
        torch._assert(
            self.grid_size[0] % self.p == 0 and self.grid_size[1] % self.p == 0,
            f"Grid size must be divisible by partition size. Got grid size of {self.grid_size} and partition size of "
            f"{self.p}",
        )
        x = self.partition_swap(self.partition_op(x, self.p))
        x = x + self.stochastic_dropout(self.attn_layer(x))
        x = x + self.stochastic_dropout(self.mlp_layer(x))
        return self.departition_op(self.departition_swap(x), self.p, gh, gw)


class MaxVitLayer(nn.Module):
    """`MBConv`, attention within windows, attention across them."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        squeeze_ratio: float,
        expansion_ratio: float,
        stride: int,
        norm_layer: Layer,
        activation_layer: Layer,
        head_dim: int,
        mlp_ratio: int,
        mlp_dropout: float,
        attention_dropout: float,
        p_stochastic_dropout: float,
        partition_size: int,
        grid_size: tuple[int, int],
    ) -> None:
        super().__init__()
        attend = partial(
            PartitionAttentionLayer,
            in_channels=out_channels,
            head_dim=head_dim,
            partition_size=partition_size,
            grid_size=grid_size,
            mlp_ratio=mlp_ratio,
            activation_layer=activation_layer,
            norm_layer=nn.LayerNorm,
            attention_dropout=attention_dropout,
            mlp_dropout=mlp_dropout,
            p_stochastic_dropout=p_stochastic_dropout,
        )
        conv = MBConv(
            in_channels, out_channels, expansion_ratio, squeeze_ratio, stride, activation_layer, norm_layer,
            p_stochastic_dropout,
        )  # fmt: skip
        self.layers = nn.Sequential(
            OrderedDict(
                MBconv=conv,
                window_attention=attend(partition_type="window"),
                grid_attention=attend(partition_type="grid"),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class MaxVitBlock(nn.Module):
    """`n_layers` layers, of which the first halves the size."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        squeeze_ratio: float,
        expansion_ratio: float,
        norm_layer: Layer,
        activation_layer: Layer,
        head_dim: int,
        mlp_ratio: int,
        mlp_dropout: float,
        attention_dropout: float,
        partition_size: int,
        input_grid_size: tuple[int, int],
        n_layers: int,
        p_stochastic: list[float],
    ) -> None:
        super().__init__()
        if len(p_stochastic) != n_layers:
            raise ValueError(
                f"p_stochastic must have length n_layers={n_layers}, got p_stochastic={p_stochastic}."
            )
        self.layers = nn.ModuleList()
        self.grid_size = _get_conv_output_shape(input_grid_size, kernel_size=3, stride=2, padding=1)
        for index, probability in enumerate(p_stochastic):
            layer = MaxVitLayer(
                in_channels if index == 0 else out_channels, out_channels, squeeze_ratio, expansion_ratio,
                2 if index == 0 else 1, norm_layer, activation_layer, head_dim, mlp_ratio, mlp_dropout,
                attention_dropout, probability, partition_size, self.grid_size,
            )  # fmt: skip
            self.layers.append(layer)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x


class MaxVit(nn.Module):
    """A stem, blocks, and a classifier of two layers. Pictures have the one size that it is built for.

    Args:
        input_size: of the pictures.
        stem_channels: of the two convolutions at the start.
        partition_size: the side of a window; the size after each block is a multiple of it.
        block_channels: of each block.
        block_layers: how many layers each has; the first halves the size.
        head_dim: channels of a head of attention.
        stochastic_depth_prob: of the last layer to be left out in training; it grows linearly with depth.
        norm_layer: of the convolutions, called with the number of channels; BatchNorm2d where it is None.
        activation_layer: of convolutions and MLPs.
        squeeze_ratio: of the channels that are weighed.
        expansion_ratio: of the channels within `MBConv`.
        mlp_ratio: of the features within MLPs.
        mlp_dropout: behind MLPs.
        attention_dropout: behind attention.
        num_classes: how many scores there are.

    >>> import tritonnn as torch
    >>> net = MaxVit((32, 32), 8, 2, [8, 16], [1, 1], head_dim=4, stochastic_depth_prob=0.0, num_classes=10)
    >>> net(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2, 10])

    Raises ValueError where the sizes do not fit.
    """

    def __init__(
        self,
        input_size: tuple[int, int],
        stem_channels: int,
        partition_size: int,
        block_channels: list[int],
        block_layers: list[int],
        head_dim: int,
        stochastic_depth_prob: float,
        norm_layer: Layer | None = None,
        activation_layer: Layer = nn.GELU,
        squeeze_ratio: float = 0.25,
        expansion_ratio: float = 4,
        mlp_ratio: int = 4,
        mlp_dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if norm_layer is None:
            norm_layer = partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01)
        _check_sizes(input_size, partition_size, len(block_channels))
        self.stem = nn.Sequential(
            Conv2dNormActivation(
                3, stem_channels, 3, stride=2, norm_layer=norm_layer, activation_layer=activation_layer, bias=False,
                inplace=None,
            ),
            Conv2dNormActivation(
                stem_channels, stem_channels, 3, stride=1, norm_layer=None, activation_layer=None, bias=True
            ),
        )  # fmt: skip
        size = _get_conv_output_shape(input_size, kernel_size=3, stride=2, padding=1)
        self.partition_size = partition_size
        self.blocks = nn.ModuleList()
        probabilities = _linspace(stochastic_depth_prob, sum(block_layers))
        channels = stem_channels
        for out_channels, layers in zip(block_channels, block_layers):
            block = MaxVitBlock(
                channels, out_channels, squeeze_ratio, expansion_ratio, norm_layer, activation_layer, head_dim,
                mlp_ratio, mlp_dropout, attention_dropout, partition_size, size, layers, probabilities[:layers],
            )  # fmt: skip
            self.blocks.append(block)
            channels, size, probabilities = out_channels, block.grid_size, probabilities[layers:]
        self.classifier = _head(channels, num_classes)
        self._init_weights()

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.classifier(x)

    def _init_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()


def _head(channels: int, num_classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.LayerNorm(channels),
        nn.Linear(channels, channels),
        nn.Tanh(),
        nn.Linear(channels, num_classes, bias=False),
    )


def _check_sizes(input_size: tuple[int, int], partition_size: int, blocks: int) -> None:
    sizes = _make_block_input_shapes(input_size, blocks)
    for index, size in enumerate(sizes):
        if size[0] % partition_size != 0 or size[1] % partition_size != 0:
            raise ValueError(
                f"Input size {size} of block {index} is not divisible by partition size {partition_size}. "
                f"Consider changing the partition size or the input size.\n"
                f"Current configuration yields the following block input sizes: {sizes}."
            )


def _linspace(end: float, count: int) -> list[float]:
    return [i * (end / max(count - 1, 1)) for i in range(count)]


class MaxVit_T_Weights(WeightsEnum, data="maxvit"):
    """Weights of `maxvit_t`."""


@register_model()
@handle_legacy_interface(weights=("pretrained", MaxVit_T_Weights.IMAGENET1K_V1))
def maxvit_t(*, weights: MaxVit_T_Weights | None = None, progress: bool = True, **kwargs: Any) -> MaxVit:
    """MaxViT, tiny."""
    weights = MaxVit_T_Weights.verify(weights)
    if weights is not None:
        _ovewrite_named_param(kwargs, "input_size", weights.meta["min_size"])
    kwargs.setdefault("input_size", (224, 224))
    config = dict(
        stem_channels=64, block_channels=[64, 128, 256, 512], block_layers=[2, 2, 5, 2], head_dim=32,
        stochastic_depth_prob=0.2, partition_size=7, **kwargs,
    )  # fmt: skip
    return classifier(MaxVit, weights, progress, config)
