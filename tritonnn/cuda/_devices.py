"""Which GPUs there are, which one is current, and what they can do."""

from __future__ import annotations

from typing import Any

from tritonnn.device import device as Device
from tritonnn.runtime.interface import runtime
from tritonnn.runtime.properties import DeviceProperties

__all__ = [
    "can_device_access_peer", "current_blas_handle", "current_device", "device", "device_count", "device_of",
    "get_arch_list", "get_device_capability", "get_device_name", "get_device_properties", "init",
    "ipc_collect", "is_available", "is_bf16_supported", "is_initialized", "is_tf32_supported", "set_device",
    "synchronize",
]  # fmt: skip


def device_index(given: Device | int | str | None) -> int:
    """The index a `device` argument names; the current GPU for None, 'cuda', and a device without an index.

    Raises:
        ValueError: it names another kind of device.
    """
    if given is None:
        return runtime().current_device()
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    device = Device(given)
    if device.type != "cuda":
        raise ValueError(f"Expected a cuda device, but got: {device}")
    return runtime().current_device() if device.index is None else device.index


def is_available() -> bool:
    """Whether there is a GPU to use, a simulated one included. Never raises, and does not start CUDA where
    NVML can answer, so that a process that only asks may still fork.

    >>> import tritonnn as torch
    >>> isinstance(torch.cuda.is_available(), bool)
    True
    """
    try:
        return runtime().is_available()
    except RuntimeError:
        return False


def device_count() -> int:
    """Number of GPUs; 0 without any.

    >>> import tritonnn as torch
    >>> torch.cuda.device_count() >= 0
    True
    """
    return runtime().device_count()


def is_initialized() -> bool:
    """Whether the GPU has been started in this process.

    >>> import tritonnn as torch
    >>> torch.cuda.is_initialized() <= torch.cuda.is_available()
    True
    """
    return runtime().is_initialized()


def init() -> None:
    """Start the GPU now; the first GPU tensor would do it anyway.

    Raises:
        RuntimeError: no driver, no GPU, one too old, or a process forked from one that uses the GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     torch.cuda.init()
    ...     assert torch.cuda.is_initialized()
    """
    device = runtime()
    device.start()
    device.pool(device.current_device())


def current_device() -> int:
    """Index of this thread's GPU.

    Raises:
        RuntimeError: no driver or no GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert torch.cuda.current_device() < torch.cuda.device_count()
    """
    return runtime().current_device()


def set_device(device: Device | int | str) -> None:
    """Select this thread's GPU; a negative index changes nothing. `with torch.cuda.device(...)` is preferred.

    Raises:
        RuntimeError: there is no such GPU.

    Args:
        device: the GPU, by index, name or `torch.device`.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     torch.cuda.set_device("cuda:0")
    ...     assert torch.cuda.current_device() == 0
    >>> torch.cuda.set_device(-1)
    """
    index = device_index(device)
    if index >= 0:
        runtime().set_device(index)


class device:
    """Context manager that selects a GPU for the block and the previous one after it; a negative index does
    nothing.

    Args:
        device: an index, 'cuda:1', a `torch.device`, or None for no change.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     with torch.cuda.device(0):
    ...         assert torch.ones(1, device="cuda").get_device() == 0
    >>> with torch.cuda.device(None):
    ...     pass
    """

    def __init__(self, device: Device | int | str | None) -> None:
        self.idx = -1 if device is None else device_index(device)
        self.prev_idx = -1

    def __enter__(self) -> None:
        if self.idx >= 0:
            self.prev_idx = runtime().current_device()
            runtime().set_device(self.idx)

    def __exit__(self, *exc_info: object) -> None:
        if self.prev_idx >= 0:
            runtime().set_device(self.prev_idx)


class device_of(device):
    """Context manager that selects the GPU of a tensor or storage; does nothing for those on the CPU.

    Args:
        obj: a tensor or a storage.

    >>> import tritonnn as torch
    >>> with torch.cuda.device_of(torch.ones(1)):
    ...     torch.ones(1).device
    device(type='cpu')
    """

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.get_device() if obj.is_cuda else -1)


