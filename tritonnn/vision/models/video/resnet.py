"""Residual networks for videos, of three kinds of convolution (https://arxiv.org/abs/1711.11248)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import classifier, handle_legacy_interface

__all__ = [
    "MC3_18_Weights", "R2Plus1D_18_Weights", "R3D_18_Weights", "VideoResNet", "mc3_18", "r2plus1d_18", "r3d_18",
]  # fmt: skip


class Conv3DSimple(nn.Conv3d):
    """A 3x3x3 convolution."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(in_planes, out_planes, (3, 3, 3), stride, padding, bias=False)

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The steps in time, height and width."""
        return stride, stride, stride


class Conv2Plus1D(nn.Sequential):
    """A 1x3x3 convolution to `midplanes` channels, and one of three frames."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(
            nn.Conv3d(
                in_planes, midplanes, (1, 3, 3), (1, stride, stride), (0, padding, padding), bias=False
            ),
            nn.BatchNorm3d(midplanes),
            nn.ReLU(inplace=True),
            nn.Conv3d(midplanes, out_planes, (3, 1, 1), (stride, 1, 1), (padding, 0, 0), bias=False),
        )

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The steps in time, height and width."""
        return stride, stride, stride


class Conv3DNoTemporal(nn.Conv3d):
    """A 1x3x3 convolution."""

    def __init__(
        self, in_planes: int, out_planes: int, midplanes: int | None = None, stride: int = 1, padding: int = 1
    ) -> None:
        super().__init__(
            in_planes, out_planes, (1, 3, 3), (1, stride, stride), (0, padding, padding), bias=False
        )

    @staticmethod
    def get_downsample_stride(stride: int) -> tuple[int, int, int]:
        """The steps in time, height and width."""
        return 1, stride, stride


def _midplanes(inplanes: int, planes: int) -> int:
    """Channels with which `Conv2Plus1D` has as many weights as a 3x3x3 convolution."""
    return (inplanes * planes * 3 * 3 * 3) // (inplanes * 3 * 3 + 3 * planes)


class BasicBlock(nn.Module):
    """Two convolutions, added to the input."""

    expansion = 1

    def __init__(
        self,
        inplanes: int,
        planes: int,
        conv_builder: Callable[..., nn.Module],
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        midplanes = _midplanes(inplanes, planes)
        self.conv1 = nn.Sequential(
            conv_builder(inplanes, planes, midplanes, stride), nn.BatchNorm3d(planes), nn.ReLU(inplace=True)
        )
        self.conv2 = nn.Sequential(conv_builder(planes, planes, midplanes), nn.BatchNorm3d(planes))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv2(self.conv1(x))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """A convolution between two of the channels alone, added to the input."""

    expansion = 4

    def __init__(
        self,
        inplanes: int,
        planes: int,
        conv_builder: Callable[..., nn.Module],
        stride: int = 1,
        downsample: nn.Module | None = None,
    ) -> None:
        super().__init__()
        midplanes, wide = _midplanes(inplanes, planes), planes * self.expansion
        self.conv1 = nn.Sequential(
            nn.Conv3d(inplanes, planes, kernel_size=1, bias=False),
            nn.BatchNorm3d(planes),
            nn.ReLU(inplace=True),
        )
        self.conv2 = nn.Sequential(
            conv_builder(planes, planes, midplanes, stride), nn.BatchNorm3d(planes), nn.ReLU(inplace=True)
        )
        self.conv3 = nn.Sequential(nn.Conv3d(planes, wide, kernel_size=1, bias=False), nn.BatchNorm3d(wide))
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv3(self.conv2(self.conv1(x)))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class BasicStem(nn.Sequential):
    """A convolution of three frames, and 7x7 with stride 2."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv3d(3, 64, kernel_size=(3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(64),
            nn.ReLU(inplace=True),
        )


