"""Fused layers, by the older name of `torch.ao.nn.intrinsic`."""

from __future__ import annotations

from tritonnn.ao.nn.intrinsic import *
from tritonnn.ao.nn.intrinsic import __all__ as __all__
from tritonnn.ao.nn.intrinsic import qat as qat
from tritonnn.ao.nn.intrinsic import quantized as quantized
