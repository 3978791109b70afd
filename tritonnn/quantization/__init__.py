"""`torch.ao.quantization` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization import *
from tritonnn.ao.quantization import __all__ as __all__
from tritonnn.ao.quantization import __getattr__ as __getattr__
