"""The simulated device: host memory behind device addresses, everything in order, nothing asynchronous."""

from __future__ import annotations

import ctypes
import itertools
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from tritonnn import config
from tritonnn.cuda._pool import Pool, Stats
from tritonnn.cuda._runtime import Runtime

if TYPE_CHECKING:
    from tritonnn.cuda._properties import DeviceProperties

ALIGNMENT = 64
LARGEST_CACHED = 1 << 20


def aligned_bytes(nbytes: int) -> tuple[np.ndarray, int]:
    """Uninitialised bytes on a cache line, and their address."""
    raw = np.empty(nbytes + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    array = raw[start : start + nbytes]  # its base is raw itself
    return array, array.ctypes.data


def host_memory() -> int:
    """Bytes of memory this machine has."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class HostSource:
    """Memory of the simulated device: arrays, kept by the blocks that lend them out."""

    def take(self, nbytes: int, stream: int) -> tuple[int, object]:
        try:
            array, ptr = aligned_bytes(nbytes)
        except MemoryError:
            return 0, None
        return ptr, array

    def give(self, ptr: int, stream: int) -> None:
        """Nothing to do: the array dies with its last reference."""

    def trim(self) -> None:
        """Nothing is held back."""

    def total(self) -> int:
        return host_memory()

    def join(self, stream: int, other: int) -> None:
        """Work runs when it is queued, so every stream is always up to date."""


class SimulatedRuntime(Runtime):
    """`cuda` without a GPU: copies and kernels run at once, on the host, in the order they are queued.

    `TRITONNN_SIMULATED_DEVICES` sets the number of devices (1).
    """

    simulated = True

    def __init__(self) -> None:
        super().__init__()
        self._count = config.SIMULATED_DEVICES
        self._handles = itertools.count(1)
        self._streams: dict[int, int] = {}
        self._recorded: dict[int, float | None] = {}
        self._pinned: dict[int, int] = {}

    def device_count(self) -> int:
        return self._count

    def start(self) -> None:
        pass

    def bind(self, index: int) -> None:
        self.thread.device = index
        self.thread.bound = True

    def properties(self, index: int) -> DeviceProperties:
        from tritonnn.cuda._properties import simulated_properties

        return simulated_properties(self.check(index), host_memory())

    def _new_pool(self, index: int) -> Pool:
        with self._setup:
            if index not in self.pools:
                self.stats[index] = Stats()
                self.pools[index] = Pool(
                    HostSource(),
                    self.check(index),
                    self.stats[index],
                    self.gate,
                    largest_cached=LARGEST_CACHED,
                )
            return self.pools[index]

    def private_pool(self, index: int) -> Pool:
        self.pool(index)
        return Pool(HostSource(), index, self.stats[index], self.gate, private=True)

    def memory_info(self, index: int) -> tuple[int, int]:
        total = host_memory()
        used = self.stats[index].reserved if self.check(index) in self.stats else 0
        return max(0, total - used), total

    def upload(
        self, ptr: int, array: np.ndarray, index: int | None = None, non_blocking: bool = False
    ) -> None:
        if array.nbytes:
            ctypes.memmove(ptr, array.ctypes.data, array.nbytes)

    def download(
        self, array: np.ndarray, ptr: int, index: int | None = None, non_blocking: bool = False
    ) -> None:
        if array.nbytes:
            ctypes.memmove(array.ctypes.data, ptr, array.nbytes)

    def copy_device(self, dst: int, src: int, nbytes: int, dst_index: int, src_index: int) -> None:
        if nbytes:
            ctypes.memmove(dst, src, nbytes)

    def _fill(self, ptr: int, byte: int, nbytes: int, stream: int) -> None:
        ctypes.memset(ptr, byte, nbytes)

    def pinned_empty(self, nbytes: int) -> np.ndarray:
        import weakref

        array, ptr = aligned_bytes(max(1, nbytes))
        self._pinned[ptr] = array.nbytes
        weakref.finalize(array.base, self._pinned.pop, ptr, None)
        return array[:nbytes]

    def is_pinned(self, array: np.ndarray) -> bool:
        ptr = array.ctypes.data
        return any(base <= ptr < base + size for base, size in list(self._pinned.items()))

    # -- order: everything queued has already run

    def synchronize(self, index: int | None = None) -> None:
        self.check(self.thread.device if index is None else index)

    def stream_create(self, index: int, priority: int) -> int:
        handle = next(self._handles)
        self._streams[handle] = index
        return handle

    def stream_destroy(self, handle: int) -> None:
        self._streams.pop(handle, None)

    def stream_query(self, handle: int) -> bool:
        return True

    def stream_synchronize(self, handle: int) -> None:
        pass

    def stream_wait_event(self, handle: int, event: int) -> None:
        pass

    def event_create(self, timing: bool, blocking: bool, interprocess: bool) -> int:
        handle = next(self._handles)
        self._recorded[handle] = None
        return handle

    def event_destroy(self, event: int) -> None:
        self._recorded.pop(event, None)

    def event_record(self, event: int, stream: int) -> None:
        self._recorded[event] = time.perf_counter()

    def event_query(self, event: int) -> bool:
        return True

    def event_synchronize(self, event: int) -> None:
        pass

    def event_elapsed(self, start: int, end: int) -> float:
        first, last = self._recorded[start], self._recorded[end]
        if first is None or last is None:
            raise RuntimeError(
                "elapsed_time: both events must be recorded before the time between them is asked for"
            )
        return (last - first) * 1000

    def capture_begin(self, stream: int, index: int, pool: Pool, mode: str) -> None:
        raise NotImplementedError(
            "CUDA graphs need a real GPU: the simulated device (TRITON_INTERPRET=1) runs kernels on the "
            "host, where there is nothing to record"
        )

    def capture_end(self, stream: int, index: int) -> Any:
        raise RuntimeError("no capture is under way")
