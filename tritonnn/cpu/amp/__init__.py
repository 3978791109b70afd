"""Deprecated names of `torch.amp` for 'cpu'."""

from __future__ import annotations

from tritonnn.cpu.amp.autocast_mode import autocast
from tritonnn.cpu.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "autocast"]
