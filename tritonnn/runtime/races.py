"""What streams of the simulated device do to the same memory without waiting for each other.

The simulated device runs everything at once and in order, so a missing wait would never show. It is found by
vector clocks instead: every stream counts its work and knows how far it has waited for the others (L. Lamport,
"Time, Clocks, and the Ordering of Events in a Distributed System", 1978). Two uses of a piece of memory, not both
reads, of which neither waited for the other are a race. What the host has waited for precedes everything queued
from then on.
"""

from __future__ import annotations

import threading
from typing import NamedTuple

Clock = dict[int, int]
MOST_USES = 64  # of a block; more than anyone needs to remember

READ, WRITE, UPDATE = "reads", "writes", "updates"
_DID = {READ: "read", WRITE: "wrote", UPDATE: "updated"}


class Use(NamedTuple):
    """One use of some bytes by one piece of work.

    Attributes:
        first, end: addresses of the first byte and of the one after the last.
        layout: None where all bytes between are used, else whatever equals that of the same elements.
        kind: READ, WRITE or UPDATE, which is atomic.
        who, name: what does it, and to what.
    """

    first: int
    end: int
    layout: object
    kind: str
    who: str
    name: str
    stream: int = 0
    time: int = 0

    def meets(self, other: Use) -> bool:
        """Whether both certainly use some byte."""
        return self.first < other.end and other.first < self.end and self.layout == other.layout

    def hides(self, other: Use) -> bool:
        """Whether what races with the other one, which came before, races with this one too."""
        return (
            self.first <= other.first and other.end <= self.end and self.layout == other.layout
            and (self.kind == WRITE or self.kind == other.kind)
        )  # fmt: skip


class Races:
    """Clocks of all streams, and the last uses of all blocks by address."""

    def __init__(self) -> None:
        self._clocks: dict[int, Clock] = {}
        self._events: dict[int, Clock] = {}
        self._host: Clock = {}
        self._uses: dict[int, list[Use]] = {}
        self._lock = threading.RLock()  # reentrant: the garbage collector may release a block in between

    def work(self, stream: int, uses: list[tuple[int, Use]]) -> None:
        """A piece of work on a stream uses memory: pairs of a block's address and the use.

        Raises:
            RuntimeError: another stream uses the same memory at the same time.
        """
        with self._lock:
            clock = self._clock(stream)
            _advance(clock, self._host)
            clock[stream] = clock.get(stream, 0) + 1
            for block, use in uses:
                self._use(block, use._replace(stream=stream, time=clock[stream]), clock)

    def _use(self, block: int, use: Use, clock: Clock) -> None:
        kept = []
        for other in self._uses.get(block, ()):
            if other.time <= clock.get(other.stream, 0):
                if not use.hides(other):
                    kept.append(other)
                continue
            both = {use.kind, other.kind}
            if use.meets(other) and both != {READ} and both != {UPDATE}:
                raise RuntimeError(
                    f"data race: {use.who} on stream {use.stream} {use.kind} {use.name}, which {other.who} on "
                    f"stream {other.stream} {_DID[other.kind]} as {other.name}, without waiting for it "
                    "(Stream.wait_stream, Event.wait; Tensor.record_stream where the memory was another tensor's)"
                )
            kept.append(other)
        self._uses[block] = [*kept[1 - MOST_USES :], use]

    def forget(self, block: int) -> None:
        """The memory goes back to where it came from."""
        with self._lock:
            self._uses.pop(block, None)

    def record(self, event: int, stream: int) -> None:
        """An event stands for what is queued on a stream."""
        with self._lock:
            clock = self._events[event] = self._clock(stream).copy()
            _advance(clock, self._host)

    def drop(self, event: int) -> None:
        """An event is destroyed."""
        with self._lock:
            self._events.pop(event, None)

    def wait(self, stream: int, event: int) -> None:
        """A stream waits for an event."""
        with self._lock:
            _advance(self._clock(stream), self._events.get(event, {}))

    def join(self, stream: int, other: int) -> None:
        """A stream waits for all that is queued on another one."""
        with self._lock:
            _advance(self._clock(stream), self._clock(other))

    def host_waits(self, stream: int | None = None, event: int | None = None) -> None:
        """The host waits for a stream, an event, or everything."""
        with self._lock:
            if event is not None:
                return _advance(self._host, self._events.get(event, {}))
            for clock in self._clocks.values() if stream is None else [self._clock(stream)]:
                _advance(self._host, clock)

    def _clock(self, stream: int) -> Clock:
        return self._clocks.setdefault(stream, {})


def _advance(clock: Clock, other: Clock) -> None:
    """What is known to `other` is known to `clock`."""
    for stream, time in other.items():
        if time > clock.get(stream, 0):
            clock[stream] = time
