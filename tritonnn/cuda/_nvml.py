"""What NVIDIA's management library tells of a GPU: load, temperature, power, clock, memory of all programs."""

from __future__ import annotations

import ctypes
from typing import Any

from tritonnn.cuda._devices import get_device_properties
from tritonnn.device import device as Device

__all__ = [
    "clock_rate",
    "device_memory_used",
    "list_gpu_processes",
    "memory_usage",
    "power_draw",
    "temperature",
    "utilization",
]
_TOO_SMALL, _CLOCK_SM, _DIE = 7, 1, 0


class _Utilization(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    _fields_ = tuple((name, ctypes.c_ulonglong) for name in ("total", "free", "used"))


class _Process(ctypes.Structure):
    _fields_ = (
        ("pid", ctypes.c_uint), ("used", ctypes.c_ulonglong), ("instance", ctypes.c_uint), ("compute", ctypes.c_uint),
    )  # fmt: skip


def _library() -> Any:
    try:
        return ctypes.CDLL("libnvidia-ml.so.1")
    except OSError as error:
        raise RuntimeError(f"NVIDIA's management library could not be loaded: {error}") from None


class _Asked:
    """The library for as long as a question takes, and a GPU's handle in it."""

    def __init__(self, name: str, device: Device | int | str | None) -> None:
        self.name, self.properties, self.library = name, get_device_properties(device), _library()

    def __enter__(self) -> _Asked:
        self.call("nvmlInit_v2")
        self.handle = ctypes.c_void_p()
        gpu = self.properties  # by its place on the bus: numbers differ from those of CUDA_VISIBLE_DEVICES
        place = f"{gpu.pci_domain_id:08x}:{gpu.pci_bus_id:02x}:{gpu.pci_device_id:02x}.0"
        self.call("nvmlDeviceGetHandleByPciBusId_v2", place.encode(), ctypes.byref(self.handle))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.library.nvmlShutdown()

    def call(self, function: str, *args: Any, allowed: tuple[int, ...] = ()) -> int:
        """A call of the library; its status where that is success or allowed."""
        status = getattr(self.library, function)(*args)
        if status != 0 and status not in allowed:
            raise RuntimeError(f"torch.cuda.{self.name}: {function} failed with status {status} of NVML")
        return status

    def number(self, function: str, *args: int) -> int:
        """What a call writes to its last argument."""
        value = ctypes.c_uint()
        self.call(function, self.handle, *args, ctypes.byref(value))
        return value.value


def utilization(device: Device | int | str | None = None) -> int:
    """Percent of the time that the GPU was running a kernel of any program, over the last second or less.

    Raises:
        RuntimeError: no driver, no GPU, or no NVML.

    >>> import tritonnn as torch
    >>> try:
    ...     percent = torch.cuda.utilization()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     percent = None
    """
    with _Asked("utilization", device) as asked:
        rates = _Utilization()
        asked.call("nvmlDeviceGetUtilizationRates", asked.handle, ctypes.byref(rates))
        return rates.gpu


def memory_usage(device: Device | int | str | None = None) -> int:
    """Percent of the time that the GPU's memory was read or written, over the last second or less.

    >>> import tritonnn as torch
    >>> try:
    ...     percent = torch.cuda.memory_usage()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     percent = None
    """
    with _Asked("memory_usage", device) as asked:
        rates = _Utilization()
        asked.call("nvmlDeviceGetUtilizationRates", asked.handle, ctypes.byref(rates))
        return rates.memory


def device_memory_used(device: Device | int | str | None = None) -> int:
    """Bytes that all programs take on the GPU.

    >>> import tritonnn as torch
    >>> try:
    ...     used = torch.cuda.device_memory_used()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     used = None
    """
    with _Asked("device_memory_used", device) as asked:
        memory = _Memory()
        asked.call("nvmlDeviceGetMemoryInfo", asked.handle, ctypes.byref(memory))
        return memory.used


def temperature(device: Device | int | str | None = None) -> int:
    """The GPU's temperature in degrees Celsius.

    >>> import tritonnn as torch
    >>> try:
    ...     celsius = torch.cuda.temperature()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     celsius = None
    """
    with _Asked("temperature", device) as asked:
        return asked.number("nvmlDeviceGetTemperature", _DIE)


def power_draw(device: Device | int | str | None = None) -> int:
    """The power that the GPU takes, in milliwatts.

    >>> import tritonnn as torch
    >>> try:
    ...     milliwatts = torch.cuda.power_draw()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     milliwatts = None
    """
    with _Asked("power_draw", device) as asked:
        return asked.number("nvmlDeviceGetPowerUsage")


def clock_rate(device: Device | int | str | None = None) -> int:
    """The clock of the GPU's multiprocessors in MHz.

    >>> import tritonnn as torch
    >>> try:
    ...     megahertz = torch.cuda.clock_rate()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     megahertz = None
    """
    with _Asked("clock_rate", device) as asked:
        return asked.number("nvmlDeviceGetClockInfo", _CLOCK_SM)


def list_gpu_processes(device: Device | int | str | None = None) -> str:
    """The programs that compute on the GPU, and what memory they take, a line each.

    >>> import tritonnn as torch
    >>> try:
    ...     lines = torch.cuda.list_gpu_processes()
    ... except RuntimeError:  # no GPU, or no NVML
    ...     lines = None
    """
    with _Asked("list_gpu_processes", device) as asked:
        count = ctypes.c_uint(0)
        function = "nvmlDeviceGetComputeRunningProcesses_v3"
        asked.call(function, asked.handle, ctypes.byref(count), None, allowed=(_TOO_SMALL,))
        count.value += 8  # those that start in between
        rows = (_Process * count.value)()
        asked.call(function, asked.handle, ctypes.byref(count), rows)
        lines = [
            f"process {row.pid:>10d} uses {row.used / 2**20:>12.3f} MB GPU memory"
            for row in rows[: count.value]
        ]
    return "\n".join([f"GPU:{asked.properties.name}", *(lines or ["no processes are running"])])
