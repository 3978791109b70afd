"""Floating-point warnings off while a backend runs: infinities and NaN are results like others."""

from __future__ import annotations

from typing import Any

import numpy as np

QUIET: Any = None

try:  # the switch behind np.errstate, without its cost of most of a small op
    from numpy._core.umath import _extobj_contextvar, _make_extobj

    QUIET = _make_extobj(all="ignore")
    quiet_set, quiet_reset = _extobj_contextvar.set, _extobj_contextvar.reset
except ImportError:  # another NumPy keeps it elsewhere: the public, slower way

    def quiet_set(_: object) -> Any:
        """Switch the warnings off; returns what `quiet_reset` takes."""
        manager = np.errstate(all="ignore")
        manager.__enter__()
        return manager

    def quiet_reset(manager: Any) -> None:
        """Restore the warnings."""
        manager.__exit__(None, None, None)
