"""`torch.ao`: what models of it have in floating point; there are no quantised numbers here."""

from __future__ import annotations

from tritonnn.ao import quantization

__all__ = ["quantization"]
