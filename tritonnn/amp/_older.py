"""What the deprecated scalers of one device type share."""

from __future__ import annotations

import warnings
from typing import ClassVar

from tritonnn.amp.grad_scaler import GradScaler


class OlderGradScaler(GradScaler):
    """A scaler of the device type that its class names, which warns that `torch.amp.GradScaler` takes it instead."""

    _device_type: ClassVar[str]

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        device = self._device_type
        warnings.warn(
            f"`torch.{device}.amp.GradScaler(args...)` is deprecated. Please use "
            f"`torch.amp.GradScaler('{device}', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__(device, init_scale, growth_factor, backoff_factor, growth_interval, enabled)
