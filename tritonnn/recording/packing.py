"""Saved tensors on their way in and out: hooks of the user, and host memory."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from weakref import WeakSet

from tritonnn._tensor import Tensor
from tritonnn.recording.grad_mode import no_grad, state


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


def packed(tensor: Tensor, hooks: tuple[Callable, Callable], edge: Any = None) -> Packed:
    """A saved tensor behind hooks.

    Raises:
        RuntimeError: the hook writes into the tensor.
    """
    pack, unpack = hooks
    version = tensor._storage.version
    with no_grad():
        value = pack(tensor)
    if tensor._storage.version != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook cannot "
            "be modified by in-place operations as this can lead to unexpected side-effects. Please open an issue if "
            "you need to perform in-place operations on the input to a pack hook."
        )
    return Packed(value, unpack, edge)


class Preserved(Packed):
    """A saved tensor that is copied before its memory is written; its storage knows it weakly.

    Attributes:
        version: of the memory when it was saved, in case something writes unannounced.
        copied: whether it sees a copy.
    """

    __slots__ = ("__weakref__", "copied", "version")

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor, _itself)
        storage = tensor._storage
        self.version = storage.version
        self.copied = False
        if getattr(storage, "savers", None) is None:
            storage.savers = WeakSet()
        storage.savers.add(self)

    def replace(self, copy: Tensor, edge: Any) -> None:
        """See a copy from now on; gradients go where those of the tensor went."""
        self.value, self.version, self.edge, self.copied = copy, copy._storage.version, edge, True

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
        if state.hooks_refused is not None:
            raise RuntimeError(state.hooks_refused)
        state.saved_hooks = (*state.saved_hooks, self.pair)

    def __exit__(self, *exc_info: object) -> None:
        state.saved_hooks = state.saved_hooks[:-1]


class save_on_cpu(saved_tensors_hooks):
    """Keep what is saved for backward in host memory.

    Args:
        pin_memory: in memory that the device copies from and to directly, where there is a device.
        device_type: which kind of device that is; 'cuda'.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        if device_type != "cuda":
            raise AttributeError(f"save_on_cpu: device_type must be 'cuda', got {device_type!r}")

        def pack(tensor: Any) -> tuple:
            host = tensor.detach().cpu()
            return tensor.device, host.pin_memory() if pin_memory else host

        super().__init__(pack, lambda held: held[1].to(held[0], non_blocking=pin_memory))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Generator[None, None, None]:
    """Within the block, to enter `saved_tensors_hooks` raises a RuntimeError of this message.

    >>> import tritonnn as torch
    >>> with torch.autograd.graph.disable_saved_tensors_hooks("no hooks here"):
    ...     with torch.autograd.graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
    RuntimeError: no hooks here
    """
    if state.saved_hooks:
        raise RuntimeError(error_message)
    before, state.hooks_refused = state.hooks_refused, error_message
    try:
        yield
    finally:
        state.hooks_refused = before
