"""Finding the function of an op's name in a family of backend files."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable
from typing import Any


def find(package: str, family: str, name: str) -> Callable[..., Any] | None:
    """The function `name` of a family: of the module `package.family`, or of a public module in that folder.

    None where there is no such family, or no such function in it.
    """
    if name.startswith("_"):
        return None
    path = f"{package}.{family}"
    try:
        module = importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name != path:
            raise
        return None
    for part in modules(module):
        function = vars(part).get(name)
        if callable(function):
            return function
    return None


def modules(family: Any) -> list[Any]:
    """The public modules of a family: itself where it is a file, those in it where it is a folder."""
    if not hasattr(family, "__path__"):
        return [family]
    names = sorted(info.name for info in pkgutil.iter_modules(family.__path__))
    return [
        importlib.import_module(f"{family.__name__}.{name}") for name in names if not name.startswith("_")
    ]


def place(package: str, family: str) -> str:
    """Where a function of the family belongs, for messages: a file, or a folder with a slash at its end."""
    folder = package.rsplit(".", 1)[-1]
    path = f"{package}.{family}"
    is_folder = importlib.util.find_spec(path) is not None and hasattr(
        importlib.import_module(path), "__path__"
    )
    return f"{folder}/{family}/" if is_folder else f"{folder}/{family}.py"
