"""Finding the places of a graph that look like another."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.fx._graph_checks import follow
from tritonnn.fx.graph import Graph
from tritonnn.fx.node import Node

__all__ = ["InternalMatch", "SubgraphMatcher"]


@dataclass
class InternalMatch:
    """A place that looks like the pattern.

    Attributes:
        anchors: nodes of the pattern that the search began at.
        nodes_map: node of the pattern -> what stands for it.
        placeholder_nodes: what stands for the inputs of the pattern, in order.
        returning_nodes: the nodes whose values the pattern returns.
    """

    anchors: list[Node]
    nodes_map: dict[Node, Any] = field(default_factory=dict)
    placeholder_nodes: list[Any] = field(default_factory=list)
    returning_nodes: list[Node] = field(default_factory=list)
    name_node_map: dict[str, Node] = field(default_factory=dict)

    def __copy__(self) -> InternalMatch:
        return InternalMatch(
            self.anchors,
            self.nodes_map.copy(),
            list(self.placeholder_nodes),
            list(self.returning_nodes),
            dict(self.name_node_map),
        )


class SubgraphMatcher:
    """Finds where a graph looks like a pattern.

    Args:
        pattern: the pattern, as a graph whose inputs stand for anything.
        match_output: whether what the pattern returns has to be what the graph returns.
        match_placeholder: whether inputs of the pattern stand for inputs alone.
        remove_overlapping_matches: whether a node may be in one place only.
        ignore_literals: whether a number of the pattern stands for any.

    Raises:
        ValueError: the pattern is empty, or an input of it is not used.
    """

    def __init__(
        self,
        pattern: Graph,
        match_output: bool = False,
        match_placeholder: bool = False,
        remove_overlapping_matches: bool = True,
        ignore_literals: bool = False,
    ) -> None:
        self.pattern = pattern
        self.match_output, self.match_placeholder = match_output, match_placeholder
        self.remove_overlapping_matches, self.ignore_literals = remove_overlapping_matches, ignore_literals
        if len(pattern.nodes) == 0:
            raise ValueError("SubgraphMatcher cannot be initialized with an empty pattern")
        for node in pattern.nodes:
            if node.op not in ("output", "placeholder") and not node.users:
                raise ValueError("SubgraphMatcher cannot be initialized with an pattern with dead code")
        output = pattern.output_node()
        self.pattern_placeholder_nodes = [n for n in pattern.nodes if n.op == "placeholder"]
        self.pattern_returning_nodes = output.all_input_nodes
        if match_output:
            self.pattern_anchors = [output]
        else:
            self.pattern_anchors = [n for n in output.all_input_nodes if len(n.users) == 1]

    def _match_attributes(self, pn: Node, gn: Node) -> bool:
        theirs, ours = follow_node(pn), follow_node(gn)
        return type(theirs) is type(ours) if not isinstance(theirs, Tensor) else isinstance(ours, Tensor)

    def _nodes_are_equal(self, pn: Node, gn: Node) -> bool:
        if not self.match_placeholder and pn.op == "placeholder":
            return True
        if pn.op != gn.op:
            return False
        if pn.op in ("placeholder", "output"):
            return True
        if pn.op == "get_attr":
            return self._match_attributes(pn, gn)
        if pn.op == "call_module":
            return type(follow_node(pn)) is type(follow_node(gn))
        return pn.target == gn.target

    def _is_contained(self, nodes_map: dict[Node, Any]) -> bool:
        """Whether no node within the place is used outside, but for what it returns."""
        lookup = {gn: pn for pn, gn in nodes_map.items() if pn.op != "placeholder" and isinstance(gn, Node)}
        for gn, pn in lookup.items():
            if pn in self.pattern_returning_nodes:
                continue
            if any(user not in lookup for user in gn.users):
                return False
        return True

    def _match_args(self, pattern_args: Any, args: Any, match: InternalMatch) -> bool:
        if len(pattern_args) != len(args):
            return False
        for ours, theirs in zip(pattern_args, args, strict=True):
            if isinstance(ours, Node) and isinstance(theirs, Node):
                same = self._match_nodes(ours, theirs, match)
            elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
                same = self._match_args(ours, theirs, match)
            elif isinstance(ours, dict) and isinstance(theirs, dict):
                same = set(ours) == set(theirs) and self._match_args(
                    [ours[key] for key in ours], [theirs[key] for key in ours], match
                )
            else:
                same = self._match_literals(ours, theirs, match)
            if not same:
                return False
        return True

    def _match_literals(self, pn: Any, gn: Any, match: InternalMatch) -> bool:
        if isinstance(pn, Node):
            if pn.op != "placeholder" or self.match_placeholder:
                return False
            if pn in match.nodes_map:
                return match.nodes_map[pn] == gn
            match.nodes_map[pn] = gn
            return True
        if isinstance(gn, Node):
            return self.ignore_literals and gn.op == "placeholder"
        return self.ignore_literals or (type(gn) is type(pn) and gn == pn)

    def _match_nodes(self, pn: Node, gn: Node, match: InternalMatch) -> bool:
        if pn in match.nodes_map:
            return match.nodes_map[pn] is gn
        if any(gn is value for value in match.nodes_map.values()) and pn.op != "placeholder":
            return False
        if not self._nodes_are_equal(pn, gn):
            return False
        saved = copy.copy(match)
        match.nodes_map[pn] = gn
        if pn.op == "placeholder":
            return True
        ours, theirs = self._full_arguments(pn, gn)
        if self._match_args(ours, theirs, match):
            return True
        match.nodes_map = saved.nodes_map
        return False

    def _full_arguments(self, pn: Node, gn: Node) -> tuple[list[Any], list[Any]]:
        """The arguments of both, keywords in one order."""
        names = [*dict.fromkeys([*pn.kwargs, *gn.kwargs])]
        missing = object()
        return (
            [*pn.args, *[pn.kwargs.get(name, missing) for name in names]],
            [*gn.args, *[gn.kwargs.get(name, missing) for name in names]],
        )

    def match(self, graph: Graph, node_name_match: str = "") -> list[InternalMatch]:
        """The places, from the end of the graph on, in the order of their nodes.

        Args:
            graph: the graph that is searched.
            node_name_match: only nodes with this in their names may end a place.
        """
        candidates: dict[Node, list[Node]] = defaultdict(list)
        for anchor in self.pattern_anchors:
            for node in graph.nodes:
                if self._nodes_are_equal(anchor, node) and node_name_match in node.name:
                    candidates[anchor].append(node)
        found: list[InternalMatch] = []

        def search(rest: list[Node], match: InternalMatch) -> None:
            if not rest:
                match.placeholder_nodes = [match.nodes_map[pn] for pn in self.pattern_placeholder_nodes]
                match.returning_nodes = [match.nodes_map[pn] for pn in self.pattern_returning_nodes]
                found.append(match)
                return
            anchor, *rest = rest
            for node in candidates[anchor]:
                attempt = copy.copy(match)
                if self._match_nodes(anchor, node, attempt):
                    search(rest, attempt)

        if any(n.op == "placeholder" and not n.users for n in self.pattern.nodes):
            unused = next(n for n in self.pattern.nodes if n.op == "placeholder" and not n.users)
            raise ValueError(f"SubgraphMatcher: the input {unused} of the pattern is not used")
        search(self.pattern_anchors, InternalMatch(anchors=self.pattern_anchors))
        found = [match for match in found if self._is_contained(match.nodes_map)]
        return self._apart(found) if self.remove_overlapping_matches else found

    def _apart(self, matches: list[InternalMatch]) -> list[InternalMatch]:
        taken: set[Node] = set()
        kept = []
        for match in matches:
            own = [gn for pn, gn in match.nodes_map.items() if pn.op not in ("placeholder", "output")]
            if not any(gn in taken for gn in own):
                kept.append(match)
                taken.update(own)
        return kept


def follow_node(node: Node) -> Any:
    """What a node that reads an attribute or calls a module refers to."""
    return follow(node.graph.owning_module, node.target)
