"""torch.distributed.nn: operations on tensors of several processes that have gradients; refused, as there is one."""

from __future__ import annotations

from tritonnn.distributed.absent import refusing

__all__: list[str] = []

globals().update(
    refusing(
        "torch.distributed.nn",
        "all_gather all_reduce all_to_all all_to_all_single broadcast gather reduce reduce_scatter scatter",
    )
)


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"tritonnn has no torch.distributed.nn.{name}: torch.distributed.is_available() is False, "
        "and programs run in one process"
    )
