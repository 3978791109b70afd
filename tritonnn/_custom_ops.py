"""What programs take from `torch._custom_ops`, an older place of `torch.library`."""

from __future__ import annotations

from tritonnn.library import get_ctx

__all__ = ["get_ctx"]
