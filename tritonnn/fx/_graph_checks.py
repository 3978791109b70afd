"""Whether a graph is sound, and its nodes as a table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from tritonnn.fx.node import Node, map_arg
from tritonnn.nn.module import Module

if TYPE_CHECKING:
    from tritonnn.fx.graph import Graph


def unreferenced(op: str, kind: str, adder: str) -> str:
    """The warning about a node whose target the module does not have."""
    return (
        f"Attempted to insert a {op} Node with no underlying reference in the owning GraphModule! Call "
        f"GraphModule.{'add_submodule' if op == 'call_module' else 'register_parameter or register_buffer'} "
        f"to add the necessary {kind}"
    )


def follow(module: Any, name: str) -> Any:
    """The attribute 'a.b.c' of a module; AttributeError where there is none."""
    for part in name.split("."):
        module = getattr(module, part)
    return module


def has_attribute(module: Any, name: str) -> bool:
    """Whether a module has an attribute 'a.b.c'."""
    try:
        follow(module, name)
    except AttributeError:
        return False
    return True


def has_module(module: Any, name: str) -> bool:
    """Whether a module has a submodule 'a.b.c'."""
    return has_attribute(module, name) and isinstance(follow(module, name), Module)


def check(graph: Graph) -> None:
    """Raise RuntimeError for the first thing that is wrong."""
    seen_names: set[str] = set()
    seen: set[Node] = set()

    for node in graph.nodes:

        def defined(argument: Node, node: Node = node) -> Node:
            if argument.graph is not graph:
                raise RuntimeError(f"Argument '{argument}' of Node '{node}' does not belong to this Graph")
            if argument not in seen:
                raise RuntimeError(
                    f"Argument '{argument}' of Node '{node}' was used before it has been defined! Please check that "
                    f"Nodes in the graph are topologically ordered\n{graph}"
                )
            return argument

        if node.graph is not graph:
            raise RuntimeError(f"Node '{node}' does not belong to this Graph!")
        if node.name in seen_names:
            raise RuntimeError(f"Node redefined name {node.name}!")
        map_arg((node.args, node.kwargs), defined)
        seen_names.add(node.name)
        seen.add(node)
        if graph.owning_module is not None and node.op in ("get_attr", "call_module"):
            _check_target(graph.owning_module, node)


def _check_target(module: Module, node: Node) -> None:
    found: Any = module
    path = ""
    for part in node.target.split("."):
        if not hasattr(found, part):
            raise RuntimeError(
                f"Node {node} target {node.target} references nonexistent attribute {part} of {path or 'the module'}"
            )
        found, path = getattr(found, part), f"{path}.{part}".lstrip(".")
    if node.op == "call_module" and not isinstance(found, Module):
        raise RuntimeError(
            f"Node {node} target {node.target} does not reference an nn.Module, but a {type(found).__name__}"
        )


def table(nodes: Iterable[Node]) -> str:
    """The nodes as a table.

    Raises:
        ImportError: tabulate is not installed.
    """
    try:
        from tabulate import tabulate
    except ImportError:
        raise ImportError(
            "Graph.print_tabular needs the package tabulate: pip install tabulate. Or print(graph), which needs nothing"
        ) from None
    rows = [[n.op, n.name, n.target, n.args, n.kwargs] for n in nodes]
    return tabulate(rows, headers=["opcode", "name", "target", "args", "kwargs"])
