"""The CPU seen as a device: what `torch.cuda` has names for, where there is one device and no queue."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__all__ = [
    "amp",
    "current_device",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "synchronize",
]

if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.cpu import amp
else:

    def __getattr__(name: str) -> Any:
        if name == "amp":
            return importlib.import_module("tritonnn.cpu.amp")
        raise AttributeError(f"tritonnn has no torch.cpu.{name}")


def is_available() -> bool:
    """True.

    >>> import tritonnn as torch
    >>> torch.cpu.is_available()
    True
    """
    return True


def is_initialized() -> bool:
    """True.

    >>> import tritonnn as torch
    >>> torch.cpu.is_initialized()
    True
    """
    return True


def device_count() -> int:
    """1.

    >>> import tritonnn as torch
    >>> torch.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """'cpu'.

    >>> import tritonnn as torch
    >>> torch.cpu.current_device()
    'cpu'
    """
    return "cpu"


def set_device(device: Any) -> None:
    """Nothing: there is one.

    >>> import tritonnn as torch
    >>> torch.cpu.set_device("cpu")
    """


def synchronize(device: Any = None) -> None:
    """Nothing: a call on the CPU has ended when it returns.

    >>> import tritonnn as torch
    >>> torch.cpu.synchronize()
    """
