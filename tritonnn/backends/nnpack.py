"""NNPACK, which tritonnn does not use; `enabled` is kept for programs that set it."""

from __future__ import annotations

import sys
import types
from contextlib import AbstractContextManager

from tritonnn.backends._switches import boolean, install, switch, temporarily

__all__ = ["flags", "is_available", "set_flags"]

enabled: bool


def is_available() -> bool:
    """False: there is no NNPACK."""
    return False


def set_flags(_enabled: bool) -> tuple[bool]:
    """Set `enabled`; returns what it was."""
    module = sys.modules[__name__]
    before = module.enabled
    module.enabled = _enabled  # type: ignore[attr-defined]
    return (before,)


def flags(enabled: bool = False) -> AbstractContextManager[None]:
    """Context manager that sets the switch for its block."""
    return temporarily(sys.modules[__name__], enabled=enabled)


class _Nnpack(types.ModuleType):
    enabled = switch("enabled", True, boolean)


install(__name__, _Nnpack)
