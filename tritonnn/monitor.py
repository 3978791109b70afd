"""torch.monitor: events that a program logs and hears of, and statistics that are logged window by window."""

from __future__ import annotations

import enum
import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

__all__ = [
    "Aggregation", "Event", "EventHandlerHandle", "STAT_EVENT", "Stat", "TensorboardEventHandler", "data_value_t",
    "log_event", "register_event_handler", "unregister_event_handler",
]  # fmt: skip

STAT_EVENT = "torch.monitor.Stat"
#: the values of an event's data
data_value_t = str | int | float | bool
_lock = threading.Lock()
_handlers: dict[EventHandlerHandle, Callable[[Event], Any]] = {}


class Aggregation(enum.Enum):
    """What a statistic tells of the values of a window."""

    VALUE, MEAN, COUNT, SUM, MAX, MIN = 1, 2, 3, 4, 5, 6


VALUE, MEAN, COUNT = Aggregation.VALUE, Aggregation.MEAN, Aggregation.COUNT
SUM, MAX, MIN = Aggregation.SUM, Aggregation.MAX, Aggregation.MIN
_COMPUTE: dict[Aggregation, Callable[[list[float]], float]] = {
    VALUE: lambda values: values[-1], MEAN: lambda values: sum(values) / len(values),
    COUNT: lambda values: float(len(values)), SUM: lambda values: float(sum(values)), MAX: max, MIN: min,
}  # fmt: skip


class Event:
    """Something that happened: a name, when, and values by name.

    Raises:
        TypeError: arguments of other kinds.
    """

    def __init__(self, name: str, timestamp: datetime, data: Mapping[str, data_value_t]) -> None:
        if not isinstance(name, str) or not isinstance(timestamp, datetime) or not isinstance(data, Mapping):
            raise TypeError(
                f"Event: expected str, datetime and dict, but got {name!r}, {timestamp!r}, {data!r}"
            )
        wrong = [key for key, value in data.items() if not isinstance(value, (str, int, float))]
        if wrong:
            raise TypeError(f"Event: expected data of str, int, float or bool, but {wrong[0]!r} is none")
        self.name, self.timestamp, self.data = name, timestamp, dict(data)


class EventHandlerHandle:
    """What `unregister_event_handler` takes."""


def register_event_handler(callback: Callable[[Event], Any]) -> EventHandlerHandle:
    """Call a function with every event that is logged from now on.

    >>> import datetime
    >>> import tritonnn as torch
    >>> names = []
    >>> handle = torch.monitor.register_event_handler(lambda event: names.append(event.name))
    >>> torch.monitor.log_event(torch.monitor.Event("epoch", datetime.datetime.now(), {"loss": 0.5}))
    >>> torch.monitor.unregister_event_handler(handle)
    >>> names
    ['epoch']
    """
    if not callable(callback):
        raise TypeError(f"register_event_handler: expected a function, but got {type(callback).__name__}")
    handle = EventHandlerHandle()
    with _lock:
        _handlers[handle] = callback
    return handle


def unregister_event_handler(handler: EventHandlerHandle) -> None:
    """Call it no more."""
    if not isinstance(handler, EventHandlerHandle):
        raise TypeError(f"unregister_event_handler: expected a handle, but got {type(handler).__name__}")
    with _lock:
        _handlers.pop(handler, None)


def log_event(event: Event) -> None:
    """Call the registered functions with an event."""
    if not isinstance(event, Event):
        raise TypeError(f"log_event: expected an Event, but got {type(event).__name__}")
    for callback in list(_handlers.values()):
        callback(event)


class Stat:
    """Values of a window of time; when the first value of a later one comes, an event tells what they came to.

    Args:
        name: of the statistic; its event's data are `name.sum` and the like.
        aggregations: what to tell.
        window_size: how long a window is.
        max_samples: a window ends after so many values and takes no more.

    >>> import datetime
    >>> import tritonnn as torch
    >>> stat = torch.monitor.Stat("loss", [torch.monitor.MEAN], datetime.timedelta(hours=1))
    >>> stat.add(1.0)
    >>> stat.add(2.0)
    >>> stat.count
    2
    """

    def __init__(
        self, name: str, aggregations: list[Aggregation], window_size: timedelta, max_samples: int = 2**63 - 1
    ) -> None:
        if window_size <= timedelta(0):
            raise ValueError(f"Stat: expected a window_size above 0, but got {window_size}")
        self.name, self._aggregations, self._window, self._most = (
            name,
            list(aggregations),
            window_size,
            max_samples,
        )
        self._values: list[float] = []
        self._told = dict.fromkeys(self._aggregations, 0.0)
        self._number, self._full = self._now(), False
        self._lock = threading.Lock()

    def _now(self) -> int:
        """The number of the window that now falls into."""
        return int(time.monotonic() / self._window.total_seconds())

    @property
    def count(self) -> int:
        """How many values the window has so far."""
        return len(self._values)

    def add(self, v: float) -> None:
        """Add a value: to the window, or where its time is over to the next one. A full window takes no more."""
        ended = None
        with self._lock:
            if (number := self._now()) != self._number:
                ended = self._end()
                self._number, self._full = number, False
            if not self._full:
                self._values.append(float(v))
                if len(self._values) >= self._most:
                    ended, self._full = self._end(), True
        if ended is not None:
            log_event(ended)

    def get(self) -> dict[Aggregation, float]:
        """What the last window that has ended came to; zeros before."""
        return dict(self._told)

    def _end(self) -> Event | None:
        """The event of the window's values, which begin again; None where it has none."""
        values, self._values = self._values, []
        if not values:
            return None
        self._told = {kind: float(_COMPUTE[kind](values)) for kind in self._aggregations}
        data = {f"{self.name}.{kind.name.lower()}": value for kind, value in self._told.items()}
        return Event(STAT_EVENT, datetime.now(), data)


class TensorboardEventHandler:
    """Writes the numbers of events with `writer.add_scalar(name, value)`; to be registered."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer

    def __call__(self, event: Event) -> None:
        if event.name == STAT_EVENT:
            for key, value in event.data.items():
                self._writer.add_scalar(key, value, walltime=event.timestamp.timestamp())
