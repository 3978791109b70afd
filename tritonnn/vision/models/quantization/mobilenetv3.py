"""MobileNet v3 with the places marked where tensors would be quantised."""

from __future__ import annotations

from functools import partial
from typing import Any

from tritonnn import Tensor, nn
from tritonnn.ao.nn.quantized import FloatFunctional
from tritonnn.vision.models._api import WeightsEnum, register_model
from tritonnn.vision.models._utils import handle_legacy_interface
from tritonnn.vision.models.mobilenetv3 import (
    InvertedResidual,
    MobileNet_V3_Large_Weights,
    MobileNetV3,
    _mobilenet_v3_conf,
)
from tritonnn.vision.models.quantization.utils import Stubbed, _fuse_modules, plain, resolved
from tritonnn.vision.ops.misc import Conv2dNormActivation, SqueezeExcitation

__all__ = ["MobileNet_V3_Large_QuantizedWeights", "QuantizableMobileNetV3", "mobilenet_v3_large"]


class QuantizableSqueezeExcitation(SqueezeExcitation):
    """A `SqueezeExcitation` whose product is a module."""

    _version = 2

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["scale_activation"] = nn.Hardsigmoid
        super().__init__(*args, **kwargs)
        self.skip_mul = FloatFunctional()

    def forward(self, input: Tensor) -> Tensor:
        return self.skip_mul.mul(self._scale(input), input)

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse the layers, in place."""
        _fuse_modules(self, ["fc1", "activation"], is_qat, inplace=True)


class QuantizableInvertedResidual(InvertedResidual):
    """An `InvertedResidual` whose sum is a module."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, se_layer=QuantizableSqueezeExcitation, **kwargs)  # type: ignore[misc]
        self.skip_add = FloatFunctional()

    def forward(self, x: Tensor) -> Tensor:
        out = self.block(x)
        return self.skip_add.add(x, out) if self.use_res_connect else out


class QuantizableMobileNetV3(Stubbed, MobileNetV3):
    """A `MobileNetV3` between stubs."""

    def fuse_model(self, is_qat: bool | None = None) -> None:
        """Fuse each convolution with the normalisation and ReLU behind it, in place; the numbers stay the same."""
        for module in list(self.modules()):
            if type(module) is Conv2dNormActivation:
                layers = ["0", "1", "2"] if len(module) == 3 and type(module[2]) is nn.ReLU else ["0", "1"]
                _fuse_modules(module, layers, is_qat, inplace=True)
            elif type(module) is QuantizableSqueezeExcitation:
                module.fuse_model(is_qat)


@resolved
class MobileNet_V3_Large_QuantizedWeights(WeightsEnum, data="quantization.mobilenetv3"):
    """Quantised weights of `mobilenet_v3_large`."""


@register_model(name="quantized_mobilenet_v3_large")
@handle_legacy_interface(weights=("pretrained", MobileNet_V3_Large_Weights.IMAGENET1K_V1))
def mobilenet_v3_large(
    *,
    weights: MobileNet_V3_Large_QuantizedWeights | MobileNet_V3_Large_Weights | None = None,
    progress: bool = True,
    quantize: bool = False,
    **kwargs: Any,
) -> QuantizableMobileNetV3:
    """MobileNet v3 large between stubs; `quantize=True` is refused."""
    network = partial(
        QuantizableMobileNetV3,
        *_mobilenet_v3_conf("mobilenet_v3_large", **kwargs),
        block=QuantizableInvertedResidual,
    )
    return plain(network, weights, MobileNet_V3_Large_Weights, progress, quantize, kwargs)
