"""Both MobileNets, under the name of the module that they once had in common."""

from __future__ import annotations

from tritonnn.vision.models.quantization.mobilenetv2 import (
    MobileNet_V2_QuantizedWeights as MobileNet_V2_QuantizedWeights,
)
from tritonnn.vision.models.quantization.mobilenetv2 import QuantizableMobileNetV2 as QuantizableMobileNetV2
from tritonnn.vision.models.quantization.mobilenetv2 import mobilenet_v2 as mobilenet_v2
from tritonnn.vision.models.quantization.mobilenetv3 import (
    MobileNet_V3_Large_QuantizedWeights as MobileNet_V3_Large_QuantizedWeights,
)
from tritonnn.vision.models.quantization.mobilenetv3 import QuantizableMobileNetV3 as QuantizableMobileNetV3
from tritonnn.vision.models.quantization.mobilenetv3 import mobilenet_v3_large as mobilenet_v3_large

__all__ = [
    "MobileNet_V2_QuantizedWeights",
    "QuantizableMobileNetV2",
    "mobilenet_v2",
    "MobileNet_V3_Large_QuantizedWeights",
    "QuantizableMobileNetV3",
    "mobilenet_v3_large",
]
