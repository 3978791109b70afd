"""What an entry's body says of itself: its parameters, their defaults, the family of its module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def all_positional(function: Callable) -> Callable:
    """The rule with its keyword-only parameters taken by position, as dispatch passes them."""
    code = function.__code__
    if not code.co_kwonlyargcount:
        return function
    count = code.co_argcount
    names = code.co_varnames[count : count + code.co_kwonlyargcount]
    return lambda *args: function(*args[:count], **dict(zip(names, args[count:], strict=True)))


def defaults_of(function: Callable, names: tuple[str, ...]) -> dict[str, Any]:
    given = function.__defaults__ or ()
    positional = names[: function.__code__.co_argcount]
    defaults = dict(zip(positional[len(positional) - len(given) :], given, strict=True))
    defaults.update(function.__kwdefaults__ or {})
    return defaults


def family_of(module: str) -> str:
    """tritonnn.ops.loss.margin -> loss; outside the package the last part of the name."""
    parts = module.split(".")
    return parts[2] if parts[:2] == ["tritonnn", "ops"] and len(parts) > 2 else parts[-1]
