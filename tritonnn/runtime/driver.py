"""The CUDA driver through cuda-bindings: checked calls, errors, and counting GPUs without starting CUDA."""

from __future__ import annotations

import os
from typing import Any

from tritonnn.runtime.needed import INSTALL

NO_DRIVER = (
    "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver "
    "from http://www.nvidia.com/Download/index.aspx. Without a GPU, TRITON_INTERPRET=1 set before the "
    "program starts gives a simulated cuda device."
)
FORKED = (
    "Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the "
    "'spawn' start method: multiprocessing.set_start_method('spawn')"
)
_STICKY = (
    "ILLEGAL_ADDRESS",
    "LAUNCH_FAILED",
    "MISALIGNED_ADDRESS",
    "ILLEGAL_INSTRUCTION",
    "ASSERT",
    "TIMEOUT",
)


class AcceleratorError(RuntimeError):
    """The CUDA driver refused a call, or reports that an earlier kernel failed.

    Attributes:
        error_code: the driver's number for it.

    >>> import tritonnn as torch
    >>> issubclass(torch.cuda.AcceleratorError, RuntimeError)
    True
    """

    __module__ = "tritonnn.cuda"
    error_code: int = 0


class Driver:
    """The driver's functions as attributes: `driver.cuMemGetInfo()` returns the results alone, or raises.

    Raises:
        RuntimeError: cuda-bindings is not installed, or there is no driver.
    """

    def __init__(self) -> None:
        self.api = _bindings()
        status = _initialise(self.api)
        if status:
            raise _no_device(self.api, status)

    def __getattr__(self, name: str) -> Any:
        function = getattr(self.api, name)
        if name[:2] != "cu" or not name[2].isupper():
            return function

        def checked(*args: Any) -> Any:
            result = function(*args)
            if result[0]:
                raise self.error(result[0], name)
            return result[1] if len(result) == 2 else result[1:] or None

        setattr(self, name, checked)
        return checked

    def error(self, status: Any, call: str) -> AcceleratorError:
        """The exception for a status other than success."""
        name = _text(self.api.cuGetErrorName(status), "unknown error")
        text = _text(self.api.cuGetErrorString(status), name)
        message = f"CUDA error: {text} ({name} from {call})"
        if any(word in name for word in _STICKY):
            message += (
                "\n  An earlier kernel failed and is reported only now; CUDA_LAUNCH_BLOCKING=1 shows which. "
                "This process cannot use the GPU any more."
            )
        exception = AcceleratorError(message)
        exception.error_code = int(status)
        return exception


def _bindings() -> Any:
    try:
        from cuda.bindings import driver
    except ImportError as error:
        raise RuntimeError(
            f"the GPU needs cuda-bindings, which could not be imported ({error}): {INSTALL}"
        ) from error
    return driver


def _initialise(api: Any) -> Any:
    try:
        return api.cuInit(0)[0]
    except Exception as error:  # without libcuda, cuda-bindings raises an error type of its own
        raise RuntimeError(NO_DRIVER) from error


def _no_device(api: Any, status: Any) -> RuntimeError:
    name = _text(api.cuGetErrorName(status), str(status))
    if "NO_DEVICE" in name:
        return RuntimeError("No CUDA GPUs are available: the driver sees none (CUDA_VISIBLE_DEVICES is "
                            f"{os.environ.get('CUDA_VISIBLE_DEVICES', 'not set')})")  # fmt: skip
    if "NOT_INITIALIZED" in name:  # what cuInit says in a child of a process that had called it
        return RuntimeError(FORKED)
    return RuntimeError(
        f"CUDA driver initialization failed: {_text(api.cuGetErrorString(status), name)} ({name})"
    )


def _text(result: Any, otherwise: str) -> str:
    return result[1].decode() if not result[0] and result[1] else otherwise


def count_without_starting() -> int:
    """Number of GPUs this process may see, asked so that a later fork can still use them; never raises.

    NVML answers without starting CUDA. Where it is missing, the driver is asked, which starts it.
    """
    total = _count_by_nvml()
    if total is None:
        try:
            return int(Driver().cuDeviceGetCount())
        except RuntimeError:
            return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return total if visible is None else len(visible_devices(visible, total))


def driver_version() -> str:
    """The newest CUDA version that the driver runs, such as '12.8'; asking does not start it."""
    status, number = _bindings().cuDriverGetVersion()
    if status:
        raise RuntimeError(f"the CUDA driver does not tell its version: status {int(status)}")
    return f"{number // 1000}.{number % 1000 // 10}"


def visible_devices(text: str, total: int) -> list[str]:
    """The entries of CUDA_VISIBLE_DEVICES that count: those before the first invalid or repeated one.

    >>> from tritonnn.runtime.driver import visible_devices
    >>> visible_devices("1,0,-1,2", 4)
    ['1', '0']
    """
    entries: list[str] = []
    for entry in (part.strip() for part in text.split(",")):
        if entry.startswith(("GPU-", "MIG-")):
            valid = True
        else:
            valid = entry.isdigit() and int(entry) < total
        if not valid:
            break
        if entry in entries:  # the driver shows no device at all then
            return []
        entries.append(entry)
    return entries


def _count_by_nvml() -> int | None:
    import ctypes

    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None
    count = ctypes.c_uint()
    if nvml.nvmlInit_v2() != 0:
        return None
    known = nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0
    nvml.nvmlShutdown()
    return count.value if known else None
