"""The device of new tensors as a block or a decorator, by the names that packages use."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tritonnn.device import device as Device

__all__ = ["DeviceContext", "set_device"]


class DeviceContext:
    """A block in which new tensors are made on a device.

    >>> import tritonnn as torch
    >>> from tritonnn.utils._device import DeviceContext
    >>> with DeviceContext("meta"):
    ...     torch.ones(2).device
    device(type='meta')
    """

    def __init__(self, device: Any) -> None:
        self.device = Device(device)

    def __enter__(self) -> DeviceContext:
        self.device.__enter__()
        return self

    def __exit__(self, *exc_info: Any) -> None:
        self.device.__exit__(*exc_info)


def set_device(device: Any) -> Callable[[Callable], Callable]:
    """A decorator: the function runs within such a block."""
    place = Device(device)

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def called(*args: Any, **kwargs: Any) -> Any:
            with place:
                return function(*args, **kwargs)

        return called

    return decorate
