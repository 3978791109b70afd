"""Replacing every place of a graph that looks like a pattern."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from tritonnn.fx._graph_checks import follow, has_attribute
from tritonnn.fx._symbolic_trace import symbolic_trace
from tritonnn.fx.graph import Graph
from tritonnn.fx.graph_module import GraphModule, _copy_attr
from tritonnn.fx.node import Node, map_arg
from tritonnn.fx.passes.utils.matcher_utils import InternalMatch, SubgraphMatcher
from tritonnn.nn.module import Module

__all__ = ["Match", "ReplacedPatterns", "replace_pattern", "replace_pattern_with_filters"]


class Match(NamedTuple):
    """A place that was replaced: where its search began, and node of the pattern -> node of the graph."""

    anchor: Node
    nodes_map: dict[Node, Node]


@dataclass
class ReplacedPatterns:
    """As `Match`, with the nodes that replaced it."""

    anchor: Node
    nodes_map: dict[Node, Node]
    replacements: list[Node]


def replace_pattern(gm: GraphModule, pattern: Any, replacement: Any) -> list[Match]:
    """Replace every place of a graph that looks like `pattern`.

    Args:
        gm: the module; changed, and compiled anew.
        pattern: a function, module or graph.
        replacement: another with the same inputs and outputs.

    Returns the places.

    >>> import tritonnn as torch
    >>> model = torch.fx.symbolic_trace(lambda x: torch.relu(x + 1) * 2)
    >>> places = torch.fx.replace_pattern(model, lambda a: torch.relu(a), lambda a: torch.tanh(a))
    >>> print(model.code.strip())
    def forward(self, x):
        add = x + 1;  x = None
        tanh = torch.tanh(add);  add = None
        mul = tanh * 2;  tanh = None
        return mul
    """
    found = replace_pattern_with_filters(gm, pattern, replacement)
    return [Match(anchor=match.anchor, nodes_map=match.nodes_map) for match in found]


def replace_pattern_with_filters(
    gm: GraphModule,
    pattern: Any,
    replacement: Any = None,
    match_filters: list[Callable[[InternalMatch, Graph, Graph], bool]] | None = None,
    ignore_literals: bool = False,
    replacement_callback: Callable[[InternalMatch, Graph, Graph], Graph] | None = None,
    node_name_match: str = "",
) -> list[ReplacedPatterns]:
    """As `replace_pattern`, of places that pass all filters.

    Args:
        gm, pattern, replacement: as there.
        match_filters: (place, graph, pattern) -> whether it is replaced.
        ignore_literals: whether a number of the pattern stands for any.
        replacement_callback: (place, graph, pattern) -> what replaces it, instead of `replacement`.
        node_name_match: only places that end in a node with this in its name.
    """
    graph, wanted = gm.graph, _graph(pattern)
    matcher = SubgraphMatcher(wanted, remove_overlapping_matches=True, ignore_literals=ignore_literals)
    places = matcher.match(graph, node_name_match)
    places = [m for m in places if all(accept(m, graph, wanted) for accept in match_filters or ())]
    fixed = None if replacement is None else _graph(replacement)
    if fixed is None and replacement_callback is None:
        raise AssertionError("Must provide either a replacement GraphModule or a replacement callback")
    changed: dict[Node, Node] = {}
    done = []
    for place in places:
        new = replacement_callback(place, graph, wanted) if replacement_callback else fixed
        assert new is not None
        done.append(_replace(graph, wanted, place, new, changed))
    gm.recompile()
    if isinstance(replacement, Module):
        _copy_attributes(gm, replacement)
    return done


def _graph(value: Any) -> Graph:
    if isinstance(value, GraphModule):
        return value.graph
    return value if isinstance(value, Graph) else symbolic_trace(value).graph


def _replace(
    graph: Graph, pattern: Graph, place: InternalMatch, new: Graph, changed: dict[Node, Node]
) -> ReplacedPatterns:
    inputs = [node for node in new.nodes if node.op == "placeholder"]
    assert len(place.placeholder_nodes) == len(inputs), (
        f"the pattern has {len(place.placeholder_nodes)} inputs, but its replacement {len(inputs)}"
    )
    values: dict[Node, Any] = {}
    for node, given in zip(inputs, place.placeholder_nodes, strict=True):
        values[node] = changed.get(given, given) if isinstance(given, Node) else given
    own = {gn for pn, gn in place.nodes_map.items() if pn.op not in ("placeholder", "output")}
    first = next(
        n for n in graph.nodes if n in place.returning_nodes or (n in own and n in place.returning_nodes)
    )
    given_nodes = [value for value in values.values() if isinstance(value, Node)]
    latest = max(given_nodes, key=graph._position) if given_nodes else None
    before = set(graph.nodes)
    at = first if latest is None or latest < first else latest.next
    with graph.inserting_before(at):
        result = graph.graph_copy(new, values)
    results = (result,) if isinstance(result, Node) else tuple(_flat(result))
    assert len(results) == len(place.returning_nodes), (
        f"the pattern returns {len(place.returning_nodes)} values, but its replacement {len(results)}"
    )
    for old, value in zip(place.returning_nodes, results, strict=True):
        old.replace_all_uses_with(value)
        changed[old] = value
    for node in reversed(pattern.nodes):
        if node.op not in ("placeholder", "output"):
            graph.erase_node(place.nodes_map[node])
    return ReplacedPatterns(place.anchors[0], place.nodes_map, [n for n in graph.nodes if n not in before])


def _flat(result: Any) -> list[Node]:
    nodes: list[Node] = []
    map_arg(result, lambda node: nodes.append(node))
    return nodes


def _copy_attributes(gm: GraphModule, replacement: Module) -> None:
    gm.delete_all_unused_submodules()
    for node in gm.graph.nodes:
        if node.op in ("call_module", "get_attr") and not has_attribute(gm, node.target):
            if not has_attribute(replacement, node.target):
                raise RuntimeError(
                    f'Attempted to create a "{node.op}" node during subgraph rewriting with target {node.target}, but '
                    "the referenced attribute does not exist in the replacement GraphModule"
                )
            _copy_attr(replacement, gm, node.target)
            follow(gm, node.target)
    gm.graph.lint()
