"""Observers of the ranges that values take, refused."""

from __future__ import annotations

from tritonnn._refusals import QUANTIZED, refused

_REFUSED = refused(
    "torch.ao.quantization.observer",
    QUANTIZED,
    functions="calculate_qmin_qmax check_min_max_valid get_block_size get_observer_state_dict "
    "load_observer_state_dict validate_qmin_qmax default_dynamic_quant_observer "
    "default_float_qparams_observer default_histogram_observer default_observer "
    "default_per_channel_weight_observer default_weight_observer",
    classes="AffineQuantizedObserverBase FixedQParamsObserver HistogramObserver MinMaxObserver "
    "MovingAverageMinMaxObserver MovingAveragePerChannelMinMaxObserver NoopObserver ObserverBase "
    "PerChannelMinMaxObserver PlaceholderObserver RecordingObserver ReuseInputObserver "
    "UniformQuantizationObserverBase default_debug_observer default_placeholder_observer",
)
globals().update(_REFUSED)
__all__ = [*_REFUSED]
