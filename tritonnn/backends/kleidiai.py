"""Arm's KleidiAI, which tritonnn does not use."""

from __future__ import annotations


def is_available() -> bool:
    """False: there is no KleidiAI."""
    return False
