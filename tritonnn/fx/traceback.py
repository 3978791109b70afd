"""Notes that every node which is recorded in a block gets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

__all__ = [
    "annotate", "format_stack", "get_current_meta", "has_preserved_node_meta", "preserve_node_meta",
    "set_current_meta", "set_stack_trace",
]  # fmt: skip

_current: dict[str, Any] = {}
_preserving = False


@contextlib.contextmanager
def preserve_node_meta(enable: bool = True) -> Iterator[None]:
    """A block in which recorded nodes get the current notes."""
    global _preserving, _current
    before = _preserving, _current
    _preserving, _current = enable or _preserving, dict(_current)
    try:
        yield
    finally:
        _preserving, _current = before


@contextlib.contextmanager
def annotate(annotation_dict: dict[str, Any]) -> Iterator[None]:
    """A block whose nodes have the entries in `meta["custom"]`."""
    before = _current.get("custom")
    _current["custom"] = {**(before or {}), **annotation_dict}
    try:
        yield
    finally:
        if before is None:
            _current.pop("custom", None)
        else:
            _current["custom"] = before


@contextlib.contextmanager
def set_current_meta(node: Any, pass_name: str = "") -> Iterator[None]:
    """A block in which nodes get the notes of `node`, where they are preserved."""
    global _current
    before = _current
    if _preserving and node.meta:
        _current = node.meta.copy()
    try:
        yield
    finally:
        _current = before


def set_stack_trace(stack: list[str]) -> None:
    """Note where nodes come from."""
    if _preserving and stack:
        _current["stack_trace"] = "".join(stack)


def format_stack() -> list[str]:
    """Where nodes come from, by the current notes."""
    if _preserving:
        return [_current.get("stack_trace", "")]
    import traceback

    return traceback.format_list(traceback.extract_stack()[:-1])


def has_preserved_node_meta() -> bool:
    """Whether recorded nodes get notes."""
    return _preserving


def get_current_meta() -> dict[str, Any]:
    """The notes."""
    return _current
