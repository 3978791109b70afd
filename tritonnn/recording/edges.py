"""Places in the graph as users see them: the ends at the leaves, and edges to name in `autograd.grad`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from tritonnn._tensor import Tensor
from tritonnn.recording.graph import Node, edge_of
from tritonnn.utils.hooks import RemovableHandle


class AccumulateGrad(Node):
    """The end of the graph at a leaf, as `next_functions` shows it."""

    __slots__ = ("variable",)

    next_functions = previous_functions = ()

    variable: Tensor

    def __init__(self, variable: Tensor) -> None:
        self.variable = variable

    def name(self) -> str:
        """Its class name."""
        return "torch::autograd::AccumulateGrad"

    def _add_hook(self, when: str, hook: Callable) -> Any:
        """Hooks stand on the leaf: before and after the gradient is added to its `.grad`."""
        hooks = self.variable._accumulate_hooks
        if hooks is None:
            hooks = self.variable._accumulate_hooks = {"pre": OrderedDict(), "post": OrderedDict()}
        handle = RemovableHandle(hooks[when])
        hooks[when][handle.id] = hook
        return handle

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'AccumulateGrad' object has no attribute '{name}'")

    def __repr__(self) -> str:
        return f"<AccumulateGrad object at 0x{id(self):x}>"


# One for a leaf, as long as somebody holds it: what is noted on it is there when it is looked at again.
_ends: WeakValueDictionary[int, AccumulateGrad] = WeakValueDictionary()


def accumulation(leaf: Tensor) -> AccumulateGrad:
    """The end of the graph at a leaf."""
    end = _ends.get(id(leaf))
    if end is None:
        end = _ends[id(leaf)] = AccumulateGrad(leaf)
    return end


class GradientEdge(NamedTuple):
    """A place in the graph, usable as an input or output of `autograd.grad`: which result of which node.

    `ownership_token` is there for PyTorch's; nodes own what they need here.
    """

    node: Node
    output_nr: int
    ownership_token: Any = None


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge along which `tensor`'s gradient flows.

    Raises:
        RuntimeError: the tensor does not require grad.
    """
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require gradients"
        )
    node, number = edge
    return GradientEdge(accumulation(node) if isinstance(node, Tensor) else node, number)
