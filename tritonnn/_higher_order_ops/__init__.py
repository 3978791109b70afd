"""Functions that take functions of tensors, as programs import them from PyTorch."""

from __future__ import annotations

from tritonnn._higher_order_ops.associative_scan import associative_scan

__all__ = ["associative_scan"]


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch._higher_order_ops.{name}")
