"""torch.utils.mkldnn, refused: layers of oneDNN's tensors."""

from __future__ import annotations

from tritonnn._refusals import VENDOR, refused

_REFUSED = refused(
    "torch.utils.mkldnn",
    VENDOR,
    "to_mkldnn",
    "MkldnnBatchNorm MkldnnConv1d MkldnnConv2d MkldnnConv3d MkldnnLinear MkldnnPrelu",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
