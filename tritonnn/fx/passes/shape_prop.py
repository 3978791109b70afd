"""The shapes and dtypes of all values of a graph, noted on its nodes."""

from __future__ import annotations

from typing import Any, NamedTuple

from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.fx.interpreter import Interpreter
from tritonnn.fx.node import Node, map_aggregate
from tritonnn.memory_format import channels_last, channels_last_3d, contiguous_format, memory_format
from tritonnn.shape import Size

__all__ = ["ShapeProp", "TensorMetadata"]


class TensorMetadata(NamedTuple):
    """What is noted of a tensor."""

    shape: Size
    dtype: DType
    requires_grad: bool
    stride: tuple[int, ...]
    memory_format: memory_format | None
    is_quantized: bool
    qparams: dict[str, Any]


def _extract_tensor_metadata(result: Tensor, include_contiguity: bool = True) -> TensorMetadata:
    formats = (contiguous_format, channels_last, channels_last_3d) if include_contiguity else ()
    fitting = None
    for layout in formats:
        wanted = {channels_last: 4, channels_last_3d: 5}.get(layout, result.dim())
        if result.dim() == wanted and result.is_contiguous(memory_format=layout):
            fitting = layout
            break
    return TensorMetadata(
        result.shape, result.dtype, result.requires_grad, result.stride(), fitting, False, {}
    )


class ShapeProp(Interpreter):
    """Runs a graph with example inputs and notes in `node.meta["tensor_meta"]` what each value is like.

    Args:
        gm: the module.
        fake_mode: refused: tritonnn has no tensors without data.

    >>> import tritonnn as torch
    >>> model = torch.fx.symbolic_trace(torch.nn.Linear(2, 3))
    >>> _ = torch.fx.passes.shape_prop.ShapeProp(model).propagate(torch.ones(4, 2))
    >>> model.graph.output_node().meta["tensor_meta"].shape
    torch.Size([4, 3])
    """

    def __init__(self, gm: Any, fake_mode: object = None) -> None:
        super().__init__(gm)
        if fake_mode is not None:
            raise NotImplementedError("ShapeProp: tritonnn has no fake tensors, so fake_mode has to be None")

    def run_node(self, n: Node) -> Any:
        try:
            result = super().run_node(n)
        except Exception as error:
            raise RuntimeError(f"ShapeProp error for: node={n.format_node()} with meta={n.meta}") from error
        found = False

        def note(value: Any) -> Any:
            nonlocal found
            if not isinstance(value, Tensor):
                return value
            found = True
            return _extract_tensor_metadata(value)

        meta = map_aggregate(result, note)
        if found:
            n.meta["tensor_meta"] = meta
        n.meta["type"] = type(result)
        return result

    def propagate(self, *args: Any) -> Any:
        """Run it; returns what the graph returns."""
        return super().run(*args)
