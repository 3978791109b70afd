"""`torch.fx._compatibility`: a mark of what PyTorch promises to keep."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["compatibility"]

T = TypeVar("T")


def compatibility(is_backward_compatible: bool) -> Callable[[T], T]:
    """A decorator that notes in a docstring that a function may change; the function itself stays.

    >>> from tritonnn.fx._compatibility import compatibility
    >>> @compatibility(is_backward_compatible=False)
    ... def f():
    ...     "Does it."
    >>> f.__doc__.splitlines()[-1]
    'Not promised to stay as it is.'
    """

    def mark(function: T) -> T:
        if not is_backward_compatible:
            function.__doc__ = f"{function.__doc__ or ''}\n\nNot promised to stay as it is."
        return function

    return mark
