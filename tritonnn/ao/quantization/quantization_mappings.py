"""Which layers are quantised to which, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.quantization_mappings",
    QUANTIZED,
    functions="get_default_compare_output_module_list get_default_dynamic_quant_module_mappings "
    "get_default_float_to_quantized_operator_mappings get_default_qat_module_mappings "
    "get_default_qconfig_propagation_list get_default_static_quant_module_mappings "
    "get_default_static_quant_reference_module_mappings get_dynamic_quant_module_class "
    "get_embedding_qat_module_mappings get_embedding_static_quant_module_mappings "
    "get_quantized_operator get_static_quant_module_class no_observer_set",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
