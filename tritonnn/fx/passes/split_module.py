"""A module cut into several, which run one after another."""

from __future__ import annotations

from collections.abc import Callable
from operator import getitem as _getitem
from typing import Any

from tritonnn.fx._graph_checks import follow
from tritonnn.fx.graph import Graph
from tritonnn.fx.graph_module import GraphModule, _assign_attr
from tritonnn.fx.node import Node, map_arg
from tritonnn.nn.module import Module

__all__ = ["Partition", "split_module"]


class Partition:
    """A part: its nodes, what it takes from others and what others take from it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.submod_name = f"submod_{name}"
        self.node_names: list[str] = []
        self.inputs: dict[str, None] = {}
        self.outputs: dict[str, None] = {}
        self.dependencies: dict[str, None] = {}
        self.dependents: dict[str, None] = {}
        self.graph = Graph()
        self.environment: dict[Node, Node] = {}
        self.targets: dict[str, Any] = {}

    def __repr__(self) -> str:
        return (
            f"name: {self.name},\n nodes: {self.node_names},\n inputs: {list(self.inputs)},\n outputs: "
            f"{list(self.outputs)},\n partitions depended on: {list(self.dependencies)},\n partition dependents: "
            f"{list(self.dependents)}"
        )


def split_module(
    m: GraphModule,
    root_m: Module,
    split_callback: Callable[[Node], Any],
    qualname_map: dict[str, str] | None = None,
    keep_original_order: bool = False,
    keep_original_node_name: bool = False,
) -> GraphModule:
    """A module that calls one submodule for each part of a graph.

    Args:
        m: the module.
        root_m: has what its graph refers to.
        split_callback: node -> the name or number of its part.
        qualname_map: takes path in the result -> path in the original.
        keep_original_order: run the parts in the order of their first nodes, where their needs allow that.
        keep_original_node_name: call nodes of the parts what they are called in the whole.

    Raises:
        RuntimeError: two parts need each other.

    >>> import tritonnn as torch
    >>> from tritonnn.fx.passes.split_module import split_module
    >>> model = torch.fx.symbolic_trace(lambda x: torch.relu(x + 1))
    >>> parts = split_module(model, model, lambda node: 0 if node.name == "add" else 1)
    >>> [name for name, _ in parts.named_children()], parts(torch.tensor([-2., 1.]))
    (['submod_0', 'submod_1'], tensor([0., 2.]))
    """
    parts: dict[str, Partition] = {}
    home: dict[Node, str] = {}
    outside = ("placeholder", "get_attr", "output")
    for node in m.graph.nodes:
        if node.op not in outside:
            name = str(split_callback(node))
            part = parts.setdefault(name, Partition(name))
            part.node_names.append(node.name)
            home[node] = name
    _note_needs(m.graph, parts, home)
    order = _sorted(parts, keep_original_order)
    by_name = {node.name: node for node in m.graph.nodes}
    for part in parts.values():
        for name in part.inputs:
            node = by_name[name]
            made = part.graph.placeholder(name, type_expr=node.type)
            made.meta = node.meta.copy()
            part.environment[node] = made
    for node in m.graph.nodes:
        if node in home:
            _copy_node(node, parts[home[node]], root_m, qualname_map, keep_original_node_name)
    return _assembled(m, root_m, parts, order, by_name, home)


def _note_needs(graph: Graph, parts: dict[str, Partition], home: dict[Node, str]) -> None:
    for user in graph.nodes:
        for node in user.all_input_nodes:
            there, here = home.get(node), home.get(user)
            if there == here:
                continue
            if there is not None:
                parts[there].outputs.setdefault(node.name)
                if here is not None:
                    parts[there].dependents.setdefault(here)
            if here is not None:
                parts[here].inputs.setdefault(node.name)
                if there is not None:
                    parts[here].dependencies.setdefault(there)


def _sorted(parts: dict[str, Partition], keep: bool) -> list[str]:
    """The parts, those that others need first."""
    waiting = {name: set(part.dependencies) for name, part in parts.items()}
    order: list[str] = []
    ready = [name for name, needs in waiting.items() if not needs]
    while ready:
        name = ready.pop(0)
        order.append(name)
        for dependent in parts[name].dependents:
            waiting[dependent].discard(name)
            if not waiting[dependent] and dependent not in ready and dependent not in order:
                ready.append(dependent)
        if keep:
            ready.sort(key=list(parts).index)
    if len(order) != len(parts):
        left = [name for name in parts if name not in order]
        raise RuntimeError(f"cycle exists between partitions! {left} need each other")
    return order


def _copy_node(
    node: Node, part: Partition, root: Module, qualname_map: dict[str, str] | None, keep_name: bool
) -> None:
    args = map_arg(node.args, lambda n: part.environment[n])
    kwargs = map_arg(node.kwargs, lambda n: part.environment[n])
    target = node.target
    if node.op == "call_module":
        target = node.target.replace(".", "_")
        part.targets[target] = follow(root, node.target)
        if qualname_map is not None:
            qualname_map[f"{part.submod_name}.{target}"] = node.target
    name = node.name if keep_name else None
    made = part.graph.create_node(node.op, target, args, kwargs, name, node.type)
    made.meta = node.meta.copy()
    part.environment[node] = made


def _assembled(
    m: GraphModule,
    root: Module,
    parts: dict[str, Partition],
    order: list[str],
    by_name: dict[str, Node],
    home: dict[Node, str],
) -> GraphModule:
    graph = Graph()
    values: dict[str, Any] = {}
    attributes: dict[str, Any] = {}
    for node in m.graph.nodes:
        if node.op in ("placeholder", "get_attr"):
            made = graph.node_copy(node)
            values[node.name] = made
            if node.op == "get_attr":
                attributes[node.target] = follow(root, node.target)
    for name in order:
        part = parts[name]
        outputs = [part.environment[by_name[output]] for output in part.outputs]
        part.graph.output(outputs[0] if len(outputs) == 1 else tuple(outputs) if outputs else None)
        attributes[part.submod_name] = GraphModule(part.targets, part.graph)
        call = graph.call_module(part.submod_name, tuple([values[name] for name in part.inputs]))
        if len(outputs) > 1:
            for place, output in enumerate(part.outputs):
                item = graph.call_function(_getitem, (call, place))
                values[output] = item
        elif outputs:
            values[next(iter(part.outputs))] = call
    for node in m.graph.nodes:
        if node.op == "output":
            made = graph.output(map_arg(node.args[0], lambda n: values[n.name]), type_expr=node.type)
            made.meta = node.meta.copy()
    holder = Module()
    for name, value in attributes.items():
        _assign_attr(value, holder, name)
    result = GraphModule(holder, graph)
    result.train(m.training)
    return result
