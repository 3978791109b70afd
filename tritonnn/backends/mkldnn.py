"""oneDNN, which tritonnn does not use: the CPU runs NumPy. `enabled` and `deterministic` are kept for
programs that set them; what runs is deterministic."""

from __future__ import annotations

import sys
import types
from contextlib import AbstractContextManager

from tritonnn.backends._switches import boolean, install, switch, temporarily

enabled: bool
deterministic: bool


def is_available() -> bool:
    """False: there is no oneDNN."""
    return False


def flags(enabled: bool | None = None, deterministic: bool | None = None) -> AbstractContextManager[None]:
    """Context manager that sets switches for its block; those that are None stay as they are."""
    return temporarily(sys.modules[__name__], enabled=enabled, deterministic=deterministic)


VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION = 0, 1, 2


class verbose:
    """Context manager that would print what oneDNN does: nothing, for it is not called.

    Args:
        level: VERBOSE_OFF, VERBOSE_ON or VERBOSE_ON_CREATION.
    """

    def __init__(self, level: int) -> None:
        if level not in (VERBOSE_OFF, VERBOSE_ON, VERBOSE_ON_CREATION):
            raise AssertionError(f"verbose: level must be 0, 1 or 2, got {level}")
        self.level = level

    def __enter__(self) -> verbose:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass


class _Mkldnn(types.ModuleType):
    enabled = switch("enabled", True, boolean)
    deterministic = switch("deterministic", False, boolean)


install(__name__, _Mkldnn)
