"""Sparse matrices of compressed layouts: CSR, CSC and, of blocks, BSR and BSC.

The compressed dimension is that of the rows (CSR, BSR) or the columns (CSC, BSC): its indices are not written down one
by one, but as where in the list each row, or column, begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from tritonnn._sparse import Sparse, fill_in, settle
from tritonnn._tensor import Tensor
from tritonnn.errors import SparseOperand
from tritonnn.memory import Storage
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_bsc, sparse_bsr, sparse_csc, sparse_csr
from tritonnn.shape import Size

COMPRESSED = (sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)
BY_ROWS = (sparse_csr, sparse_bsr)
OF_BLOCKS = (sparse_bsr, sparse_bsc)
NAMES = {
    True: ("crow_indices", "col_indices"),
    False: ("ccol_indices", "row_indices"),
}  # by rows, or by columns
OPPOSITE = {sparse_csr: sparse_csc, sparse_csc: sparse_csr, sparse_bsr: sparse_bsc, sparse_bsc: sparse_bsr}


class CompressedTensor(Sparse):
    """Where each row (or column) begins, the columns (or rows) of the values, and the values.

    `_starts` is (*batch, rows + 1), `_places` (*batch, nnz), `_entries` (*batch, nnz, *block, *dense extents). All
    matrices of a batch have the same number of values.
    """

    __slots__ = ("_layout", "_places", "_starts")

    _starts: Tensor
    _places: Tensor
    _layout: Layout

    layout: Layout = property(lambda self: self._layout, doc="torch.sparse_csr, _csc, _bsr or _bsc.")  # type: ignore[assignment]
    is_sparse_csr = property(
        lambda self: self._layout is sparse_csr, doc="Whether the layout is torch.sparse_csr."
    )

    # ---- geometry -------------------------------------------------------------------------------------

    @property
    def _batch_dims(self) -> int:
        return len(self._starts._shape) - 1

    @property
    def _block(self) -> tuple[int, int] | None:
        """Extents of a block; None of a layout without."""
        if self._layout not in OF_BLOCKS:
            return None
        first = self._batch_dims + 1
        return self._entries._shape[first], self._entries._shape[first + 1]

    def sparse_dim(self) -> int:
        """Always 2: rows and columns."""
        return 2

    def dense_dim(self) -> int:
        """How many dimensions each value has, apart from those of its block."""
        return len(self._shape) - 2 - self._batch_dims

    def stride(self, dim: int | None = None) -> NoReturn:
        """Refused: there is no memory in which neighbours would lie apart."""
        raise SparseOperand(f"Sparse {self._letters()} tensors do not have strides")

    def is_contiguous(self, memory_format: object = None) -> NoReturn:
        """Refused."""
        raise SparseOperand(f"Sparse {self._letters()} tensors do not have is_contiguous")

    def _letters(self) -> str:
        return self._layout.name[-3:].upper()

    # ---- its parts ------------------------------------------------------------------------------------

    def _nnz(self) -> int:
        return self._places._shape[-1]

    def values(self) -> Tensor:
        """The values (*batch, nnz, *block, *dense extents)."""
        return self._entries.view(self._entries.shape) if self._leaf else self._entries

    def crow_indices(self) -> Tensor:
        """Where each row begins (*batch, rows + 1)."""
        return self._part("crow_indices", True, self._starts)

    def col_indices(self) -> Tensor:
        """The column of each value."""
        return self._part("col_indices", True, self._places)

    def ccol_indices(self) -> Tensor:
        """Where each column begins (*batch, columns + 1)."""
        return self._part("ccol_indices", False, self._starts)

    def row_indices(self) -> Tensor:
        """The row of each value."""
        return self._part("row_indices", False, self._places)

    def _part(self, name: str, by_rows: bool, part: Tensor) -> Tensor:
        if (self._layout in BY_ROWS) is not by_rows:
            kind = "row" if by_rows else "column"
            raise RuntimeError(
                f"{name} expected sparse {kind} compressed tensor layout but got {self._layout_name()}"
            )
        return part

    # ---- others like it -------------------------------------------------------------------------------

    def _with_values(self, values: Tensor) -> CompressedTensor:
        return make_compressed(self._starts, self._places, values, self._shape, self._layout)

    def _alias(self, storage: Storage) -> Tensor:
        return self._with_values(self._entries.detach())

    def _adopt(self, other: Tensor) -> None:
        if not isinstance(other, CompressedTensor) or other._layout is not self._layout:
            raise NotImplementedError(
                "setting .data of a sparse tensor to one of another layout is not implemented"
            )
        leaf = self._leaf
        self._starts, self._places = other._starts, other._places
        fill_in(self, other._entries.detach(), other._shape)
        if leaf:
            self.requires_grad_()

    def _replace(self, other: CompressedTensor) -> CompressedTensor:
        """Take over another's parts: what an in-place op ends with."""
        self._taken(other._entries)
        self._starts, self._places, self._shape = other._starts, other._places, other._shape
        return self


settle(CompressedTensor)


def make_compressed(
    starts: Tensor, places: Tensor, values: Tensor, shape: Sequence[int], layout: Layout
) -> CompressedTensor:
    """A compressed tensor of parts that fit each other."""
    tensor = object.__new__(CompressedTensor)
    tensor._starts, tensor._places, tensor._layout = starts, places, layout
    fill_in(tensor, values, shape if shape.__class__ is Size else Size(shape))
    return tensor
