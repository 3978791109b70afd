"""Events as files: Chrome's trace format, and stacks for flame graphs."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tritonnn.profiler._events import EventList, FunctionEvent

#: `pid` of a GPU's events: a process of its own in the viewers
GPU = "GPU {}"


def write_trace(path: str, events: EventList, more: dict[str, object], start_ns: int = 0) -> None:
    """Write events in Chrome's trace format, compressed where the name ends with .gz.

    Args:
        more: further members of the file.
        start_ns: when the profiler began, in nanoseconds since 1970.
    """
    process = os.getpid()
    rows: list[dict[str, Any]] = [_named("process_name", process, 0, "python")]
    for thread in sorted({event.thread for event in events}):
        rows.append(_named("thread_name", process, thread, f"thread {thread} (python)"))
    for index in sorted({kernel.device for event in events for kernel in event.kernels}):
        rows.append(_named("process_name", GPU.format(index), 0, GPU.format(index)))
    for event in events:
        rows += _rows(event, process)
    content = {
        "schemaVersion": 1, "displayTimeUnit": "ms", "baseTimeNanoseconds": start_ns, **more, "traceEvents": rows,
    }  # fmt: skip
    text = json.dumps(content).encode()
    name = os.fspath(path)
    with open(name, "wb") as file:
        file.write(gzip.compress(text) if name.endswith(".gz") else text)


def _named(what: str, process: object, thread: int, name: str) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": process, "tid": thread, "ts": 0, "args": {"name": name}}


def _rows(event: FunctionEvent, process: int) -> list[dict[str, Any]]:
    start = event.time_range.start
    args: dict[str, Any] = {"External id": event.id}
    if event.input_shapes:
        args |= {
            "Input Dims": event.input_shapes, "Input Strides": event.input_strides, "Input type": event.input_dtypes,
            "Concrete Inputs": event.concrete_inputs,
        }  # fmt: skip
    if event.stack:
        args["Call stack"] = ";".join(event.stack)
    if event.module_hierarchy:
        args["Module Hierarchy"] = event.module_hierarchy
    if event.flops:
        args["Flops"] = event.flops
    if event.is_backward:
        args["Backward"] = True
    rows = [{
        "ph": "X", "cat": event.kind, "name": event.name, "pid": process, "tid": event.thread, "ts": start,
        "dur": event.cpu_time_total, "args": args,
    }]  # fmt: skip
    for kernel in event.kernels:
        rows.append({
            "ph": "X", "cat": "kernel", "name": kernel.name, "pid": GPU.format(kernel.device), "tid": 0,
            "ts": kernel.start, "dur": kernel.duration, "args": {"External id": event.id},
        })  # fmt: skip
    return rows


def write_stacks(path: str, events: EventList, metric: str) -> None:
    """Write 'outermost;...;innermost figure' of each stack, a line each."""
    name = metric.replace("cuda", "device")
    if name not in ("self_cpu_time_total", "self_device_time_total"):
        raise ValueError(
            f"export_stacks(): metric must be self_cpu_time_total or self_cuda_time_total, got {metric!r}"
        )
    sums: Counter[str] = Counter()
    for event in events:
        if event.stack:
            lines = [line.replace(" ", "_").replace(";", "_") for line in reversed(event.stack)]
            sums[";".join([*lines, event.name])] += int(getattr(event, name))
    with open(path, "w", encoding="utf-8") as file:
        file.writelines([f"{stack} {figure}\n" for stack, figure in sums.items() if figure > 0])
