"""ShuffleNets v2 with the places marked where tensors would be quantised."""

from __future__ import annotations

from functools import partial
from typing import Any

from tritonnn import Tensor
from tritonnn.ao.nn.quantized import FloatFunctional
from tritonnn.vision.models import shufflenetv2
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import handle_legacy_interface
from tritonnn.vision.models.quantization.utils import Stubbed, _fuse_modules, plain, resolved
from tritonnn.vision.models.shufflenetv2 import (
    ShuffleNet_V2_X0_5_Weights,
    ShuffleNet_V2_X1_0_Weights,
    ShuffleNet_V2_X1_5_Weights,
    ShuffleNet_V2_X2_0_Weights,
)

__all__ = [
    "QuantizableShuffleNetV2", "ShuffleNet_V2_X0_5_QuantizedWeights", "ShuffleNet_V2_X1_0_QuantizedWeights",
    "ShuffleNet_V2_X1_5_QuantizedWeights", "ShuffleNet_V2_X2_0_QuantizedWeights", "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
]  # fmt: skip


class QuantizableInvertedResidual(shufflenetv2.InvertedResidual):
    """An `InvertedResidual` whose branches are joined by a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cat = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 1:
            kept, changed = x.chunk(2, dim=1)
        else:
            kept, changed = self.branch1(x), x
        return shufflenetv2.channel_shuffle(self.cat.cat([kept, self.branch2(changed)], dim=1), 2)


class QuantizableShuffleNetV2(Stubbed, shufflenetv2.ShuffleNetV2):
    """A `ShuffleNetV2` between stubs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, inverted_residual=QuantizableInvertedResidual, **kwargs)

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse each convolution with the normalisation and ReLU behind it, in place; the numbers stay the same."""
        for layer in (self.conv1, self.conv5):
            _fuse_modules(layer, [["0", "1", "2"]], is_qat, inplace=True)
        for module in list(self.modules()):
            if type(module) is QuantizableInvertedResidual:
                if len(module.branch1) > 0:
                    _fuse_modules(module.branch1, [["0", "1"], ["2", "3", "4"]], is_qat, inplace=True)
                layers = [["0", "1", "2"], ["3", "4"], ["5", "6", "7"]]
                _fuse_modules(module.branch2, layers, is_qat, inplace=True)


@resolved
class ShuffleNet_V2_X0_5_QuantizedWeights(WeightsEnum, data="quantization.shufflenetv2"):
    """Quantised weights of `shufflenet_v2_x0_5`."""


@resolved
class ShuffleNet_V2_X1_0_QuantizedWeights(WeightsEnum, data="quantization.shufflenetv2"):
    """Quantised weights of `shufflenet_v2_x1_0`."""


@resolved
class ShuffleNet_V2_X1_5_QuantizedWeights(WeightsEnum, data="quantization.shufflenetv2"):
    """Quantised weights of `shufflenet_v2_x1_5`."""


@resolved
class ShuffleNet_V2_X2_0_QuantizedWeights(WeightsEnum, data="quantization.shufflenetv2"):
    """Quantised weights of `shufflenet_v2_x2_0`."""


@register_model(name="quantized_shufflenet_v2_x0_5")
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1))
def shufflenet_v2_x0_5(
    *,
    weights: ShuffleNet_V2_X0_5_QuantizedWeights | ShuffleNet_V2_X0_5_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableShuffleNetV2:
    """ShuffleNet v2, 0.5 times as wide between stubs; `quantize=True` is refused."""
    network = partial(QuantizableShuffleNetV2, [4, 8, 4], [24, 48, 96, 192, 1024])
    return plain(network, weights, ShuffleNet_V2_X0_5_Weights, progress, quantize, kwargs)


@register_model(name="quantized_shufflenet_v2_x1_0")
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1))
def shufflenet_v2_x1_0(
    *,
    weights: ShuffleNet_V2_X1_0_QuantizedWeights | ShuffleNet_V2_X1_0_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableShuffleNetV2:
    """ShuffleNet v2, 1.0 times as wide between stubs; `quantize=True` is refused."""
    network = partial(QuantizableShuffleNetV2, [4, 8, 4], [24, 116, 232, 464, 1024])
    return plain(network, weights, ShuffleNet_V2_X1_0_Weights, progress, quantize, kwargs)


@register_model(name="quantized_shufflenet_v2_x1_5")
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X1_5_Weights.IMAGENET1K_V1))
def shufflenet_v2_x1_5(
    *,
    weights: ShuffleNet_V2_X1_5_QuantizedWeights | ShuffleNet_V2_X1_5_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableShuffleNetV2:
    """ShuffleNet v2, 1.5 times as wide between stubs; `quantize=True` is refused."""
    network = partial(QuantizableShuffleNetV2, [4, 8, 4], [24, 176, 352, 704, 1024])
    return plain(network, weights, ShuffleNet_V2_X1_5_Weights, progress, quantize, kwargs)


@register_model(name="quantized_shufflenet_v2_x2_0")
@handle_legacy_interface(weights=("pretrained", ShuffleNet_V2_X2_0_Weights.IMAGENET1K_V1))
def shufflenet_v2_x2_0(
    *,
    weights: ShuffleNet_V2_X2_0_QuantizedWeights | ShuffleNet_V2_X2_0_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableShuffleNetV2:
    """ShuffleNet v2, 2.0 times as wide between stubs; `quantize=True` is refused."""
    network = partial(QuantizableShuffleNetV2, [4, 8, 4], [24, 244, 488, 976, 2048])
    return plain(network, weights, ShuffleNet_V2_X2_0_Weights, progress, quantize, kwargs)
