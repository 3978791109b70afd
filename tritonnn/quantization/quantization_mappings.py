"""`torch.ao.quantization.quantization_mappings` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.quantization_mappings import *
from tritonnn.ao.quantization.quantization_mappings import __all__ as __all__
