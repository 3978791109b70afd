"""`torch.ao.quantization.observer` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.observer import *
from tritonnn.ao.quantization.observer import __all__ as __all__
