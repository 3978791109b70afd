"""Deprecated names of `torch.amp` for 'cuda'."""

from __future__ import annotations

from tritonnn.cuda.amp.autocast_mode import autocast, custom_bwd, custom_fwd
from tritonnn.cuda.amp.common import amp_definitely_not_available
from tritonnn.cuda.amp.grad_scaler import GradScaler

__all__ = ["GradScaler", "amp_definitely_not_available", "autocast", "custom_bwd", "custom_fwd"]
