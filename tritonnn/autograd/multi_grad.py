"""One hook for the gradients of several tensors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from tritonnn._tensor import Tensor
from tritonnn.recording.edges import GradientEdge
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of
from tritonnn.utils.hooks import RemovableHandle

_MODES = ("all", "any")


class _MultiHandle(RemovableHandle):
    """Removes several hooks."""

    def __init__(self, handles: tuple[RemovableHandle, ...]) -> None:
        self.handles = handles

    def remove(self) -> None:
        for handle in self.handles:
            handle.remove()

    def __getstate__(self) -> Any:
        return self.handles

    def __setstate__(self, state: Any) -> None:
        self.handles = state


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all"
) -> RemovableHandle:
    """Call a hook once in every pass of backward that computes a gradient of any of the tensors.

    Args:
        mode: 'all' calls `fn(grads)` when the last of those gradients is known, None for tensors that the pass has
            none of; 'any' calls `fn(grad)` with the first.

    >>> import tritonnn as torch
    >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> _ = torch.autograd.graph.register_multi_grad_hook((a, b), lambda grads: print([g is not None for g in grads]))
    >>> (a * b).backward()
    [True, True]
    >>> (a * 2).backward()
    [True, False]
    """
    if mode not in _MODES:
        raise ValueError(f"Expects mode to be one of {_MODES} but got {mode}")
    if mode == "any":
        return _first(tensors, fn)
    edges = [_edge(tensor) for tensor in tensors]
    lock = threading.Lock()
    waiting: WeakKeyDictionary[Any, int] = WeakKeyDictionary()  # by pass: how many gradients are to come
    known: WeakKeyDictionary[Any, list] = WeakKeyDictionary()

    def hook_of(place: int) -> Callable:
        def hook(grad: Tensor) -> None:
            run = state.current
            with lock:
                if run not in waiting:
                    waiting[run], known[run] = (
                        sum([run.will_reach(edge[0]) for edge in edges]),
                        [None] * len(edges),
                    )
                known[run][place] = grad
                waiting[run] -= 1
                last = waiting[run] == 0
            if last:
                del waiting[run]
                fn(known.pop(run))

        return hook

    return _MultiHandle(tuple([tensor.register_hook(hook_of(i)) for i, tensor in enumerate(tensors)]))


def _edge(tensor: Any) -> Any:
    edge = (tensor.node, tensor.output_nr) if isinstance(tensor, GradientEdge) else edge_of(tensor)
    if edge is None:
        raise AssertionError("Expected gradient function to be set")
    return edge


def _first(tensors: Sequence[Tensor], fn: Callable) -> RemovableHandle:
    lock = threading.Lock()
    done: WeakSet[Any] = WeakSet()

    def hook(grad: Tensor) -> None:
        with lock:
            before = state.current in done
            done.add(state.current)
        if not before:
            fn(grad)

    return _MultiHandle(tuple([tensor.register_hook(hook) for tensor in tensors if tensor.requires_grad]))
