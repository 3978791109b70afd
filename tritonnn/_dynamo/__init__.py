"""torch.compile for a library without a graph compiler: what it is given runs eagerly, and that is said once."""

from __future__ import annotations

from tritonnn._dynamo import config, eval_frame, exc
from tritonnn._dynamo.decorators import (
    allow_in_graph,
    assume_constant_result,
    disable,
    disallow_in_graph,
    forbid_in_graph,
    graph_break,
    is_compiling,
    mark_dynamic,
    mark_static,
    mark_static_address,
    maybe_mark_dynamic,
    reset,
    substitute_in_graph,
)
from tritonnn._dynamo.eval_frame import OptimizedModule, compile, explain, list_backends, optimize

__all__ = [
    "OptimizedModule", "allow_in_graph", "assume_constant_result", "compile", "config", "disable", "disallow_in_graph",
    "eval_frame", "exc", "explain", "forbid_in_graph", "graph_break", "is_compiling", "list_backends", "mark_dynamic",
    "mark_static", "mark_static_address", "maybe_mark_dynamic", "optimize", "reset", "substitute_in_graph",
]  # fmt: skip
