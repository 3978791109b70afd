"""Page-locked host memory, kept for reuse: locking pages costs more than copying them."""

from __future__ import annotations

import ctypes
import threading
import weakref
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from tritonnn.runtime.gpu import DriverRuntime


class PinnedArray(np.ndarray):
    """An array in page-locked memory, which a tensor's storage shows by `pinned`."""

    pinned = True


class PinnedMemory:
    """Arrays in page-locked memory.

    A freed array's memory is lent again only after the copies that used it have run.
    """

    def __init__(self, runtime: DriverRuntime) -> None:
        self._runtime = runtime
        self._lock = threading.RLock()
        self._sizes: dict[int, int] = {}
        self._users: dict[int, set[tuple[int, int]]] = {}
        self._free: dict[int, list[int]] = {}
        self._waiting: list[tuple[int, int, list[int]]] = []

    def empty(self, nbytes: int) -> np.ndarray:
        """An uninitialised uint8 array."""
        size = max(4096, 1 << (max(1, nbytes) - 1).bit_length())
        with self._lock:
            self._collect()
            spare = self._free.get(size)
            ptr = spare.pop() if spare else self._runtime.pinned_take(size)
            self._sizes[ptr] = size
        memory = (ctypes.c_uint8 * size).from_address(ptr)
        weakref.finalize(memory, self._release, ptr).atexit = False
        return np.frombuffer(memoryview(memory), dtype=np.uint8)[:nbytes].view(PinnedArray)

    def base(self, address: int) -> int:
        """Start of the page-locked array that an address lies in; 0 where it lies in none."""
        for base, size in list(self._sizes.items()):
            if base <= address < base + size:
                return base
        return 0

    def used_on(self, base: int, index: int, stream: int) -> None:
        """Note a copy that is queued on a stream and reads or writes the array."""
        self._users.setdefault(base, set()).add((index, stream))

    def held(self) -> tuple[int, int]:
        """Bytes that arrays hold, and bytes kept for reuse or still waiting for copies."""
        with self._lock:
            spare = sum(size * len(ptrs) for size, ptrs in self._free.items())
            return sum(self._sizes.values()), spare + sum(size for _, size, _ in self._waiting)

    def trim(self, give: Callable[[int], None]) -> None:
        """Unlock what nobody holds."""
        with self._lock:
            self._collect()
            for spare in self._free.values():
                while spare:
                    give(spare.pop())

    def _release(self, ptr: int) -> None:
        with self._lock:
            size = self._sizes.pop(ptr)
            events = [self._runtime.mark(index, stream) for index, stream in self._users.pop(ptr, ())]
            self._waiting.append((ptr, size, [event for event in events if event]))

    def _collect(self) -> None:
        waiting, self._waiting = self._waiting, []
        for ptr, size, events in waiting:
            if all(self._runtime.event_query(event) for event in events):
                for event in events:
                    self._runtime.event_destroy(event)
                self._free.setdefault(size, []).append(ptr)
            else:
                self._waiting.append((ptr, size, events))
