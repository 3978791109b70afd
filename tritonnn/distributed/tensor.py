"""The class that `isinstance` names for tensors spread over several processes, of which there is no object here."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.distributed.absent import Unavailable

__all__ = ["DTensor"]


class DTensor(Unavailable, Tensor):
    """A tensor whose parts lie in several processes; refused, as there is one."""


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"tritonnn has no torch.distributed.tensor.{name}: torch.distributed.is_available() is False, "
        "and programs run in one process"
    )
