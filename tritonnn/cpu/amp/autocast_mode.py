"""Deprecated: `torch.amp.autocast` for 'cpu'."""

from __future__ import annotations

import warnings

from tritonnn import dtypes
from tritonnn.amp import autocast_mode
from tritonnn.dtypes import dtype as DType

__all__ = ["autocast"]


class autocast(autocast_mode.autocast):
    """Deprecated: `torch.amp.autocast("cpu", ...)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     block = torch.cpu.amp.autocast(enabled=False)
    >>> block.device
    'cpu'
    """

    def __init__(
        self, enabled: bool = True, dtype: DType = dtypes.bfloat16, cache_enabled: bool = True
    ) -> None:
        warnings.warn(
            "`torch.cpu.amp.autocast(args...)` is deprecated. "
            "Please use `torch.amp.autocast('cpu', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cpu", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)
