"""Saved tensors that may be written before backward: their values are copied at the first such write.

PyTorch often has a part of what a fused op here works from in memory of its own (the logarithms that cross_entropy
takes, the difference of l1_loss), so that programs may write into the operands. To save that part as well would cost
its memory at every call. To copy what is about to be written costs it only where something is written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn._tensor import Tensor
from tritonnn.recording.graph import edge_of
from tritonnn.recording.packing import Preserved

if TYPE_CHECKING:
    from tritonnn.memory import Storage


def copy_saved(storage: Storage, copied: Callable[[Tensor], Tensor]) -> None:
    """Have everything that was saved of a storage see copies, one for all that saved the same elements."""
    copies: dict[Any, Tensor] = {}
    for saver in list(storage.savers):
        tensor = saver.value
        key = (tuple(tensor.shape), tensor.stride(), tensor._offset, tensor.dtype)
        if key not in copies:
            copies[key] = copied(tensor.detach())
        saver.replace(copies[key], edge_of(tensor))
    storage.savers.clear()


def preserve(result: Tensor, *names: str) -> Tensor:
    """Let arguments that the call behind a fresh result saved be written before backward."""
    node = result._node
    if node is not None and node.saved is not None:
        for i, name in enumerate(node.plan.names):
            if name in names and isinstance(node.saved[i], Tensor):  # else a pack hook has it
                node.saved[i] = Preserved(node.saved[i])
    return result