class R2Plus1dStem(nn.Sequential):
    """A 7x7 convolution with stride 2, and one of three frames."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv3d(3, 45, kernel_size=(1, 7, 7), stride=(1, 2, 2), padding=(0, 3, 3), bias=False),
            nn.BatchNorm3d(45),
            nn.ReLU(inplace=True),
            nn.Conv3d(45, 64, kernel_size=(3, 1, 1), stride=(1, 1, 1), padding=(1, 0, 0), bias=False),
            nn.BatchNorm3d(64),
            nn.ReLU(inplace=True),
        )


class VideoResNet(nn.Module):
    """A stem, four layers of blocks, and a linear classifier of the pooled channels.

    Args:
        block: `BasicBlock` or `Bottleneck`.
        conv_makers: the convolution of each layer.
        layers: the number of blocks of each.
        stem: makes what comes first, of 64 channels.
        num_classes: of the classifier.
        zero_init_residual: whether bottlenecks start as the identity.
    """

    def __init__(
        self,
        block: type[BasicBlock | Bottleneck],
        conv_makers: Sequence[type[Conv3DSimple | Conv3DNoTemporal | Conv2Plus1D]],
        layers: list[int],
        stem: Callable[..., nn.Module],
        num_classes: int = 400,
        zero_init_residual: bool = False,
    ) -> None:
        super().__init__()
        self.inplanes = 64
        self.stem = stem()
        self.layer1 = self._make_layer(block, conv_makers[0], 64, layers[0], stride=1)
        self.layer2 = self._make_layer(block, conv_makers[1], 128, layers[1], stride=2)
        self.layer3 = self._make_layer(block, conv_makers[2], 256, layers[2], stride=2)
        self.layer4 = self._make_layer(block, conv_makers[3], 512, layers[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool3d((1, 1, 1))
        self.fc = nn.Linear(512 * block.expansion, num_classes)
        self.apply(_initialise)
        if zero_init_residual:
            for module in self.modules():
                if isinstance(module, Bottleneck):
                    nn.init.zeros_(module.conv3[1].weight)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))

    def _make_layer(
        self,
        block: type[BasicBlock | Bottleneck],
        conv_builder: type[Conv3DSimple | Conv3DNoTemporal | Conv2Plus1D],
        planes: int,
        blocks: int,
        stride: int = 1,
    ) -> nn.Sequential:
        downsample = None
        wide = planes * block.expansion
        if stride != 1 or self.inplanes != wide:
            step = conv_builder.get_downsample_stride(stride)
            downsample = nn.Sequential(
                nn.Conv3d(self.inplanes, wide, kernel_size=1, stride=step, bias=False), nn.BatchNorm3d(wide)
            )
        first = block(self.inplanes, planes, conv_builder, stride, downsample)
        self.inplanes = wide
        return nn.Sequential(first, *(block(wide, planes, conv_builder) for _ in range(1, blocks)))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv3d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    elif isinstance(module, nn.BatchNorm3d) and module.weight is not None:
        nn.init.ones_(module.weight)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
    else:
        return
    if module.bias is not None:
        nn.init.zeros_(module.bias)


class R3D_18_Weights(WeightsEnum, data="video.resnet"):
    """Weights of `r3d_18`."""


class MC3_18_Weights(WeightsEnum, data="video.resnet"):
    """Weights of `mc3_18`."""


class R2Plus1D_18_Weights(WeightsEnum, data="video.resnet"):
    """Weights of `r2plus1d_18`."""


def _video_resnet(
    weights: WeightsEnum | None,
    progress: bool,
    kwargs: dict[str, Any],
    conv_makers: list[type[Conv3DSimple | Conv3DNoTemporal | Conv2Plus1D]],
    stem: Callable[..., nn.Module],
) -> VideoResNet:
    config = dict(block=BasicBlock, conv_makers=conv_makers, layers=[2, 2, 2, 2], stem=stem, **kwargs)
    return classifier(VideoResNet, weights, progress, config)


@register_model()
@handle_legacy_interface(weights=("pretrained", R3D_18_Weights.KINETICS400_V1))
def r3d_18(*, weights: R3D_18_Weights | None = None, progress: bool = True, **kwargs: Any) -> VideoResNet:
    """ResNet 18 with convolutions in time and space.

    Args:
        weights: trained ones: a member of `R3D_18_Weights` or its name; None for random ones.
        progress: whether a download shows how far it is.
        kwargs: of `VideoResNet`.

    >>> from tritonnn.vision import models
    >>> models.video.r3d_18(num_classes=10).fc
    Linear(in_features=512, out_features=10, bias=True)
    """
    return _video_resnet(R3D_18_Weights.verify(weights), progress, kwargs, [Conv3DSimple] * 4, BasicStem)


@register_model()
@handle_legacy_interface(weights=("pretrained", MC3_18_Weights.KINETICS400_V1))
def mc3_18(*, weights: MC3_18_Weights | None = None, progress: bool = True, **kwargs: Any) -> VideoResNet:
    """ResNet 18 with convolutions in time and space in the first layer, and in space in the others."""
    makers: list[Any] = [Conv3DSimple] + [Conv3DNoTemporal] * 3
    return _video_resnet(MC3_18_Weights.verify(weights), progress, kwargs, makers, BasicStem)


@register_model()
@handle_legacy_interface(weights=("pretrained", R2Plus1D_18_Weights.KINETICS400_V1))
def r2plus1d_18(
    *, weights: R2Plus1D_18_Weights | None = None, progress: bool = True, **kwargs: Any
) -> VideoResNet:
    """ResNet 18 with convolutions in space, each followed by one in time."""
    weights = R2Plus1D_18_Weights.verify(weights)
    return _video_resnet(weights, progress, kwargs, [Conv2Plus1D] * 4, R2Plus1dStem)
