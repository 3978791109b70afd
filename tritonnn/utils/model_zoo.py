"""Weights from URLs by their older name; `torch.hub` is the newer one."""

from __future__ import annotations

from tritonnn.hub import load_state_dict_from_url as load_url

__all__ = ["load_url"]
