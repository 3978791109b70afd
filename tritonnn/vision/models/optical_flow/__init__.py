"""Networks for optical flow."""

from __future__ import annotations

from tritonnn.vision.models._lazy import lazy_names

_NAMES = {"raft": ("RAFT", "raft_large", "raft_small", "Raft_Large_Weights", "Raft_Small_Weights")}

__getattr__, __dir__, __all__ = lazy_names(__name__, _NAMES)
