"""Memory of the simulated device: host memory, lent out in blocks whose bounds are known."""

from __future__ import annotations

import os
import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np

from tritonnn.runtime.pool import Block, Pool

if TYPE_CHECKING:
    from tritonnn.runtime.races import Races

ALIGNMENT = 64
LARGEST_CACHED = 1 << 20
UNKNOWN_MEMORY = 16 << 30  # what a system that does not tell is taken to have


def aligned_bytes(nbytes: int) -> tuple[np.ndarray, int]:
    """Uninitialised bytes on a cache line, and their address."""
    raw = np.empty(nbytes + ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    array = raw[start : start + nbytes]  # its base is raw itself
    return array, array.ctypes.data


def host_memory() -> int:
    """Bytes of memory this machine has, as far as it says."""
    if not hasattr(os, "sysconf"):  # Windows
        return UNKNOWN_MEMORY
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


class HostSource:
    """Memory of the simulated device: arrays, kept by the blocks that lend them out."""

    def __init__(self, races: Races) -> None:
        self._races = races

    def take(self, nbytes: int, stream: int) -> tuple[int, object]:
        try:
            array, ptr = aligned_bytes(nbytes)
        except MemoryError:
            return 0, None
        return ptr, array

    def give(self, ptr: int, stream: int) -> None:
        """The array dies with its last reference."""
        self._races.forget(ptr)

    def trim(self) -> None:
        """Nothing is held back."""

    def total(self) -> int:
        return host_memory()

    def join(self, stream: int, other: int) -> None:
        """Work runs when it is queued, so there is only to note that it may."""
        self._races.join(stream, other)


class SimulatedPool(Pool):
    """A pool that notes which of its blocks are live, for checks of addresses that kernels read from memory."""

    def __init__(self, live: LiveBlocks, races: Races, *args: Any, **options: Any) -> None:
        super().__init__(HostSource(races), *args, **options)
        self._live = live

    def allocate(self, nbytes: int, stream: int, fresh: bool = False) -> Block:
        block = super().allocate(nbytes, stream, fresh)
        if nbytes > 0:
            self._live.remove(block.ptr)
            self._live.add(block.ptr, nbytes)
        return block

    def release(self, block: Block) -> None:
        if not self.private:  # replays use what was freed in a graph's memory as well
            self._live.remove(block.ptr)
        super().release(block)

    def give(self, ptr: int, stream: int, size: int) -> None:
        self._live.remove(ptr)
        super().give(ptr, stream, size)


class LiveBlocks:
    """First bytes and ends of the blocks that something holds, in order of address."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._ends: list[int] = []
        self._arrays: tuple[np.ndarray, np.ndarray] | None = None
        self._lock = (
            threading.RLock()
        )  # reentrant: the garbage collector may release a block during an allocation

    def add(self, ptr: int, nbytes: int) -> None:
        """Note a block."""
        with self._lock:
            at = bisect_right(self._firsts, ptr)
            self._firsts.insert(at, ptr)
            self._ends.insert(at, ptr + nbytes)
            self._arrays = None

    def remove(self, ptr: int) -> None:
        """Forget a block."""
        with self._lock:
            at = bisect_right(self._firsts, ptr) - 1
            if at >= 0 and self._firsts[at] == ptr:
                del self._firsts[at], self._ends[at]
                self._arrays = None

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """First bytes and ends as arrays."""
        with self._lock:
            if self._arrays is None:
                self._arrays = np.array(self._firsts, np.uint64), np.array(self._ends, np.uint64)
            return self._arrays

    def block_at(self, ptr: int) -> int:
        """Address of the block that a byte lies in; 0 where it is in none."""
        with self._lock:
            at = bisect_right(self._firsts, ptr) - 1
            return self._firsts[at] if at >= 0 and ptr < self._ends[at] else 0

    def check(self, ptr: int, nbytes: int, does: str) -> None:
        """Hold a copy or fill that starts in a block to that block.

        Raises:
            RuntimeError: it leaves the block.
        """
        with self._lock:
            at = bisect_right(self._firsts, ptr) - 1
            if at >= 0 and ptr < self._ends[at] < ptr + nbytes:
                raise RuntimeError(
                    f"CUDA error: invalid argument: {does} of {nbytes} bytes at 0x{ptr:x} goes "
                    f"{ptr + nbytes - self._ends[at]} bytes past the end of its block of "
                    f"{self._ends[at] - self._firsts[at]} bytes"
                )
