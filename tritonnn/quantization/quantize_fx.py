"""`torch.ao.quantization.quantize_fx` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.quantize_fx import *
from tritonnn.ao.quantization.quantize_fx import __all__ as __all__
