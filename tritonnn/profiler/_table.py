"""Events as a table of text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tritonnn.profiler._events import EventList


class Column(NamedTuple):
    """A heading and what stands below."""

    heading: str
    text: Callable[[Any], str]


def event_table(events: EventList, shown: Sequence[Any], widths: Sequence[int], header: str | None) -> str:
    """Columns for what was noted, with the sums below.

    Args:
        widths: of names, shapes and lines of stacks.
    """
    columns = _columns(events, widths)
    lines = [[column.heading for column in columns], *[[c.text(event) for c in columns] for event in shown]]
    sizes = [max([len(line[i]) for line in lines]) for i in range(len(columns))]
    rule = "  ".join(["-" * size for size in sizes])
    texts = ["  ".join([f"{text:>{size}}" for text, size in zip(line, sizes)]) for line in lines]
    parts = [rule, texts[0], rule, *texts[1:], rule]
    if header is not None:
        parts = ["=" * len(rule), header, "=" * len(rule), *parts[1:]]
    total = events.total_average()
    parts.append(f"Self CPU time total: {total.self_cpu_time_total_str}")
    if events._use_device:
        parts.append(f"Self CUDA time total: {total.self_device_time_total_str}")
    return "\n".join(parts) + "\n"


def _columns(events: EventList, widths: Sequence[int]) -> list[Column]:
    total = events.total_average()
    cpu, gpu = total.self_cpu_time_total, total.self_device_time_total
    name_width, shapes_width, stack_width = widths
    columns = [
        Column("Name", lambda e: _cut(e.key, name_width)),
        Column("Self CPU %", lambda e: _share(e.self_cpu_time_total, cpu)),
        Column("Self CPU", lambda e: e.self_cpu_time_total_str),
        Column("CPU total %", lambda e: _share(e.cpu_time_total, cpu)),
        Column("CPU total", lambda e: e.cpu_time_total_str),
        Column("CPU time avg", lambda e: e.cpu_time_str),
    ]
    if events._use_device:
        columns += [
            Column("Self CUDA", lambda e: e.self_device_time_total_str),
            Column("Self CUDA %", lambda e: _share(e.self_device_time_total, gpu)),
            Column("CUDA total", lambda e: e.device_time_total_str),
            Column("CUDA time avg", lambda e: e.device_time_str),
        ]
    if events._profile_memory:
        columns += [
            Column("CPU Mem", lambda e: size_text(e.cpu_memory_usage)),
            Column("Self CPU Mem", lambda e: size_text(e.self_cpu_memory_usage)),
        ]
        if events._use_device:
            columns += [
                Column("CUDA Mem", lambda e: size_text(e.device_memory_usage)),
                Column("Self CUDA Mem", lambda e: size_text(e.self_device_memory_usage)),
            ]
    columns.append(Column("# of Calls", lambda e: str(e.count)))
    if any([event.input_shapes for event in events]):
        columns.append(Column("Input Shapes", lambda e: _cut(str(e.input_shapes), shapes_width)))
    if any([event.stack for event in events]):
        columns.append(Column("Source Location", lambda e: _tail(e.stack[0] if e.stack else "", stack_width)))
    if events._with_flops:
        columns.append(Column("Total FLOPs", lambda e: f"{e.flops:,}" if e.flops else "--"))
    return columns


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.2%}" if whole else "NaN"


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(width - 3, 0)] + "..."


def _tail(text: str, width: int) -> str:
    return text if len(text) <= width else "..." + text[3 - width :]


def size_text(number: int) -> str:
    """A number of bytes as text: in GB, MB, KB or bytes."""
    for exponent, unit in ((3, "GB"), (2, "MB"), (1, "KB")):
        if abs(number) >= 1024**exponent:
            return f"{number / 1024**exponent:.2f} {unit}"
    return f"{number} B"