def get_device_properties(device: Device | int | str | None = None) -> DeviceProperties:
    """Name, capability, memory in bytes and limits of a GPU; of the current one without an argument.

    Raises:
        AssertionError: there is no such GPU.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     properties = torch.cuda.get_device_properties(0)
    ...     assert properties.total_memory > 0 and properties.multi_processor_count > 0
    """
    index = device_index(device)
    if not 0 <= index < device_count():
        runtime().start()  # without a driver, that is what there is to say
        raise AssertionError(f"Invalid device id: {index}, there are {device_count()} GPUs")
    return runtime().properties(index)


def get_device_name(device: Device | int | str | None = None) -> str:
    """Name of a GPU, such as 'NVIDIA H100 80GB HBM3'.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    Raises:
        AssertionError: there is no such GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     name = torch.cuda.get_device_name(0)
    """
    return get_device_properties(device).name


def get_device_capability(device: Device | int | str | None = None) -> tuple[int, int]:
    """Compute capability of a GPU as (major, minor).

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    Raises:
        AssertionError: there is no such GPU.

    >>> import tritonnn as torch
    >>> enough = not torch.cuda.is_available() or torch.cuda.get_device_capability() >= (8, 0)
    >>> enough
    True
    """
    properties = get_device_properties(device)
    return properties.major, properties.minor


def get_arch_list() -> list[str]:
    """Architectures that kernels are compiled for: those of the GPUs present, since compiling happens at
    first use.

    >>> import tritonnn as torch
    >>> all(name.startswith("sm_") for name in torch.cuda.get_arch_list())
    True
    """
    capabilities = {get_device_capability(i) for i in range(device_count())}
    return [f"sm_{major}{minor}" for major, minor in sorted(capabilities)]


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Whether the current GPU computes in bfloat16: every GPU that tritonnn runs on does.

    Args:
        including_emulation: chooses nothing, for nothing is emulated.

    >>> import tritonnn as torch
    >>> torch.cuda.is_bf16_supported() == torch.cuda.is_available()
    True
    """
    return is_available()


def is_tf32_supported() -> bool:
    """Whether the current GPU's matrix units take tf32: every GPU that tritonnn runs on does, no simulated
    one.

    >>> import tritonnn as torch
    >>> torch.cuda.is_tf32_supported() <= torch.cuda.is_available()
    True
    """
    return is_available() and not runtime().simulated


def can_device_access_peer(device: Device | int | str, peer_device: Device | int | str) -> bool:
    """Whether one GPU can read another's memory without a copy. tritonnn copies between GPUs and never maps
    peers' memory, so this says what the hardware could do.

    Raises:
        AssertionError: there is no such GPU.

    Args:
        device: the GPU that reads.
        peer_device: the one that has the memory.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     assert not torch.cuda.can_device_access_peer(0, 0)
    """
    index, peer = device_index(device), device_index(peer_device)
    for asked in (index, peer):
        if not 0 <= asked < device_count():
            raise AssertionError(f"Invalid device id: {asked}, there are {device_count()} GPUs")
    return runtime().can_access_peer(index, peer)


def synchronize(device: Device | int | str | None = None) -> None:
    """Wait for everything queued on all streams of a GPU; the current one without an argument.

    Args:
        device: the GPU, by index, name or `torch.device`; the current one for None.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     x = torch.ones(2, device="cuda") + 1
    ...     torch.cuda.synchronize()
    """
    runtime().synchronize(device_index(device))


def current_blas_handle() -> int:
    """0: tritonnn multiplies matrices with kernels of its own and has no cuBLAS handle to give.

    >>> import tritonnn as torch
    >>> torch.cuda.current_blas_handle()
    0
    """
    return 0


def ipc_collect() -> None:
    """Free memory that other processes have released: they hold none, GPU tensors are copied to be shared.

    Raises:
        RuntimeError: no driver or no GPU.

    >>> import tritonnn as torch
    >>> if torch.cuda.is_available():
    ...     torch.cuda.ipc_collect()
    """
    runtime().start()
