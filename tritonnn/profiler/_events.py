"""Events as programs read them: of one call or range, and averages over those of a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from enum import Enum
from typing import Any, NamedTuple

from tritonnn.profiler._recorder import Note, Recorder


class DeviceType(Enum):
    """Where an event ran."""

    CPU = 0
    CUDA = 1


class Interval(NamedTuple):
    """A stretch of time, in microseconds since the profiler began."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """How long it is."""
        return self.end - self.start


class Kernel(NamedTuple):
    """What an event had a GPU do."""

    name: str
    device: int
    duration: float
    start: float


def spoken(microseconds: float) -> str:
    """A time as text: in seconds, milliseconds or microseconds."""
    for limit, unit in ((1e6, "s"), (1e3, "ms")):
        if microseconds >= limit:
            return f"{microseconds / limit:.3f}{unit}"
    return f"{microseconds:.3f}us"


class _Times:
    """Times as text, and by older names."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time_total: float
    self_device_time_total: float
    device_memory_usage: int
    self_device_memory_usage: int

    @property
    def cpu_time(self) -> float:
        """Of the host, a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self) -> float:
        """Of the GPU, a call."""
        return self.device_time_total / self.count if self.count else 0.0

    cpu_time_total_str = property(lambda self: spoken(self.cpu_time_total))
    self_cpu_time_total_str = property(lambda self: spoken(self.self_cpu_time_total))
    cpu_time_str = property(lambda self: spoken(self.cpu_time))
    device_time_total_str = property(lambda self: spoken(self.device_time_total))
    self_device_time_total_str = property(lambda self: spoken(self.self_device_time_total))
    device_time_str = property(lambda self: spoken(self.device_time))
    cuda_time = property(lambda self: self.device_time)
    cuda_time_total = property(lambda self: self.device_time_total)
    self_cuda_time_total = property(lambda self: self.self_device_time_total)
    cuda_memory_usage = property(lambda self: self.device_memory_usage)
    self_cuda_memory_usage = property(lambda self: self.self_device_memory_usage)


class FunctionEvent(_Times):
    """One call of an operator, or one range.

    Attributes:
        name, key: such as 'aten::add', or the name of the range.
        time_range: when it ran.
        thread: the system's number of its thread.
        input_shapes: a list of sizes for each argument, where they were asked for.
        stack: the program's lines that led here, innermost first.
        module_hierarchy: classes of the modules that ran, outermost first, joined by dots.
        flops: floating-point operations.
        cpu_parent, cpu_children: the event around, and those directly within.
        kernels: what it had a GPU do.
    """

    count = 1
    node_id = sequence_nr = -1
    is_async = is_remote = is_legacy = False
    overload_name = ""

    def __init__(self, number: int, note: Note, zero: float) -> None:
        self.id, self.name = number, note.name
        self.key = self.trace_name = note.name
        self.thread, self.kind = note.thread, note.kind
        self.time_range = Interval(note.begin - zero, note.end - zero)
        self.input_shapes, self.input_strides, self.input_dtypes = note.shapes, note.strides, note.dtypes
        self.concrete_inputs = note.concrete
        self.stack, self.module_hierarchy = note.stack, note.modules
        self.flops, self.is_backward = note.flops, note.backward
        self.is_user_annotation = note.kind != "cpu_op"
        self.scope = 7 if self.is_user_annotation else int(note.backward)  # of PyTorch's record scopes
        self.device_type = DeviceType.CPU
        self.cpu_memory_usage = note.bytes["cpu"]
        self.device_memory_usage = note.bytes["cuda"]
        self.kernels: list[Kernel] = []
        if note.gpu_index is not None:
            self.kernels.append(Kernel(note.name, note.gpu_index, note.gpu_us, note.gpu_begin - zero))
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds of the host."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """Microseconds of the host, without the events within."""
        return self.cpu_time_total - sum([child.cpu_time_total for child in self.cpu_children])

    @property
    def device_time_total(self) -> float:  # type: ignore[override]
        """Microseconds of the GPU, those of the events within as well."""
        return self.self_device_time_total + sum([child.device_time_total for child in self.cpu_children])

    @property
    def self_device_time_total(self) -> float:  # type: ignore[override]
        """Microseconds of the GPU."""
        return sum([kernel.duration for kernel in self.kernels])

    @property
    def self_cpu_memory_usage(self) -> int:
        """Bytes on the host, without the events within."""
        return self.cpu_memory_usage - sum([child.cpu_memory_usage for child in self.cpu_children])

    @property
    def self_device_memory_usage(self) -> int:  # type: ignore[override]
        """Bytes on the GPU, without the events within."""
        return self.device_memory_usage - sum([child.device_memory_usage for child in self.cpu_children])

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_total_str} "
            f"device_time={self.device_time_total_str} input_shapes={self.input_shapes} thread={self.thread}>"
        )


SUMMED = (
    "count", "cpu_time_total", "self_cpu_time_total", "device_time_total", "self_device_time_total",
    "cpu_memory_usage", "self_cpu_memory_usage", "device_memory_usage", "self_device_memory_usage", "flops",
)  # fmt: skip


class FunctionEventAvg(_Times):
    """Events of a name, and of the same shapes or stacks where that was asked for; sums, and averages a call."""

    def __init__(self) -> None:
        self.key = ""
        self.input_shapes: object = []
        self.stack: Sequence[str] = []
        self.cpu_children: list[FunctionEvent] = []
        self.cpu_parent: FunctionEvent | None = None
        self.is_user_annotation = False
        self.device_type = DeviceType.CPU
        self.count = 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.device_time_total = self.self_device_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.device_memory_usage = self.self_device_memory_usage = self.flops = 0

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Count another event, or others, in."""
        if not self.key:
            self.key, self.input_shapes, self.stack = other.key, other.input_shapes, other.stack
            self.cpu_parent, self.is_user_annotation = other.cpu_parent, other.is_user_annotation
        self.cpu_children += other.cpu_children
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str} self_device_time={self.self_device_time_total_str} "
            f"device_time={self.device_time_str} count={self.count} input_shapes={self.input_shapes}>"
        )


