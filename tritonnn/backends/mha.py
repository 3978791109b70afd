"""The inference path of attention layers that PyTorch calls the fast one.

tritonnn has one way for all calls, with the same results: the switch is kept for programs that set it.
"""

from __future__ import annotations

from tritonnn.backends._switches import boolean

_enabled = True


def get_fastpath_enabled() -> bool:
    """What `set_fastpath_enabled` was given."""
    return _enabled


def set_fastpath_enabled(value: bool) -> None:
    """A permission: results are the same with it and without."""
    global _enabled
    _enabled = boolean(value)
