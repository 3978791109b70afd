"""Networks for pictures and videos, with the names and weights of torchvision.

Classifiers stand here, and all are imported, as programs look them up in `models.__dict__`; the packages for other
tasks are imported when they are asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

from tritonnn.vision.models._api import (
    Weights,
    WeightsEnum,
    get_model,
    get_model_builder,
    get_model_weights,
    get_weight,
    list_models,
)
from tritonnn.vision.models.alexnet import *
from tritonnn.vision.models.convnext import *
from tritonnn.vision.models.densenet import *
from tritonnn.vision.models.efficientnet import *
from tritonnn.vision.models.googlenet import *
from tritonnn.vision.models.inception import *
from tritonnn.vision.models.maxvit import *
from tritonnn.vision.models.mnasnet import *
from tritonnn.vision.models.mobilenet import *
from tritonnn.vision.models.regnet import *
from tritonnn.vision.models.resnet import *
from tritonnn.vision.models.shufflenetv2 import *
from tritonnn.vision.models.squeezenet import *
from tritonnn.vision.models.swin_transformer import *
from tritonnn.vision.models.vgg import *
from tritonnn.vision.models.vision_transformer import *

_LATER = ("detection", "feature_extraction", "optical_flow", "quantization", "segmentation", "video")


def __getattr__(name: str) -> Any:
    if name in _LATER:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'torchvision.models' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
