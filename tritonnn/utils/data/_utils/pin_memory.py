"""PyTorch's name for `_pin.py`."""

from __future__ import annotations

from tritonnn.utils.data._pin import pin_memory

__all__ = ["pin_memory"]
