"""Layers that train as if they were quantised, by the older name of `torch.ao.nn.qat`."""

from __future__ import annotations

from tritonnn.ao.nn.qat import *
from tritonnn.ao.nn.qat import __all__ as __all__
