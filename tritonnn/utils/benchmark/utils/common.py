"""What was measured: the statement, and the seconds that it took."""

from __future__ import annotations

import math
import statistics
import textwrap
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

import tritonnn

__all__ = [
    "Measurement", "TaskSpec", "ordered_unique", "select_unit", "set_torch_threads", "trim_sigfig", "unit_to_english",
]  # fmt: skip

MAX_FIGURES = 4
LEAST_INTERVAL = 25e-9  # seconds: a clock is not finer
WIDE, VERY_WIDE = 0.1, 0.25  # of the range of the middle half, as a share of the median
_UNITS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
_ENGLISH = {"ns": "nanosecond", "us": "microsecond", "ms": "millisecond", "s": "second"}


@dataclass(init=True, repr=False, eq=True, frozen=True)
class TaskSpec:
    """A statement with what it needs, and what it is called in tables.

    Args:
        stmt, setup, global_setup: what is timed, what runs before, and C++ that stands before both.
        label, sub_label, description: title of the table, of the row and of the column.
        env: what is different about the place where it ran.
        num_threads: how many threads it may use.
    """

    stmt: str
    setup: str
    global_setup: str = ""
    label: str | None = None
    sub_label: str | None = None
    description: str | None = None
    env: str | None = None
    num_threads: int = 1

    @property
    def title(self) -> str:
        """The label with the row's, or else the statement."""
        if self.label is not None:
            return self.label + (f": {self.sub_label}" if self.sub_label else "")
        return f"stmt:\n{textwrap.indent(self.stmt, '  ')}" if "\n" in self.stmt else self.stmt

    def setup_str(self) -> str:
        """The setup for people; '' where nothing is set up."""
        if self.setup == "pass" or not self.setup:
            return ""
        many = "\n" in self.setup
        return f"setup:\n{textwrap.indent(self.setup, '  ')}" if many else f"setup: {self.setup}"

    def summarize(self) -> str:
        """Title, description and setup below each other."""
        parts = [part for part in (self.title, self.description or "", self.setup_str()) if part]
        return "\n".join(f"{part}\n" if "\n" in part else part for part in parts)


