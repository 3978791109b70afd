"""Device memory: what is live, what is cached, and what to say when there is no more."""

from __future__ import annotations

import gc
import sys
import threading
from bisect import bisect_left, insort
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

GRANULE = (
    512  # a power of two; every block is a multiple of it, so freed blocks meet requests of nearly their size
)
CACHED_PER_SIZE = 256
LARGE = 1 << 20  # cached blocks above this many bytes also serve requests of a little less
SLACK = 8  # an eighth of the request


class OutOfMemoryError(RuntimeError):
    """The device has no memory left for a tensor, after the cache was given back and the request repeated.

    >>> import tritonnn as torch
    >>> issubclass(torch.cuda.OutOfMemoryError, RuntimeError)
    True
    >>> try:
    ...     raise torch.cuda.OutOfMemoryError("too large")
    ... except torch.cuda.OutOfMemoryError:
    ...     torch.cuda.empty_cache()  # go on with less
    """

    __module__ = "tritonnn.cuda"


class Source(Protocol):
    """Where a pool takes its memory from: the driver, or the host on the simulated device."""

    def take(self, nbytes: int, stream: int) -> tuple[int, object]:
        """Address and an object that keeps it valid; address 0 where there is no memory left."""

    def give(self, ptr: int, stream: int) -> None:
        """Return memory, ordered after the work queued on `stream`."""

    def trim(self) -> None:
        """Return to the device what is held without being taken."""

    def total(self) -> int:
        """Bytes the device has."""

    def join(self, stream: int, other: int) -> None:
        """Make `stream` wait for what is queued on `other`."""


class Stats:
    """Counters of one device: bytes and numbers of blocks, now, at their peak, and summed since the start."""

    allocated = 0  # bytes of live blocks
    allocated_peak = 0
    freed_total = 0  # bytes taken back since the start
    taken = 0  # blocks handed out since the start
    given = 0  # blocks taken back
    reserved = 0  # bytes taken from the source: live and cached
    reserved_peak = 0
    reserved_total = 0
    device_takes = 0  # calls to the source
    device_gives = 0
    retries = 0
    ooms = 0

    @property
    def blocks(self) -> int:
        """Live blocks."""
        return self.taken - self.given

    @property
    def requested_total(self) -> int:
        """Bytes handed out since the start."""
        return self.allocated + self.freed_total

    def reset_peak(self) -> None:
        """Start the peaks again from what is live now."""
        self.allocated_peak, self.reserved_peak = self.allocated, self.reserved

    def reset_totals(self) -> None:
        """Start the sums again from what is live now."""
        self.taken, self.given, self.freed_total = self.blocks, 0, 0
        self.reserved_total, self.retries, self.ooms = self.reserved, 0, 0
        self.device_takes = self.device_gives = 0


class Gate:
    """Shared by all pools of a runtime: whether memory may be returned to the device just now.

    Attributes:
        held: a graph is being recorded, and a free would become part of it: keep what comes back.
        shut: return nothing any more; in a forked child the memory is the parent's.
    """

    def __init__(self) -> None:
        self.held = 0
        self.shut = False
        self._waiting: list[Callable[[], None]] = []

    def wait(self, work: Callable[[], None]) -> None:
        """Do something when the gate opens."""
        self._waiting.append(work)

    def hold(self) -> None:
        """Recording starts."""
        self.held += 1

    def open(self) -> None:
        """Recording is over: return what was kept."""
        self.held -= 1
        while not self.held and self._waiting:
            self._waiting.pop()()


class Block:
    """Device memory of one storage, given back when the object is collected.

    Attributes:
        ptr: address in bytes; 0 for an empty block.
        nbytes: size asked for.
        op: the op that made it, set by dispatch for the out-of-memory report.
        array: the host memory behind it on the simulated device, else None.
    """

    __slots__ = ("_pool", "array", "nbytes", "op", "others", "ptr", "size", "stream")

    def __init__(self, pool: Pool, ptr: int, nbytes: int, size: int, stream: int, array: object) -> None:
        self._pool = pool
        self.ptr = ptr
        self.nbytes = nbytes
        self.size = size
        self.stream = stream
        self.array = array
        self.op: str | None = None
        self.others: set[int] | None = None

    @property
    def index(self) -> int:
        """The device."""
        return self._pool.index

    def record_stream(self, stream: int) -> None:
        """Note that `stream` uses the memory too: it is reused only after what is queued there then."""
        if stream != self.stream and self.size:
            self.others = self.others or set()
            self.others.add(stream)

    def __del__(self, exiting: Callable[[], bool] = sys.is_finalizing) -> None:
        # When Python ends, the names of modules are gone before the last tensors: a default is still there.
        if self.size and not exiting():
            self._pool.release(self)

    def __repr__(self) -> str:
        return f"Block(ptr=0x{self.ptr:x}, nbytes={self.nbytes}, device={self.index}, op={self.op!r})"


