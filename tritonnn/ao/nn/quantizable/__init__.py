"""Layers that can be quantised afterwards, refused: `torch.nn` has them without that."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused("torch.ao.nn.quantizable", QUANTIZED, classes="LSTM LSTMCell MultiheadAttention")
globals().update(_REFUSED)
__all__ = [*_REFUSED]
