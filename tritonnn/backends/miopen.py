"""AMD's MIOpen, which tritonnn does not use; `immediate` is kept for programs that set it."""

from __future__ import annotations

import sys
import types
from contextlib import AbstractContextManager

from tritonnn.backends._switches import boolean, install, switch, temporarily

immediate: bool


def flags(immediate: bool = False) -> AbstractContextManager[None]:
    """Context manager that sets the switch for its block."""
    return temporarily(sys.modules[__name__], immediate=immediate)


class _Miopen(types.ModuleType):
    immediate = switch("immediate", False, boolean)


install(__name__, _Miopen)