class Pool:
    """Freed blocks by stream and size over a `Source`.

    Reuse needs no synchronisation: a block goes back to the list of the stream it was allocated on, and what
    that stream runs next is ordered after what used the block before.

    A small block serves requests of its very size. Large ones are few and of many sizes: the smallest that is
    large enough is taken if it is not much larger, and together they are kept as far as they are no more than
    was ever in use at once.

    Args:
        source: where memory comes from.
        index: the device.
        stats: counters to keep, shared by all pools of a device.
        gate: shared by all pools of the runtime.
        largest_cached: blocks above this size go straight back to the source.
        private: a CUDA graph's own pool: addresses stay valid as long as the pool, nothing is lent outside.
    """

    def __init__(
        self,
        source: Source,
        index: int,
        stats: Stats,
        gate: Gate,
        *,
        largest_cached: int | None = None,
        private: bool = False,
    ) -> None:
        self.source = source
        self.index = index
        self.stats = stats
        self.gate = gate
        self.largest_cached = largest_cached
        self.private = private
        self.limit: int | None = None
        self.constants: dict[
            Any, Any
        ] = {}  # what graphs read that lives as long as they, by what it is made of
        self._retired = False
        self._free: dict[tuple[int, int], list[tuple[int, object]]] = {}
        self._large: dict[int, list[tuple[int, int, object]]] = {}  # by stream: sizes in order, addresses
        self._large_kept = self._large_used = self._large_most = 0  # bytes
        # Reentrant: the garbage collector may release a block while this thread is allocating another.
        self._lock = threading.RLock()

    def allocate(self, nbytes: int, stream: int, fresh: bool = False) -> Block:
        """A block for work queued on `stream`; where it is to be `fresh`, of memory that never was in use.

        Raises:
            OutOfMemoryError: no memory, even with the cache given back.
        """
        if nbytes <= 0:
            return Block(self, 0, 0, 0, stream, None)
        size = (nbytes + GRANULE - 1) & -GRANULE
        with self._lock:
            if size > LARGE:
                size, ptr, keep = self._take_large(size, stream, nbytes, fresh)
            elif fresh:
                ptr, keep = self._take(size, stream, nbytes)
            else:
                try:
                    ptr, keep = self._free[stream, size].pop()
                except (KeyError, IndexError):
                    ptr, keep = self._take(size, stream, nbytes)
            stats = self.stats
            stats.taken += 1
            live = stats.allocated = stats.allocated + size
            if live > stats.allocated_peak:
                stats.allocated_peak = live
        return Block(self, ptr, nbytes, size, stream, keep)

    def release(self, block: Block) -> None:
        """Take a block back; called by the block itself when it is collected, from any thread."""
        if self.gate.shut:
            return
        with self._lock:
            size, stream = block.size, block.stream
            stats = self.stats
            stats.given += 1
            stats.allocated -= size
            stats.freed_total += size
            if size > LARGE:
                self._large_used -= size
            if not block.others:
                spare = self._free.get((stream, size))
                # the commonest case of `_keep`
                if spare is not None and len(spare) < CACHED_PER_SIZE and not self._retired:
                    spare.append((block.ptr, block.array))
                else:
                    self._keep(block.ptr, block.array, stream, size)
            elif self.gate.held:
                # the other stream's work is no part of what is captured, so nothing captured can wait for it
                piece = (block.ptr, block.array, stream, size)
                self.gate.wait(partial(self._keep_after, block.others, piece))
            else:
                self._keep_after(block.others, (block.ptr, block.array, stream, size))

    def _keep_after(self, others: set[int], piece: tuple[int, object, int, int]) -> None:
        """Keep a piece of memory, for use after what other streams do with it."""
        with self._lock:
            for other in others:
                self.source.join(piece[2], other)
            self._keep(*piece)

    def _keep(self, ptr: int, array: object, stream: int, size: int) -> None:
        """Into the cache, or back to the source."""
        if self._retired or (self.largest_cached is not None and size > self.largest_cached):
            self.give(ptr, stream, size)
        elif size > LARGE:
            insort(self._large.setdefault(stream, []), (size, ptr, array))
            self._large_kept += size
            if self._large_kept > self._large_most and not self.private:
                self._give_large()
        else:
            spare = self._free.get((stream, size))
            if spare is None:
                spare = self._free[stream, size] = []
            if len(spare) >= CACHED_PER_SIZE and not self.private:
                self.give(ptr, stream, size)
            else:
                spare.append((ptr, array))

    def _take_large(self, size: int, stream: int, nbytes: int, fresh: bool) -> tuple[int, int, object]:
        """Size, address and array of the cached block that fits best; one from the source where none does."""
        pieces = None if fresh else self._large.get(stream)
        at = bisect_left(pieces, (size,)) if pieces else 0
        if pieces and at < len(pieces) and pieces[at][0] <= size + size // SLACK:
            piece = pieces.pop(at)
            self._large_kept -= piece[0]
        else:
            piece = (size, *self._take(size, stream, nbytes))
        used = self._large_used = self._large_used + piece[0]
        if used > self._large_most:
            self._large_most = used
        return piece

    def _give_large(self) -> None:
        for stream, pieces in self._large.items():
            while pieces:
                size, ptr, _ = pieces.pop()
                self.give(ptr, stream, size)
        self._large_kept = 0

    def empty_cache(self) -> None:
        """Give back to the device everything that no tensor uses."""
        if self.gate.shut:
            return
        with self._lock:
            for (stream, size), spare in self._free.items():
                while spare:
                    self.give(spare.pop()[0], stream, size)
            self._free.clear()
            self._give_large()
            self._large_most = self._large_used
            self.source.trim()

    def retire(self) -> None:
        """Keep nothing from now on: cached blocks go back at once, live ones when they are released."""
        with self._lock:
            self._retired = True
            self.constants.clear()
            self.empty_cache()

    def give(self, ptr: int, stream: int, size: int) -> None:
        """Return memory to the source, when the gate is open."""
        if self.gate.held:
            self.gate.wait(partial(self.give, ptr, stream, size))
            return
        self.stats.reserved -= size
        self.stats.device_gives += 1
        self.source.give(ptr, stream)

    def _take(self, size: int, stream: int, nbytes: int) -> tuple[int, object]:
        """From the source; where it has none, after giving back the cache, once more."""
        stats = self.stats
        for attempt in range(2):
            within = self.limit is None or stats.reserved + size <= self.limit
            ptr, keep = self.source.take(size, stream) if within else (0, None)
            if ptr:
                stats.reserved += size
                stats.reserved_total += size
                stats.device_takes += 1
                stats.reserved_peak = max(stats.reserved_peak, stats.reserved)
                return ptr, keep
            if attempt == 0:
                stats.retries += 1
                gc.collect()  # tensors in reference cycles hold memory that nobody can reach
                self.empty_cache()
        stats.ooms += 1
        raise OutOfMemoryError(self._explain(nbytes))

    def _explain(self, nbytes: int) -> str:
        stats, total = self.stats, self.source.total()
        lines = [
            f"CUDA out of memory. Tried to allocate {human(nbytes)}. GPU {self.index} has a total capacity "
            f"of {human(total)}, of which {human(stats.allocated)} is in {stats.blocks} live tensors and "
            f"{human(stats.reserved - stats.allocated)} is cached by tritonnn but unused."
        ]
        if self.limit is not None:
            lines.append(
                f"  this process may use {human(self.limit)} of it (set_per_process_memory_fraction)"
            )
        largest = sorted(live_blocks(self.index), key=lambda block: -block.size)[:10]
        if largest:
            lines.append("  largest live tensors:")
            lines += [
                f"    {human(block.nbytes):>10}  made by {block.op or 'an unnamed op'}" for block in largest
            ]
        return "\n".join(lines)


def live_blocks(index: int) -> list[Block]:
    """Every block that something still holds. Slow: walks all objects, so that allocating need not."""
    return [o for o in gc.get_objects() if type(o) is Block and o.size and o.index == index]


def human(nbytes: int) -> str:
    """Bytes for reading: '1.50 GiB'."""
    value = float(nbytes)
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if abs(value) < 1024 or unit == "GiB":
            break
        value /= 1024
    return f"{nbytes} bytes" if unit == "bytes" else f"{value:.2f} {unit}"
