"""torch.distributed as a library that was built without it has it: it is not available, and there is one process."""

from __future__ import annotations

from tritonnn.distributed import device_mesh
from tritonnn.distributed.absent import GroupName, ProcessGroup, ReduceOp, refusing
from tritonnn.distributed.device_mesh import DeviceMesh, init_device_mesh

__all__ = [
    "DeviceMesh", "GroupName", "ProcessGroup", "ReduceOp", "device_mesh", "get_rank", "get_world_size",
    "init_device_mesh", "is_available", "is_initialized", "is_torchelastic_launched",
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


# What packages import at their top and call where there are several processes.
globals().update(
    refusing(
        "torch.distributed",
        "all_gather all_gather_into_tensor all_gather_object all_reduce all_to_all all_to_all_single barrier "
        "broadcast broadcast_object_list destroy_process_group gather gather_object get_backend init_process_group "
        "irecv isend monitored_barrier new_group recv reduce reduce_scatter reduce_scatter_tensor scatter "
        "scatter_object_list send",
    )
)


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"tritonnn has no torch.distributed.{name}: torch.distributed.is_available() is False, "
        "and programs run in one process"
    )
