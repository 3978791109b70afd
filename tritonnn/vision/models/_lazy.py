"""Packages whose names are imported from their modules when somebody asks for them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, names: Mapping[str, Iterable[str]], modules: Iterable[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package.

    Args:
        package: its `__name__`.
        names: what each of its modules has for users; the modules are attributes as well.
        modules: further modules that are attributes.

    A module with a function of its own name must be imported by the package itself: importing it later would put
    the module in the function's place.
    """
    home = {name: module for module, listed in names.items() for name in listed}
    parts = {*names, *modules}

    def get(name: str) -> Any:
        if name in home:
            value = getattr(importlib.import_module(f"{package}.{home[name]}"), name)
            setattr(sys.modules[package], name, value)
            return value
        if name in parts:
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(
            f"module '{package}' has no attribute '{name}'", name=name, obj=sys.modules[package]
        )

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home, *parts})

    return get, listing, list(home)
