"""Sparse matrices of diagonals."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn import dtypes
from tritonnn._sparse import make_sparse, spelled, spelled_type
from tritonnn._tensor import Tensor
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_coo, sparse_csc, sparse_csr
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.sparse._forms import need_tensors
from tritonnn.ops.sparse.conversion import coo_to_compressed
from tritonnn.shape import Size


def spdiags(diagonals: Tensor, offsets: Tensor, shape: Sequence[int], layout: Layout | None = None) -> Tensor:
    """A sparse matrix whose diagonals are the rows of `diagonals`.

    Args:
        diagonals: (number, length), or one of a length; element j of a row stands in column j.
        offsets: by how much each lies above the main diagonal (below it, where negative); each once.
        shape: of the matrix.
        layout: torch.sparse_coo (default), torch.sparse_csr or torch.sparse_csc.

    Raises:
        RuntimeError: offsets that repeat, are not as many as diagonals or no 64-bit integers; a shape that is none of
            a matrix; another layout.

    >>> import tritonnn as torch
    >>> torch.sparse.spdiags(torch.tensor([[1., 2.], [3., 4.]]), torch.tensor([0, -1]), (2, 2)).to_dense()
    tensor([[1., 0.],
            [3., 2.]])
    """
    need_tensors("spdiags", diagonals=diagonals, offsets=offsets)
    rows = diagonals.unsqueeze(0) if len(diagonals._shape) == 1 else diagonals
    shifts = offsets.unsqueeze(0) if not offsets._shape else offsets
    _check(rows, shifts, shape, layout)
    count, length = rows._shape
    column = arange(length, device=rows._device).expand(count, length)
    row = column - shifts.unsqueeze(1)
    inside = (row >= 0) & (row < shape[0]) & (column < shape[1])
    number, place = inside.nonzero().unbind(1)
    places = stack([row[number, place], place])
    made = make_sparse(places, rows[number, place], Size(shape), False)
    return coo_to_compressed(made, layout, None) if layout not in (None, sparse_coo) else made


def _check(rows: Tensor, shifts: Tensor, shape: Sequence[int], layout: Layout | None) -> None:
    if len(rows._shape) != 2:
        raise RuntimeError("Diagonals must be vector or matrix")
    if len(shape) != 2:
        raise RuntimeError("Output shape must be 2d")
    if len(shifts._shape) != 1:
        raise RuntimeError("Offsets must be scalar or vector")
    if layout not in (None, sparse_coo, sparse_csr, sparse_csc):
        raise RuntimeError(
            f"Only output layouts (Sparse, SparseCsc, SparseCsr) are supported, got {spelled(layout)}"
        )
    if len(shifts) != len(rows):
        raise RuntimeError(
            f"Number of diagonals ({len(rows)}) does not match the number of offsets ({len(shifts)})"
        )
    if shifts._dtype is not dtypes.int64:
        raise RuntimeError(f"Offset Tensor must have dtype Long but got {spelled_type(shifts._dtype)}")
    numbers = shifts.tolist()
    if len(set(numbers)) != len(numbers):
        raise RuntimeError("Offset tensor contains duplicate values")
