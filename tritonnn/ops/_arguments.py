"""What composites check of their arguments before they compute, in the words of dispatch."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor


def not_a_tensor(op: str, name: str, value: Any) -> TypeError:
    return TypeError(f"{op}(): argument '{name}' must be Tensor, not {type(value).__name__}")


def tensors_only(op: str, **given: Any) -> None:
    """Refuse what is no tensor, by the name of the argument."""
    for name, value in given.items():
        if not isinstance(value, Tensor):
            raise not_a_tensor(op, name, value)


def whole_number(op: str, name: str, value: Any) -> None:
    """Refuse what is no int."""
    if not hasattr(type(value), "__index__"):
        raise TypeError(f"{op}(): argument '{name}' must be int, not {type(value).__name__}")
