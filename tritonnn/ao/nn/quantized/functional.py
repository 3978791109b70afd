"""Functions of quantised tensors, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.nn.quantized.functional",
    QUANTIZED,
    functions="adaptive_avg_pool2d adaptive_avg_pool3d avg_pool2d avg_pool3d celu clamp conv1d conv2d conv3d elu "
    "hardsigmoid hardswish hardtanh interpolate leaky_relu linear max_pool1d max_pool2d threshold upsample "
    "upsample_bilinear upsample_nearest",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
