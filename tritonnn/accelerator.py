"""The accelerator of this machine by whatever name: the GPU, `torch.cuda`, where there is one.

>>> import tritonnn as torch
>>> device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else torch.device("cpu")
"""

from __future__ import annotations

from typing import Any

from tritonnn import cuda
from tritonnn._refusals import refusing_class
from tritonnn.device import DeviceLike
from tritonnn.device import device as Device

__all__ = [
    "Graph", "current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
    "device_index", "empty_cache", "empty_host_cache", "get_device_capability", "get_memory_info", "is_available",
    "max_memory_allocated", "max_memory_reserved", "memory_allocated", "memory_reserved", "memory_stats",
    "reset_accumulated_memory_stats", "reset_peak_memory_stats", "set_device_idx", "set_device_index", "set_stream",
    "synchronize",
]  # fmt: skip


Graph = refusing_class(
    "torch.accelerator.Graph",
    "tritonnn records graphs of calls with torch.cuda.CUDAGraph and torch.cuda.graph",
)


def is_available() -> bool:
    """Whether there is one.

    >>> import tritonnn as torch
    >>> torch.accelerator.is_available() == torch.cuda.is_available()
    True
    """
    return cuda.is_available()


def device_count() -> int:
    """How many there are.

    >>> import tritonnn as torch
    >>> torch.accelerator.device_count() == torch.cuda.device_count()
    True
    """
    return cuda.device_count() if cuda.is_available() else 0


def current_accelerator(check_available: bool = False) -> Device | None:
    """Its kind, as a device without an index; None where there is none.

    >>> import tritonnn as torch
    >>> torch.accelerator.current_accelerator() in (None, torch.device("cuda"))
    True
    """
    return Device("cuda") if cuda.is_available() else None


def _needed() -> None:
    if not cuda.is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")


def _index(device: DeviceLike | None) -> int:
    """The index that an argument names; of the current accelerator for None.

    Raises:
        ValueError: it names another kind of device.
    """
    _needed()
    if device is None:
        return cuda.current_device()
    if isinstance(device, int) and not isinstance(device, bool):
        return device
    named = Device(device)
    if named.type != "cuda":
        raise ValueError(f"{named.type} doesn't match the current accelerator cuda.")
    return cuda.current_device() if named.index is None else named.index


def current_device_index() -> int:
    """The index of the current one."""
    return _index(None)


def set_device_index(device: DeviceLike, /) -> None:
    """Make one of them current."""
    cuda.set_device(_index(device))


current_device_idx, set_device_idx = current_device_index, set_device_index


def current_stream(device: DeviceLike | None = None, /) -> Any:
    """The stream that work on one goes to."""
    return cuda.current_stream(_index(device))


def set_stream(stream: Any) -> None:
    """Make a stream current, and its device."""
    _needed()
    cuda.set_device(stream.device_index)
    cuda.set_stream(stream)


def synchronize(device: DeviceLike | None = None, /) -> None:
    """Wait until all work on one has finished."""
    cuda.synchronize(_index(device))


class device_index:
    """Context manager that makes one of them current; None changes nothing.

    >>> import tritonnn as torch
    >>> with torch.accelerator.device_index(None):
    ...     pass
    """

    def __init__(self, device: int | None, /) -> None:
        self.idx, self.prev_idx = device, -1

    def __enter__(self) -> None:
        if self.idx is not None:
            self.prev_idx = current_device_index()
            set_device_index(self.idx)

    def __exit__(self, *exc_info: object) -> None:
        if self.idx is not None:
            set_device_index(self.prev_idx)


def get_device_capability(device: DeviceLike | None = None, /) -> dict[str, Any]:
    """The dtypes that tensors on one may have, under 'supported_dtypes'."""
    from tritonnn import dtypes

    _index(device)
    return {"supported_dtypes": {*dtypes.ALL, *dtypes.UNSIGNED}}


def empty_cache() -> None:
    """Give memory that nothing uses back to the driver."""
    _needed()
    cuda.empty_cache()


def empty_host_cache() -> None:
    """Give page-locked host memory that nothing uses back to the system.

    Raises:
        NotImplementedError: always: it is kept for reuse.
    """
    _needed()
    raise NotImplementedError(
        "torch.accelerator.empty_host_cache: tritonnn keeps page-locked memory for reuse"
    )


def memory_stats(device: DeviceLike | None = None, /) -> dict[str, Any]:
    """Counters of the memory pool, as of `torch.cuda.memory_stats`."""
    return cuda.memory_stats(_index(device))


def memory_allocated(device: DeviceLike | None = None, /) -> int:
    """Bytes that tensors take."""
    return cuda.memory_allocated(_index(device))


def max_memory_allocated(device: DeviceLike | None = None, /) -> int:
    """The most bytes that tensors have taken."""
    return cuda.max_memory_allocated(_index(device))


def memory_reserved(device: DeviceLike | None = None, /) -> int:
    """Bytes that the pool holds."""
    return cuda.memory_reserved(_index(device))


def max_memory_reserved(device: DeviceLike | None = None, /) -> int:
    """The most bytes that the pool has held."""
    return cuda.max_memory_reserved(_index(device))


def reset_accumulated_memory_stats(device: DeviceLike | None = None, /) -> None:
    """Set the counters that only grow to 0."""
    cuda.reset_accumulated_memory_stats(_index(device))


def reset_peak_memory_stats(device: DeviceLike | None = None, /) -> None:
    """Let the maxima begin with what is in use now."""
    cuda.reset_peak_memory_stats(_index(device))


def get_memory_info(device: DeviceLike | None = None, /) -> tuple[int, int]:
    """Bytes of memory of the device: free ones, and all."""
    return cuda.mem_get_info(_index(device))
