"""`torch.ao.quantization.quantize_jit` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.quantize_jit import *
from tritonnn.ao.quantization.quantize_jit import __all__ as __all__
