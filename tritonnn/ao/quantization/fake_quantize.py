"""Modules that round as if to quantised numbers, refused; `torch.fake_quantize_per_tensor_affine` computes it."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.fake_quantize",
    QUANTIZED,
    functions="disable_fake_quant disable_observer enable_fake_quant enable_observer default_fake_quant "
    "default_weight_fake_quant default_per_channel_weight_fake_quant default_histogram_fake_quant "
    "default_fused_act_fake_quant default_fused_wt_fake_quant default_fused_per_channel_wt_fake_quant "
    "default_dynamic_fake_quant",
    classes="FakeQuantize FakeQuantizeBase FixedQParamsFakeQuantize FusedMovingAvgObsFakeQuantize",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
