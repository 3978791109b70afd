"""Changes of samples: pictures, videos, masks, boxes and points together, with one draw of the numbers for all of them.

The parts of a sample say what they are by their class (`torchvision.tv_tensors`); the structure of it is up to users.
"""

from __future__ import annotations

from tritonnn.vision.transforms import AutoAugmentPolicy
from tritonnn.vision.transforms.functional import InterpolationMode
from tritonnn.vision.transforms.v2 import functional
from tritonnn.vision.transforms.v2._augment import JPEG, CutMix, MixUp, RandomErasing
from tritonnn.vision.transforms.v2._auto_augment import AugMix, AutoAugment, RandAugment, TrivialAugmentWide
from tritonnn.vision.transforms.v2._color import (
    RGB,
    ColorJitter,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomChannelPermutation,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPhotometricDistort,
    RandomPosterize,
    RandomSolarize,
)
from tritonnn.vision.transforms.v2._container import Compose, RandomApply, RandomChoice, RandomOrder
from tritonnn.vision.transforms.v2._deprecated import ToTensor
from tritonnn.vision.transforms.v2._geometry import (
    CenterCrop,
    ElasticTransform,
    FiveCrop,
    Pad,
    RandomAffine,
    RandomCrop,
    RandomHorizontalFlip,
    RandomIoUCrop,
    RandomPerspective,
    RandomResize,
    RandomResizedCrop,
    RandomRotation,
    RandomShortestSize,
    RandomVerticalFlip,
    RandomZoomOut,
    Resize,
    ScaleJitter,
    TenCrop,
)
from tritonnn.vision.transforms.v2._meta import (
    ClampBoundingBoxes,
    ClampKeyPoints,
    ConvertBoundingBoxFormat,
    SetClampingMode,
)
from tritonnn.vision.transforms.v2._misc import (
    ConvertImageDtype,
    GaussianBlur,
    GaussianNoise,
    Identity,
    Lambda,
    LinearTransformation,
    Normalize,
    SanitizeBoundingBoxes,
    SanitizeKeyPoints,
    ToDtype,
)
from tritonnn.vision.transforms.v2._temporal import UniformTemporalSubsample
from tritonnn.vision.transforms.v2._transform import Transform
from tritonnn.vision.transforms.v2._type_conversion import PILToTensor, ToImage, ToPILImage, ToPureTensor
from tritonnn.vision.transforms.v2._utils import (
    check_type,
    get_bounding_boxes,
    get_keypoints,
    has_all,
    has_any,
    query_chw,
    query_size,
)

__all__ = [
    "JPEG", "RGB", "AugMix", "AutoAugment", "AutoAugmentPolicy", "CenterCrop", "ClampBoundingBoxes",
    "ClampKeyPoints", "ColorJitter", "Compose", "ConvertBoundingBoxFormat", "ConvertImageDtype", "CutMix",
    "ElasticTransform", "FiveCrop", "GaussianBlur", "GaussianNoise", "Grayscale", "Identity", "InterpolationMode",
    "Lambda", "LinearTransformation", "MixUp", "Normalize", "PILToTensor", "Pad", "RandAugment",
    "RandomAdjustSharpness", "RandomAffine", "RandomApply", "RandomAutocontrast", "RandomChannelPermutation",
    "RandomChoice", "RandomCrop", "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip",
    "RandomInvert", "RandomIoUCrop", "RandomOrder", "RandomPerspective", "RandomPhotometricDistort",
    "RandomPosterize", "RandomResize", "RandomResizedCrop", "RandomRotation", "RandomShortestSize",
    "RandomSolarize", "RandomVerticalFlip", "RandomZoomOut", "Resize", "SanitizeBoundingBoxes", "SanitizeKeyPoints",
    "ScaleJitter", "SetClampingMode", "TenCrop", "ToDtype", "ToImage", "ToPILImage", "ToPureTensor", "ToTensor",
    "Transform", "TrivialAugmentWide", "UniformTemporalSubsample", "check_type", "functional", "get_bounding_boxes",
    "get_keypoints", "has_all", "has_any", "query_chw", "query_size",
]  # fmt: skip
