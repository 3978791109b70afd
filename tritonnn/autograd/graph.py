"""torch.autograd.graph: the nodes of the graph, and hooks on what they save."""

from __future__ import annotations

from collections.abc import Iterable

from tritonnn._tensor import Tensor
from tritonnn.autograd.multi_grad import register_multi_grad_hook
from tritonnn.autograd.mutation import allow_mutation_on_saved_tensors
from tritonnn.recording.edges import GradientEdge, get_gradient_edge
from tritonnn.recording.graph import Node
from tritonnn.recording.packing import disable_saved_tensors_hooks, save_on_cpu, saved_tensors_hooks


def increment_version(tensor: Tensor | Iterable[Tensor]) -> None:
    """Say that tensors were written in a way that was not seen; those of inference mode count nothing.

    >>> import tritonnn as torch
    >>> x = torch.zeros(2)
    >>> torch.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    tensors = (tensor,) if isinstance(tensor, Tensor) else tensor
    if not isinstance(tensors, Iterable):
        raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
    for each in tensors:
        if not isinstance(each, Tensor):
            raise RuntimeError("increment_version expect a Iterable[Tensor] as input")
        if each._storage.version >= 0:
            each._storage.version += 1
            each._storage.writer = "increment_version"


__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "disable_saved_tensors_hooks", "get_gradient_edge",
    "increment_version", "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip
