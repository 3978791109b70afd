"""Signatures and public attributes of torchvision's modules beside ours."""

from __future__ import annotations

import enum
import functools
import inspect
from types import ModuleType
from typing import Any


def public(module: ModuleType) -> dict[str, Any]:
    """The functions and classes that a module defines itself, private ones left out."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and callable(value)
        and getattr(value, "__module__", None) == module.__name__
    }


def described(default: Any) -> Any:
    """A default, such that equal ones of two libraries are equal."""
    if isinstance(default, functools.partial):
        keywords = {key: described(value) for key, value in default.keywords.items()}
        return "partial", default.func.__name__, default.args, keywords
    if isinstance(default, enum.Enum):
        return type(default).__name__, default.name
    if isinstance(default, type) or inspect.isroutine(default):
        return default.__name__
    return default


def parameters(function: Any) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults, in order."""
    return [
        (name, parameter.kind, described(parameter.default))
        for name, parameter in inspect.signature(function).parameters.items()
    ]


def differences(ours: ModuleType, theirs: ModuleType) -> dict[str, Any]:
    """Per name: that it is missing, its two signatures where they differ, or the attributes that a class lacks."""
    found: dict[str, Any] = {}
    for name, wanted in public(theirs).items():
        got = getattr(ours, name, None)
        if got is None:
            found[name] = "missing"
            continue
        if isinstance(wanted, type) and issubclass(wanted, enum.Enum):
            continue
        if parameters(got) != parameters(wanted):
            found[name] = (parameters(got), parameters(wanted))
        if isinstance(wanted, type):
            lacking = [key for key in vars(wanted) if not key.startswith("__") and not hasattr(got, key)]
            found.update({f"{name}.{key}": "missing" for key in lacking})
    return found
