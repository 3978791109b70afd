"""Deprecated: `torch.amp.GradScaler` for 'cuda'."""

from __future__ import annotations

from tritonnn.amp._older import OlderGradScaler

__all__ = ["GradScaler"]


class GradScaler(OlderGradScaler):
    """Deprecated: `torch.amp.GradScaler("cuda", ...)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.cuda.amp.GradScaler(enabled=False).is_enabled()
    False
    """

    _device_type = "cuda"
