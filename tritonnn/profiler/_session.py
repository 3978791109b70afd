"""A stretch that is recorded: what both profilers, `torch.profiler` and `torch.autograd.profiler`, are made of."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

from tritonnn.device import runtime
from tritonnn.profiler._events import EventList, FunctionEventAvg, events_of
from tritonnn.profiler._recorder import Recorder, Wishes
from tritonnn.profiler._trace import write_trace
from tritonnn.utils.flop_counter import flops_of


def gpu_is_there() -> bool:
    """Whether there is a GPU, be it simulated."""
    from tritonnn.cuda import is_available

    return is_available()


def gpu_is_simulated() -> bool:
    """Whether what there is computes on the host, whose clock then times it."""
    from tritonnn.runtime.simulated import SimulatedRuntime

    return isinstance(runtime(), SimulatedRuntime)


class Session:
    """Recording, and what was recorded since it began."""

    def __init__(self, wishes: Wishes) -> None:
        self.wishes = wishes
        self.recorder: Recorder | None = None
        self.recorded: EventList | None = None
        self.began_ns = 0

    def start(self) -> None:
        """Begin."""
        self.recorder = Recorder(self.wishes, flops_of)
        self.began_ns = 0
        self.recorder.start()

    def stop(self, keep: EventList | None = None) -> None:
        """End, and make events of what was noted, behind those that are kept."""
        if self.recorder is None:
            return
        self.recorder.stop()
        found, self.began_ns = events_of(self.recorder), self.recorder.began_ns
        self.recorder = None
        self.recorded = found if keep is None else found._like([*keep, *found])

    def events(self) -> EventList:
        """What was recorded.

        Raises:
            AssertionError: nothing was, or it has not ended.
        """
        if self.recorded is None:
            raise AssertionError("Profiler didn't finish running: it has no events before it has stopped")
        return self.recorded

    def export(self, path: str, more: dict[str, object]) -> None:
        """Write a Chrome trace."""
        wishes = self.wishes
        flags = {
            "record_shapes": wishes.shapes, "profile_memory": wishes.memory, "with_stack": wishes.stack,
            "with_flops": wishes.flops, "with_modules": wishes.modules,
        }  # fmt: skip
        told: dict[str, object] = {name: 1 for name, on in flags.items() if on}
        if wishes.gpu and gpu_is_there():
            told["deviceClock"] = "host" if gpu_is_simulated() else "device"
        write_trace(path, self.events(), {**told, **more}, self.began_ns)


class Reports:
    """What both profilers say of what they recorded."""

    _session: Session

    def events(self) -> EventList:
        """Every call and range, in the order in which they began."""
        return self._session.events()

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Sums and averages by name.

        Args:
            group_by_input_shape: whether calls with other shapes are apart.
            group_by_stack_n: by how many of the innermost lines of the program calls are apart.
        """
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def total_average(self) -> FunctionEventAvg:
        """All calls and ranges in one."""
        return self.events().total_average()

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write stacks with their time, a line each, as flame graphs are drawn from.

        Args:
            path: of the file.
            metric: "self_cpu_time_total" or "self_cuda_time_total".
        """
        if not self._session.wishes.stack:
            raise AssertionError(
                "export_stacks() requires with_stack=True: the profiler has no stacks without"
            )
        self.events().export_stacks(path, metric)

    def export_memory_timeline(self, path: str, device: str | None = None) -> None:
        """Refused: when memory is given back is not noted, so there is no timeline of it."""
        raise NotImplementedError(
            "export_memory_timeline(): when memory is given back is not noted. Hint: profile_memory=True and "
            "key_averages().table(sort_by='self_cpu_memory_usage') show what calls allocated; of a GPU "
            "torch.cuda.memory_summary() tells the rest"
        )

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of the host."""
        return self.events().self_cpu_time_total


Handler = Callable[[Any], Any]
Raised = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
