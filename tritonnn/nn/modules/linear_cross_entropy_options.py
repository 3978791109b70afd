"""PyTorch's place for the options of the chunked loss."""

from __future__ import annotations

from tritonnn.ops.loss._chunking import LinearCrossEntropyOptions

__all__ = ["LinearCrossEntropyOptions"]
