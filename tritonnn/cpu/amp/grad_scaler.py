"""Deprecated: `torch.amp.GradScaler` for 'cpu'."""

from __future__ import annotations

from tritonnn.amp._older import OlderGradScaler

__all__ = ["GradScaler"]


class GradScaler(OlderGradScaler):
    """Deprecated: `torch.amp.GradScaler("cpu", ...)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.cpu.amp.GradScaler(enabled=False).is_enabled()
    False
    """

    _device_type = "cpu"
