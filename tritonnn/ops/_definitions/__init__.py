"""What ops compute, in NumPy and independently of them: the `reference=` of entries too long for a line.

Only tests ask for them, so what `from tritonnn.ops._definitions import shape` gives is a module that is imported when
one of its definitions is asked for.
"""

from __future__ import annotations

import importlib
from typing import Any

from tritonnn.table.entry import Later


class _Module:
    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Later:
        return Later(lambda: getattr(importlib.import_module(f"{__name__}.{self._name}"), name))


def __getattr__(name: str) -> Any:
    if name.startswith("_"):
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return _Module(name)
