"""The device runtime: allocates, copies, orders and waits, on a GPU or on the simulated device."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tritonnn import config
from tritonnn.runtime.pool import Block, Gate, OutOfMemoryError, Pool, Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy as np

    from tritonnn.runtime.properties import DeviceProperties

STREAMS_PER_PRIORITY = 32

__all__ = ["Block", "OutOfMemoryError", "Runtime", "is_simulated", "runtime"]


class _PerThread(threading.local):
    """What PyTorch keeps per thread too: the current device, and the current stream of each device.

    Attributes:
        ready: of the device that the driver has as this thread's, its index and current stream; else nothing.
            One look tells an allocation or a launch that nothing has to be selected first.
    """

    def __init__(self) -> None:
        self.device = 0
        self.streams: dict[int, int] = {}
        self.ready: dict[int, int] = {}
        self.bound = False
        self.scratch = False
        self.non_blocking = False
        self.capture: Pool | None = None
        self.recording: list[Callable[[], object]] | None = None
        self.replaying: int | None = None


class Runtime:
    """What the core and `tritonnn.cuda` use of a device. Handles of streams and events are plain integers.

    A runtime is made without touching the device; the first call that needs it starts it.
    """

    simulated: bool

    def __init__(self) -> None:
        self.thread = _PerThread()
        self.gate = Gate()
        self.stats: dict[int, Stats] = {}
        self.pools: dict[int, Pool] = {}
        self.poison = config.NAN_POISON
        self._setup = threading.RLock()
        self._streams: dict[tuple[int, int], list[int]] = {}
        self._turn: dict[tuple[int, int], int] = {}

    def cuda_version(self) -> str | None:
        """The newest CUDA version that the driver runs; None without a GPU."""
        return None

    def is_initialized(self) -> bool:
        """Whether the device has been started in this process."""
        return bool(self.pools)

    # -- devices

    def device_count(self) -> int:
        """Number of devices."""
        raise NotImplementedError

    def is_available(self) -> bool:
        """Whether there is a device to use; never raises."""
        return self.device_count() > 0

    def check(self, index: int) -> int:
        """The index itself, if there is such a device.

        Raises:
            RuntimeError: there is no such device, or no device at all.
        """
        count = self.device_count()
        if not 0 <= index < count:
            self.start()
            known = (
                "no device" if count == 0 else "only device 0" if count == 1 else f"devices 0 to {count - 1}"
            )
            raise RuntimeError(
                f"CUDA error: invalid device ordinal: cuda:{index} was asked for, there is {known}"
            )
        return index

    def current_device(self) -> int:
        """Index of this thread's device."""
        self.start()
        return self.thread.device

    def set_device(self, index: int) -> None:
        """Select this thread's device."""
        self.check(index)
        self.bind(index)

    @contextmanager
    def on(self, index: int) -> Iterator[None]:
        """Run a block with `index` as this thread's device."""
        before = self.thread.device
        if index == before:
            yield
            return
        self.set_device(index)
        try:
            yield
        finally:
            self.bind(before)

    def properties(self, index: int) -> DeviceProperties:
        """Name, capability, memory and limits of a device."""
        raise NotImplementedError

    def _selected(self, index: int) -> None:
        """Note that `index` is this thread's device, for the driver too."""
        thread = self.thread
        thread.device, thread.bound = index, True
        thread.ready = {index: thread.streams.get(index, 0)}

    def start(self) -> None:
        """Start the device if that has not happened yet.

        Raises:
            RuntimeError: no driver, no GPU, one too old, or a process forked from one that uses the GPU.
        """
        raise NotImplementedError

    def bind(self, index: int) -> None:
        """Make `index` this thread's device, for the driver too."""
        raise NotImplementedError

    # -- memory

    def pool(self, index: int) -> Pool:
        """The pool that allocations come from now: the device's own, or that of the graph being captured."""
        capture = self.thread.capture
        if capture is not None and capture.index == index:
            return capture
        return self.pools.get(index) or self._new_pool(index)

    def private_pool(self, index: int) -> Pool:
        """A pool for one CUDA graph, or several that share it."""
        raise NotImplementedError

    def allocate(self, nbytes: int, index: int, op: str | None = None) -> Block:
        """Memory for work on the current stream of device `index`; freed when the block is collected.

        Args:
            op: who asks, for out-of-memory reports.

        Raises:
            OutOfMemoryError: no memory, even after the cache was given back.
        """
        thread = self.thread
        stream = thread.ready.get(index)
        if stream is None:
            self.check(index)
            if thread.device != index:
                with self.on(index):
                    return self.allocate(nbytes, index, op)
            self.bind(index)
            stream = thread.streams.get(index, 0)
        pool = self.pools.get(index) if thread.capture is None else None
        block = (pool or self.pool(index)).allocate(nbytes, stream)
        block.op = op
        if self.poison and nbytes:
            self._fill(block.ptr, 0xFF, nbytes, stream)
        return block

    @contextmanager
    def non_blocking(self) -> Iterator[None]:
        """Copies of pinned memory in the block are only queued."""
        before, self.thread.non_blocking = self.thread.non_blocking, True
        try:
            yield
        finally:
            self.thread.non_blocking = before

    def upload(
        self, ptr: int, array: np.ndarray, index: int | None = None, non_blocking: bool | None = None
    ) -> None:
        """Copy a contiguous array to the device. Returns once the array may be written again, unless it is
        pinned and `non_blocking` is set, by argument or by the context manager."""
        raise NotImplementedError

    def download(
        self, array: np.ndarray, ptr: int, index: int | None = None, non_blocking: bool | None = None
    ) -> None:
        """Copy from the device into a contiguous array. Returns when it is there, unless `non_blocking` is
        set and the array is pinned."""
        raise NotImplementedError

    def copy_device(self, dst: int, src: int, nbytes: int, dst_index: int, src_index: int) -> None:
        """Copy between device addresses, of one device or two."""
        raise NotImplementedError

    def memset(self, ptr: int, byte: int, nbytes: int, index: int | None = None) -> None:
        """Fill with one byte."""
        if nbytes:
            with self.on(self.current_device() if index is None else index):
                self.bind(self.thread.device)
                self._fill(ptr, byte, nbytes, self.current_stream(self.thread.device))

    def pinned_empty(self, nbytes: int) -> np.ndarray:
        """Uninitialised page-locked host memory as a uint8 array; asynchronous copies need it."""
        raise NotImplementedError

    def is_pinned(self, array: np.ndarray) -> bool:
        """Whether an array lies in memory from `pinned_empty`."""
        raise NotImplementedError

    def pinned_bytes(self) -> tuple[int, int]:
        """Bytes of page-locked memory that arrays hold, and that are kept for reuse."""
        raise NotImplementedError

    def can_access_peer(self, index: int, peer: int) -> bool:
        """Whether a device can read another's memory directly."""
        raise NotImplementedError

    def memory_info(self, index: int) -> tuple[int, int]:
        """Bytes free and in total on a device."""
        raise NotImplementedError

    def reserved(self, index: int) -> tuple[int, int]:
        """Bytes held from the device, now and at the peak: live, cached, and what the driver's pool keeps."""
        stats = self.stats.get(index)
        return (stats.reserved, stats.reserved_peak) if stats else (0, 0)

    def reset_peak(self, index: int) -> None:
        """Start the peaks of a device again from what is live now."""
        if index in self.stats:
            self.stats[index].reset_peak()

    def empty_cache(self) -> None:
        """Give memory that no tensor uses back to the devices."""
        for pool in list(self.pools.values()):
            pool.empty_cache()

    def _new_pool(self, index: int) -> Pool:
        raise NotImplementedError

    def _fill(self, ptr: int, byte: int, nbytes: int, stream: int) -> None:
        raise NotImplementedError

    # -- streams and events

    def current_stream(self, index: int) -> int:
        """Handle of this thread's stream on a device; 0 is the default stream."""
        return self.thread.streams.get(index, 0)

    def set_stream(self, handle: int, index: int) -> None:
        """Make a stream this thread's current one on a device."""
        thread = self.thread
        thread.streams[index] = handle
        if index in thread.ready:
            thread.ready[index] = handle

    def synchronize(self, index: int | None = None) -> None:
        """Wait for everything queued on a device."""
        raise NotImplementedError

    def pooled_stream(self, index: int, priority: int) -> int:
        """One of a device's streams, in turn. They are never destroyed: cached memory belongs to its
        stream."""
        with self._setup:
            streams = self._streams.setdefault((index, priority), [])
            if len(streams) < STREAMS_PER_PRIORITY:
                streams.append(self.stream_create(index, priority))
                return streams[-1]
            turn = self._turn[index, priority] = (self._turn.get((index, priority), -1) + 1) % len(streams)
            return streams[turn]

    def stream_create(self, index: int, priority: int) -> int:
        """A new stream that does not wait for the default one."""
        raise NotImplementedError

    def stream_query(self, handle: int) -> bool:
        """Whether everything queued on a stream has run."""
        raise NotImplementedError

    def stream_synchronize(self, handle: int) -> None:
        """Wait for a stream."""
        raise NotImplementedError

    def stream_wait_event(self, handle: int, event: int) -> None:
        """Let a stream run on only after an event."""
        raise NotImplementedError

    def event_create(self, timing: bool, blocking: bool, interprocess: bool) -> int:
        """A new event."""
        raise NotImplementedError

    def event_destroy(self, event: int) -> None:
        """Forget an event."""
        raise NotImplementedError

    def event_record(self, event: int, stream: int) -> None:
        """Put an event behind what is queued on a stream."""
        raise NotImplementedError

    def event_query(self, event: int) -> bool:
        """Whether an event has been reached."""
        raise NotImplementedError

    def event_synchronize(self, event: int) -> None:
        """Wait for an event."""
        raise NotImplementedError

    def event_elapsed(self, start: int, end: int) -> float:
        """Milliseconds between two events."""
        raise NotImplementedError

    def event_ipc_handle(self, event: int) -> bytes:
        """What another process opens an interprocess event with."""
        raise NotImplementedError

    def event_from_ipc(self, handle: bytes) -> int:
        """Open an event of another process."""
        raise NotImplementedError

    # -- graphs

    def queue(self, work: Callable[[], object]) -> None:
        """Simulated device: do a piece of work now, or record it where a graph is being captured."""
        raise NotImplementedError

    def capture_begin(self, stream: int, index: int, pool: Pool, mode: str) -> None:
        """Record what is queued on `stream` from now on instead of running it."""
        raise NotImplementedError

    def capture_end(self, stream: int, index: int) -> Any:
        """Stop recording; the recorded graph."""
        raise NotImplementedError

    def graph_instantiate(self, graph: Any) -> int:
        """Make a recorded graph ready to launch."""
        raise NotImplementedError

    def graph_launch(self, executable: int, stream: int) -> None:
        """Queue a graph on a stream."""
        raise NotImplementedError

    def graph_dump(self, graph: Any, path: str) -> None:
        """Write a recorded graph as a Graphviz file."""
        raise NotImplementedError

    def graph_destroy(self, graph: Any, executable: int | None) -> None:
        """Forget a graph and what was made ready from it."""
        raise NotImplementedError

    def constant(self, array: np.ndarray, pool: Pool) -> Block:
        """Memory of a graph that is being captured, with numbers that are written now and not by its replays.

        It is fresh: what was freed to the pool may be written by another graph that shares it.
        """
        raise NotImplementedError

    @contextmanager
    def relaxed(self) -> Iterator[None]:
        """Let this thread do in a block what is no part of a graph, whatever is being captured."""
        yield

    def is_capturing(self) -> bool:
        """Whether this thread is recording a graph."""
        return self.thread.capture is not None


_chosen: Runtime | None = None


def is_simulated() -> bool:
    """Whether `cuda` is host memory and Triton's interpreter, as TRITON_INTERPRET=1 asks for."""
    return os.environ.get("TRITON_INTERPRET", "0").lower() in ("1", "true", "yes", "on", "y")


def runtime() -> Runtime:
    """The device runtime of this process, chosen at the first call."""
    global _chosen
    if _chosen is None:
        if is_simulated():
            from tritonnn.runtime.simulated import SimulatedRuntime

            _chosen = SimulatedRuntime()
        else:
            from tritonnn.runtime.gpu import DriverRuntime

            _chosen = DriverRuntime()
    return _chosen
