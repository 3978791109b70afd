"""`torch._C._profiler`: what pickles that PyTorch wrote name of it."""

from __future__ import annotations

from tritonnn.profiler import ProfilerActivity

__all__ = ["ProfilerActivity"]
