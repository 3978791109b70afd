"""The most expensive calls of a whole program: sums by name and module, which do not grow with the program."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from tritonnn import dispatch
from tritonnn._call_site import call_site
from tritonnn.profiler._events import spoken
from tritonnn.profiler._recorder import Note, Recorder, Wishes, tensors_in
from tritonnn.profiler._session import gpu_is_there
from tritonnn.profiler._table import size_text
from tritonnn.runtime.interface import runtime
from tritonnn.utils.flop_counter import flops_of

MOST_NOTES = 4096  # kept before they are summed
HEADINGS = ("op", "module", "calls", "time", "share", "memory", "largest")


@dataclass
class Sum:
    """Calls of an op in a module: how many, their microseconds, the bytes of their results, the most of one."""

    calls: int = 0
    time: float = 0.0
    memory: int = 0
    largest: int = 0


class Totals(Recorder):
    """Sums of the calls of the thread that starts it. A call's time is that on the GPU, where it runs on one."""

    def __init__(self) -> None:
        super().__init__(Wishes(gpu=gpu_is_there(), memory=True), flops_of)
        self.sums: dict[tuple[str, str], Sum] = {}
        self._paths: WeakKeyDictionary[Any, WeakKeyDictionary[Any, str]] = WeakKeyDictionary()
        self._made: WeakKeyDictionary[Any, str] = WeakKeyDictionary()  # where a node's forward ran
        self._seconds = 0.0

    def start(self) -> None:
        super().start()
        self._seconds = time.perf_counter()

    def stop(self) -> None:
        self._seconds = time.perf_counter() - self._seconds
        super().stop()
        self._sum()

    def begin(self, name: str, kind: str) -> Note:
        note = super().begin(name, kind)
        note.modules = self._module()
        return note

    def call(self, call: dispatch.TableCall) -> Any:
        results = super().call(call)
        place = self._module()
        for tensor in tensors_in((results,)):
            if tensor._node is not None:
                self._made.setdefault(tensor._node, place)
        if len(self.notes) >= MOST_NOTES:
            self._sum()
        return results

    def _module(self) -> str:
        """The path of the module whose forward runs, or ran for the node whose gradient is computed."""
        site = call_site()
        if site.node is not None:
            forward = self._made.get(site.node, "")
            return f"{forward} (backward)".lstrip()
        if not site.modules:
            return ""
        inner, root = site.modules[0], site.modules[-1]
        known = self._paths.setdefault(root, WeakKeyDictionary())
        if inner not in known:
            name = type(root).__name__
            known[inner] = name if inner is root else f"{name}.{site.module_path()}"
        return known[inner]

    def _sum(self) -> None:
        """Count in what has ended."""
        running = []
        for note in self.notes:
            if not note.end:
                running.append(note)
            elif note.kind == "cpu_op":
                self.read_gpu(note)
                entry = self.sums.setdefault((note.name, note.modules), Sum())
                nbytes = sum(note.bytes.values())
                entry.calls += 1
                entry.time += note.end - note.begin if note.gpu_index is None else note.gpu_us
                entry.memory += nbytes
                entry.largest = max(entry.largest, nbytes)
        self.notes = running

    def report(self, rows: int = 10) -> str:
        """The calls that took longest, as a table, and the peaks of memory."""
        whole = sum([entry.time for entry in self.sums.values()])
        calls = sum([entry.calls for entry in self.sums.values()])
        order = sorted(self.sums.items(), key=lambda item: -item[1].time)
        lines = [HEADINGS]
        lines += [
            (name, module or "-", f"{entry.calls:,}", spoken(entry.time), f"{entry.time / whole:.1%}",
             size_text(entry.memory), size_text(entry.largest))
            for (name, module), entry in order[:rows]
        ]  # fmt: skip
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEADINGS))]
        table = [
            "  ".join(
                [text.ljust(w) if i < 2 else text.rjust(w) for i, (text, w) in enumerate(zip(line, widths))]
            )
            for line in lines
        ]
        head = f"{calls:,} calls of ops took {spoken(whole)} of {self._seconds:.3f}s"
        shown = f"; the {rows} most expensive of {len(order)} rows" if len(order) > rows else ""
        return "\n".join([head + shown, *[line.rstrip() for line in table], *peaks()])


def peaks() -> list[str]:
    """A line for the process's peak of memory, where the system tells it, and for each GPU's."""
    lines = []
    try:
        import resource
    except ImportError:  # Windows
        pass
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
        lines.append(f"peak memory of the process: {size_text(peak)}")
    for index, stats in sorted(runtime().stats.items()):
        lines.append(f"peak memory of tensors on cuda:{index}: {size_text(stats.allocated_peak)}")
    return lines
