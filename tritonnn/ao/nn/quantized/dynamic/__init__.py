"""Layers whose weights are quantised and whose inputs are while they run, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.nn.quantized.dynamic",
    QUANTIZED,
    classes="Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d GRU GRUCell LSTM LSTMCell Linear "
    "RNNCell",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
