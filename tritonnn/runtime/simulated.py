"""The simulated device: host memory behind device addresses, everything in order, nothing asynchronous."""

from __future__ import annotations

import ctypes
import itertools
import time
from typing import TYPE_CHECKING

import numpy as np

from tritonnn import config
from tritonnn.runtime import needed
from tritonnn.runtime.interface import Runtime, runtime
from tritonnn.runtime.pinned import PinnedArray
from tritonnn.runtime.pool import Block, Pool, Stats
from tritonnn.runtime.races import READ, WRITE, Races, Use
from tritonnn.runtime.simulated_memory import (
    LARGEST_CACHED,
    LiveBlocks,
    SimulatedPool,
    aligned_bytes,
    host_memory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tritonnn.runtime.properties import DeviceProperties


class SimulatedRuntime(Runtime):
    """`cuda` without a GPU: copies and kernels run at once, on the host, in the order they are queued.

    `TRITONNN_SIMULATED_DEVICES` sets the number of devices (1).
    """

    simulated = True

    def __init__(self) -> None:
        super().__init__()
        self._missing = needed.missing(needed.SIMULATED)
        self._count = 0 if self._missing else config.SIMULATED_DEVICES
        self._handles = itertools.count(1)
        self._recorded: dict[int, float | None] = {}
        self._pinned: dict[int, int] = {}
        self._graphs: dict[int, list[Callable[[], object]]] = {}
        self.live = LiveBlocks()
        self.races = Races()

    def device_count(self) -> int:
        return self._count

    def start(self) -> None:
        if self._missing:
            raise RuntimeError(self._missing)

    def bind(self, index: int) -> None:
        self._selected(index)

    def properties(self, index: int) -> DeviceProperties:
        from tritonnn.runtime.properties import simulated_properties

        return simulated_properties(self.check(index), host_memory())

    def _new_pool(self, index: int) -> Pool:
        with self._setup:
            if index not in self.pools:
                self.stats[index] = Stats()
                self.pools[index] = SimulatedPool(
                    self.live,
                    self.races,
                    self.check(index),
                    self.stats[index],
                    self.gate,
                    largest_cached=LARGEST_CACHED,
                )
            return self.pools[index]

    def private_pool(self, index: int) -> Pool:
        self.pool(index)
        return SimulatedPool(self.live, self.races, index, self.stats[index], self.gate, private=True)

    def memory_info(self, index: int) -> tuple[int, int]:
        total = host_memory()
        used = self.stats[index].reserved if self.check(index) in self.stats else 0
        return max(0, total - used), total

    def upload(
        self, ptr: int, array: np.ndarray, index: int | None = None, non_blocking: bool | None = None
    ) -> None:
        if array.nbytes:
            queued = self.thread.non_blocking if non_blocking is None else non_blocking
            pinned = self.is_pinned(array)
            if not pinned:
                self._not_while_capturing()
            self._move(index, ptr, array.ctypes.data, array.nbytes, "copy to the device")
            if pinned and not queued:
                self.races.host_waits(self._stream(index))

    def download(
        self, array: np.ndarray, ptr: int, index: int | None = None, non_blocking: bool | None = None
    ) -> None:
        if array.nbytes:
            queued = self.thread.non_blocking if non_blocking is None else non_blocking
            waits = not (queued and self.is_pinned(array))
            if waits:
                self._not_while_capturing()
            self._move(index, array.ctypes.data, ptr, array.nbytes, "copy to the host")
            if waits:
                self.races.host_waits(self._stream(index))

    def copy_device(self, dst: int, src: int, nbytes: int, dst_index: int, src_index: int) -> None:
        if nbytes:
            if dst_index != src_index:
                self.races.join(self._stream(src_index), self._stream(dst_index))
            self._move(src_index, dst, src, nbytes, "copy")
            if dst_index != src_index:
                self.races.join(self._stream(dst_index), self._stream(src_index))

    def _move(self, index: int | None, dst: int, src: int, nbytes: int, what: str) -> None:
        self.live.check(dst, nbytes, what)
        self.live.check(src, nbytes, what)

        def move() -> None:
            self.use(
                index,
                [(src, src + nbytes, None, READ, "memory"), (dst, dst + nbytes, None, WRITE, "memory")],
                what,
            )
            ctypes.memmove(dst, src, nbytes)

        self.queue(move)

    def _fill(self, ptr: int, byte: int, nbytes: int, stream: int) -> None:
        self.live.check(ptr, nbytes, "fill")

        def fill() -> None:
            self.use(None, [(ptr, ptr + nbytes, None, WRITE, "memory")], "fill", stream)
            ctypes.memset(ptr, byte, nbytes)

        self.queue(fill)

    def use(
        self,
        index: int | None,
        uses: list[tuple[int, int, object, str, str]],
        who: str,
        stream: int | None = None,
    ) -> None:
        """Note what a piece of work on a device's stream does to memory: first byte, end, layout, kind, name.

        Raises:
            RuntimeError: another stream uses it at the same time.
        """
        located = [(self.live.block_at(use[0]), use) for use in uses]
        known = [(block, Use(*use[:4], who, use[4])) for block, use in located if block]
        if stream is None or self.thread.replaying is not None:
            stream = self._stream(index)
        self.races.work(stream, known)

    def _stream(self, index: int | None = None) -> int:
        """The stream that work of this thread runs on: a graph's, while one is replayed."""
        replaying = self.thread.replaying
        return (
            self.current_stream(self.thread.device if index is None else index)
            if replaying is None
            else replaying
        )

    def pinned_empty(self, nbytes: int) -> np.ndarray:
        import weakref

        array, ptr = aligned_bytes(max(1, nbytes))
        self._pinned[ptr] = array.nbytes
        weakref.finalize(array.base, self._pinned.pop, ptr, None)
        return array[:nbytes].view(PinnedArray)

    def is_pinned(self, array: np.ndarray) -> bool:
        ptr = array.ctypes.data
        return any(base <= ptr < base + size for base, size in list(self._pinned.items()))

    def pinned_bytes(self) -> tuple[int, int]:
        return sum(self._pinned.values()), 0

    def can_access_peer(self, index: int, peer: int) -> bool:
        return index != peer

    # -- order: everything queued has already run

    def synchronize(self, index: int | None = None) -> None:
        self.check(self.thread.device if index is None else index)
        self._not_while_capturing()
        self.races.host_waits()

    def stream_create(self, index: int, priority: int) -> int:
        self.check(index)
        return next(self._handles)

    def stream_query(self, handle: int) -> bool:
        self.races.host_waits(handle)
        return True

    def stream_synchronize(self, handle: int) -> None:
        self.races.host_waits(handle)

    def stream_wait_event(self, handle: int, event: int) -> None:
        self.races.wait(handle, event)

    def event_create(self, timing: bool, blocking: bool, interprocess: bool) -> int:
        handle = next(self._handles)
        self._recorded[handle] = None
        return handle

    def event_destroy(self, event: int) -> None:
        self._recorded.pop(event, None)
        self.races.drop(event)

    def event_record(self, event: int, stream: int) -> None:
        self._recorded[event] = time.perf_counter()
        self.races.record(event, stream)

    def event_query(self, event: int) -> bool:
        self.races.host_waits(event=event)
        return True

    def event_synchronize(self, event: int) -> None:
        self.races.host_waits(event=event)

    def event_elapsed(self, start: int, end: int) -> float:
        first, last = self._recorded[start], self._recorded[end]
        if first is None or last is None:
            raise RuntimeError(
                "elapsed_time: both events must be recorded before the time between them is asked for"
            )
        return (last - first) * 1000

    def event_ipc_handle(self, event: int) -> bytes:
        raise RuntimeError("the simulated device has no events that another process could open")

    def event_from_ipc(self, handle: bytes) -> int:
        raise RuntimeError("the simulated device has no events that another process could open")

    # -- graphs: what is queued during a capture is kept as calls, and a replay makes them

    def queue(self, work: Callable[[], object]) -> None:
        """Do a piece of device work now, or record it where a graph is being captured."""
        recording = self.thread.recording
        if recording is None:
            work()
        else:
            recording.append(work)

    def constant(self, array: np.ndarray, pool: Pool) -> Block:
        block = pool.allocate(array.nbytes, self._stream(pool.index), fresh=True)
        ctypes.memmove(block.ptr, array.ctypes.data, array.nbytes)
        return block

    def _not_while_capturing(self) -> None:
        if self.thread.recording is not None:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    def capture_begin(self, stream: int, index: int, pool: Pool, mode: str) -> None:
        if stream == 0:
            raise RuntimeError("CUDA graphs must be captured on a non-default stream")
        if mode not in ("global", "thread_local", "relaxed"):
            raise ValueError(
                f"capture_error_mode must be 'global', 'thread_local' or 'relaxed', got {mode!r}"
            )
        self._not_while_capturing()
        self.gate.hold()
        self.thread.capture, self.thread.recording = pool, []

    def capture_end(self, stream: int, index: int) -> list[Callable[[], object]]:
        recorded = self.thread.recording
        self.thread.capture = self.thread.recording = None
        self.gate.open()
        return recorded or []

    def graph_instantiate(self, graph: list[Callable[[], object]]) -> int:
        handle = next(self._handles)
        self._graphs[handle] = graph
        return handle

    def graph_launch(self, executable: int, stream: int) -> None:
        self.thread.replaying = stream
        try:
            for work in self._graphs[executable]:
                self.queue(work)
        finally:
            self.thread.replaying = None

    def graph_dump(self, graph: list[Callable[[], object]], path: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            names = " -> ".join(
                f'"{i}: {getattr(work, "__qualname__", work)}"' for i, work in enumerate(graph)
            )
            file.write(f"digraph simulated {{ {names} }}\n")

    def graph_destroy(self, graph: list[Callable[[], object]], executable: int | None) -> None:
        if executable is not None:
            del self._graphs[executable]


def simulated() -> SimulatedRuntime:
    """The device runtime of this process, which is a simulated one."""
    current = runtime()
    assert isinstance(current, SimulatedRuntime)
    return current
