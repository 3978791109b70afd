"""What the elements receive that were read by index: dense, or as a sparse tensor of what was read."""

from __future__ import annotations

from tritonnn import dtypes
from tritonnn._sparse import make_sparse
from tritonnn._tensor import Tensor
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat
from tritonnn.shape import Size


def zeros_of(g: Tensor, shape: Size) -> Tensor:
    """Zeros of a shape, of the dtype and on the device of a gradient."""
    return zeros(shape, dtype=g.dtype, device=g.device)


def gathered_grad(g: Tensor, shape: Size, dim: int, index: Tensor, sparse: bool) -> Tensor:
    """What was read receives g, as often as it was read."""
    if not sparse:
        return zeros_of(g, shape).scatter_add(dim, index, g)
    places = [index if d == dim else _along(index, d) for d in range(len(shape))]
    rows = [place.reshape(1, -1) for place in places]
    coordinates = cat(rows) if rows else index.new_empty((0, index.numel()))
    return make_sparse(coordinates, g.reshape(-1), Size(shape), False)


def _along(index: Tensor, dim: int) -> Tensor:
    """The place of each element of `index` along a dimension."""
    shape = [1] * len(index.shape)
    shape[dim] = -1
    count = arange(index.shape[dim], dtype=dtypes.int64, device=index.device)
    return count.reshape(shape).expand(index.shape)
