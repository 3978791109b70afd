"""Quantising a model, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.quantize",
    QUANTIZED,
    functions="add_quant_dequant convert prepare prepare_qat propagate_qconfig_ quantize quantize_dynamic "
    "quantize_qat swap_module get_default_custom_config_dict",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
