"""Apple's GPUs, which tritonnn does not run on."""

from __future__ import annotations


def is_available() -> bool:
    """False: tritonnn does not run on Apple's GPUs.

    >>> import tritonnn as torch
    >>> torch.backends.mps.is_available()
    False
    """
    return False


def is_built() -> bool:
    """False: tritonnn has no support for Apple's GPUs."""
    return False


def is_macos13_or_newer(minor: int = 0) -> bool:
    """False: tritonnn does not ask."""
    return False


def is_macos_or_newer(major: int, minor: int) -> bool:
    """False: tritonnn does not ask."""
    return False
