"""What programs tell a compiler about functions and tensors; there is none that would listen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = [
    "allow_in_graph", "assume_constant_result", "disable", "disallow_in_graph", "forbid_in_graph", "graph_break",
    "is_compiling", "mark_dynamic", "mark_static", "mark_static_address", "maybe_mark_dynamic", "reset",
    "substitute_in_graph",
]  # fmt: skip

F = TypeVar("F")


def _same(fn: F) -> F:
    """The function itself."""
    if not callable(fn) and not isinstance(fn, (list, tuple)):
        raise AssertionError(f"A callable is expected, but got {type(fn).__name__}")
    return fn


allow_in_graph = assume_constant_result = disallow_in_graph = forbid_in_graph = _same


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function itself, which runs eagerly anyway; without one, a decorator."""
    return _same if fn is None else _same(fn)


def substitute_in_graph(
    original_fn: Callable, *, can_constant_fold_through: bool = False, skip_signature_check: bool = False
) -> Callable[[F], F]:
    """A decorator that gives the function itself: the original is called, not what a compiler would put for it."""
    _same(original_fn)
    return _same


def graph_break(msg: str = "") -> None:
    """Nothing: there is no graph to break."""


def is_compiling() -> bool:
    """False."""
    return False


def mark_dynamic(
    t: object, index: object, *, min: int | None = None, max: int | None = None, **hints: object
) -> None:
    """Nothing: every size is taken as it comes."""


maybe_mark_dynamic = mark_static = mark_dynamic


def mark_static_address(t: object, guard: bool = False) -> None:
    """Nothing: no graph holds addresses."""


def reset() -> None:
    """Nothing: there are no compiled functions to forget."""
