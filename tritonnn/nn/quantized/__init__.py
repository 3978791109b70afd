"""Layers of quantised tensors, by the older name of `torch.ao.nn.quantized`."""

from __future__ import annotations

from tritonnn.ao.nn.quantized import *
from tritonnn.ao.nn.quantized import __all__ as __all__
from tritonnn.ao.nn.quantized import functional as functional
from tritonnn.nn.quantized import dynamic as dynamic
