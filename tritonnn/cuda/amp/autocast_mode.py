"""Deprecated: `torch.amp.autocast` for 'cuda'."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from tritonnn import dtypes
from tritonnn.amp import autocast_mode
from tritonnn.dtypes import dtype as DType

__all__ = ["autocast", "custom_bwd", "custom_fwd"]


class autocast(autocast_mode.autocast):
    """Deprecated: `torch.amp.autocast("cuda", ...)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     block = torch.cuda.amp.autocast(enabled=False)
    >>> block.device
    'cuda'
    """

    def __init__(
        self, enabled: bool = True, dtype: DType = dtypes.float16, cache_enabled: bool = True
    ) -> None:
        warnings.warn(
            "`torch.cuda.amp.autocast(args...)` is deprecated. "
            "Please use `torch.amp.autocast('cuda', args...)` instead.",
            FutureWarning,
            stacklevel=2,
        )
        super().__init__("cuda", enabled=enabled, dtype=dtype, cache_enabled=cache_enabled)


def custom_fwd(fwd: Callable[..., Any] | None = None, *, cast_inputs: DType | None = None) -> Any:
    """Deprecated: `torch.amp.custom_fwd(..., device_type='cuda')`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.cuda.amp.custom_fwd(lambda ctx, x: x).__name__
    '<lambda>'
    """
    _deprecated("custom_fwd")
    return autocast_mode.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd: Callable[..., Any]) -> Any:
    """Deprecated: `torch.amp.custom_bwd(..., device_type='cuda')`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.cuda.amp.custom_bwd(lambda ctx, grad: grad).__name__
    '<lambda>'
    """
    _deprecated("custom_bwd")
    return autocast_mode.custom_bwd(bwd, device_type="cuda")


def _deprecated(name: str) -> None:
    warnings.warn(
        f"`torch.cuda.amp.{name}(args...)` is deprecated. Please use "
        f"`torch.amp.{name}(args..., device_type='cuda')` instead.",
        FutureWarning,
        stacklevel=3,
    )
