"""`torch.ao.quantization.qconfig` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.qconfig import *
from tritonnn.ao.quantization.qconfig import __all__ as __all__
