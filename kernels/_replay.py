"""Repeating the launches of an op without the Python that worked them out.

What an implementation launches depends on the geometries of its arguments, not on their contents. `replayed` lets it
run once for each combination of geometries with nothing executed: launches and workspaces are noted. The notes are
then what runs, now and whenever the combination comes again: a lookup, an allocation for each workspace and the
launcher of each kernel.

An implementation that reads back from the device, writes to it from the host or measures can not be noted; it is
found out by `unrepeatable()`, which those ways call, and then simply runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from tritonnn import precision
from tritonnn.buffer import Buffer
from tritonnn.cuda._runtime import runtime
from tritonnn.shape import contiguous_strides, numel

GRANULE = 512  # the address a workspace is noted at: as aligned as a real one
LARGEST_CACHE = 4096


class _Thread(threading.local):
    notes: Notes | None = None


thread = _Thread()


class Unrepeatable(Exception):
    """What is being noted depends on more than geometries."""


def unrepeatable() -> None:
    """Called by whatever must not be noted."""
    if thread.notes is not None:
        raise Unrepeatable


class _Origin:
    """Owner of the memory behind noted buffers: an argument, or a workspace, by number."""

    __slots__ = ("_taken", "notes", "number", "ptr")

    def __init__(self, notes: Notes, number: int, ptr: int, taken: bool) -> None:
        self.notes = notes
        self.number = number
        self.ptr = ptr
        self._taken = taken

    def __del__(self) -> None:
        if self._taken:  # a workspace
            self.notes.steps.append((_drop, self.number))


class Notes:
    """What an implementation launches and allocates, in order, on arguments and workspaces known by number."""

    def __init__(self, name: str, arguments: int) -> None:
        self.name = name
        self.count = arguments
        self.steps: list[tuple[Callable[..., None], Any]] = []

    def workspace(self, shape: tuple[int, ...], dtype: Any, like: Buffer) -> Buffer:
        """Stands for memory that every repetition allocates."""
        origin = _Origin(self, self.count, GRANULE, True)
        self.steps.append((_take, numel(shape) * dtype.itemsize))
        self.count += 1
        return Buffer(origin.ptr, tuple(shape), contiguous_strides(shape), dtype, like.device, origin)

    def launch(self, plan: Any, given: tuple) -> None:
        """Note a launch of a plan on buffers and numbers."""
        self.steps.append((_launch, _Launch(plan, given)))

    def repeat(self, arguments: list[Buffer]) -> None:
        """Allocate and launch what was noted."""
        first = arguments[0]
        memory = _Memory(self.name, first.device, arguments)
        for step, what in self.steps:
            step(memory, what)


class _Memory:
    """Addresses and owners of arguments and workspaces during a repetition."""

    __slots__ = ("device", "name", "owners", "starts")

    def __init__(self, name: str, device: Any, arguments: list[Buffer]) -> None:
        self.name = name
        self.device = device
        self.starts = [a.ptr for a in arguments]
        self.owners = [a.owner for a in arguments]


def _take(memory: _Memory, nbytes: int) -> None:
    block = runtime().allocate(nbytes, memory.device.index)
    block.op = memory.name
    memory.starts.append(block.ptr)
    memory.owners.append(block)


def _drop(memory: _Memory, number: int) -> None:
    memory.owners[number] = None


def _launch(memory: _Memory, launch: _Launch) -> None:
    starts = memory.starts
    values = [distance if at < 0 else starts[at] + distance for at, distance in launch.given]
    if not launch.plan.launch_at(values, launch.aligned, memory.device.index):
        launch.plan(*launch.buffers(memory, values))


class _Launch:
    """A launch of a plan on memory given by origin and distance in bytes."""

    __slots__ = ("aligned", "given", "kinds", "plan")

    def __init__(self, plan: Any, given: tuple) -> None:
        self.plan = plan
        self.kinds = [(g.shape, g.strides, g.dtype) if type(g) is Buffer else None for g in given]
        self.given: list[tuple[int, Any]] = []  # (-1, value) for what is no buffer
        self.aligned = 1
        for g in given:
            if type(g) is not Buffer:
                self.given.append((-1, g))
            elif type(g.owner) is _Origin and g.owner.notes is thread.notes:
                self.given.append((g.owner.number, g.ptr - g.owner.ptr))
                self.aligned = self.aligned << 1 | (not g.ptr & 15)
            else:  # memory from elsewhere, such as a table kept between calls
                raise Unrepeatable

    def buffers(self, memory: _Memory, values: list[Any]) -> list[Any]:
        """What the plan is called with where its binary is not known yet."""
        return [
            value if kind is None else Buffer(value, *kind, memory.device, memory.owners[at])
            for value, kind, (at, _) in zip(values, self.kinds, self.given, strict=True)
        ]


def replayed(run: Callable[..., None]) -> Callable[..., None]:
    """An implementation whose launches are noted once for each combination of geometries and parameters.

    Its arguments are Buffers, lists of them and hashable values, Buffers first. It may launch, allocate workspaces and
    call other implementations.
    """
    known: dict[tuple, Notes | None] = {}
    all_known.append(known)

    @wraps(run)
    def repeat(*args: Any) -> None:
        if thread.notes is not None:
            return run(*args)
        buffers: list[Buffer] = []
        key = (precision.kernel_precision(), *_geometry(args, buffers), _shared(buffers))
        try:
            notes = known[key]
        except KeyError:
            if len(known) >= LARGEST_CACHE:
                known.clear()
            notes = known[key] = _noted(run, args, len(buffers))
        if notes is None:
            return run(*args)
        notes.repeat(buffers)

    return repeat


def _geometry(args: Any, buffers: list[Buffer]) -> list[Any]:
    """What tells combinations apart; the Buffers among the arguments are appended to `buffers`."""
    key: list[Any] = []
    for a in args:
        if type(a) is Buffer:
            buffers.append(a)
            key.append((a.shape, a.strides, a.dtype, a.device, a.ptr & 15))
        elif type(a) is list or type(a) is tuple:
            key.append(tuple(_geometry(a, buffers)))
        else:
            key.append((type(a), a))  # 1, 1.0 and True are different parameters
    return key


def _shared(buffers: list[Buffer]) -> tuple[int, ...] | None:
    """Which Buffers begin at the same address, where any do: an implementation may work in place."""
    starts = [b.ptr for b in buffers]
    return None if len(set(starts)) == len(starts) else tuple([starts.index(ptr) for ptr in starts])


def _noted(run: Callable[..., None], args: tuple, count: int) -> Notes | None:
    """What an implementation does, found out without doing it; None where that is not possible."""
    notes = Notes(run.__name__, count)
    thread.notes = notes
    try:
        run(*_marked(args, notes, iter(range(count))))
    except Unrepeatable:
        return None
    finally:
        thread.notes = None
    notes.steps = list(notes.steps)  # a workspace that is still held somewhere is dropped unnoted from now on
    return notes


def _marked(args: Any, notes: Notes, numbers: Any) -> list[Any]:
    marked: list[Any] = []
    for a in args:
        if type(a) is Buffer:
            origin = _Origin(notes, next(numbers), a.ptr, False)
            marked.append(Buffer(a.ptr, a.shape, a.strides, a.dtype, a.device, origin))
        elif type(a) is list or type(a) is tuple:
            marked.append(type(a)(_marked(a, notes, numbers)))
        else:
            marked.append(a)
    return marked


all_known: list[dict] = []


def forget_notes() -> None:
    """Drop all notes: configurations have changed."""
    for known in all_known:
        known.clear()
