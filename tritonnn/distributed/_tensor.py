"""torch.distributed.tensor by its older name."""

from __future__ import annotations

from tritonnn.distributed.tensor import DTensor

__all__ = ["DTensor"]
