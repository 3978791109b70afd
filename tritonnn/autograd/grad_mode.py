"""torch.autograd.grad_mode: whether operations are recorded."""

from __future__ import annotations

from tritonnn.recording.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    set_grad_enabled,
    set_multithreading_enabled,
)
from tritonnn.recording.reverse_mode import no_grad

__all__ = [
    "enable_grad", "inference_mode", "is_grad_enabled", "is_inference_mode_enabled", "no_grad", "set_grad_enabled",
    "set_multithreading_enabled",
]  # fmt: skip
