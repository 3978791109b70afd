"""Layers with quantised weights, by the older name of `torch.ao.nn.quantized.dynamic`."""

from __future__ import annotations

from tritonnn.ao.nn.quantized.dynamic import *
from tritonnn.ao.nn.quantized.dynamic import __all__ as __all__
