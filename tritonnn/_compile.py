"""`torch._compile._disable_dynamo`: nothing is compiled as a whole, so a function stays as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _disable_dynamo(fn: Callable | None = None, recursive: bool = True) -> Any:
    """The function, or a decorator that gives it."""
    return (lambda decorated: decorated) if fn is None else fn
