"""Networks with the places marked where tensors would be quantised; they compute in floating point."""

from __future__ import annotations

from tritonnn.vision.models.quantization.googlenet import *
from tritonnn.vision.models.quantization.inception import *
from tritonnn.vision.models.quantization.mobilenet import *
from tritonnn.vision.models.quantization.resnet import *
from tritonnn.vision.models.quantization.shufflenetv2 import *
