"""Matrices from their diagonals and back."""

from __future__ import annotations

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._definitions import writing as definitions
from tritonnn.ops._table import ANY, Bad, Sample, composite
from tritonnn.ops.creation.creation import zeros
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.shape.parts import diagonal
from tritonnn.ops.shape.shape import view_or_copy
from tritonnn.shape import wrap_dim


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [
        Sample(make(2, 3)),
        Sample(make(3), 1),
        Sample(make(3), -2),
        Sample(make(3), 0, 1, 0),
    ],
    errors=lambda make: [Bad(make(2), 0, 1, 1, match="identical")],
    reference=definitions.diag_embed,
)
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Zeros with the last dimension of `input` on the diagonals of the planes (dim1, dim2).

    >>> import tritonnn as torch
    >>> torch.diag_embed(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    ndim = len(input.shape) + 1
    first, second = wrap_dim(dim1, ndim), wrap_dim(dim2, ndim)
    if first == second:
        raise fail("diag_embed", f"diagonal dimensions cannot be identical {dim1}, {dim2}", input=input)
    size = input.shape[-1] + abs(offset)
    # Row-major, neighbours on a diagonal are size + 1 apart: pad each element with `size` zeros and cut.
    lead = tuple(input.shape[:-1])
    column = view_or_copy(input, (*lead, input.shape[-1], 1))
    gaps = zeros((*lead, input.shape[-1], size), dtype=input.dtype, device=input.device)
    flat = view_or_copy(cat([column, gaps], -1), (*lead, input.shape[-1] * (size + 1)))
    before = max(offset, 0) + max(-offset, 0) * size
    parts = [zeros((*lead, before), dtype=input.dtype, device=input.device), flat]
    flat = cat(parts, -1)
    missing = size * size - flat.shape[-1]
    if missing > 0:
        flat = cat([flat, zeros((*lead, missing), dtype=input.dtype, device=input.device)], -1)
    square = view_or_copy(flat.narrow(-1, 0, size * size), (*lead, size, size))
    return square.movedim((-2, -1), (first, second)).contiguous()


@composite(
    api="torch tensor",
    out=True,
    dtypes=ANY,
    samples=lambda make: [Sample(make(3)), Sample(make(3, 4)), Sample(make(3, 4), -1), Sample(make(2), 1)],
    errors=lambda make: [Bad(make(2, 2, 2), match="1D or 2D")],
    reference=lambda input, diagonal: np.diag(input, diagonal),
)
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """The diagonal of a matrix, or a matrix with a vector on its diagonal.

    >>> import tritonnn as torch
    >>> torch.diag(torch.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    if len(input.shape) == 1:
        return diag_embed(input, diagonal)
    if len(input.shape) != 2:
        raise fail("diag", f"supports 1D or 2D tensors, got {len(input.shape)}D", input=input)
    return _diagonal(input, diagonal).clone()


_diagonal = diagonal


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3)), Sample(make(2, 2), 1)],
    reference=lambda input, offset: np.diagflat(input, offset),
    errors=lambda make: [Bad("a", error=TypeError, match="must be Tensor, not str")],
)
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """A matrix with the elements of `input`, row-major, on a diagonal.

    >>> import tritonnn as torch
    >>> torch.diagflat(torch.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(view_or_copy(input, (-1,)), offset)
