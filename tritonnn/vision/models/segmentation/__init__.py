"""Networks that say what every pixel belongs to."""

from __future__ import annotations

from tritonnn.vision.models.segmentation.deeplabv3 import *
from tritonnn.vision.models.segmentation.fcn import *
from tritonnn.vision.models.segmentation.lraspp import *
