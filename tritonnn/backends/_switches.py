"""Modules whose attributes are checked when they are set."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


def switch(name: str, default: Any, accept: Callable[[Any], Any]) -> Any:
    """A property that holds a value which `accept` checks; its documentation goes where it is defined."""

    def read(self: Any) -> Any:
        return self.__dict__.get(f"_{name}", default)

    def write(self: Any, value: Any) -> None:
        self.__dict__[f"_{name}"] = accept(value)

    return property(read, write)


def boolean(value: Any) -> bool:
    """A bool; anything else is refused."""
    if not isinstance(value, bool):
        raise TypeError(f"expected a bool, got {type(value).__name__}")
    return value


def install(module: str, kind: type[types.ModuleType]) -> None:
    """Give a module properties: those of `kind`."""
    sys.modules[module].__class__ = kind


@contextmanager
def temporarily(module: Any, **values: Any) -> Iterator[None]:
    """Set attributes for a block; None leaves one as it is."""
    before = {name: getattr(module, name) for name, value in values.items() if value is not None}
    try:
        for name in before:
            setattr(module, name, values[name])
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
