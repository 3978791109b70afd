"""torch.distributed as a library that was built without it has it: it is not available, and there is one process."""

from __future__ import annotations

from tritonnn.distributed import device_mesh
from tritonnn.distributed.absent import GroupName, ProcessGroup
from tritonnn.distributed.device_mesh import DeviceMesh, init_device_mesh

__all__ = [
    "DeviceMesh", "GroupName", "ProcessGroup", "device_mesh", "get_rank", "get_world_size", "init_device_mesh",
    "is_available", "is_initialized", "is_torchelastic_launched",
]  # fmt: skip


def is_available() -> bool:
    """False: programs then run in one process."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_torchelastic_launched() -> bool:
    """False."""
    return False


def get_rank(group: object = None) -> int:
    """0, of the only process."""
    return 0


def get_world_size(group: object = None) -> int:
    """1."""
    return 1


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"tritonnn has no torch.distributed.{name}: torch.distributed.is_available() is False, "
        "and programs run in one process"
    )
