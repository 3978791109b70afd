"""Timing a statement: as Python's `timeit`, with a GPU waited for and a number of threads."""

from __future__ import annotations

import enum
import textwrap
import timeit
from collections.abc import Callable
from typing import Any, NoReturn

import tritonnn
from tritonnn.utils.benchmark.utils.common import Measurement, TaskSpec, set_torch_threads

__all__ = ["Language", "Timer", "timer"]


def timer() -> float:
    """The clock's seconds, after all that was given to a GPU is done."""
    if tritonnn.cuda.is_available():
        tritonnn.cuda.synchronize()
    return timeit.default_timer()


class Language(enum.Enum):
    """What the statements are written in."""

    PYTHON = 0
    CPP = 1


class Timer:
    """Times a statement.

    Args:
        stmt: Python that is timed.
        setup: Python that runs before.
        global_setup: only for C++.
        timer: gives seconds.
        globals: what the statement finds.
        label, sub_label, description, env: see `TaskSpec`.
        num_threads: how many threads it may use.
        language: Python; C++ is refused.

    Raises:
        ValueError: the language is not Python, or global_setup is given.

    >>> from tritonnn.utils.benchmark import Timer
    >>> Timer("x + x", globals={"x": 3}).timeit(100).number_per_run
    100
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Callable[[], float] = timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Language | str = Language.PYTHON,
    ) -> None:
        if not isinstance(stmt, str):
            raise ValueError(f"Currently only a `str` stmt is supported, got {type(stmt).__name__}.")
        if language not in (Language.PYTHON, "py", "python"):
            raise ValueError(f"Timer: language {language!r} is not Python: there is no compiler for others")
        if global_setup:
            raise ValueError(
                f"global_setup is C++ only, got `{global_setup}`. Most likely this code can simply be moved to `setup`."
            )
        stmt, setup = textwrap.dedent(stmt).strip(), textwrap.dedent(setup).strip()
        given = {"torch": tritonnn, **(globals or {})}
        self._timer = timeit.Timer(stmt=stmt, setup=setup, timer=timer, globals=given)
        self._task_spec = TaskSpec(
            stmt=stmt, setup=setup, label=label, sub_label=sub_label, description=description, env=env,
            num_threads=num_threads,
        )  # fmt: skip

    def _seconds(self, number: int) -> float:
        return max(self._timer.timeit(number), 1e-9)

    def timeit(self, number: int = 1000000) -> Measurement:
        """One measurement of so many runs, after some that are not counted."""
        with set_torch_threads(self._task_spec.num_threads):
            self._seconds(max(number // 100, 2))
            return Measurement(number, [self._seconds(number)], self._task_spec)

    def repeat(self, repeat: int = -1, number: int = -1) -> NoReturn:
        """Refused as in PyTorch: `timeit` is what to call."""
        raise NotImplementedError("See `Timer.timeit` or `Timer.blocked_autorange`.")

    def autorange(self, callback: Callable[[int, float], NoReturn] | None = None) -> NoReturn:
        """Refused as in PyTorch: `blocked_autorange` is what to call."""
        raise NotImplementedError("See `Timer.blocked_autorange`.")

    def _block_size(self, min_run_time: float) -> int:
        """So many runs that asking the clock costs nothing in comparison."""
        with set_torch_threads(self._task_spec.num_threads):
            overhead = sorted(self._seconds(0) for _ in range(5))[2]
            number = 1
            while True:
                seconds = self._seconds(number)
                if (overhead / seconds <= 1e-4 and seconds >= min_run_time / 1000) or seconds > min_run_time:
                    return number
                number *= 10

    def _blocks(
        self, number: int, done: Callable[[list[float]], bool], callback: Callable[[int, float], Any] | None
    ) -> list[float]:
        times: list[float] = []
        with set_torch_threads(self._task_spec.num_threads):
            while not times or not done(times):
                times.append(self._seconds(number))
                if callback is not None:
                    callback(number, times[-1])
        return times

    def blocked_autorange(
        self, callback: Callable[[int, float], NoReturn] | None = None, min_run_time: float = 0.2
    ) -> Measurement:
        """Measurements until they have taken so many seconds together.

        Args:
            callback: called with the number of runs and the seconds of each measurement.
            min_run_time: in seconds.
        """
        number = self._block_size(min_run_time)
        times = self._blocks(number, lambda times: sum(times) >= min_run_time, callback)
        return Measurement(number, times, self._task_spec)

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Callable[[int, float], NoReturn] | None = None,
    ) -> Measurement:
        """Measurements until they vary little.

        Args:
            threshold: the middle half lies within this share of the median in the end.
            min_run_time, max_run_time: seconds after which to look for the first time, and to end anyway.
            callback: called with the number of runs and the seconds of each measurement.
        """
        number = self._block_size(0.05)
        looked = [0.0]

        def done(times: list[float]) -> bool:
            total = sum(times)
            if total < max(min_run_time, looked[0]):
                return False
            looked[0] = total + min_run_time
            steady = len(times) > 3 and Measurement(number, times, self._task_spec).meets_confidence(
                threshold
            )
            return steady or total >= max_run_time

        return Measurement(number, self._blocks(number, done, callback), self._task_spec)

    def collect_callgrind(self, number: int = 100, **options: object) -> NoReturn:
        """Refused: instructions are not counted.

        Raises:
            NotImplementedError: always.
        """
        raise NotImplementedError(
            "Timer.collect_callgrind: Valgrind's count of instructions is not used. Hint: torch.profiler has counts "
            "and times"
        )
