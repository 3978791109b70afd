"""`torch.utils.benchmark`: how long statements take, and tables that compare them."""

from __future__ import annotations

from tritonnn.utils.benchmark.utils.common import (
    Measurement,
    TaskSpec,
    ordered_unique,
    select_unit,
    set_torch_threads,
    trim_sigfig,
    unit_to_english,
)
from tritonnn.utils.benchmark.utils.compare import Colorize, Compare
from tritonnn.utils.benchmark.utils.timer import Language, Timer, timer

__all__ = [
    "Colorize", "Compare", "Language", "Measurement", "TaskSpec", "Timer", "ordered_unique", "select_unit",
    "set_torch_threads", "timer", "trim_sigfig", "unit_to_english",
]  # fmt: skip


def __getattr__(name: str) -> object:
    raise AttributeError(f"tritonnn has no torch.utils.benchmark.{name}; there are {', '.join(__all__)}")
