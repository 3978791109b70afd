"""What an entry's body says of itself: its parameters, their defaults, the package and family of its module."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from tritonnn._families import OWN


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


def place_of(module: str) -> tuple[str, str]:
    """The package of an entry's module and its family: tritonnn.ops.loss.margin -> tritonnn, loss.

    Of `acme.ops.loss` and of `acme.loss` it is family `loss` of package `acme`; modules outside of all packages count
    as the library's.
    """
    package, ops, rest = module.partition(".ops.")
    if ops:
        return package, rest.partition(".")[0]
    package, _, family = module.rpartition(".")
    return (OWN if not package or package.partition(".")[0] == OWN else package), family


def plain_note(note: Any) -> str:
    """An annotation as the library writes it: `torch.Tensor`, or the class itself, is 'Tensor'."""
    text = note if isinstance(note, str) else note.__name__ if isinstance(note, type) else str(note)
    return re.sub(r"\b(?:\w+\.)+(?=\w)", "", text)
