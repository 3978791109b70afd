"""Saved tensors on their way in and out: hooks of the user, and host memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

from tritonnn._tensor import Tensor
from tritonnn.recording.grad_mode import state


class Packed:
    """A saved tensor replaced by what a pack hook returned.

    Attributes:
        edge: where gradients of the tensor go, so that what is unpacked takes its place in the graph; None: nowhere.
    """

    __slots__ = ("edge", "unpack", "value")

    def __init__(self, value: Any, unpack: Callable, edge: Any = None) -> None:
        self.value = value
        self.unpack = unpack
        self.edge = edge

    def tensor(self) -> Tensor:
        """What the unpack hook makes of the value."""
        tensor = self.unpack(self.value)
        if not isinstance(tensor, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(tensor).__name__}"
            )
        return tensor


class Preserved(Packed):
    """A saved tensor that is copied before its memory is written; its storage knows it weakly.

    Attributes:
        version: of the memory when it was saved, in case something writes unannounced.
    """

    __slots__ = ("__weakref__", "version")

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor, _itself)
        storage = tensor._storage
        self.version = storage.version
        if getattr(storage, "savers", None) is None:
            storage.savers = WeakSet()
        storage.savers.add(self)

    def replace(self, copy: Tensor, edge: Any) -> None:
        """See a copy from now on; gradients go where those of the tensor went."""
        self.value, self.version, self.edge = copy, copy._storage.version, edge

    @property
    def is_written(self) -> bool:
        """Whether the values are no longer those that were saved."""
        return bool(self.value._storage.version != self.version)


def _itself(tensor: Tensor) -> Tensor:
    return tensor


class saved_tensors_hooks:
    """Within the block, what ops save for backward goes through `pack_hook`, and back through `unpack_hook`.

    >>> import tritonnn as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True), torch.from_numpy):
    ...     y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 2.])
    """

    def __init__(self, pack_hook: Callable, unpack_hook: Callable) -> None:
        self.pair = (pack_hook, unpack_hook)

    def __enter__(self) -> None:
        state.saved_hooks = (*state.saved_hooks, self.pair)

    def __exit__(self, *exc_info: object) -> None:
        state.saved_hooks = state.saved_hooks[:-1]


class save_on_cpu(saved_tensors_hooks):
    """Keep what is saved for backward in host memory."""

    def __init__(self, pin_memory: bool = False) -> None:
        def pack(tensor: Any) -> tuple:
            host = tensor.detach().cpu()
            return tensor.device, host.pin_memory() if pin_memory else host

        super().__init__(pack, lambda packed: packed[1].to(packed[0], non_blocking=pin_memory))
