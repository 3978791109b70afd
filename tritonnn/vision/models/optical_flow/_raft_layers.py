"""What RAFT is made of: encoders of pictures and of motion, and the recurrent block of its updates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import tritonnn as torch
from tritonnn import Tensor, nn
from tritonnn.vision.ops.misc import Conv2dNormActivation

Layer = Callable[..., nn.Module]


def _shortcut(
    in_channels: int, out_channels: int, norm_layer: Layer | None, stride: int, project: bool
) -> nn.Module:
    if not project:
        return nn.Identity()
    return Conv2dNormActivation(
        in_channels, out_channels, 1, stride, norm_layer=norm_layer, bias=True, activation_layer=None
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, added to the input. They have a bias: the normalisation may be frozen."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        norm_layer: Layer | None,
        stride: int = 1,
        always_project: bool = False,
    ) -> None:
        super().__init__()
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, kernel_size=3, bias=True)
        self.convnormrelu1 = conv(in_channels, out_channels, stride=stride)
        self.convnormrelu2 = conv(out_channels, out_channels)
        project = stride != 1 or always_project
        self.downsample = _shortcut(in_channels, out_channels, norm_layer, stride, project)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.convnormrelu2(self.convnormrelu1(x))
        return self.relu(self.downsample(x) + y)


class BottleneckBlock(nn.Module):
    """A 3x3 convolution of a quarter of the channels between two of the channels alone, added to the input."""

    def __init__(
        self, in_channels: int, out_channels: int, *, norm_layer: Layer | None, stride: int = 1
    ) -> None:
        super().__init__()
        conv = partial(Conv2dNormActivation, norm_layer=norm_layer, bias=True)
        inner = out_channels // 4
        self.convnormrelu1 = conv(in_channels, inner, kernel_size=1)
        self.convnormrelu2 = conv(inner, inner, kernel_size=3, stride=stride)
        self.convnormrelu3 = conv(inner, out_channels, kernel_size=1)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(in_channels, out_channels, norm_layer, stride, stride != 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.convnormrelu3(self.convnormrelu2(self.convnormrelu1(x)))
        return self.relu(self.downsample(x) + y)


class FeatureEncoder(nn.Module):
    """Features of a picture at an eighth of its size: a 7x7 convolution, three pairs of blocks, a 1x1 convolution."""

    def __init__(
        self,
        *,
        block: Layer = ResidualBlock,
        layers: Sequence[int] = (64, 64, 96, 128, 256),
        strides: Sequence[int] = (2, 1, 2, 2),
        norm_layer: Layer | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if len(layers) != 5:
            raise ValueError(f"The expected number of layers is 5, instead got {len(layers)}")
        self.convnormrelu = Conv2dNormActivation(
            3, layers[0], norm_layer=norm_layer, kernel_size=7, stride=strides[0], bias=True
        )
        self.layer1 = self._make_2_blocks(block, layers[0], layers[1], norm_layer, strides[1])
        self.layer2 = self._make_2_blocks(block, layers[1], layers[2], norm_layer, strides[2])
        self.layer3 = self._make_2_blocks(block, layers[2], layers[3], norm_layer, strides[3])
        self.conv = nn.Conv2d(layers[3], layers[4], kernel_size=1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        self.output_dim = layers[-1]
        self.downsample_factor = 2 ** sum(stride == 2 for stride in strides)

    def _make_2_blocks(
        self, block: Layer, in_channels: int, out_channels: int, norm_layer: Layer | None, first_stride: int
    ) -> nn.Sequential:
        return nn.Sequential(
            block(in_channels, out_channels, norm_layer=norm_layer, stride=first_stride),
            block(out_channels, out_channels, norm_layer=norm_layer, stride=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.convnormrelu(x)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.conv(x)


class MotionEncoder(nn.Module):
    """Features of a flow and of what was looked up for it; the last two channels are the flow itself."""

    def __init__(
        self,
        *,
        in_channels_corr: int,
        corr_layers: Sequence[int] = (256, 192),
        flow_layers: Sequence[int] = (128, 64),
        out_channels: int = 128,
    ) -> None:
        super().__init__()
        if len(flow_layers) != 2:
            raise ValueError(f"The expected number of flow_layers is 2, instead got {len(flow_layers)}")
        if len(corr_layers) not in (1, 2):
            raise ValueError(f"The number of corr_layers should be 1 or 2, instead got {len(corr_layers)}")
        conv = partial(Conv2dNormActivation, norm_layer=None)
        self.convcorr1 = conv(in_channels_corr, corr_layers[0], kernel_size=1)
        self.convcorr2: nn.Module = nn.Identity()
        if len(corr_layers) == 2:
            self.convcorr2 = conv(corr_layers[0], corr_layers[1], kernel_size=3)
        self.convflow1 = conv(2, flow_layers[0], kernel_size=7)
        self.convflow2 = conv(flow_layers[0], flow_layers[1], kernel_size=3)
        self.conv = conv(corr_layers[-1] + flow_layers[-1], out_channels - 2, kernel_size=3)
        self.out_channels = out_channels

    def forward(self, flow: Tensor, corr_features: Tensor) -> Tensor:
        corr = self.convcorr2(self.convcorr1(corr_features))
        features = self.convflow2(self.convflow1(flow))
        return torch.cat([self.conv(torch.cat([corr, features], dim=1)), flow], dim=1)


class ConvGRU(nn.Module):
    """A gated recurrent unit whose products are convolutions."""

    def __init__(
        self,
        *,
        input_size: int,
        hidden_size: int,
        kernel_size: int | tuple[int, int],
        padding: int | tuple[int, int] | str,
    ) -> None:
        super().__init__()
        conv = partial(
            nn.Conv2d, hidden_size + input_size, hidden_size, kernel_size=kernel_size, padding=padding
        )
        self.convz = conv()
        self.convr = conv()
        self.convq = conv()

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        both = torch.cat([h, x], dim=1)
        z = torch.sigmoid(self.convz(both))
        r = torch.sigmoid(self.convr(both))
        q = torch.tanh(self.convq(torch.cat([r * h, x], dim=1)))
        return (1 - z) * h + z * q


def _pass_through_h(h: Tensor, _: Tensor) -> Tensor:
    return h


class RecurrentBlock(nn.Module):
    """One or two `ConvGRU`s, which update the hidden state one after another."""

    def __init__(
        self,
        *,
        input_size: int,
        hidden_size: int,
        kernel_size: Sequence[Any] = ((1, 5), (5, 1)),
        padding: Sequence[Any] = ((0, 2), (2, 0)),
    ) -> None:
        super().__init__()
        if len(kernel_size) != len(padding):
            raise ValueError(
                f"kernel_size should have the same length as padding, instead got len(kernel_size) = "
                f"{len(kernel_size)} and len(padding) = {len(padding)}"
            )
        if len(kernel_size) not in (1, 2):
            raise ValueError(f"kernel_size should either 1 or 2, instead got {len(kernel_size)}")
        units = [
            ConvGRU(input_size=input_size, hidden_size=hidden_size, kernel_size=extent, padding=around)
            for extent, around in zip(kernel_size, padding)
        ]
        self.convgru1 = units[0]
        self.convgru2 = units[1] if len(units) == 2 else _pass_through_h
        self.hidden_size = hidden_size

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        return self.convgru2(self.convgru1(h, x), x)


class FlowHead(nn.Module):
    """By what the flow changes, from the hidden state."""

    def __init__(self, *, in_channels: int, hidden_size: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, hidden_size, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden_size, 2, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.relu(self.conv1(x)))


class UpdateBlock(nn.Module):
    """One update: the hidden state, and by what the flow changes."""

    def __init__(
        self, *, motion_encoder: nn.Module, recurrent_block: RecurrentBlock, flow_head: nn.Module
    ) -> None:
        super().__init__()
        self.motion_encoder = motion_encoder
        self.recurrent_block = recurrent_block
        self.flow_head = flow_head
        self.hidden_state_size = recurrent_block.hidden_size

    def forward(
        self, hidden_state: Tensor, context: Tensor, corr_features: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        x = torch.cat([context, self.motion_encoder(flow, corr_features)], dim=1)
        hidden_state = self.recurrent_block(hidden_state, x)
        return hidden_state, self.flow_head(hidden_state)


class MaskPredictor(nn.Module):
    """The logits of `upsample_flow`, from the hidden state, times `multiplier`."""

    def __init__(self, *, in_channels: int, hidden_size: int, multiplier: float = 0.25) -> None:
        super().__init__()
        self.convrelu = Conv2dNormActivation(in_channels, hidden_size, norm_layer=None, kernel_size=3)
        self.conv = nn.Conv2d(hidden_size, 8 * 8 * 9, 1, padding=0)
        self.multiplier = multiplier

    def forward(self, x: Tensor) -> Tensor:
        return self.multiplier * self.conv(self.convrelu(x))
