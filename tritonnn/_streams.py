"""`torch.Stream` and `torch.Event` of whatever device: those of the GPU where there is one, or of the CPU, which has
no queue.
"""

from __future__ import annotations

from typing import Any

from tritonnn.device import CPU, DeviceLike, face
from tritonnn.device import device as Device


def _of_cuda(device: DeviceLike | None) -> bool:
    """Whether a stream or event of `device` is one of the GPU; by default where there is a GPU."""
    if device is None:
        return face().is_available()
    kind = Device(device).type
    if kind not in ("cpu", "cuda"):
        raise NotImplementedError(
            f"There are no streams of the device {device}; there are those of cpu and cuda"
        )
    return kind == "cuda"


class _Chosen(type):
    """Calling the general class makes an object of the device's own; that one's constructor runs once."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        general = cls.__bases__ == (object,)
        return cls._of_device(*args, **kwargs) if general else super().__call__(*args, **kwargs)  # type: ignore[attr-defined]


class Stream(metaclass=_Chosen):
    """A queue of work on a device: `torch.cuda.Stream` on a GPU; on the CPU a call has ended when it returns.

    Args:
        device: default: the GPU where there is one, else the CPU.
        priority: as of `torch.cuda.Stream`.

    >>> import tritonnn as torch
    >>> torch.Stream(device="cpu").query()
    True
    """

    __slots__ = ()

    @staticmethod
    def _of_device(device: DeviceLike | None = None, *, priority: int = 0) -> Any:
        return face().Stream(device, priority=priority) if _of_cuda(device) else CPUStream(priority)


class CPUStream(Stream):
    """The CPU's only stream: all that was put on it has happened.

    >>> import tritonnn as torch
    >>> torch.cpu.Stream().query()
    True
    """

    __slots__ = ()
    device = CPU
    device_index = -1
    stream_id = 0

    def __init__(self, priority: int = -1) -> None:
        pass

    def query(self) -> bool:
        """True."""
        return True

    def synchronize(self) -> None:
        """Nothing: a call on the CPU has ended when it returns."""

    def wait_stream(self, stream: Any) -> None:
        """Wait until the work put on another stream, such as one of a GPU, has finished."""
        stream.synchronize()

    def wait_event(self, event: Any) -> None:
        """Wait for an event."""
        event.synchronize()

    def record_event(self, event: Any = None) -> Any:
        """Record an event, a new one if none is given, and return it."""
        event = CPUEvent() if event is None else event
        event.record(self)
        return event

    def __enter__(self) -> CPUStream:
        return self

    def __exit__(self, *exc_info: object) -> None:
        pass

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CPUStream)

    def __hash__(self) -> int:
        return hash(CPU)

    def __repr__(self) -> str:
        return "torch.Stream device_type=cpu, device_index=-1, stream_id=0"


class Event(metaclass=_Chosen):
    """A mark in a stream: `torch.cuda.Event` on a GPU; on the CPU one that is reached when it is recorded.

    Args:
        device: default: the GPU where there is one, else the CPU.
        enable_timing, blocking, interprocess: as of `torch.cuda.Event`.

    >>> import tritonnn as torch
    >>> torch.Event(device="cpu").query()
    True
    """

    __slots__ = ()

    @staticmethod
    def _of_device(
        device: DeviceLike | None = None, *, enable_timing: bool = False, blocking: bool = False,
        interprocess: bool = False,
    ) -> Any:  # fmt: skip
        kind: Any = face().Event if _of_cuda(device) else CPUEvent
        return kind(enable_timing, blocking, interprocess)


class CPUEvent(Event):
    """A mark in the CPU's work, which is reached when it is recorded.

    >>> import tritonnn as torch
    >>> start, end = torch.cpu.Event(enable_timing=True), torch.cpu.Event(enable_timing=True)
    >>> start.record(); end.record()
    >>> start.elapsed_time(end) >= 0
    True
    """

    __slots__ = ("_time", "_timing")
    device = CPU
    event_id = 0

    def __init__(
        self, enable_timing: bool = False, blocking: bool = False, interprocess: bool = False
    ) -> None:
        self._timing, self._time = enable_timing, 0.0

    def record(self, stream: Any = None) -> None:
        """Note the time, once the work of the stream has finished."""
        import time

        if stream is not None:
            stream.synchronize()
        self._time = time.perf_counter()

    def wait(self, stream: object = None) -> None:
        """Nothing: it has been reached."""

    def query(self) -> bool:
        """True."""
        return True

    def synchronize(self) -> None:
        """Nothing: it has been reached."""

    def elapsed_time(self, end_event: CPUEvent) -> float:
        """Milliseconds from this event to `end_event`.

        Raises:
            ValueError: an event was not made with `enable_timing=True`, or has not been recorded.
        """
        if not (self._timing and end_event._timing):
            raise ValueError("Both events must be created with argument 'enable_timing=True'.")
        if not (self._time and end_event._time):
            raise ValueError("Both events must be recorded before calculating elapsed time.")
        return (end_event._time - self._time) * 1e3

    def __repr__(self) -> str:
        return "torch.Event device_type=cpu, device_index=-1"
