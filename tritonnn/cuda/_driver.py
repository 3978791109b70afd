"""What programs ask the CUDA libraries below PyTorch for: the profiler's switches, errors by number, generators."""

from __future__ import annotations

import enum
from typing import Any, NoReturn

from tritonnn.cuda._devices import device_count, device_index, get_arch_list, init, is_available
from tritonnn.cuda.memory import mem_get_info
from tritonnn.cuda.streams import ExternalStream
from tritonnn.device import device as Device
from tritonnn.runtime.interface import runtime

__all__ = [
    "CudaError", "DeferredCudaCallError", "check_error", "cudaStatus", "cudart", "current_solver_handle",
    "get_gencode_flags", "get_stream_from_external", "get_sync_debug_mode", "has_half", "has_magma",
    "set_sync_debug_mode",
]  # fmt: skip

has_half, has_magma = True, False


class cudaStatus(enum.IntEnum):
    """Results of calls of the CUDA runtime that programs compare with.

    >>> import tritonnn as torch
    >>> torch.cuda.cudaStatus.SUCCESS == 0
    True
    """

    SUCCESS = 0
    ERROR_NOT_READY = 600


class CudaError(RuntimeError):
    """A call of the CUDA runtime that failed, by its number.

    >>> import tritonnn as torch
    >>> try:
    ...     torch.cuda.check_error(2)
    ... except torch.cuda.CudaError as error:
    ...     print(error)
    CUDA call failed with status 2
    """

    def __init__(self, code: int) -> None:
        super().__init__(f"CUDA call failed with status {code}")


class DeferredCudaCallError(Exception):
    """A call that PyTorch puts off until CUDA starts, and that fails then; never raised here.

    >>> import tritonnn as torch
    >>> issubclass(torch.cuda.DeferredCudaCallError, Exception)
    True
    """


def check_error(res: int) -> None:
    """Raise CudaError where a call of the CUDA runtime has failed.

    >>> import tritonnn as torch
    >>> torch.cuda.check_error(0)
    """
    if res != cudaStatus.SUCCESS:
        raise CudaError(res)


class _Runtime:
    """The calls of the CUDA runtime that programs make."""

    cudaError = cudaStatus

    def _call(self, name: str) -> int:
        device = runtime()
        device.start()
        if device.simulated:
            raise NotImplementedError(f"torch.cuda.cudart().{name}: the simulated device has no CUDA driver")
        getattr(device.driver, name)()  # type: ignore[attr-defined]
        return cudaStatus.SUCCESS

    def cudaProfilerStart(self) -> int:
        """Let a profiler outside of the program record from now on."""
        return self._call("cuProfilerStart")

    def cudaProfilerStop(self) -> int:
        """Let it record no more."""
        return self._call("cuProfilerStop")

    def cudaMemGetInfo(self, device: int) -> tuple[int, int]:
        """Free bytes and all bytes of a GPU."""
        return mem_get_info(device)

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"tritonnn has no torch.cuda.cudart().{name}: it calls CUDA's driver and not its runtime library"
        )


def cudart() -> Any:
    """Calls of the CUDA runtime: `cudaProfilerStart`, `cudaProfilerStop` and `cudaMemGetInfo`.

    Raises:
        RuntimeError: no driver or no GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.cudart().cudaMemGetInfo(0) == torch.cuda.mem_get_info(0)
    """
    init()
    return _Runtime()


def current_solver_handle() -> int:
    """0: there is no handle of cuSOLVER to give.

    >>> import tritonnn as torch
    >>> torch.cuda.current_solver_handle()
    0
    """
    return 0


def get_gencode_flags() -> str:
    """What a compiler is told of the GPUs present; nothing without any.

    >>> import tritonnn as torch
    >>> torch.cuda.is_available() or torch.cuda.get_gencode_flags() == ""
    True
    """
    numbers = [name.removeprefix("sm_") for name in get_arch_list()]
    return " ".join(f"-gencode compute=compute_{number},code=sm_{number}" for number in numbers)


def get_stream_from_external(data_ptr: int, device: Device | int | str | None = None) -> ExternalStream:
    """A stream made outside tritonnn.

    Args:
        data_ptr: the driver's handle.
        device: its GPU; the current one for None.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     foreign = torch.cuda.Stream()
    ...     assert torch.cuda.get_stream_from_external(foreign.cuda_stream) == foreign
    """
    return ExternalStream(data_ptr, device_index(device))


def get_sync_debug_mode() -> int:
    """0: calls that wait for the GPU are not told.

    >>> import tritonnn as torch
    >>> torch.cuda.get_sync_debug_mode()
    0
    """
    return 0


def set_sync_debug_mode(debug_mode: int | str) -> None:
    """Whether calls that wait for the GPU are told: they are not, and only 'default' is accepted.

    Raises:
        NotImplementedError: 'warn' or 'error'. RuntimeError: another word.

    >>> import tritonnn as torch
    >>> torch.cuda.set_sync_debug_mode("default")
    """
    names = ("default", "warn", "error")
    if debug_mode not in (*names, 0, 1, 2):
        raise RuntimeError("invalid value of debug_mode, expected one of `default`, `warn`, `error`")
    if debug_mode not in ("default", 0):
        raise NotImplementedError(
            f"torch.cuda.set_sync_debug_mode({debug_mode!r}): tritonnn does not tell of calls that wait for the GPU; "
            "torch.profiler shows them"
        )


def generators() -> tuple[Any, ...]:
    """The generator of each GPU."""
    from tritonnn.random import generator_for

    return tuple(generator_for(Device("cuda", i)) for i in range(device_count())) if is_available() else ()
