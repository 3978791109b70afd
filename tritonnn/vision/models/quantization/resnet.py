"""ResNets with the places marked where tensors would be quantised."""

from __future__ import annotations

from functools import partial
from typing import Any

from tritonnn import Tensor
from tritonnn.ao.nn.quantized import FloatFunctional
from tritonnn.nn import ReLU
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import handle_legacy_interface
from tritonnn.vision.models.quantization.utils import Stubbed, _fuse_modules, plain, resolved
from tritonnn.vision.models.resnet import (
    BasicBlock,
    Bottleneck,
    ResNet,
    ResNet18_Weights,
    ResNet50_Weights,
    ResNeXt101_32X8D_Weights,
    ResNeXt101_64X4D_Weights,
)

__all__ = [
    "QuantizableResNet", "ResNet18_QuantizedWeights", "ResNet50_QuantizedWeights",
    "ResNeXt101_32X8D_QuantizedWeights", "ResNeXt101_64X4D_QuantizedWeights", "resnet18", "resnet50",
    "resnext101_32x8d", "resnext101_64x4d",
]  # fmt: skip


class QuantizableBasicBlock(BasicBlock):
    """A `BasicBlock` whose sum is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.add_relu = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu(self.bn1(self.conv1(x)))
        return self.add_relu.add_relu(self.bn2(self.conv2(out)), identity)

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse the layers, in place."""
        _fuse_modules(self, [["conv1", "bn1", "relu"], ["conv2", "bn2"]], is_qat, inplace=True)
        if self.downsample is not None:
            _fuse_modules(self.downsample, ["0", "1"], is_qat, inplace=True)


class QuantizableBottleneck(Bottleneck):
    """A `Bottleneck` whose sum is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.skip_add_relu = FloatFunctional()
        self.relu1 = ReLU(inplace=False)
        self.relu2 = ReLU(inplace=False)

    def forward(self, x: Tensor) -> Tensor:
        identity = x if self.downsample is None else self.downsample(x)
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        return self.skip_add_relu.add_relu(self.bn3(self.conv3(out)), identity)

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse the layers, in place."""
        layers = [["conv1", "bn1", "relu1"], ["conv2", "bn2", "relu2"], ["conv3", "bn3"]]
        _fuse_modules(self, layers, is_qat, inplace=True)
        if self.downsample is not None:
            _fuse_modules(self.downsample, ["0", "1"], is_qat, inplace=True)


class QuantizableResNet(Stubbed, ResNet):
    """A `ResNet` between stubs."""

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse each convolution with the normalisation and ReLU behind it, in place; the numbers stay the same."""
        _fuse_modules(self, ["conv1", "bn1", "relu"], is_qat, inplace=True)
        for module in list(self.modules()):
            if type(module) in (QuantizableBottleneck, QuantizableBasicBlock):
                module.fuse_model(is_qat)


@resolved
class ResNet18_QuantizedWeights(WeightsEnum, data="quantization.resnet"):
    """Quantised weights of `resnet18`."""


@resolved
class ResNet50_QuantizedWeights(WeightsEnum, data="quantization.resnet"):
    """Quantised weights of `resnet50`."""


@resolved
class ResNeXt101_32X8D_QuantizedWeights(WeightsEnum, data="quantization.resnet"):
    """Quantised weights of `resnext101_32x8d`."""


@resolved
class ResNeXt101_64X4D_QuantizedWeights(WeightsEnum, data="quantization.resnet"):
    """Quantised weights of `resnext101_64x4d`."""


@register_model(name="quantized_resnet18")
@handle_legacy_interface(weights=("pretrained", ResNet18_Weights.IMAGENET1K_V1))
def resnet18(
    *,
    weights: ResNet18_QuantizedWeights | ResNet18_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableResNet:
    """ResNet with 18 layers between stubs; `quantize=True` is refused."""
    network = partial(QuantizableResNet, QuantizableBasicBlock, [2, 2, 2, 2])
    return plain(network, weights, ResNet18_Weights, progress, quantize, kwargs)


@register_model(name="quantized_resnet50")
@handle_legacy_interface(weights=("pretrained", ResNet50_Weights.IMAGENET1K_V1))
def resnet50(
    *,
    weights: ResNet50_QuantizedWeights | ResNet50_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableResNet:
    """ResNet with 50 layers between stubs; `quantize=True` is refused."""
    network = partial(QuantizableResNet, QuantizableBottleneck, [3, 4, 6, 3])
    return plain(network, weights, ResNet50_Weights, progress, quantize, kwargs)


@register_model(name="quantized_resnext101_32x8d")
@handle_legacy_interface(weights=("pretrained", ResNeXt101_32X8D_Weights.IMAGENET1K_V1))
def resnext101_32x8d(
    *,
    weights: ResNeXt101_32X8D_QuantizedWeights | ResNeXt101_32X8D_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableResNet:
    """ResNeXt with 101 layers and 32 groups of 8 channels between stubs; `quantize=True` is refused."""
    network = partial(QuantizableResNet, QuantizableBottleneck, [3, 4, 23, 3], groups=32, width_per_group=8)
    return plain(network, weights, ResNeXt101_32X8D_Weights, progress, quantize, kwargs)


@register_model(name="quantized_resnext101_64x4d")
@handle_legacy_interface(weights=("pretrained", ResNeXt101_64X4D_Weights.IMAGENET1K_V1))
def resnext101_64x4d(
    *,
    weights: ResNeXt101_64X4D_QuantizedWeights | ResNeXt101_64X4D_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableResNet:
    """ResNeXt with 101 layers and 64 groups of 4 channels between stubs; `quantize=True` is refused."""
    network = partial(QuantizableResNet, QuantizableBottleneck, [3, 4, 23, 3], groups=64, width_per_group=4)
    return plain(network, weights, ResNeXt101_64X4D_Weights, progress, quantize, kwargs)
