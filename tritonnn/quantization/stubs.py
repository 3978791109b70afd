"""`torch.ao.quantization.stubs` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.stubs import *
from tritonnn.ao.quantization.stubs import __all__ as __all__
