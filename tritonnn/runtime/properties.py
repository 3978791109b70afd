"""What `get_device_properties` returns."""

from __future__ import annotations

from typing import NamedTuple

MINIMUM_CAPABILITY = (8, 0)


class DeviceProperties(NamedTuple):
    """A GPU: memory in bytes, capability as (major, minor).

    Attributes:
        name: as the driver names it.
        major: first number of the compute capability.
        minor: second number of the compute capability.
        total_memory: bytes.
        multi_processor_count: streaming multiprocessors.
        warp_size: threads that run together.
        max_threads_per_multi_processor: resident threads of one multiprocessor.
        shared_memory_per_block: bytes without opting in to more.
        shared_memory_per_block_optin: bytes a kernel may ask for.
        shared_memory_per_multiprocessor: bytes.
        regs_per_multiprocessor: 32-bit registers.
        L2_cache_size: bytes.
        is_integrated: whether the GPU shares the host's memory.
        is_multi_gpu_board: whether the board carries several GPUs.
        clock_rate: kHz.
        memory_clock_rate: kHz.
        memory_bus_width: bits.
        pci_bus_id: bus of the PCI address.
        pci_device_id: device of the PCI address.
        pci_domain_id: domain of the PCI address.
        uuid: unique identifier.
    """

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    warp_size: int = 32
    max_threads_per_multi_processor: int = 2048
    shared_memory_per_block: int = 49152
    shared_memory_per_block_optin: int = 49152
    shared_memory_per_multiprocessor: int = 49152
    regs_per_multiprocessor: int = 65536
    L2_cache_size: int = 0
    is_integrated: int = 0
    is_multi_gpu_board: int = 0
    clock_rate: int = 0
    memory_clock_rate: int = 0
    memory_bus_width: int = 0
    pci_bus_id: int = 0
    pci_device_id: int = 0
    pci_domain_id: int = 0
    uuid: str = ""

    def __repr__(self) -> str:
        return (
            f"_CudaDeviceProperties(name='{self.name}', major={self.major}, minor={self.minor}, "
            f"total_memory={self.total_memory // 2**20}MB, "
            f"multi_processor_count={self.multi_processor_count}, uuid={self.uuid}, "
            f"pci_bus_id={self.pci_bus_id}, pci_device_id={self.pci_device_id}, "
            f"pci_domain_id={self.pci_domain_id}, L2_cache_size={self.L2_cache_size // 2**20}MB)"
        )


def simulated_properties(index: int, memory: int) -> DeviceProperties:
    """The simulated device: the capability kernels choose their configuration by, the host's memory."""
    return DeviceProperties(
        name="simulated (Triton interpreter)",
        major=MINIMUM_CAPABILITY[0],
        minor=MINIMUM_CAPABILITY[1],
        total_memory=memory,
        multi_processor_count=4,
        uuid=f"simulated-{index}",
    )
