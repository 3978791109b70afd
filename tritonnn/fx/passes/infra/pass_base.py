"""A pass as an object, and what it gives."""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

from tritonnn.fx.graph_module import GraphModule

__all__ = ["PassBase", "PassResult"]


class PassResult(NamedTuple):
    """The module, and whether the pass changed it."""

    graph_module: GraphModule
    modified: bool


class PassBase(abc.ABC):
    """A pass: `call` does it, `requires` and `ensures` check before and after.

    >>> import tritonnn as torch
    >>> from tritonnn.fx.passes.infra.pass_base import PassBase, PassResult
    >>> class Clean(PassBase):
    ...     def call(self, graph_module):
    ...         return PassResult(graph_module, graph_module.graph.eliminate_dead_code())
    >>> def f(x):
    ...     y = x + 1
    ...     return x
    >>> Clean()(torch.fx.symbolic_trace(f)).modified
    True
    """

    def __call__(self, graph_module: GraphModule) -> PassResult | None:
        self.requires(graph_module)
        result = self.call(graph_module)
        self.ensures(graph_module)
        return result

    @abc.abstractmethod
    def call(self, graph_module: GraphModule) -> PassResult | None:
        """Do it."""

    def requires(self, graph_module: GraphModule) -> Any:
        """Check before."""
        return None

    def ensures(self, graph_module: GraphModule) -> Any:
        """Check afterwards."""
        return None
