"""Devices that programs ask for and that are never there: what `torch.mps`, `torch.xpu` and `torch.mtia` say."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn


def is_available() -> bool:
    """False: tritonnn has no backend for the device."""
    return False


def is_initialized() -> bool:
    """False: there is nothing to start."""
    return False


def device_count() -> int:
    """0."""
    return 0


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False: there is no such device."""
    return False


def nothing(*args: object, **kwargs: object) -> None:
    """Nothing: there is no device that this would concern."""


def refusing(device: str, name: str) -> Callable[..., NoReturn]:
    """A function that says that there is no such device."""

    def refuse(*args: object, **kwargs: object) -> NoReturn:
        raise RuntimeError(f"torch.{device}.{name}: tritonnn has no backend for the device {device}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"Refused: tritonnn has no backend for the device {device}."
    return refuse


def members(device: str, refused: str) -> dict[str, Callable]:
    """Functions by name, for a module that has some of its own."""
    return {name: refusing(device, name) for name in refused.split()}
