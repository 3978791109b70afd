"""torch.fft: the ops of the table that belong here."""

from __future__ import annotations

from typing import Any

from tritonnn.table import NAMESPACES

globals().update(NAMESPACES["fft"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"tritonnn has no torch.fft.{name}")
