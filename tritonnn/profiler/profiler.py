"""PyTorch's name for `_profile.py` and `_schedule.py`."""

from __future__ import annotations

from tritonnn.profiler._profile import ExecutionTraceObserver, profile, tensorboard_trace_handler
from tritonnn.profiler._schedule import ProfilerAction, ProfilerActivity, schedule

__all__ = [
    "ExecutionTraceObserver",
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "schedule",
    "tensorboard_trace_handler",
]
