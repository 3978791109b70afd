"""torch.signal: windows."""

from __future__ import annotations

from tritonnn.signal import windows

__all__ = ["windows"]
