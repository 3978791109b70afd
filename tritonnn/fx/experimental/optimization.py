"""Making a model smaller for inference: convolutions take the batch norm behind them into themselves."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from tritonnn.fx._symbolic_trace import symbolic_trace
from tritonnn.fx.graph_module import GraphModule
from tritonnn.fx.node import Node
from tritonnn.nn.module import Module
from tritonnn.nn.modules.batchnorm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from tritonnn.nn.modules.conv import Conv1d, Conv2d, Conv3d
from tritonnn.nn.modules.dropout import Dropout
from tritonnn.nn.utils.fusion import fuse_conv_bn_eval

__all__ = ["fuse", "matches_module_pattern", "remove_dropout", "replace_node_module"]

_PATTERNS = ((Conv1d, BatchNorm1d), (Conv2d, BatchNorm2d), (Conv3d, BatchNorm3d))


def _parent_name(target: str) -> tuple[str, str]:
    parent, _, name = target.rpartition(".")
    return parent, name


def matches_module_pattern(pattern: Iterable[type], node: Node, modules: dict[str, Any]) -> bool:
    """Whether a node calls a module of the second class with what a node that calls one of the first gives."""
    if not node.args or not isinstance(node.args[0], Node):
        return False
    for kind, one in zip(pattern, (node.args[0], node), strict=False):
        if (
            one.op != "call_module"
            or not isinstance(one.target, str)
            or type(modules.get(one.target)) is not kind
        ):
            return False
    return True


def replace_node_module(node: Node, modules: dict[str, Any], new_module: Module) -> None:
    """Put a module in the place of the one that a node calls."""
    parent, name = _parent_name(node.target)
    modules[node.target] = new_module
    setattr(modules[parent], name, new_module)


def fuse(model: Module, inplace: bool = False, no_trace: bool = False) -> GraphModule:
    """A model for inference whose convolutions have taken the batch norms behind them into their weights.

    Args:
        model: in evaluation mode, or at least its batch norms.
        inplace: change the model instead of a copy.
        no_trace: it is a GraphModule already, which is used as it is.

    >>> import tritonnn as torch
    >>> from tritonnn.fx.experimental.optimization import fuse
    >>> model = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).eval()
    >>> [type(layer).__name__ for layer in fuse(model).children()]
    ['Conv2d']
    """
    if not inplace:
        model = copy.deepcopy(model)
    traced: Any = model if no_trace and isinstance(model, GraphModule) else symbolic_trace(model)
    modules = dict(traced.named_modules())
    for pattern in _PATTERNS:
        for node in traced.graph.nodes:
            if not matches_module_pattern(pattern, node, modules) or len(node.args[0].users) > 1:
                continue
            norm = modules[node.target]
            if not norm.track_running_stats:
                continue
            fused = fuse_conv_bn_eval(modules[node.args[0].target], norm)
            replace_node_module(node.args[0], modules, fused)
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    return GraphModule(traced, traced.graph)


def remove_dropout(model: Module) -> GraphModule:
    """A model without its dropout layers."""
    traced = symbolic_trace(model)
    modules = dict(traced.named_modules())
    for node in traced.graph.nodes:
        if node.op == "call_module" and isinstance(modules[node.target], Dropout):
            node.replace_all_uses_with(node.args[0])
            traced.graph.erase_node(node)
    return GraphModule(traced, traced.graph)
