"""Streams and events: the order in which a GPU works."""

from __future__ import annotations

from typing import Any

from tritonnn import _streams
from tritonnn.cuda._devices import device_index
from tritonnn.device import device as Device
from tritonnn.runtime.interface import runtime

__all__ = [
    "Event", "ExternalStream", "Stream", "StreamContext", "current_stream", "default_stream", "set_stream",
    "stream",
]  # fmt: skip


class Stream(_streams.Stream):
    """A queue of work on one GPU: what is put on it runs in order, and beside what other streams run.

    Streams come from a fixed set per GPU and priority, so a program that makes many of them shares them.

    Args:
        device: the GPU; the current one for None.
        priority: lower numbers run first; 0 or negative.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     side = torch.cuda.Stream()
    ...     side.wait_stream(torch.cuda.current_stream())
    ...     with torch.cuda.stream(side):
    ...         x = torch.ones(2, device="cuda") + 1
    ...     torch.cuda.current_stream().wait_stream(side)
    """

    __slots__ = ("__weakref__", "_previous", "cuda_stream", "device", "priority")

    cuda_stream: int
    device: Device
    priority: int

    def __init__(self, device: Device | int | str | None = None, priority: int = 0, **kwargs: Any) -> None:
        index = device_index(device)
        given = kwargs.pop("stream_ptr", None)
        if kwargs:
            raise TypeError(f"Stream() got an unexpected keyword argument {next(iter(kwargs))!r}")
        self.device = Device("cuda", runtime().check(index))
        self.priority = min(0, priority)
        self.cuda_stream = runtime().pooled_stream(index, self.priority) if given is None else given
        self._previous: list[StreamContext] = []

    @classmethod
    def _of(cls, handle: int, index: int) -> Stream:
        stream = object.__new__(cls)
        stream.cuda_stream, stream.priority, stream._previous = handle, 0, []
        stream.device = Device("cuda", index)
        return stream

    @property
    def device_index(self) -> int:
        """Index of the GPU."""
        return self.device.index or 0

    @property
    def stream_id(self) -> int:
        """The driver's handle, which identifies the stream among those of its GPU."""
        return self.cuda_stream

    def query(self) -> bool:
        """Whether all work put on the stream has finished."""
        with runtime().on(self.device_index):
            return runtime().stream_query(self.cuda_stream)

    def synchronize(self) -> None:
        """Wait until all work put on the stream has finished."""
        with runtime().on(self.device_index):
            runtime().stream_synchronize(self.cuda_stream)

    def wait_event(self, event: Event) -> None:
        """Make all further work on this stream wait for an event; one that was never recorded is passed at
        once."""
        event.wait(self)

    def wait_stream(self, stream: Stream) -> None:
        """Make all further work on this stream wait for what is on another one now."""
        self.wait_event(stream.record_event())

    def record_event(self, event: Event | None = None) -> Event:
        """Record an event, a new one if none is given, behind the work put on the stream so far, and return
        it."""
        event = Event() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> Stream:
        context = StreamContext(self)
        context.__enter__()
        self._previous.append(context)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._previous.pop().__exit__()

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.cuda_stream

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Stream):
            return NotImplemented
        return self.cuda_stream == other.cuda_stream and self.device is other.device

    def __hash__(self) -> int:
        return hash((self.cuda_stream, self.device_index))

    def __repr__(self) -> str:
        return f"<torch.cuda.Stream device={self.device} cuda_stream={self.cuda_stream:#x}>"


class ExternalStream(Stream):
    """A stream made outside tritonnn, which must outlive its use here.

    Args:
        stream_ptr: the driver's handle.
        device: the GPU it belongs to.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     foreign = torch.cuda.Stream()
    ...     assert torch.cuda.ExternalStream(foreign.cuda_stream) == foreign
    """

    __slots__ = ()

    def __init__(self, stream_ptr: int, device: Device | int | str | None = None, **kwargs: Any) -> None:
        super().__init__(device, stream_ptr=stream_ptr, **kwargs)


