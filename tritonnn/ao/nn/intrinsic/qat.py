"""Fused layers that train as if they were quantised, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.nn.intrinsic.qat",
    QUANTIZED,
    functions="freeze_bn_stats update_bn_stats",
    classes="ConvBn1d ConvBn2d ConvBn3d ConvBnReLU1d ConvBnReLU2d ConvBnReLU3d ConvReLU1d ConvReLU2d ConvReLU3d "
    "LinearBn1d LinearReLU",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
