"""Quantising the graph of a model, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.quantize_fx",
    QUANTIZED,
    functions="convert_fx convert_to_reference_fx fuse_fx prepare_fx prepare_qat_fx",
    classes="ObservedGraphModule",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
