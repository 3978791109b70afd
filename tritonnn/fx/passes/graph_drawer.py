"""A graph as a picture, drawn by Graphviz."""

from __future__ import annotations

from typing import Any

from tritonnn.fx.graph_module import GraphModule
from tritonnn.fx.node import Node

__all__ = ["FxGraphDrawer"]

_COLORS = {
    "placeholder": "AliceBlue", "get_attr": "LightGrey", "output": "PowderBlue", "call_module": "LemonChiffon1",
    "call_function": "PapayaWhip", "call_method": "Honeydew",
}  # fmt: skip


class FxGraphDrawer:
    """Draws a graph; needs the packages pydot and Graphviz.

    Args:
        graph_module: whose graph.
        name: of the picture.
        ignore_getattr: leave out the nodes that read attributes.
        ignore_parameters_and_buffers: as `ignore_getattr`.
        skip_node_names_in_args: leave out the arguments of nodes.

    Raises:
        RuntimeError: pydot is not installed.
    """

    def __init__(
        self,
        graph_module: GraphModule,
        name: str,
        ignore_getattr: bool = False,
        ignore_parameters_and_buffers: bool = False,
        skip_node_names_in_args: bool = True,
    ) -> None:
        try:
            import pydot  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise RuntimeError(
                "FXGraphDrawer requires the pydot package to be installed. Please install pydot through your favorite "
                "Python package manager."
            ) from None
        self._name = name
        graph = pydot.Dot(name, rankdir="TB")
        hidden = ignore_getattr or ignore_parameters_and_buffers
        nodes = [n for n in graph_module.graph.nodes if not (hidden and n.op == "get_attr")]
        for node in nodes:
            label = self._label(node, skip_node_names_in_args)
            graph.add_node(
                pydot.Node(node.name, label=label, shape="record", style="filled", fillcolor=_COLORS[node.op])
            )
        for node in nodes:
            for user in node.users:
                graph.add_edge(pydot.Edge(node.name, user.name))
        self._dot_graphs = {name: graph}

    def _label(self, node: Node, short: bool) -> str:
        parts = [
            f"name=%{node.name}",
            f"op_code={node.op}",
            f"target={node._pretty_print_target(node.target)}",
        ]
        if not short and node.args:
            parts.append(f"args={node.args}")
        meta: Any = node.meta.get("tensor_meta")
        if hasattr(meta, "dtype"):
            parts += [f"dtype={meta.dtype}", f"shape={tuple(meta.shape)}"]
        escaped = [part.replace("{", r"\{").replace("}", r"\}").replace("|", r"\|") for part in parts]
        return "{" + "|".join([text.replace("<", r"\<").replace(">", r"\>") for text in escaped]) + "}"

    def get_dot_graph(self, submod_name: str | None = None) -> Any:
        """The picture, an object of pydot."""
        return self._dot_graphs[self._name if submod_name is None else submod_name]

    def get_main_dot_graph(self) -> Any:
        """The picture."""
        return self._dot_graphs[self._name]

    def get_all_dot_graphs(self) -> dict[str, Any]:
        """All pictures, by name."""
        return self._dot_graphs
