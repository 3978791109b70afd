"""Networks for pictures and videos, with the names and weights of torchvision.

Classifiers stand here, and all are imported, as programs look them up in `models.__dict__`; the packages for other
tasks are imported when they are asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tritonnn.vision.models._api import (
    Weights as Weights,
)
from tritonnn.vision.models._api import (
    WeightsEnum as WeightsEnum,
)
from tritonnn.vision.models._api import (
    get_model as get_model,
)
from tritonnn.vision.models._api import (
    get_model_builder as get_model_builder,
)
from tritonnn.vision.models._api import (
    get_model_weights as get_model_weights,
)
from tritonnn.vision.models._api import (
    get_weight as get_weight,
)
from tritonnn.vision.models._api import (
    list_models as list_models,
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


if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.vision.models import convnext as convnext
    from tritonnn.vision.models import densenet as densenet
    from tritonnn.vision.models import detection as detection
    from tritonnn.vision.models import efficientnet as efficientnet
    from tritonnn.vision.models import feature_extraction as feature_extraction
    from tritonnn.vision.models import inception as inception
    from tritonnn.vision.models import maxvit as maxvit
    from tritonnn.vision.models import mnasnet as mnasnet
    from tritonnn.vision.models import mobilenet as mobilenet
    from tritonnn.vision.models import mobilenetv2 as mobilenetv2
    from tritonnn.vision.models import mobilenetv3 as mobilenetv3
    from tritonnn.vision.models import optical_flow as optical_flow
    from tritonnn.vision.models import quantization as quantization
    from tritonnn.vision.models import regnet as regnet
    from tritonnn.vision.models import resnet as resnet
    from tritonnn.vision.models import segmentation as segmentation
    from tritonnn.vision.models import shufflenetv2 as shufflenetv2
    from tritonnn.vision.models import squeezenet as squeezenet
    from tritonnn.vision.models import swin_transformer as swin_transformer
    from tritonnn.vision.models import vgg as vgg
    from tritonnn.vision.models import video as video
    from tritonnn.vision.models import vision_transformer as vision_transformer
else:

    def __getattr__(name: str) -> Any:
        if name in _LATER:
            return importlib.import_module(f"{__name__}.{name}")
        raise AttributeError(f"module 'torchvision.models' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
