"""torch.nn.functional: the stateless versions of the layers, and what they are built on."""

from __future__ import annotations

from typing import Any

from tritonnn.ops._table import NAMESPACES

globals().update(NAMESPACES["functional"])


def __getattr__(name: str) -> Any:
    raise AttributeError(f"tritonnn has no torch.nn.functional.{name}")
