"""The nodes of a graph as something to go through, while nodes are added and removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tritonnn.fx.node import Node

if TYPE_CHECKING:
    from tritonnn.fx.graph import Graph


class _node_list:
    """The nodes of a graph in order; `reversed` gives them from the last on."""

    def __init__(self, graph: Graph, direction: str = "_next") -> None:
        self.graph, self.direction = graph, direction

    def __len__(self) -> int:
        return self.graph._len

    def __iter__(self) -> Iterator[Node]:
        root = self.graph._root
        node = getattr(root, self.direction)
        while node is not root:
            following = getattr(node, self.direction)
            if not node._erased:
                yield node
            # what has been put behind the node meanwhile comes next
            node = getattr(node, self.direction) if not node._erased else following

    def __reversed__(self) -> _node_list:
        return _node_list(self.graph, "_prev" if self.direction == "_next" else "_next")
