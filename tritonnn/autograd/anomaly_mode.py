"""PyTorch's name for `anomaly.py`."""

from __future__ import annotations

from tritonnn.autograd.anomaly import detect_anomaly, set_detect_anomaly

__all__ = ["detect_anomaly", "set_detect_anomaly"]
