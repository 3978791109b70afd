"""The CPU seen as a device: what `torch.cuda` has names for, where there is one device and no queue."""

from __future__ import annotations

import importlib
import os
import platform
from typing import TYPE_CHECKING, Any

from tritonnn._streams import CPUEvent as Event
from tritonnn._streams import CPUStream as Stream
from tritonnn.device import DeviceLike

__all__ = [
    "Event",
    "Stream",
    "StreamContext",
    "amp",
    "current_device",
    "current_stream",
    "device_count",
    "is_available",
    "get_capabilities",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]

if TYPE_CHECKING:  # where `__getattr__` would let any name pass
    from tritonnn.cpu import amp
else:

    def __getattr__(name: str) -> Any:
        if name == "amp":
            return importlib.import_module("tritonnn.cpu.amp")
        raise AttributeError(f"tritonnn has no torch.cpu.{name}")


def is_available() -> bool:
    """True.

    >>> import tritonnn as torch
    >>> torch.cpu.is_available()
    True
    """
    return True


def is_initialized() -> bool:
    """True.

    >>> import tritonnn as torch
    >>> torch.cpu.is_initialized()
    True
    """
    return True


def device_count() -> int:
    """1.

    >>> import tritonnn as torch
    >>> torch.cpu.device_count()
    1
    """
    return 1


def current_device() -> str:
    """'cpu'.

    >>> import tritonnn as torch
    >>> torch.cpu.current_device()
    'cpu'
    """
    return "cpu"


def set_device(device: DeviceLike) -> None:
    """Nothing: there is one.

    >>> import tritonnn as torch
    >>> torch.cpu.set_device("cpu")
    """


def synchronize(device: DeviceLike | None = None) -> None:
    """Nothing: a call on the CPU has ended when it returns.

    >>> import tritonnn as torch
    >>> torch.cpu.synchronize()
    """


def get_capabilities() -> dict[str, Any]:
    """The processor's name, and how many cores this process may use.

    >>> import tritonnn as torch
    >>> torch.cpu.get_capabilities()["num_logical_cores"] >= 1
    True
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return {"architecture": platform.machine(), "num_logical_cores": cores}


def current_stream(device: DeviceLike | None = None) -> Stream:
    """The only one.

    >>> import tritonnn as torch
    >>> torch.cpu.current_stream().query()
    True
    """
    return Stream()


class StreamContext:
    """Context manager that changes nothing: there is one stream.

    >>> import tritonnn as torch
    >>> with torch.cpu.StreamContext(torch.cpu.Stream()):
    ...     pass
    """

    def __init__(self, stream: Stream | None) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc_info: object) -> None:
        pass


def stream(stream: Stream | None) -> StreamContext:
    """`StreamContext`.

    >>> import tritonnn as torch
    >>> with torch.cpu.stream(torch.cpu.current_stream()):
    ...     pass
    """
    return StreamContext(stream)


def _has(feature: str) -> bool:
    """Whether the processor has instructions that NumPy knows by this name."""
    import numpy

    features = vars(vars(numpy._core)["_multiarray_umath"])["__cpu_features__"]  # type: ignore[attr-defined]
    return bool(features.get(feature))


def _is_avx2_supported() -> bool:
    """Whether the processor has AVX2."""
    return _has("AVX2")


def _is_avx512_supported() -> bool:
    """Whether the processor has AVX-512 with all that PyTorch asks for."""
    return all(_has(f"AVX512{part}") for part in ("F", "VL", "BW", "DQ"))


def _is_vnni_supported() -> bool:
    """Whether the processor has AVX-512's instructions for neural networks."""
    return _has("AVX512VNNI")
