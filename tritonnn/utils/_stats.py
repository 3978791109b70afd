"""How often functions are called, by name."""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
simple_call_counter: collections.OrderedDict[str, int] = collections.OrderedDict()


def count_label(label: str) -> None:
    """Count one more of a name."""
    simple_call_counter[label] = simple_call_counter.get(label, 0) + 1


def count(fn: Callable[P, R]) -> Callable[P, R]:
    """A function whose calls are counted under its name.

    >>> from tritonnn.utils._stats import count, simple_call_counter
    >>> @count
    ... def f(): ...
    >>> f(), f()
    (None, None)
    >>> simple_call_counter["f"]
    2
    """

    @functools.wraps(fn)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        count_label(fn.__qualname__)
        return fn(*args, **kwargs)

    return counted