@dataclass(init=True, repr=False)
class Measurement:
    """Seconds that a statement took.

    Args:
        number_per_run: how often the statement ran for each time.
        raw_times: seconds of each measurement.
        task_spec: what was measured.
        metadata: anything else.

    >>> from tritonnn.utils.benchmark import Measurement, TaskSpec
    >>> Measurement(10, [1e-3, 3e-3, 2e-3], TaskSpec("f()", "pass")).median
    0.0002
    """

    number_per_run: int
    raw_times: list[float]
    task_spec: TaskSpec
    metadata: dict[Any, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "task_spec" or not hasattr(self.task_spec, name):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        return getattr(self.task_spec, name)

    @property
    def times(self) -> list[float]:
        """Seconds of one run of the statement, by measurement."""
        return [seconds / self.number_per_run for seconds in self.raw_times]

    def _quantiles(self, *parts: float) -> list[float]:
        if not self.raw_times:
            raise ValueError("Measurement: there are no times, raw_times is empty")
        return [float(q) for q in np.quantile(np.asarray(self.times, np.float64), parts)]

    @property
    def median(self) -> float:
        """The middle time."""
        return self._quantiles(0.5)[0]

    @property
    def mean(self) -> float:
        """The mean time."""
        self._quantiles(0.5)
        return statistics.fmean(self.times)

    @property
    def iqr(self) -> float:
        """The range of the middle half of the times."""
        low, high = self._quantiles(0.25, 0.75)
        return high - low

    @property
    def significant_figures(self) -> int:
        """How many figures of the median mean something, by a 90% interval of the middle half's mean."""
        ordered = sorted(self.times)
        middle = ordered[len(ordered) // 4 : math.ceil(3 * len(ordered) / 4)]
        spread = statistics.stdev(middle) if len(middle) > 1 else 0.0
        interval = max(1.645 * spread / math.sqrt(len(middle)), LEAST_INTERVAL)
        return min(max(math.floor(math.log10(self.median / interval)), 1), MAX_FIGURES)

    @property
    def has_warnings(self) -> bool:
        """Whether the times vary much."""
        return not self.meets_confidence()

    def meets_confidence(self, threshold: float = WIDE) -> bool:
        """Whether the middle half lies within this share of the median."""
        return self.iqr / self.median < threshold

    @property
    def title(self) -> str:
        """That of the task."""
        return self.task_spec.title

    @property
    def env(self) -> str | None:
        """Where it ran."""
        return self.task_spec.env

    @property
    def as_row_name(self) -> str:
        """How its row in a table is called."""
        return self.sub_label or self.stmt or "[Unknown]"

    def __repr__(self) -> str:
        unit, scale = select_unit(self.median)
        kind = type(self)
        place = kind.__module__.replace("tritonnn", "torch", 1)
        lines = [f"<{place}.{kind.__name__} object at {hex(id(self))}>", self.task_spec.summarize()]
        count = len(self.raw_times)
        if count > 1:
            low, high = (q / scale for q in self._quantiles(0.25, 0.75))
            lines.append(f"  Median: {self.median / scale:.2f} {unit}")
            if count > 3:
                lines.append(f"  IQR:    {self.iqr / scale:.2f} {unit} ({low:.2f} to {high:.2f})")
        else:
            lines.append(f"  {self.median / scale:.2f} {unit}")
        runs = f"{self.number_per_run} runs {'per measurement' if count > 1 else ''}"
        threads = f"{self.num_threads} thread{'s' * (self.num_threads > 1)}"
        lines.append(f"  {count} measurement{'s' * (count > 1)}, {runs}, {threads}")
        if self.has_warnings:
            share = self.iqr / self.median
            lines.append(f"  WARNING: Interquartile range is {share * 100:.1f}% of the median measurement.")
            lines.append(
                "           This suggests significant environmental influence."
                if share >= VERY_WIDE
                else "           This could indicate system fluctuation."
            )
        return "\n".join(lines)

    @staticmethod
    def merge(measurements: Iterable[Measurement]) -> list[Measurement]:
        """Measurements of the same task and number of runs as one."""
        grouped: dict[TaskSpec, list[Measurement]] = {}
        for measurement in measurements:
            grouped.setdefault(measurement.task_spec, []).append(measurement)
        return [_merged(spec, group) for spec, group in grouped.items()]


def _merged(spec: TaskSpec, group: list[Measurement]) -> Measurement:
    if len({each.number_per_run for each in group}) == 1:
        return Measurement(group[0].number_per_run, [t for each in group for t in each.raw_times], spec)
    return Measurement(1, [t for each in group for t in each.times], spec)


def select_unit(t: float) -> tuple[str, float]:
    """The unit in which seconds are from 1 to 999, and its seconds.

    >>> from tritonnn.utils.benchmark import select_unit
    >>> select_unit(0.002)
    ('ms', 0.001)
    """
    power = min(max(math.floor(math.log10(t) / 3), -3), 0) if t > 0 else -3
    name = list(_UNITS)[power + 3]
    return name, _UNITS[name]


def unit_to_english(u: str) -> str:
    """A unit's name in words."""
    return _ENGLISH[u]


def trim_sigfig(x: float, n: int) -> float:
    """A number to so many significant figures.

    >>> from tritonnn.utils.benchmark import trim_sigfig
    >>> trim_sigfig(1234.0, 2)
    1200.0
    """
    if x == 0:
        return 0.0
    scale = 10 ** (math.floor(math.log10(abs(x))) + 1 - n)
    return float(round(x / scale) * scale)


def ordered_unique(elements: Iterable[Any]) -> list[Any]:
    """The different elements in the order in which they come first."""
    return list(dict.fromkeys(elements))


@contextmanager
def set_torch_threads(n: int) -> Iterator[None]:
    """A block that computes with so many threads."""
    before = tritonnn.get_num_threads()
    try:
        tritonnn.set_num_threads(n)
        yield
    finally:
        tritonnn.set_num_threads(before)