class Event(_streams.Event):
    """A mark in a stream: other streams and the host can wait for it, and two of them measure time.

    Args:
        enable_timing: whether `elapsed_time` can use it.
        blocking: let waiting threads sleep instead of spinning.
        interprocess: whether another process may open it; excludes timing.

    >>> import tritonnn as torch
    >>> torch.cuda.Event().query()  # nothing recorded, nothing to wait for
    True
    """

    __slots__ = ("__weakref__", "_blocking", "_index", "_interprocess", "_timing", "cuda_event")

    def __init__(
        self,
        enable_timing: bool = False,
        blocking: bool = False,
        interprocess: bool = False,
        external: bool = False,
        _handle: Any = None,
    ) -> None:
        self.cuda_event = 0  # made at the first record: it belongs to the GPU of that stream
        if interprocess and enable_timing:
            raise ValueError("an interprocess event cannot time: enable_timing must be False")
        if external:
            raise NotImplementedError("Event(external=True): graphs have no event nodes of their own yet")
        self._timing, self._blocking, self._interprocess = enable_timing, blocking, interprocess
        self._index = 0
        if _handle is not None:
            self._open(runtime().current_device(), _handle)

    @classmethod
    def from_ipc_handle(cls, device: Device | int | str | None, handle: bytes) -> Event:
        """Open an event of another process from its `ipc_handle()`."""
        event = cls(interprocess=True)
        event._open(device_index(device), handle)
        return event

    def _open(self, index: int, handle: bytes) -> None:
        with runtime().on(index):
            self._index, self._interprocess = index, True
            self.cuda_event = runtime().event_from_ipc(handle)

    @property
    def device(self) -> Device | None:
        """The GPU it was recorded on; None before the first record."""
        return Device("cuda", self._index) if self.cuda_event else None

    def record(self, stream: Stream | None = None) -> None:
        """Put the event behind the work put on a stream so far, the current one by default.

        Raises:
            RuntimeError: it was recorded on another GPU before.
        """
        stream = current_stream() if stream is None else stream
        with runtime().on(stream.device_index):
            self._make(stream.device_index)
            runtime().event_record(self.cuda_event, stream.cuda_stream)

    def _make(self, index: int) -> None:
        if not self.cuda_event:
            runtime().bind(index)
            self._index = index
            self.cuda_event = runtime().event_create(self._timing, self._blocking, self._interprocess)
        elif self._index != index:
            raise RuntimeError(
                f"Event device {self._index} does not match recording stream's device {index}."
            )

    def wait(self, stream: Stream | None = None) -> None:
        """Make all further work on a stream, the current one by default, wait for the event."""
        stream = current_stream() if stream is None else stream
        if self.cuda_event:
            with runtime().on(stream.device_index):
                runtime().stream_wait_event(stream.cuda_stream, self.cuda_event)

    def query(self) -> bool:
        """Whether the work that it was last recorded behind has finished; True if it never was recorded."""
        return not self.cuda_event or runtime().event_query(self.cuda_event)

    def synchronize(self) -> None:
        """Wait until the work that it was last recorded behind has finished."""
        if self.cuda_event:
            runtime().event_synchronize(self.cuda_event)

    def elapsed_time(self, end_event: Event) -> float:
        """Milliseconds from this event to `end_event`; both have to be reached.

        Raises:
            ValueError: an event was not made with `enable_timing=True`, or has not been recorded.
            RuntimeError: an event has not been reached.
        """
        if not (self._timing and end_event._timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if not (self.cuda_event and end_event.cuda_event):
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return runtime().event_elapsed(self.cuda_event, end_event.cuda_event)

    def ipc_handle(self) -> bytes:
        """What another process opens the event with.

        Raises:
            RuntimeError: it was not made with `interprocess=True`, or the device is simulated.
        """
        if not self._interprocess:
            raise RuntimeError("ipc_handle: the event must be created with argument 'interprocess=True'")
        if not self.cuda_event:
            with runtime().on(runtime().current_device()):
                self._make(runtime().current_device())
        return runtime().event_ipc_handle(self.cuda_event)

    def __del__(self) -> None:
        if getattr(self, "cuda_event", 0):
            runtime().event_destroy(self.cuda_event)

    def __repr__(self) -> str:
        handle = f"{self.cuda_event:#x}" if self.cuda_event else "uninitialized"
        return f"<torch.cuda.Event {handle}>"


class StreamContext:
    """Context manager that makes a stream and its GPU current; None changes nothing.

    Args:
        stream: a stream, or None.

    >>> import tritonnn as torch
    >>> with torch.cuda.StreamContext(None):
    ...     pass
    >>> if torch.cuda.is_available():
    ...     side = torch.cuda.Stream()
    ...     with torch.cuda.StreamContext(side):
    ...         assert torch.cuda.current_stream() == side
    """

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream
        self._device = -1
        self._before = 0

    def __enter__(self) -> None:
        if self.stream is None:
            return
        index = self.stream.device_index
        self._device = runtime().current_device()
        self._before = runtime().current_stream(index)
        runtime().set_device(index)
        runtime().set_stream(self.stream.cuda_stream, index)

    def __exit__(self, *exc_info: object) -> None:
        if self.stream is not None:
            runtime().set_stream(self._before, self.stream.device_index)
            runtime().set_device(self._device)


def stream(stream: Stream | None) -> StreamContext:
    """Context manager under which kernels are put on `stream`; None changes nothing.

    >>> import tritonnn as torch
    >>> with torch.cuda.stream(None):
    ...     pass
    """
    return StreamContext(stream)


def current_stream(device: Device | int | str | None = None) -> Stream:
    """The stream that this thread's work on a GPU goes to; of the current GPU without an argument.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.current_stream() == torch.cuda.default_stream()
    """
    index = runtime().check(device_index(device))
    return Stream._of(runtime().current_stream(index), index)


def default_stream(device: Device | int | str | None = None) -> Stream:
    """The stream that work goes to where no other is selected.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    Raises:
        RuntimeError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.default_stream().cuda_stream == 0
    """
    return Stream._of(0, runtime().check(device_index(device)))


def set_stream(stream: Stream | None) -> None:
    """Make a stream this thread's current one; None changes nothing. `with torch.cuda.stream(...)` is
    preferred.

    Args:
        stream: a stream, or None.

    >>> import tritonnn as torch
    >>> torch.cuda.set_stream(None)
    >>> if torch.cuda.is_available():
    ...     torch.cuda.set_stream(torch.cuda.default_stream())
    """
    if stream is not None:
        runtime().set_stream(stream.cuda_stream, stream.device_index)