class EventList(list):
    """Events, or their averages: a list that prints as a table."""

    def __init__(
        self, events: Iterable[Any] = (), *, memory: bool = False, flops: bool = False, device: bool = False
    ) -> None:
        super().__init__(events)
        self._profile_memory, self._with_flops, self._use_device = memory, flops, device

    def _like(self, events: Iterable[Any]) -> EventList:
        return EventList(events, memory=self._profile_memory, flops=self._with_flops, device=self._use_device)

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of the host in all events."""
        return sum([event.self_cpu_time_total for event in self])

    def key_averages(self, group_by_input_shapes: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Averages over the events of a name.

        Args:
            group_by_input_shapes: whether those of other shapes are others.
            group_by_stack_n: by how many of the innermost lines of the program those of other stacks are others.
        """
        groups: dict[object, FunctionEventAvg] = {}
        for event in self:
            shapes = str(event.input_shapes) if group_by_input_shapes else ""
            stack = tuple(event.stack[:group_by_stack_n])
            group = groups.setdefault(
                (event.key, event.is_user_annotation, shapes, stack), FunctionEventAvg()
            )
            group.add(event)
        for group in groups.values():
            group.stack = group.stack[:group_by_stack_n]
            if not group_by_input_shapes:
                group.input_shapes = ""
        return self._like(groups.values())

    def total_average(self) -> FunctionEventAvg:
        """All events in one."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
        total.key = "Total"
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
    ) -> str:
        """The events as text.

        Args:
            sort_by: the figure after which they are sorted, the largest first: "cpu_time", "cpu_time_total",
                "self_cpu_time_total", "device_time_total", "self_device_time_total", "cpu_memory_usage",
                "self_cpu_memory_usage", "device_memory_usage", "self_device_memory_usage", "flops", "count", ...
            row_limit: how many are shown; all for -1.
            max_src_column_width, max_name_column_width, max_shapes_column_width: where texts are cut.
            header: a line above.
            top_level_events_only: whether events within others are left out.
        """
        from tritonnn.profiler._table import event_table

        rows: list[Any] = [event for event in self if not top_level_events_only or event.cpu_parent is None]
        if sort_by is not None:
            rows.sort(key=_figure(sort_by), reverse=True)
        widths = (max_name_column_width, max_shapes_column_width, max_src_column_width)
        shown = rows if row_limit < 0 else rows[:row_limit]
        return event_table(self, shown, widths, header)

    __str__ = table

    def export_chrome_trace(self, path: str) -> None:
        """Write the events as a file for chrome://tracing and Perfetto."""
        from tritonnn.profiler._trace import write_trace

        write_trace(path, self, {})

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Write stacks with a figure, a line each, outermost first: what flame graphs are drawn from.

        Raises:
            ValueError: the figure is none of the self times.
        """
        from tritonnn.profiler._trace import write_stacks

        write_stacks(path, self, metric)


def _figure(sort_by: str) -> Callable[[Any], float]:
    name = sort_by.replace("cuda", "device")
    known = (*SUMMED, "cpu_time", "device_time")
    if name not in known:
        raise AttributeError(f"table(): sort_by must be one of {', '.join(known)}, got {sort_by!r}")
    return lambda event: getattr(event, name)


def events_of(recorder: Recorder) -> EventList:
    """What a recorder that has stopped has noted."""
    zero = recorder.began
    made: dict[int, FunctionEvent] = {}
    for number, note in enumerate(recorder.notes):
        event = made[id(note)] = FunctionEvent(number, note, zero)
        if note.parent is not None and id(note.parent) in made:
            event.cpu_parent = made[id(note.parent)]
            event.cpu_parent.cpu_children.append(event)
    wishes = recorder.wishes
    return EventList(made.values(), memory=wishes.memory, flops=wishes.flops, device=wishes.gpu)
