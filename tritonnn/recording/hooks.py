"""Hooks on tensors: registration; the engine runs them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tritonnn._tensor import Tensor
from tritonnn.utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from tritonnn.recording.graph import Node


def register_tensor_hook(tensor: Tensor, hook: Callable) -> Any:
    """Tensor.register_hook."""
    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    node = tensor._node
    if node is None:
        if tensor._hooks is None:
            tensor._hooks = OrderedDict()
        hooks = tensor._hooks
    else:
        hooks = _node_hooks(node, tensor._out_nr)
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _node_hooks(node: Node, number: int) -> dict[int, Callable]:
    if node.tensor_hooks is None:
        node.tensor_hooks = {}
    return node.tensor_hooks.setdefault(number, OrderedDict())


def register_post_accumulate_hook(tensor: Tensor, hook: Callable) -> Any:
    """Tensor.register_post_accumulate_grad_hook."""
    if not tensor.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if tensor._node is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    if tensor._post_accumulate_hooks is None:
        tensor._post_accumulate_hooks = OrderedDict()
    handle = RemovableHandle(tensor._post_accumulate_hooks)
    tensor._post_accumulate_hooks[handle.id] = hook
    return handle


def refuse_result(hook: Callable, returned: Any, leaf: Tensor) -> None:
    """Refuse what a hook returned that has nothing to replace; the leaf itself is let pass."""
    if returned is None or returned is leaf:
        return
    if not isinstance(returned, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(returned).__name__}'")
    raise RuntimeError("Tensor post accumulate grad hooks should return None.")


def checked_gradient(hook: Callable, before: Tensor | None, after: Any) -> Tensor:
    """A gradient that a hook returned for another: of the same dtype, kind of device and shape."""
    if before is None:
        raise RuntimeError("can't replace a None gradient with a non-None value")
    if not isinstance(after, Tensor):
        raise TypeError(f"expected Variable, but hook returned '{type(after).__name__}'")
    name = getattr(hook, "__name__", "<unknown>")
    if after.dtype is not before.dtype or after.device.type != before.device.type:
        raise RuntimeError(
            f"hook '{name}' has changed the type of value (was {before.type()} got {after.type()})"
        )
    if after.shape != before.shape:
        raise RuntimeError(
            f"hook '{name}' has changed the size of value: {tuple(before.shape)} became {tuple(after.shape)}"
        )
    return after


def checked_gradients(hook: Callable, before: Sequence[Tensor | None], after: Any) -> list[Tensor | None]:
    """The gradients of a node that a hook returned for others."""
    if not isinstance(after, tuple):
        raise TypeError(f"expected tuple, but hook returned '{type(after).__name__}'")
    if len(after) != len(before):
        raise RuntimeError(
            f"hook '{getattr(hook, '__name__', '<unknown>')}' has returned an incorrect number of values "
            f"(got {len(after)}, but expected {len(before)})"
        )
    return [
        None if new is None else checked_gradient(hook, old, new)
        for old, new in zip(before, after, strict=True)
    ]
