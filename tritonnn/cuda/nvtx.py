"""Named ranges in a profiler's timeline, through NVIDIA's nvtx package; without it they are only nested."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]


class _Open(threading.local):
    def __init__(self) -> None:
        self.depth = 0


_open = _Open()
_library: Any = None


def _nvtx() -> Any:
    """The nvtx package, or False: ranges then show nowhere."""
    global _library
    if _library is None:
        try:
            _library = importlib.import_module("nvtx")
        except ImportError:
            _library = False
    return _library


def range_push(msg: str) -> int:
    """Open a range inside those open in this thread; returns its depth, from 0.

    Args:
        msg: its name.

    >>> import tritonnn as torch
    >>> torch.cuda.nvtx.range_push("step"), torch.cuda.nvtx.range_push("forward")
    (0, 1)
    >>> torch.cuda.nvtx.range_pop(), torch.cuda.nvtx.range_pop()
    (1, 0)
    """
    if _nvtx():
        _nvtx().push_range(msg)
    _open.depth += 1
    return _open.depth - 1


def range_pop() -> int:
    """Close the innermost range of this thread; returns its depth, or -2 where none was open.

    >>> import tritonnn as torch
    >>> torch.cuda.nvtx.range_pop()
    -2
    """
    if _open.depth == 0:
        return -2
    if _nvtx():
        _nvtx().pop_range()
    _open.depth -= 1
    return _open.depth


def range_start(msg: str) -> Any:
    """Open a range that another thread may close; returns what `range_end` takes.

    Args:
        msg: its name.

    >>> import tritonnn as torch
    >>> loading = torch.cuda.nvtx.range_start("loading")
    >>> torch.cuda.nvtx.range_end(loading)
    """
    return _nvtx().start_range(msg) if _nvtx() else None


def range_end(range_id: Any) -> None:
    """Close a range from `range_start`.

    Args:
        range_id: what `range_start` returned.

    >>> import tritonnn as torch
    >>> torch.cuda.nvtx.range_end(torch.cuda.nvtx.range_start("loading"))
    """
    if _nvtx() and range_id is not None:
        _nvtx().end_range(range_id)


def mark(msg: str) -> None:
    """Mark a moment.

    Args:
        msg: its name.

    >>> import tritonnn as torch
    >>> torch.cuda.nvtx.mark("epoch 1")
    """
    if _nvtx():
        _nvtx().mark(msg)


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """Context manager and decorator: a range named by `msg`, formatted with the arguments.

    Args:
        msg: the name, with places for the arguments as `str.format` has them.

    >>> import tritonnn as torch
    >>> with torch.cuda.nvtx.range("step {}", 3):
    ...     x = torch.ones(2)
    """
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
