"""`torch.ao.quantization.qconfig_mapping` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.qconfig_mapping import *
from tritonnn.ao.quantization.qconfig_mapping import __all__ as __all__
