"""Changes of images, as torchvision has them: classes here, functions in `functional`, both for more kinds in `v2`."""

from __future__ import annotations

from tritonnn.vision.transforms import functional
from tritonnn.vision.transforms.autoaugment import *
from tritonnn.vision.transforms.autoaugment import __all__ as _augmentations
from tritonnn.vision.transforms.transforms import *
from tritonnn.vision.transforms.transforms import RandomSizedCrop, Scale
from tritonnn.vision.transforms.transforms import __all__ as _classes

__all__ = [*_classes, *_augmentations, "RandomSizedCrop", "Scale", "functional"]
