"""`torch.ao.quantization.fuse_modules` by its older name."""

from __future__ import annotations

from tritonnn.ao.quantization.fuse_modules import *
from tritonnn.ao.quantization.fuse_modules import __all__ as __all__
