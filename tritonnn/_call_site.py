"""Where in a user's program, and in which module of a network, the call that runs now was made."""

from __future__ import annotations

import linecache
import sys
from types import FrameType
from typing import Any, NamedTuple


class CallSite(NamedTuple):
    """A line of the program, the modules whose forward runs there, and the graph node whose backward runs there.

    Attributes:
        file: of the innermost line that is not the library's.
        line: its number.
        modules: the modules being called, innermost first.
        node: the node of the graph whose gradient is being computed, or None.
    """

    file: str
    line: int
    modules: tuple[Any, ...]
    node: Any

    def module_path(self) -> str:
        """The innermost module's dotted path from the outermost: 'layers.3.q_proj'; '' outside all modules."""
        if not self.modules:
            return ""
        inner, root = self.modules[0], self.modules[-1]
        path = next((name for name, child in root.named_modules() if child is inner), "")
        return path or type(inner).__name__

    def __str__(self) -> str:
        text = linecache.getline(self.file, self.line).strip()
        where = f"{self.file}:{self.line}" + (f": {text}" if text else "")
        path = self.module_path()
        return f"in module '{path}', {where}" if path else where


def call_site() -> CallSite:
    """Where the program has called the library, seen from the innermost call."""
    frame: FrameType | None = sys._getframe(1)
    file, line, node = "<unknown>", 0, None
    modules: list[Any] = []
    while frame is not None:
        name, code = frame.f_globals.get("__name__", ""), frame.f_code
        if name.partition(".")[0] != "tritonnn":
            if not line:
                file, line = code.co_filename, frame.f_lineno
        elif name == "tritonnn.nn.module" and code.co_name == "__call__":
            modules.append(frame.f_locals["self"])
        elif node is None and name == "tritonnn.recording.graph" and code.co_name == "apply":
            node = frame.f_locals["self"]
        frame = frame.f_back
    return CallSite(file, line, tuple(modules), node)
