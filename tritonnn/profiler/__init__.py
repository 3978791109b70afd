"""Where a program's time and memory go: `torch.profiler` ([docs/profiling.md](../../docs/profiling.md))."""

from __future__ import annotations

from tritonnn.profiler._events import DeviceType
from tritonnn.profiler._profile import (
    ExecutionTraceObserver,
    kineto_available,
    profile,
    supported_activities,
    tensorboard_trace_handler,
)
from tritonnn.profiler._ranges import record_function
from tritonnn.profiler._schedule import ProfilerAction, ProfilerActivity, schedule

__all__ = [
    "DeviceType", "ExecutionTraceObserver", "ProfilerAction", "ProfilerActivity", "kineto_available", "profile",
    "record_function", "schedule",
    "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip
