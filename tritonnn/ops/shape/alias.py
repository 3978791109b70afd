"""The same memory with the same geometry, as a part of the graph: how a tensor becomes one of a subclass."""

from __future__ import annotations

from tritonnn._tensor import Tensor
from tritonnn.ops._table import ANY, Sample, view
from tritonnn.table.types import Geometry


@view(
    grad={"input": lambda g: g}, api="", dtypes=ANY,
    samples=lambda make: [Sample(make(3, 1)), Sample(make(()))],
    reference=lambda input: input,
)  # fmt: skip
def alias(input: Tensor) -> Geometry:
    """`input` as another tensor over its memory."""
    return input._shape, input.stride(), input._offset
