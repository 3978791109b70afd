"""Finding the function of an op's name in a family of backend files."""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable, Iterable
from typing import Any

OWN = "tritonnn"  # the library's own package, beside those of others that have entries


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
        if error.name not in (path, package):
            raise
        return None
    for part in modules(module):
        function = vars(part).get(name)
        if callable(function):
            return function
    return None


def public_names(folders: Iterable[str]) -> list[str]:
    """The modules and packages in folders, without those of an underscore; pkgutil takes ten times as long."""
    names = {
        entry.removesuffix(".py")
        for folder in folders
        for entry in os.listdir(folder)
        if entry.endswith(".py") or os.path.exists(os.path.join(folder, entry, "__init__.py"))
    }
    return sorted([name for name in names if not name.startswith("_")])


def modules(family: Any) -> list[Any]:
    """The public modules of a family: itself where it is a file, those in it where it is a folder."""
    if not hasattr(family, "__path__"):
        return [family]
    return [importlib.import_module(f"{family.__name__}.{name}") for name in public_names(family.__path__)]


def place(package: str, family: str) -> str:
    """Where a function of the family belongs, for messages: a file, or a folder with a slash at its end."""
    folder = package.removeprefix("tritonnn.").replace(".", "/")
    path = f"{package}.{family}"
    there = importlib.util.find_spec(package) is not None and importlib.util.find_spec(path) is not None
    is_folder = there and hasattr(importlib.import_module(path), "__path__")
    return f"{folder}/{family}/" if is_folder else f"{folder}/{family}.py"
