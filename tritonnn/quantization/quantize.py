"""`torch.ao.quantization.quantize` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.quantize import *
from tritonnn.ao.quantization.quantize import __all__ as __all__
