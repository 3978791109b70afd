"""Transforms as classes: made once, called with each image, a picture of Pillow's or a tensor (..., C, H, W)."""

from __future__ import annotations

import warnings
from typing import Any

from tritonnn.vision.transforms import functional as F  # noqa: F401  packages look it up here, and what has a _
from tritonnn.vision.transforms._class_parts import (
    check_sequence_input as _check_sequence_input,  # noqa: F401
)
from tritonnn.vision.transforms._class_parts import (
    setup_angle as _setup_angle,  # noqa: F401
)
from tritonnn.vision.transforms._class_parts import (
    setup_size as _setup_size,  # noqa: F401
)
from tritonnn.vision.transforms._coloring import (
    ColorJitter,
    GaussianBlur,
    Grayscale,
    RandomAdjustSharpness,
    RandomAutocontrast,
    RandomEqualize,
    RandomGrayscale,
    RandomInvert,
    RandomPosterize,
    RandomSolarize,
)
from tritonnn.vision.transforms._composed import (
    Compose,
    Lambda,
    RandomApply,
    RandomChoice,
    RandomOrder,
    RandomTransforms,
)
from tritonnn.vision.transforms._converting import (
    ConvertImageDtype,
    LinearTransformation,
    Normalize,
    PILToTensor,
    RandomErasing,
    ToPILImage,
    ToTensor,
)
from tritonnn.vision.transforms._cropping import (
    CenterCrop,
    FiveCrop,
    Pad,
    RandomCrop,
    RandomResizedCrop,
    Resize,
    TenCrop,
)
from tritonnn.vision.transforms._warping import (
    ElasticTransform,
    RandomAffine,
    RandomHorizontalFlip,
    RandomPerspective,
    RandomRotation,
    RandomVerticalFlip,
)
from tritonnn.vision.transforms.functional import InterpolationMode, _interpolation_modes_from_int  # noqa: F401

__all__ = [
    "CenterCrop", "ColorJitter", "Compose", "ConvertImageDtype", "ElasticTransform", "FiveCrop", "GaussianBlur",
    "Grayscale", "InterpolationMode", "Lambda", "LinearTransformation", "Normalize", "PILToTensor", "Pad",
    "RandomAdjustSharpness", "RandomAffine", "RandomApply", "RandomAutocontrast", "RandomChoice", "RandomCrop",
    "RandomEqualize", "RandomErasing", "RandomGrayscale", "RandomHorizontalFlip", "RandomInvert", "RandomOrder",
    "RandomPerspective", "RandomPosterize", "RandomResizedCrop", "RandomRotation", "RandomSolarize",
    "RandomVerticalFlip", "Resize", "TenCrop", "ToPILImage", "ToTensor",
]  # fmt: skip


class Scale(Resize):
    """What `Resize` was called at first.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.vision.transforms.Scale(2)(torch.zeros(3, 4, 6)).shape
    torch.Size([3, 2, 3])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn("transforms.Scale is deprecated, please use transforms.Resize instead.", stacklevel=2)
        super().__init__(*args, **kwargs)


class RandomSizedCrop(RandomResizedCrop):
    """What `RandomResizedCrop` was called at first.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings(action="ignore"):
    ...     torch.vision.transforms.RandomSizedCrop(2)(torch.zeros(3, 4, 6)).shape
    torch.Size([3, 2, 2])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            "transforms.RandomSizedCrop is deprecated, please use transforms.RandomResizedCrop instead.",
            stacklevel=2,
        )
        super().__init__(*args, **kwargs)


for _class in (RandomTransforms, *(globals()[_name] for _name in __all__)):
    if _class is not InterpolationMode:
        _class.__module__ = __name__  # where torchvision has them
