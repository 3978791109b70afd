"""Layers that train as if they were quantised, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused("torch.ao.nn.qat", QUANTIZED, classes="Conv1d Conv2d Conv3d Embedding EmbeddingBag Linear")
globals().update(_REFUSED)
__all__ = [*_REFUSED]
