"""Layers that can be quantised, by the older name of `torch.ao.nn.quantizable`."""

from __future__ import annotations

from tritonnn.ao.nn.quantizable import *
from tritonnn.ao.nn.quantizable import __all__ as __all__
