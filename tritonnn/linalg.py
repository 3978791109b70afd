"""torch.linalg: the ops of the table that belong here."""

from __future__ import annotations

from typing import Any

from tritonnn.errors import LinAlgError as LinAlgError
from tritonnn.table import NAMESPACES

globals().update(NAMESPACES["linalg"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"tritonnn has no torch.linalg.{name}")
