"""Libraries for sound files, which packages import and these tests do not use: empty modules where they are absent."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType


def put_in(monkeypatch, *names: str) -> None:
    """Let `import name` give an empty module where nothing of that name is installed."""
    for name in names:
        if importlib.util.find_spec(name) is None:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
