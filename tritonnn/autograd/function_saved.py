"""What a custom function gives to `save_for_backward`."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.memory import TRANSFORM
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, restored, version_to_save
from tritonnn.recording.packing import Packed, packed
from tritonnn.recording.saved_tensors import repacked


class SavedValue:
    """One value given to `save_for_backward`."""

    __slots__ = ("number", "value", "version")

    def __init__(self, value: Any, number: int) -> None:
        self.number = number  # which differentiable result of the call it is; -1: none
        if number >= 0:
            value = value.detach()  # an alias, so that no cycle is made
        self.version = -1
        if value is not None:
            self.version = version_to_save(value)
            if state.saved_hooks:
                value = packed(value, state.saved_hooks[-1], edge_of(value) if number < 0 else None)
        self.value = value

    def register_hooks(self, pack_hook: Any, unpack_hook: Any) -> None:
        """As of `SavedTensor`."""
        self.value = repacked(self.value, pack_hook, unpack_hook)

    def unpacked(self, node: Any) -> Tensor | None:
        value = self.value
        if isinstance(value, Packed):
            value = restored(value)
        elif value is not None and value._storage.version != self.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation: "
                f"a {value.dtype} tensor of shape {list(value.shape)} saved by "
                f"{'a custom function' if node is None else node.name()} is at version "
                f"{value._storage.version % TRANSFORM}; expected version {self.version % TRANSFORM} instead."
            )
        if value is not None and self.number >= 0 and node is not None:  # a result of this very call
            value = value.detach()
            value._node, value._rg, value._out_nr = node, True, self.number
        return value


def tensor_places(cls: type, args: tuple) -> list[int]:
    """Which of the arguments of a custom function are tensors.

    Raises:
        NotImplementedError: one is nested, whose gradients belong to its values.
    """
    places = [i for i, arg in enumerate(args) if isinstance(arg, Tensor)]
    if any([args[i].is_nested for i in places]):
        text = "is not implemented for nested tensors. Hint: give it their .values()"
        raise NotImplementedError(f"{cls.__name__}.apply {text}")
    return places
