"""The gradient's formula of an op that has none."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tritonnn._tensor import Tensor


def no_derivative(name: str) -> Callable:
    """A formula that says that the op has no derivative."""

    def refuse(g: Tensor) -> Tensor:
        raise RuntimeError(f"derivative for aten::{name} is not implemented")

    return refuse
