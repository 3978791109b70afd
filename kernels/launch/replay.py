"""Repeating the launches of an op without the Python that worked them out.

What an implementation launches depends on the geometries of its arguments, not on their contents. `replayed`
lets it run once for each combination of geometries with nothing executed: launches and workspaces are noted.
The notes are then what runs, now and whenever the combination comes again: a lookup, an allocation for each
workspace and the launcher of each kernel.

An implementation that reads back from the device, writes to it from the host or measures can not be noted; it
is found out by `unrepeatable()`, which those ways call, and then simply runs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from operator import itemgetter
from typing import Any

from tritonnn import precision
from tritonnn.buffer import Buffer
from tritonnn.runtime.interface import runtime
from tritonnn.shape import contiguous_strides, numel

GRANULE = 512  # the address a workspace is noted at: as aligned as a real one
LARGEST_CACHE = 4096
_UNKNOWN = object()


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
        self._only: _Launch | None = None

    def workspace(self, shape: tuple[int, ...], dtype: Any, like: Buffer) -> Buffer:
        """Stands for memory that every repetition allocates."""
        origin = _Origin(self, self.count, GRANULE, True)
        self.steps.append((_take, numel(shape) * dtype.itemsize))
        self.count += 1
        return Buffer(origin.ptr, tuple(shape), contiguous_strides(shape), dtype, like.device, origin)

    def launch(self, plan: Any, given: tuple) -> None:
        """Note a launch of a plan on buffers and numbers."""
        self.steps.append((_launch, _Launch(plan, given)))

    def fill(self, buffer: Buffer, byte: int) -> None:
        """Note that every byte of a contiguous buffer is set."""
        place = _place(buffer, self)
        self.steps.append((_fill, (*place, byte, buffer.numel * buffer.dtype.itemsize)))

    def finish(self) -> None:
        """Nothing more is to be noted."""
        # a copy: a workspace that is still held somewhere is dropped unnoted from now on
        self.steps = list(self.steps)
        if len(self.steps) == 1 and self.steps[0][0] is _launch:
            self._only = self.steps[0][1]

    def repeat(self, arguments: list[Buffer], starts: list[int]) -> None:
        """Allocate and launch what was noted; `starts` are the addresses of the arguments."""
        only, device = self._only, arguments[0].device
        # the commonest case, one launch without workspaces, needs none of what follows
        if only is not None and only.plan.launch_at(only.values(starts), only.aligned, device.index):
            return
        memory = _Memory(self.name, device, arguments, starts)
        for step, what in self.steps:
            step(memory, what)


class _Memory:
    """Addresses and owners of arguments and workspaces during a repetition."""

    __slots__ = ("device", "name", "owners", "starts")

    def __init__(self, name: str, device: Any, arguments: list[Buffer], starts: list[int]) -> None:
        self.name = name
        self.device = device
        self.starts = starts
        self.owners = [a.owner for a in arguments]


def _take(memory: _Memory, nbytes: int) -> None:
    block = runtime().allocate(nbytes, memory.device.index, memory.name)
    memory.starts.append(block.ptr)
    memory.owners.append(block)


def _drop(memory: _Memory, number: int) -> None:
    memory.owners[number] = None


def _fill(memory: _Memory, what: tuple[int, int, int, int]) -> None:
    number, distance, byte, nbytes = what
    runtime().memset(memory.starts[number] + distance, byte, nbytes, memory.device.index)


def _place(buffer: Buffer, notes: Notes | None) -> tuple[int, int]:
    """Number of the argument or workspace that a buffer lies in, and its distance in bytes."""
    origin = buffer.owner
    if type(origin) is not _Origin or origin.notes is not notes:  # such as a table kept between calls
        raise Unrepeatable
    return origin.number, buffer.ptr - origin.ptr


def _launch(memory: _Memory, launch: _Launch) -> None:
    values = launch.values(memory.starts)
    if not launch.plan.launch_at(values, launch.aligned, memory.device.index):
        launch.plan(*launch.buffers(memory, values))


class _Launch:
    """A launch of a plan on memory given by origin and distance in bytes."""

    __slots__ = ("_order", "aligned", "given", "kinds", "plan")

    def __init__(self, plan: Any, given: tuple) -> None:
        self.plan = plan
        self.kinds = [(g.shape, g.strides, g.dtype) if type(g) is Buffer else None for g in given]
        self.given: list[tuple[int, Any]] = []  # (-1, value) for what is no buffer
        self.aligned = 1
        for g in given:
            if type(g) is not Buffer:
                self.given.append((-1, g))
            else:
                self.given.append(_place(g, thread.notes))
                self.aligned = self.aligned << 1 | (not g.ptr & 15)
        plain = len(self.given) > 1 and all(at >= 0 and not distance for at, distance in self.given)
        self._order = itemgetter(*[at for at, _ in self.given]) if plain else None

    def values(self, starts: list[int]) -> Any:
        """Addresses, and numbers, where arguments and workspaces begin at `starts`."""
        if self._order is not None:
            return self._order(starts)
        return tuple([distance if at < 0 else starts[at] + distance for at, distance in self.given])

    def buffers(self, memory: _Memory, values: Any) -> list[Any]:
        """What the plan is called with where its binary is not known yet."""
        return [
            value if kind is None else Buffer(value, *kind, memory.device, memory.owners[at])
            for value, kind, (at, _) in zip(values, self.kinds, self.given, strict=True)
        ]


def replayed(run: Callable[..., None]) -> Callable[..., None]:
    """An implementation whose launches are noted once for each combination of geometries and parameters.

    Its arguments are Buffers, lists of them and hashable values, Buffers first. It may launch, allocate
    workspaces and call other implementations.
    """
    known: dict[tuple, Any] = {}  # Notes, or None for what can not be noted
    all_known.append(known)

    @wraps(run)
    def repeat(*args: Any) -> None:
        if thread.notes is not None:
            return run(*args)
        buffers: list[Buffer] = []
        starts: list[int] = []
        # settings that change what is launched belong to the key
        parts: list[Any] = [precision.float32_matmul, precision.convolution_tf32]
        _geometry(args, parts, buffers, starts)
        parts.append(buffers[0].device)
        if len(set(starts)) != len(starts):  # an implementation may work in place
            parts += map(starts.index, starts)
        key = tuple(parts)
        notes = known.get(key, _UNKNOWN)
        if notes is _UNKNOWN:
            if len(known) >= LARGEST_CACHE:
                known.clear()
            notes = known[key] = _noted(run, args, len(buffers))
        if notes is None:
            return run(*args)
        notes.repeat(buffers, starts)

    return repeat


def _geometry(args: Any, key: list[Any], buffers: list[Buffer], starts: list[int]) -> None:
    """Append to `key` what tells combinations apart, to the other lists the Buffers and their addresses."""
    for a in args:
        kind = type(a)
        if kind is Buffer:
            ptr = a.ptr
            buffers.append(a)
            starts.append(ptr)
            # alignment decides which binary runs, and whether descriptors can be used
            key += (a.shape, a.strides, a.dtype, ptr & 15)
        elif kind is tuple or kind is list:
            kinds = tuple(map(type, a))
            if Buffer in kinds or tuple in kinds or list in kinds:
                key.append(len(a))
                _geometry(a, key, buffers, starts)
            else:
                key += (kinds, tuple(a))
        else:
            key += (kind, a)  # 1, 1.0 and True are different parameters


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
    notes.finish()
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
