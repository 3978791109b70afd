"""Hooks on tensors: registration; the engine runs them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tritonnn.utils.hooks import RemovableHandle

if TYPE_CHECKING:
    from tritonnn._tensor import Tensor
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
