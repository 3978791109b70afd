"""Where the calls behind graph nodes were made, as anomaly mode keeps it."""

from __future__ import annotations

import sys
import traceback
from types import FrameType
from typing import Any, NamedTuple

from tritonnn.recording.grad_mode import state

INNER = (
    "tritonnn.ops",
    "tritonnn.dispatch",
    "tritonnn.recording",
    "tritonnn.autograd",
)  # below what users call


class Trace(NamedTuple):
    """The stack at a call, and the node whose backward made it, if one did."""

    lines: list[str]
    parent: Any


def trace_here() -> Trace:
    """The stack down to what the program called; the library's own frames below that are left out."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").startswith(INNER):
        frame = frame.f_back
    return Trace(traceback.format_stack(frame), state.running)
