"""What functions that write operators for an exporter are decorated with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

__all__ = ["parse_args"]

F = TypeVar("F", bound=Callable)


def parse_args(*arg_descriptors: str) -> Callable[[F], F]:
    """Note of a function what its arguments are: 'v' a value, 'i' an int, 'f' a float, ...

    An exporter would turn the arguments into that; none calls the function here.
    """

    def note(function: F) -> F:
        function._arg_descriptors = arg_descriptors  # type: ignore[attr-defined]
        return function

    return note
