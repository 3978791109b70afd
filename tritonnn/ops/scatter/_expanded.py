"""Writing by index or mask into tensors that repeat their elements, which PyTorch does with a warning."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import warn
from tritonnn.ops._table import OPS, written
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.indexing.indexing import long_index
from tritonnn.ops.shape.shape import seen_once
from tritonnn.shape import wrap_dim
from tritonnn.table.types import Number, Tensors


def _warn_expanded(op: str) -> None:
    warn(
        f"Use of {op} on expanded tensors is deprecated. Please clone() the tensor before performing this operation."
    )


def fill_expanded(input: Tensor, dim: int, index: Tensor, value: Tensor | Number) -> Tensor:
    """`index_fill_` of a tensor that repeats its elements: each element of memory once."""
    _warn_expanded("index_fill_")
    dim = wrap_dim(dim, len(input.shape))
    once = seen_once(input)
    if once.shape[dim] != input.shape[dim]:
        first = zeros(1, dtype=dtypes.int64, device=index.device).expand(input.shape[dim])
        index = first.index_at([long_index("index_fill", index)], (0,))
    once.index_fill_(dim, index, value)
    return input


def mask_expanded(input: Tensor, mask: Tensor, value: Tensor | Number) -> Tensor:
    """`masked_fill_` of a tensor that repeats its elements, of which one under the mask is enough."""
    _warn_expanded("masked_fill_")
    once, mask = seen_once(input), mask.expand(input.shape)
    for dim, extent in enumerate(once.shape):
        if extent != input.shape[dim]:
            mask = mask.any(dim, keepdim=True)
    once.masked_fill_(mask, value)
    return input


def put_expanded(
    input: Tensor, indices: Tensors, values: Tensor, dims: tuple[int, ...], accumulate: bool
) -> Tensor:
    """`index_put_` of a tensor that repeats its elements, of several values for one of them the last."""
    _warn_expanded("index_put_")
    once, places = seen_once(input), []
    for dim, extent in enumerate(once.shape):  # the indices into what is there once
        own = [extent if d == dim else 1 for d in range(len(once.shape))]
        place = arange(extent, device=input.device).reshape(own).expand(input.shape)
        places.append(place.index_at(indices, dims))
    written(OPS["put_at"], (once, places, values, tuple(range(len(places))), accumulate))
    return input
