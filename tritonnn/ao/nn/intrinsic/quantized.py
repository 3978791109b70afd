"""Fused layers of quantised tensors, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.nn.intrinsic.quantized",
    QUANTIZED,
    classes="BNReLU2d BNReLU3d ConvAdd2d ConvAddReLU2d ConvReLU1d ConvReLU2d ConvReLU3d LinearLeakyReLU LinearReLU "
    "LinearTanh",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
