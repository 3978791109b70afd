"""PyTorch's name for `_collate.py`."""

from __future__ import annotations

from tritonnn.utils.data._collate import collate, default_collate, default_collate_fn_map, default_convert

__all__ = ["collate", "default_collate", "default_collate_fn_map", "default_convert"]
