"""Which layers of a model are quantised how, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.qconfig_mapping",
    QUANTIZED,
    functions="get_default_qat_qconfig_mapping get_default_qconfig_mapping",
    classes="QConfigMapping",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
