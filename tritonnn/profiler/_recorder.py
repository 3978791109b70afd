"""What is noted while a profiler runs: a beginning and an end of each table call and range of its thread."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, NamedTuple

from tritonnn import dispatch
from tritonnn._call_site import call_site
from tritonnn._tensor import Tensor
from tritonnn.device import device as Device
from tritonnn.errors import SparseOperand
from tritonnn.memory_format import sparse_coo
from tritonnn.recording.grad_mode import state
from tritonnn.runtime.interface import runtime
from tritonnn.utils._aten import aten_name

DEEPEST_STACK = 64  # lines of the program that are kept of a call


class Wishes(NamedTuple):
    """What is noted besides names and times."""

    cpu: bool = True
    gpu: bool = False
    shapes: bool = False
    memory: bool = False
    stack: bool = False
    flops: bool = False
    modules: bool = False


class Note:
    """A call or range: what is known of it when it has ended."""

    def __init__(self, name: str, thread: int, parent: Note | None, kind: str) -> None:
        self.name, self.thread, self.parent, self.kind = name, thread, parent, kind
        self.begin = self.end = 0.0  # of the host's clock, in microseconds
        self.shapes: list[list[int]] = []
        self.strides: list[list[int]] = []
        self.dtypes: list[str] = []
        self.concrete: list[str] = []
        self.stack: list[str] = []
        self.modules = ""
        self.bytes: dict[str, int] = {"cpu": 0, "cuda": 0}  # allocated, by device type
        self.flops = 0
        self.backward = False
        self.gpu: tuple[Mark, Mark] | None = None
        self.gpu_index: int | None = None
        self.gpu_us = self.gpu_begin = 0.0


class Mark:
    """A timing event on a GPU's current stream."""

    def __init__(self, index: int) -> None:
        self.index = index
        with runtime().on(index):
            self.event = runtime().event_create(True, False, False)
            runtime().event_record(self.event, runtime().current_stream(index))

    def until(self, end: Mark) -> float:
        """Microseconds from here to there; waits for the device."""
        with runtime().on(self.index):
            runtime().event_synchronize(end.event)
            return runtime().event_elapsed(self.event, end.event) * 1000.0

    def free(self) -> None:
        """Give the event back."""
        with runtime().on(self.index):
            runtime().event_destroy(self.event)


