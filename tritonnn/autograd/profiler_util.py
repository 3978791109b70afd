"""PyTorch's name for the events of a profile: see `tritonnn/profiler/_events.py`."""

from __future__ import annotations

from tritonnn.profiler._events import EventList, FunctionEvent, FunctionEventAvg

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg"]
