"""What autocast is set to in this thread; `torch.autocast` is what programs use."""

from __future__ import annotations

import warnings

from tritonnn.amp._settings import known_device, lower_of, set_on, wrong
from tritonnn.dispatch import autocast, switch
from tritonnn.dtypes import dtype as DType

__all__ = [
    "autocast_decrement_nesting", "autocast_increment_nesting", "clear_autocast_cache", "get_autocast_cpu_dtype",
    "get_autocast_dtype", "get_autocast_gpu_dtype", "is_autocast_cache_enabled", "is_autocast_cpu_enabled",
    "is_autocast_enabled", "set_autocast_cache_enabled", "set_autocast_cpu_dtype", "set_autocast_cpu_enabled",
    "set_autocast_dtype", "set_autocast_enabled", "set_autocast_gpu_dtype",
]  # fmt: skip


def _deprecated(name: str, instead: str) -> None:
    warnings.warn(
        f"torch.{name} is deprecated. Please use torch.{instead} instead.", DeprecationWarning, stacklevel=3
    )


def is_autocast_enabled(device_type: str = "cuda") -> bool:
    """Whether autocast is on for a device type, in this thread.

    >>> import tritonnn as torch
    >>> with torch.autocast("cpu"):
    ...     torch.is_autocast_enabled("cpu"), torch.is_autocast_enabled("cuda")
    (True, False)
    """
    return known_device("is_autocast_enabled", device_type) in autocast.on


def set_autocast_enabled(device_type: str | bool, enabled: bool | None = None) -> None:
    """Switch autocast on or off for a device type; with one argument, for 'cuda'.

    >>> import tritonnn as torch
    >>> torch.set_autocast_enabled("cpu", True)
    >>> torch.is_autocast_enabled("cpu")
    True
    >>> torch.set_autocast_enabled("cpu", False)
    """
    if enabled is None:
        if not isinstance(device_type, bool):
            raise wrong("set_autocast_enabled", "enabled", 1, "bool", device_type)
        set_on("cuda", device_type)
        return
    device = known_device("set_autocast_enabled", device_type)
    if not isinstance(enabled, bool):
        raise wrong("set_autocast_enabled", "enabled", 2, "bool", enabled)
    set_on(device, enabled)


def get_autocast_dtype(device_type: str) -> DType:
    """The lower precision that autocast computes in on a device type.

    Raises:
        RuntimeError: there is no autocast on that device type.

    >>> import tritonnn as torch
    >>> torch.get_autocast_dtype("cpu"), torch.get_autocast_dtype("cuda")
    (torch.bfloat16, torch.float16)
    """
    return lower_of("get_autocast_dtype", device_type)


def set_autocast_dtype(device_type: str, dtype: DType) -> None:
    """Set the lower precision that autocast computes in on a device type.

    >>> import tritonnn as torch
    >>> torch.set_autocast_dtype("cpu", torch.float16)
    >>> torch.get_autocast_dtype("cpu")
    torch.float16
    >>> torch.set_autocast_dtype("cpu", torch.bfloat16)
    """
    device = known_device("set_autocast_dtype", device_type)
    if not isinstance(dtype, DType):
        raise wrong("set_autocast_dtype", "dtype", 2, "torch.dtype", dtype)
    lower_of("set_autocast_dtype", device)
    autocast.dtypes[device] = dtype
    if device in autocast.on:
        switch({**autocast.on, device: dtype})


def is_autocast_cache_enabled() -> bool:
    """Whether casts of parameters are kept until the outermost autocast block ends.

    >>> import tritonnn as torch
    >>> torch.is_autocast_cache_enabled()
    True
    """
    return autocast.cache_enabled


def set_autocast_cache_enabled(enabled: bool) -> None:
    """Set whether casts of parameters are kept until the outermost autocast block ends.

    >>> import tritonnn as torch
    >>> torch.set_autocast_cache_enabled(True)
    """
    if not isinstance(enabled, bool):
        raise TypeError(f"enabled must be a bool (got {type(enabled).__name__})")
    autocast.cache_enabled = enabled


def clear_autocast_cache() -> None:
    """Forget the casts of parameters that this thread keeps.

    >>> import tritonnn as torch
    >>> torch.clear_autocast_cache()
    """
    autocast.casts.clear()


def autocast_increment_nesting() -> int:
    """Enter an autocast block; returns how many this thread is within.

    >>> import tritonnn as torch
    >>> torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()
    (1, 0)
    """
    autocast.nesting += 1
    return autocast.nesting


def autocast_decrement_nesting() -> int:
    """Leave an autocast block; returns how many this thread is still within.

    >>> import tritonnn as torch
    >>> torch.autocast_increment_nesting(), torch.autocast_decrement_nesting()
    (1, 0)
    """
    autocast.nesting -= 1
    return autocast.nesting


# ---- older names --------------------------------------------------------------------------------------------


def is_autocast_cpu_enabled() -> bool:
    """Deprecated: `is_autocast_enabled('cpu')`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.is_autocast_cpu_enabled()
    False
    """
    _deprecated("is_autocast_cpu_enabled()", "is_autocast_enabled('cpu')")
    return "cpu" in autocast.on


def set_autocast_cpu_enabled(enabled: bool) -> None:
    """Deprecated: `set_autocast_enabled('cpu', enabled)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.set_autocast_cpu_enabled(False)
    """
    _deprecated("set_autocast_cpu_enabled(enabled)", "set_autocast_enabled('cpu', enabled)")
    set_autocast_enabled("cpu", enabled)


def get_autocast_cpu_dtype() -> DType:
    """Deprecated: `get_autocast_dtype('cpu')`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.get_autocast_cpu_dtype()
    torch.bfloat16
    """
    _deprecated("get_autocast_cpu_dtype()", "get_autocast_dtype('cpu')")
    return get_autocast_dtype("cpu")


def get_autocast_gpu_dtype() -> DType:
    """Deprecated: `get_autocast_dtype('cuda')`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.get_autocast_gpu_dtype()
    torch.float16
    """
    _deprecated("get_autocast_gpu_dtype()", "get_autocast_dtype('cuda')")
    return get_autocast_dtype("cuda")


def set_autocast_cpu_dtype(dtype: DType) -> None:
    """Deprecated: `set_autocast_dtype('cpu', dtype)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.set_autocast_cpu_dtype(torch.bfloat16)
    """
    _deprecated("set_autocast_cpu_dtype(dtype)", "set_autocast_dtype('cpu', dtype)")
    set_autocast_dtype("cpu", dtype)


def set_autocast_gpu_dtype(dtype: DType) -> None:
    """Deprecated: `set_autocast_dtype('cuda', dtype)`.

    >>> import warnings
    >>> import tritonnn as torch
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     torch.set_autocast_gpu_dtype(torch.float16)
    """
    _deprecated("set_autocast_gpu_dtype(dtype)", "set_autocast_dtype('cuda', dtype)")
    set_autocast_dtype("cuda", dtype)
