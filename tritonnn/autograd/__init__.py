"""Reverse-mode differentiation of what was run."""

from __future__ import annotations

from tritonnn.autograd.anomaly import detect_anomaly, set_detect_anomaly
from tritonnn.autograd.engine import backward, grad
from tritonnn.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)

__all__ = [
    "backward", "detect_anomaly", "enable_grad", "grad", "inference_mode", "is_grad_enabled",
    "is_inference_mode_enabled", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip
