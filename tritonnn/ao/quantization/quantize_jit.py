"""Quantising TorchScript, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.quantize_jit",
    QUANTIZED,
    functions="convert_dynamic_jit convert_jit fuse_conv_bn_jit prepare_dynamic_jit prepare_jit "
    "quantize_dynamic_jit quantize_jit script_qconfig script_qconfig_dict",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
