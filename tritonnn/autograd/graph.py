"""torch.autograd.graph: the nodes of the graph, and hooks on what they save."""

from __future__ import annotations

from tritonnn.recording.graph import GradientEdge, Node, get_gradient_edge
from tritonnn.recording.packing import save_on_cpu, saved_tensors_hooks

__all__ = ["GradientEdge", "Node", "get_gradient_edge", "save_on_cpu", "saved_tensors_hooks"]
