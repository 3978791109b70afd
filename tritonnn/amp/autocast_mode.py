"""The autocast block, and custom functions that take part in it."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.amp._settings import known_device, set_on
from tritonnn.amp.switches import (
    autocast_decrement_nesting,
    autocast_increment_nesting,
    clear_autocast_cache,
    get_autocast_dtype,
    is_autocast_enabled,
    set_autocast_cache_enabled,
    set_autocast_dtype,
)
from tritonnn.cuda import is_available
from tritonnn.dispatch import autocast as settings
from tritonnn.dtypes import dtype as DType

__all__ = ["autocast", "autocast_decorator", "custom_bwd", "custom_fwd", "is_autocast_available"]

F = TypeVar("F", bound=Callable[..., Any])
#: device type -> the types that it computes in under autocast
SUPPORTED = {
    "cpu": (dtypes.bfloat16, dtypes.float16),
    "cuda": (dtypes.float16, dtypes.bfloat16, dtypes.float32),
}


def is_autocast_available(device_type: str) -> bool:
    """Whether there is autocast on a device type.

    >>> import tritonnn as torch
    >>> torch.amp.is_autocast_available("cpu"), torch.amp.is_autocast_available("meta")
    (True, False)
    """
    return known_device("_is_autocast_available", device_type) in settings.dtypes


class autocast:
    """Within the block, or the function that it decorates, ops compute in the type that suits them.

    Products, convolutions and attention compute in the lower precision; losses, and on the GPU exponentials, sums and
    normalisation, in float32; where tensors meet, in the widest of their types. The rest computes in the types it is
    given. Double precision stays, as do in-place calls and calls with `out=`. Casts of parameters are made once per
    block. Backward computes in the types that forward chose and needs no autocast.

    Args:
        device_type: 'cpu' or 'cuda'; of 'mps', 'xpu' and other types that PyTorch knows there are no tensors to cast.
        dtype: the lower precision; by default bfloat16 on the CPU and float16 on the GPU.
        enabled: False makes an island within which nothing is cast.
        cache_enabled: whether casts of parameters are kept until the outermost block ends; default: as it is set.

    Raises:
        ValueError: `device_type` is no text. RuntimeError: there is no autocast on it.

    >>> import tritonnn as torch
    >>> x, linear = torch.ones(2, 3), torch.nn.Linear(3, 3)
    >>> with torch.autocast("cpu", dtype=torch.bfloat16):
    ...     y = linear(x)
    ...     with torch.autocast("cpu", enabled=False):
    ...         z = linear(y.float())
    >>> y.dtype, z.dtype
    (torch.bfloat16, torch.float32)
    """

    def __init__(
        self,
        device_type: str,
        dtype: DType | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not isinstance(device_type, str):
            raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
        self.device = known_device("autocast", device_type)
        if self.device not in settings.dtypes:
            raise RuntimeError(f"User specified an unsupported autocast device_type '{self.device}'")
        self.fast_dtype = get_autocast_dtype(self.device) if dtype is None else dtype
        self._cache_enabled = settings.cache_enabled if cache_enabled is None else cache_enabled
        self._enabled = self._possible(enabled)

    def _possible(self, enabled: bool) -> bool:
        """Whether it is wanted and can be; a warning says why not."""
        if not enabled:
            return False
        if self.device == "cuda" and not is_available():
            reason = "CUDA is not available. Disabling autocast."
        elif self.fast_dtype in (supported := SUPPORTED.get(self.device, SUPPORTED["cpu"])):
            return True
        else:
            known = ", ".join(map(str, supported))
            name = self.device.upper()
            reason = (
                f"In {name} autocast, but the target dtype is not supported. Disabling autocast.\n{name} Autocast "
                f"only supports dtypes of {known} currently, not {self.fast_dtype}."
            )
        warnings.warn(reason, stacklevel=3)
        return False

    def __enter__(self) -> autocast:
        settings.before.append(
            (is_autocast_enabled(self.device), get_autocast_dtype(self.device), settings.cache_enabled)
        )
        set_autocast_dtype(self.device, self.fast_dtype)
        set_on(self.device, self._enabled)
        autocast_increment_nesting()
        set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        enabled, dtype, cache_enabled = settings.before.pop()
        set_autocast_dtype(self.device, dtype)
        set_on(self.device, enabled)
        set_autocast_cache_enabled(cache_enabled)

    def __call__(self, func: F) -> F:
        if not callable(func):
            raise TypeError(
                f"autocast()(func) requires a callable, but got {type(func).__name__}. "
                "Did you mean to use autocast as a context manager? For example:\n"
                "    with torch.autocast(device_type=...):\n        output = model(input)"
            )
        return autocast_decorator(self, func)


def autocast_decorator(autocast_instance: autocast, func: F) -> F:
    """The function within an autocast block; of a generator only the call is within, not what it runs later.

    >>> import tritonnn as torch
    >>> product = torch.amp.autocast_mode.autocast_decorator(torch.autocast("cpu"), torch.mm)
    >>> product(torch.ones(2, 2), torch.ones(2, 2)).dtype
    torch.bfloat16
    """

    @functools.wraps(func)
    def decorated(*args: object, **kwargs: object) -> Any:
        with autocast_instance:
            return func(*args, **kwargs)

    return decorated  # type: ignore[return-value]


# ---- custom functions -----------------------------------------------------------------------------------------


def _cast(value: object, device: str, dtype: DType) -> Any:
    """Floating tensors of the device type in `dtype`, however nested; double precision stays."""
    if isinstance(value, Tensor):
        wanted = (
            value.is_floating_point() and value.dtype is not dtypes.float64 and value.device.type == device
        )
        return value.to(dtype) if wanted else value
    if isinstance(value, (str, np.ndarray)):
        return value
    if isinstance(value, Mapping):
        return {_cast(key, device, dtype): _cast(item, device, dtype) for key, item in value.items()}
    if isinstance(value, Iterable):
        items = [_cast(item, device, dtype) for item in value]
        return type(value)(items) if isinstance(value, (list, tuple)) else items
    return value


def _checked_type(device_type: object) -> str:
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    return known_device("custom_fwd", device_type)


def custom_fwd(
    fwd: Callable[..., Any] | None = None, *, device_type: str, cast_inputs: DType | None = None
) -> Any:
    """Decorates `forward` of a custom function, so that `custom_bwd` knows how it ran.

    Args:
        fwd: a static forward, whose first argument is `ctx`.
        device_type: 'cpu' or 'cuda'.
        cast_inputs: under autocast, cast floating tensors to this type and run with autocast off.

    >>> import tritonnn as torch
    >>> class Square(torch.autograd.Function):
    ...     @staticmethod
    ...     @torch.amp.custom_fwd(device_type="cpu", cast_inputs=torch.float32)
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x @ x
    ...     @staticmethod
    ...     @torch.amp.custom_bwd(device_type="cpu")
    ...     def backward(ctx, grad):
    ...         x, = ctx.saved_tensors
    ...         return grad @ x.mT + x.mT @ grad
    >>> with torch.autocast("cpu"):
    ...     Square.apply(torch.eye(2, dtype=torch.bfloat16)).dtype
    torch.float32
    """
    device = _checked_type(device_type)
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args: Any, **kwargs: object) -> Any:
        on = is_autocast_enabled(device)
        args[0]._dtype = get_autocast_dtype(device)
        args[0]._fwd_used_autocast = on and cast_inputs is None
        if not on or cast_inputs is None:
            return fwd(*args, **kwargs)
        with autocast(device, enabled=False):
            given = [args[0], *[_cast(arg, device, cast_inputs) for arg in args[1:]]]
            return fwd(*given, **_cast(kwargs, device, cast_inputs))

    return decorated


def custom_bwd(bwd: Callable[..., Any] | None = None, *, device_type: str) -> Any:
    """Decorates `backward` of a custom function: it runs under autocast as `forward`, by `custom_fwd`, ran.

    Args:
        bwd: a static backward, whose first argument is `ctx`.
        device_type: 'cpu' or 'cuda'.

    >>> import tritonnn as torch
    >>> torch.amp.custom_bwd(lambda ctx, grad: grad, device_type="cpu").__name__
    '<lambda>'
    """
    device = _checked_type(device_type)
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args: Any, **kwargs: object) -> Any:
        with autocast(device, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorated
