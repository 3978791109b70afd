"""torch.autograd.profiler_util: the events of profilers."""

from __future__ import annotations

from tritonnn.profiler._events import DeviceType, EventList, FunctionEvent, FunctionEventAvg, Interval

__all__ = ["DeviceType", "EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]
