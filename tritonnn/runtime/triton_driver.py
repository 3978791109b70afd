"""Triton's driver object over this library's runtime: launches go to its current stream.

Triton finds device and stream through PyTorch where that is imported, and its releases 3.6 and 3.7 cannot do
without. This driver gives it the runtime's own instead, in every release, PyTorch present or not.
"""

from __future__ import annotations

import sys
from typing import Any

from tritonnn.runtime.interface import runtime

# More than the second-level cache of any GPU: writing it leaves nothing of a benchmark's input there.
BENCHMARK_CACHE_BYTES = 256 * 2**20

_driver: Any = None


def activate() -> None:
    """Make Triton launch through this library's runtime, from now on and in this thread. Cheap to repeat.

    Raises:
        RuntimeError: there is no GPU to launch on.
    """
    global _driver
    from triton.runtime import driver

    if _driver is None:
        runtime().start()
        _keep_pytorch_out()
        _driver = _driver_class()()
    if driver._active is not _driver:
        driver.set_active(_driver)
    provide_scratch()


def _keep_pytorch_out() -> None:
    """Triton 3.6 and 3.7 import PyTorch, where installed, to look at a first argument: let them find none."""
    import triton
    from triton.runtime import jit

    release = tuple(int(part) for part in triton.__version__.split(".")[:2])
    if release >= (3, 8) or "torch" in sys.modules:
        return
    sys.modules["torch"] = None  # type: ignore[assignment]  # makes `import torch` an ImportError
    try:
        jit.mangle_type(0)
    finally:
        del sys.modules["torch"]


def provide_scratch() -> None:
    """Give kernels launched by this thread their scratch memory: Triton keeps the allocator per context."""
    thread = runtime().thread
    if not thread.scratch:
        import triton

        triton.set_allocator(_scratch)
        thread.scratch = True


def _scratch(nbytes: int, alignment: int, stream: int | None) -> _Memory:
    return _Memory(nbytes, stream)


class _Memory:
    """A block as Triton takes pointers. It may go after the launch: reuse is ordered on the same stream."""

    def __init__(self, nbytes: int, stream: int | None = None) -> None:
        device = runtime()
        index = device.current_device()
        device.bind(index)
        self.nbytes = nbytes
        self.block = device.pool(index).allocate(
            nbytes, device.current_stream(index) if stream is None else stream
        )
        self.block.op = "scratch memory of a kernel"

    def data_ptr(self) -> int:
        """Address, under the name Triton asks for."""
        return self.block.ptr


def _current_device() -> int:
    thread = runtime().thread
    if not thread.bound:  # a launch needs the context current in this thread, even if nothing is allocated
        runtime().bind(thread.device)
    return thread.device


def _capability(index: int) -> tuple[int, int]:
    properties = runtime().properties(index)
    return properties.major, properties.minor


def _driver_class() -> type:
    from triton.backends.nvidia.driver import CudaDriver, CudaLauncher, CudaUtils

    device = runtime()
    targets: dict[int, Any] = {}

    class Driver(CudaDriver):
        """Triton's CUDA driver with the four questions about the process answered by `tritonnn.cuda`."""

        def __init__(self) -> None:
            # CudaDriver.__init__ imports PyTorch: always in 3.6 and 3.7, later where it is loaded.
            self.utils = CudaUtils()
            self.launcher_cls = CudaLauncher
            self.get_current_device = _current_device
            self.set_current_device = device.set_device
            self.get_current_stream = device.current_stream
            self.get_device_capability = _capability

        def get_current_target(self) -> Any:
            index = _current_device()
            target = targets.get(index)
            if target is None:  # asked for at every launch whose configuration depends on it
                target = targets[index] = super().get_current_target()
            return target

        @staticmethod
        def is_active() -> bool:
            return device.is_available()

        def get_active_torch_device(self) -> Any:
            from tritonnn.device import device as Device

            return Device("cuda", _current_device())

        def get_device_interface(self) -> Any:
            from tritonnn.device import face

            return face()

        def get_empty_cache_for_benchmark(self) -> _Memory:
            return _Memory(BENCHMARK_CACHE_BYTES)

        def clear_cache(self, cache: _Memory) -> None:
            device.memset(cache.block.ptr, 0, cache.nbytes)

        def allocate_default_profile_scratch(self, size: int, alignment: int, stream: int | None) -> _Memory:
            memory = _Memory(size, stream)
            device.memset(memory.block.ptr, 0, size)
            return memory

    return Driver
