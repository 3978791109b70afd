"""MobileNet v2 with the places marked where tensors would be quantised."""

from __future__ import annotations

from functools import partial
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.ao.nn.quantized import FloatFunctional
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import handle_legacy_interface
from tritonnn.vision.models.mobilenetv2 import InvertedResidual, MobileNet_V2_Weights, MobileNetV2
from tritonnn.vision.models.quantization.utils import Stubbed, _fuse_modules, plain, resolved
from tritonnn.vision.ops.misc import Conv2dNormActivation

__all__ = ["MobileNet_V2_QuantizedWeights", "QuantizableMobileNetV2", "mobilenet_v2"]


class QuantizableInvertedResidual(InvertedResidual):
    """An `InvertedResidual` whose sum is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.skip_add = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv(x)
        return self.skip_add.add(x, out) if self.use_res_connect else out

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse the layers, in place."""
        for index, layer in enumerate(list(self.conv)):
            if type(layer) is nn.Conv2d:
                _fuse_modules(self.conv, [str(index), str(index + 1)], is_qat, inplace=True)


class QuantizableMobileNetV2(Stubbed, MobileNetV2):
    """A `MobileNetV2` between stubs."""

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse each convolution with the normalisation and ReLU behind it, in place; the numbers stay the same."""
        for module in list(self.modules()):
            if type(module) is Conv2dNormActivation:
                _fuse_modules(module, ["0", "1", "2"], is_qat, inplace=True)
            elif type(module) is QuantizableInvertedResidual:
                module.fuse_model(is_qat)


@resolved
class MobileNet_V2_QuantizedWeights(WeightsEnum, data="quantization.mobilenetv2"):
    """Quantised weights of `mobilenet_v2`."""


@register_model(name="quantized_mobilenet_v2")
@handle_legacy_interface(weights=("pretrained", MobileNet_V2_Weights.IMAGENET1K_V1))
def mobilenet_v2(
    *,
    weights: MobileNet_V2_QuantizedWeights | MobileNet_V2_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableMobileNetV2:
    """MobileNet v2 between stubs; `quantize=True` is refused."""
    network = partial(QuantizableMobileNetV2, block=QuantizableInvertedResidual)
    return plain(network, weights, MobileNet_V2_Weights, progress, quantize, kwargs)