class Recorder:
    """Notes the calls of the thread that starts it, until it is stopped.

    Args:
        wishes: what is noted besides names and times.
        flops_of: (call, results) -> its floating-point operations.
    """

    running: list[Recorder] = []

    def __init__(self, wishes: Wishes, flops_of: Callable[[dispatch.TableCall, object], int]) -> None:
        self.wishes, self.flops_of = wishes, flops_of
        self.notes: list[Note] = []
        self.open: dict[int, list[Note]] = {}  # by thread, innermost last
        self.zeros: dict[
            int, tuple[Mark, float]
        ] = {}  # by GPU: an event, and the host's clock when it was reached
        self.began = 0.0  # by the host's clock, in microseconds
        self.began_ns = 0  # since 1970

    def start(self) -> None:
        """Begin."""
        self.began, self.began_ns = time.perf_counter_ns() / 1000.0, time.time_ns()
        Recorder.running.append(self)
        dispatch.enter(self.call)

    def stop(self) -> None:
        """End, and wait for the device's times; ranges that are still open end here."""
        dispatch.leave(self.call)
        Recorder.running.remove(self)
        for stack in self.open.values():
            while stack:
                self.end(stack[-1])
        for note in self.notes:
            self.read_gpu(note)
        for zero, _ in self.zeros.values():
            zero.free()
        self.zeros.clear()

    def read_gpu(self, note: Note) -> None:
        """Wait for a call's time on the GPU, where it ran on one."""
        if note.gpu is not None:
            begin, end = note.gpu
            zero, since = self.zeros[begin.index]
            note.gpu_index, note.gpu_us = begin.index, begin.until(end)
            note.gpu_begin = since + zero.until(begin)
            begin.free()
            end.free()
            note.gpu = None

    # ---- ranges ---------------------------------------------------------------------------------------------------

    def begin(self, name: str, kind: str) -> Note:
        """Open a range in this thread."""
        thread = threading.get_native_id()
        stack = self.open.setdefault(thread, [])
        note = Note(name, thread, stack[-1] if stack else None, kind)
        note.backward = state.current is not None
        if self.wishes.stack:
            note.stack = program_stack()
        if self.wishes.modules:
            note.modules = ".".join([type(module).__name__ for module in reversed(call_site().modules)])
        stack.append(note)
        self.notes.append(note)
        note.begin = time.perf_counter_ns() / 1000.0
        return note

    def end(self, note: Note) -> None:
        """Close a range, and those inside that are still open."""
        now = time.perf_counter_ns() / 1000.0
        stack = self.open.get(note.thread, [])
        while note in stack:
            inner = stack.pop()
            inner.end = now

    # ---- table calls ----------------------------------------------------------------------------------------------

    def call(self, call: dispatch.TableCall) -> Any:
        """Note a call of the op table, and run it."""
        index = _gpu_of(call) if self.wishes.gpu else None
        if index is None and not self.wishes.cpu:
            return call()
        note = self.begin(f"aten::{aten_name(call)}", "cpu_op")
        if self.wishes.shapes:
            _note_arguments(note, call.args)
        begin = None if index is None or runtime().is_capturing() else self._mark(index)
        note.begin = time.perf_counter_ns() / 1000.0
        try:
            results = call()
        except SparseOperand:  # not this call: others that compute it follow
            self.notes.remove(note)
            raise
        finally:
            self.end(note)
        if begin is not None:
            note.gpu = (begin, Mark(begin.index))
        if self.wishes.memory:
            self._note_memory(note, call, results)
        if self.wishes.flops:
            note.flops = self.flops_of(call, results)
        return results

    def _mark(self, index: int) -> Mark:
        """An event before a call; the first on a GPU is waited for, so that its clock can be told by the host's."""
        if index not in self.zeros:
            zero = Mark(index)
            zero.until(zero)
            self.zeros[index] = (zero, time.perf_counter_ns() / 1000.0)
        return Mark(index)

    def _note_memory(self, note: Note, call: dispatch.TableCall, results: object) -> None:
        """The memory of results that no argument has, for all ranges around the call as well."""
        given = {id(tensor._storage) for tensor in tensors_in((*call.args, call.out))}
        for tensor in tensors_in((results,)):
            key = id(tensor._storage)
            if key in given:
                continue
            given.add(key)
            around: Note | None = note
            while around is not None:
                kind = tensor.device.type
                around.bytes[kind] = around.bytes.get(kind, 0) + tensor._storage.nbytes
                around = around.parent


def tensors_in(values: Sequence[object]) -> Iterator[Tensor]:
    """The tensors among values, those of lists and tuples too."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from tensors_in(value)


def _gpu_of(call: dispatch.TableCall) -> int | None:
    """The GPU that a call runs on; None where it runs on none, as views do."""
    if call.run.__name__ in ("view", "views"):
        return None
    named = [value for value in call.args if isinstance(value, Device)]
    for device in [*[tensor.device for tensor in tensors_in((*call.args, call.out))], *named]:
        if device.type == "cuda":
            return runtime().current_device() if device.index is None else device.index
    return None


def _note_arguments(note: Note, args: Sequence[object]) -> None:
    for value in args:
        if isinstance(value, Tensor):
            note.shapes.append([*value.shape])
            note.strides.append([] if value.layout is sparse_coo else [*value.stride()])
            note.dtypes.append(value.dtype.name)
            note.concrete.append("")
        else:
            tensors = [*tensors_in((value,))]
            note.shapes.append([[*tensor.shape] for tensor in tensors])  # type: ignore[misc]
            note.strides.append([])
            note.dtypes.append("TensorList" if tensors else _word_of(value))
            note.concrete.append("" if tensors or value is None else str(value))


def _word_of(value: object) -> str:
    if value is None:
        return ""
    return "ScalarList" if isinstance(value, (list, tuple)) else "Scalar"


def program_stack() -> list[str]:
    """The program's lines that led here, innermost first: those of the library's own files are left out."""
    frame: FrameType | None = sys._getframe(1)
    lines: list[str] = []
    while frame is not None and len(lines) < DEEPEST_STACK:
        if frame.f_globals.get("__name__", "").partition(".")[0] != "tritonnn":
            code = frame.f_code
            lines.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return lines
