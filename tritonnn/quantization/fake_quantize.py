"""`torch.ao.quantization.fake_quantize` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.fake_quantize import *
from tritonnn.ao.quantization.fake_quantize import __all__ as __all__
