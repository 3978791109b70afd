"""Names and attributes that mean something else while a program is recorded."""

from __future__ import annotations

import builtins
import functools
from collections.abc import Callable
from typing import Any

from tritonnn.fx.node import map_aggregate
from tritonnn.fx.proxy import Proxy

_MISSING = object()
#: (id of a module's names, name) -> those names: functions that `wrap` was told
wrapped_functions: dict[tuple[int, str], dict[str, Any]] = {}
#: (class, method) that `wrap` was told
wrapped_methods: list[tuple[type, str]] = []


def find_proxy(*values: Any) -> Proxy | None:
    """The first proxy among values, in lists and dictionaries too."""
    found: list[Proxy] = []
    map_aggregate(values, lambda x: found.append(x) if isinstance(x, Proxy) else None)
    return found[0] if found else None


def recorded_function(original: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose call is one node where it is given a proxy."""

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return original(*args, **kwargs)
        result = proxy.tracer.create_proxy("call_function", original, args, kwargs)
        result.node.meta["is_wrapped"] = True
        return result

    return wrapped


def recorded_method(cls: type, name: str) -> Callable[..., Any]:
    """A method whose call is one node where it is given a proxy."""
    original = getattr(cls, name)

    @functools.wraps(original)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        proxy = find_proxy(args, kwargs)
        if proxy is None:
            return original(*args, **kwargs)
        return proxy.tracer.create_proxy("call_method", name, args, kwargs)

    return wrapped


class Patches:
    """A block at whose end all is as it was before."""

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []
        self._visited: set[int] = set()

    def __enter__(self) -> Patches:
        return self

    def __exit__(self, *exc_info: object) -> None:
        while self._undo:
            self._undo.pop()()
        self._visited.clear()

    def name(self, names: dict[str, Any], name: str, value: Any) -> None:
        """Let a name of a module, or one of Python's that it uses, mean something else."""
        if getattr(names.get(name), "__fx_already_patched", False):
            return
        value.__fx_already_patched = True
        before = names.get(name, _MISSING)
        self._undo.append(
            (lambda: names.pop(name, None)) if before is _MISSING else lambda: names.__setitem__(name, before)
        )
        names[name] = value

    def method(self, cls: type, name: str, value: Any) -> None:
        """Let a method be another."""
        own = vars(cls).get(name, _MISSING)
        if getattr(own, "__fx_already_patched", False):
            return
        value.__fx_already_patched = True
        self._undo.append(
            (lambda: delattr(cls, name)) if own is _MISSING else lambda: setattr(cls, name, own)
        )
        setattr(cls, name, value)

    def visit_once(self, names: dict[str, Any]) -> bool:
        """Whether these names are seen for the first time."""
        first = id(names) not in self._visited
        self._visited.add(id(names))
        return first


def patch_wrapped(patches: Patches) -> None:
    """Record the calls of all that `wrap` was told."""
    for (_, name), names in [*wrapped_functions.items()]:
        original = names.get(name, getattr(builtins, name, _MISSING))
        if original is not _MISSING:
            patches.name(names, name, recorded_function(original))
    for cls, name in wrapped_methods:
        patches.method(cls, name, recorded_method(cls, name))


def autowrap(patches: Patches, names: dict[str, Any], functions: set[int]) -> None:
    """Record the calls of functions that a module knows, where they are among `functions`, by id."""
    if patches.visit_once(names):
        for name, value in [*names.items()]:
            if not name.startswith("_") and callable(value) and id(value) in functions:
                patches.name(names, name, recorded_function(value))
