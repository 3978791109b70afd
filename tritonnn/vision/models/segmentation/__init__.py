"""Networks that say what every pixel belongs to."""

from __future__ import annotations

from tritonnn.vision.models._lazy import lazy_names

_NAMES = {
    "deeplabv3": (
        "DeepLabV3", "DeepLabV3_ResNet50_Weights", "DeepLabV3_ResNet101_Weights",
        "DeepLabV3_MobileNet_V3_Large_Weights", "deeplabv3_mobilenet_v3_large", "deeplabv3_resnet50",
        "deeplabv3_resnet101",
    ),
    "fcn": ("FCN", "FCN_ResNet50_Weights", "FCN_ResNet101_Weights", "fcn_resnet50", "fcn_resnet101"),
    "lraspp": ("LRASPP", "LRASPP_MobileNet_V3_Large_Weights", "lraspp_mobilenet_v3_large"),
}  # fmt: skip

__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES, ("_utils",))
