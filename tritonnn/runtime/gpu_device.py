"""One GPU as the runtime keeps it: properties, context, and where its memory comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tritonnn.runtime.properties import MINIMUM_CAPABILITY, DeviceProperties

if TYPE_CHECKING:
    from tritonnn.runtime.driver import Driver
    from tritonnn.runtime.gpu import DriverRuntime

STREAM_NON_BLOCKING = 1


class Device:
    """What the runtime keeps of one GPU: context, memory pool, and a stream to take memory for graphs on."""

    def __init__(self, driver: Driver, index: int) -> None:
        self.handle = driver.cuDeviceGet(index)
        self.properties = read_properties(driver, self.handle)
        capability = self.properties.major, self.properties.minor
        if capability < MINIMUM_CAPABILITY:
            raise RuntimeError(
                f"cuda:{index} ({self.properties.name}) has compute capability "
                f"{capability[0]}.{capability[1]}; tritonnn's kernels need "
                f"{MINIMUM_CAPABILITY[0]}.{MINIMUM_CAPABILITY[1]} (Ampere) or newer"
            )
        if not driver.cuDeviceGetAttribute(_attribute(driver, "MEMORY_POOLS_SUPPORTED"), self.handle):
            raise RuntimeError(f"cuda:{index} ({self.properties.name}) has no stream-ordered memory pools")
        self.context = driver.cuDevicePrimaryCtxRetain(self.handle)
        before = driver.cuCtxGetCurrent()
        driver.cuCtxSetCurrent(self.context)
        self.memory = _new_memory_pool(driver, index)
        self.side_stream = int(driver.cuStreamCreateWithPriority(STREAM_NON_BLOCKING, 0))
        driver.cuCtxSetCurrent(before)  # making a device known does not select it


class DriverSource:
    """Stream-ordered memory of one GPU, from a driver pool that keeps what is freed."""

    def __init__(self, runtime: DriverRuntime, index: int) -> None:
        self._runtime = runtime
        self._driver = runtime.driver
        self._index = index
        self._memory = runtime.device(index).memory
        self._out_of_memory = runtime.driver.CUresult.CUDA_ERROR_OUT_OF_MEMORY

    def take(self, nbytes: int, stream: int) -> tuple[int, object]:
        status, ptr = self._driver.api.cuMemAllocFromPoolAsync(nbytes, self._memory, stream)
        if status == self._out_of_memory:
            return 0, None
        if status:
            raise self._driver.error(status, "cuMemAllocFromPoolAsync")
        return int(ptr), None

    def give(self, ptr: int, stream: int) -> None:
        with self._runtime.on(self._index):
            self._runtime.bind(self._index)
            self._driver.cuMemFreeAsync(ptr, stream)

    def trim(self) -> None:
        if self._runtime.thread.capture is None:
            with self._runtime.on(self._index):
                self._runtime.bind(self._index)
                self._driver.cuCtxSynchronize()  # memory whose free is still queued cannot be returned
                self._driver.cuMemPoolTrimTo(self._memory, 0)

    def total(self) -> int:
        return self._runtime.device(self._index).properties.total_memory

    def join(self, stream: int, other: int) -> None:
        with self._runtime.on(self._index):
            self._runtime.bind(self._index)
            self._runtime.wait_stream(stream, other)


class GraphSource(DriverSource):
    """Memory for what a graph computes: taken outside the capture, so that addresses outlive every replay."""

    def take(self, nbytes: int, stream: int) -> tuple[int, object]:
        side = self._runtime.device(self._index).side_stream
        with self._runtime.relaxed():
            ptr, keep = super().take(nbytes, side)
            self._driver.cuStreamSynchronize(side)
        return ptr, keep

    def give(self, ptr: int, stream: int) -> None:
        with self._runtime.on(self._index):
            self._runtime.bind(self._index)
            self._driver.cuCtxSynchronize()  # a replay may still be using it, on any stream
            self._driver.cuMemFreeAsync(ptr, self._runtime.device(self._index).side_stream)


def _attribute(driver: Any, name: str) -> Any:
    return getattr(driver.CUdevice_attribute, f"CU_DEVICE_ATTRIBUTE_{name}")


def _new_memory_pool(driver: Any, index: int) -> Any:
    """A pool of our own, which keeps freed memory instead of returning it at every synchronisation."""
    wanted = driver.CUmemPoolProps()
    wanted.allocType = driver.CUmemAllocationType.CU_MEM_ALLOCATION_TYPE_PINNED
    wanted.handleTypes = driver.CUmemAllocationHandleType.CU_MEM_HANDLE_TYPE_NONE
    wanted.location.type = driver.CUmemLocationType.CU_MEM_LOCATION_TYPE_DEVICE
    wanted.location.id = index
    pool = driver.cuMemPoolCreate(wanted)
    threshold = driver.CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
    driver.cuMemPoolSetAttribute(pool, threshold, driver.cuuint64_t(2**64 - 1))
    return pool


_ATTRIBUTES = {
    "major": "COMPUTE_CAPABILITY_MAJOR",
    "minor": "COMPUTE_CAPABILITY_MINOR",
    "multi_processor_count": "MULTIPROCESSOR_COUNT",
    "warp_size": "WARP_SIZE",
    "max_threads_per_multi_processor": "MAX_THREADS_PER_MULTIPROCESSOR",
    "shared_memory_per_block": "MAX_SHARED_MEMORY_PER_BLOCK",
    "shared_memory_per_block_optin": "MAX_SHARED_MEMORY_PER_BLOCK_OPTIN",
    "shared_memory_per_multiprocessor": "MAX_SHARED_MEMORY_PER_MULTIPROCESSOR",
    "regs_per_multiprocessor": "MAX_REGISTERS_PER_MULTIPROCESSOR",
    "L2_cache_size": "L2_CACHE_SIZE",
    "is_integrated": "INTEGRATED",
    "is_multi_gpu_board": "MULTI_GPU_BOARD",
    "clock_rate": "CLOCK_RATE",
    "memory_clock_rate": "MEMORY_CLOCK_RATE",
    "memory_bus_width": "GLOBAL_MEMORY_BUS_WIDTH",
    "pci_bus_id": "PCI_BUS_ID",
    "pci_device_id": "PCI_DEVICE_ID",
    "pci_domain_id": "PCI_DOMAIN_ID",
}


def read_properties(driver: Any, handle: Any) -> DeviceProperties:
    """All properties of a device; needs the driver started, but no context."""
    values = {
        field: int(driver.cuDeviceGetAttribute(_attribute(driver, name), handle))
        for field, name in _ATTRIBUTES.items()
    }
    raw = bytes(driver.cuDeviceGetUuid(handle).bytes).hex()
    return DeviceProperties(
        name=driver.cuDeviceGetName(256, handle).split(b"\0")[0].decode(),
        total_memory=int(driver.cuDeviceTotalMem(handle)),
        uuid="-".join((raw[:8], raw[8:12], raw[12:16], raw[16:20], raw[20:])),
        **values,
    )
