"""OpenMP, which tritonnn does not use."""

from __future__ import annotations


def is_available() -> bool:
    """False: tritonnn has no compiled CPU code of its own."""
    return False
