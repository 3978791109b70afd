"""The triangles of matrices, and their indices."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.device import DeviceLike
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import layout as Layout
from tritonnn.ops._definitions import indexing as define
from tritonnn.ops._table import ANY, Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.creation import _finish, ones
from tritonnn.ops.indexing.indexing import nonzero_rows
from tritonnn.table.types import Count


def _triangle(input: Tensor, diagonal: int, op: str) -> Any:
    if len(input.shape) < 2:
        raise Invalid(f"{op}: input tensor must have at least 2 dimensions, got {len(input.shape)}")
    return Out(input.shape, input.dtype), (input, int(diagonal))


_TRIANGLE = dict(
    api="torch tensor", dtypes=ANY, inplace=True, aliasing=True,
    samples=lambda make: [
        Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 4, 3), -1), Sample(make(3, 3), 9), Sample(make(0, 3)),
    ],
    errors=lambda make: [Bad(make(3), match="at least 2 dimensions")],
)  # fmt: skip


@primitive(**_TRIANGLE, grad={"input": lambda g, diagonal: tril(g, diagonal)}, reference=define.tril)
def tril(input: Tensor, diagonal: Count = 0) -> Any:
    """The lower triangle of the last two dimensions: on and below a diagonal (1: the one above the main one).

    >>> import tritonnn as torch
    >>> torch.tril(torch.ones(2, 2))
    tensor([[1., 0.],
            [1., 1.]])
    """
    return _triangle(input, diagonal, "tril")


@primitive(**_TRIANGLE, grad={"input": lambda g, diagonal: triu(g, diagonal)}, reference=define.triu)
def triu(input: Tensor, diagonal: Count = 0) -> Any:
    """The upper triangle of the last two dimensions: on and above a diagonal (1: the one above the main one).

    >>> import tritonnn as torch
    >>> torch.triu(torch.ones(2, 2), 1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    return _triangle(input, diagonal, "triu")


def _triangle_indices(
    upper: bool, row: int, col: int, offset: int, dtype: DType | None, device: DeviceLike | None
) -> Tensor:
    name = "triu_indices" if upper else "tril_indices"
    if min(row, col) < 0:
        raise fail(name, f"row and col must be non-negative, got {row} and {col}")
    if dtype not in (None, dtypes.int32, dtypes.int64):
        raise fail(name, f"not implemented for {dtype.name}", kind=NotImplementedError)
    part = triu if upper else tril
    where = nonzero_rows(part(ones(row, col, dtype=dtypes.bool_, device=device), offset))
    return where.t().contiguous().to(dtype or dtypes.int64)


_INDICES = dict(
    api="torch", dtypes=(dtypes.int64, dtypes.int32),
    samples=lambda make: [
        Sample(*size, dtype=make.dtype, device=make.device)
        for size in ((3, 4), (3, 4, -1), (4, 3, 1), (0, 4), (3, 4, 9))
    ],
    errors=lambda make: [
        Bad(-1, 2, match="row and col must be non-negative"),
        Bad(2, -1, match="row and col must be non-negative"),
        Bad(2, 2, dtype=dtypes.float32, error=NotImplementedError, match="not implemented for float32"),
    ],
)  # fmt: skip


@composite(**_INDICES, reference=define.tril_indices)
def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: DeviceLike | None = None,
    layout: Layout | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Row and column indices, (2, n), of the lower triangle of a (row, col) matrix.

    >>> import tritonnn as torch
    >>> torch.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    indices = _triangle_indices(False, row, col, offset, dtype, device)
    return _finish(indices, requires_grad, pin_memory, layout)


@composite(**_INDICES, reference=define.triu_indices)
def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: DeviceLike | None = None,
    layout: Layout | None = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Row and column indices, (2, n), of the upper triangle of a (row, col) matrix.

    >>> import tritonnn as torch
    >>> torch.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    indices = _triangle_indices(True, row, col, offset, dtype, device)
    return _finish(indices, requires_grad, pin_memory, layout)
