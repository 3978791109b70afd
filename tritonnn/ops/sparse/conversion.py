"""From one layout to another: dense, COO, and the compressed ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._compressed import BY_ROWS, COMPRESSED, OF_BLOCKS, CompressedTensor, make_compressed
from tritonnn._sparse import SparseTensor, make_sparse, spelled
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.memory_format import layout as Layout
from tritonnn.memory_format import sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided
from tritonnn.ops._table import attach
from tritonnn.ops.creation.creation import empty, zeros
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.scatter.index_put import index_put
from tritonnn.ops.sorting.sorting import argsort
from tritonnn.ops.sparse._forms import sparse_form
from tritonnn.ops.sparse.arithmetic import coalesce, wants_whole
from tritonnn.ops.sparse.spmm import lines_of, starts_of
from tritonnn.shape import Size
from tritonnn.table.types import Blocks

# ---- the places of compressed tensors --------------------------------------------------------------------


def batches(t: CompressedTensor) -> int:
    """How many matrices a batch has."""
    return math.prod(t._shape[: t._batch_dims])


def flat_places(t: CompressedTensor) -> tuple[Tensor, Tensor, Tensor]:
    """The matrix, the row and the column of every value (or block), all of a batch in line."""
    count, nnz = batches(t), t._nnz()
    lines = lines_of(t._starts.reshape(count, -1), nnz).reshape(-1).to(dtypes.int64)
    places = t._places.reshape(-1).to(dtypes.int64)
    number = arange(count, device=t._device).repeat_interleave(nnz)
    return (number, lines, places) if t._layout in BY_ROWS else (number, places, lines)


def flat_values(t: CompressedTensor) -> Tensor:
    """The values (or blocks) of all matrices of a batch in line."""
    dims = t._batch_dims + 1
    return t._entries.reshape(batches(t) * t._nnz(), *t._entries._shape[dims:])


def compress(
    number: Tensor, row: Tensor, column: Tensor, values: Tensor, shape: Size, batch: int, layout: Layout, index: DType
) -> CompressedTensor:  # fmt: skip
    """The compressed tensor of values (or blocks) that stand in the order of its layout, as many in every matrix."""
    block = values._shape[1:3] if layout in OF_BLOCKS else (1, 1)
    lines, places = (row, column) if layout in BY_ROWS else (column, row)
    extent = shape[batch] // block[0] if layout in BY_ROWS else shape[batch + 1] // block[1]
    outer = shape[:batch]
    count = math.prod(outer)
    nnz = values._shape[0] // count if count else 0
    starts = starts_of(lines.reshape(count, nnz), extent).to(index)
    return make_compressed(
        starts.reshape(*outer, extent + 1), places.to(index).reshape(*outer, nnz),
        values.reshape(*outer, nnz, *values._shape[1:]), shape, layout,
    )  # fmt: skip


def not_zero(x: Tensor) -> Tensor:
    """Where elements are not zero."""
    x = x.detach()
    return (x.real != 0) | (x.imag != 0) if x._dtype.is_complex else x != 0


def _in_blocks(dense: Tensor, batch: int, block: Sequence[int]) -> Tensor:
    """(*batch, rows, columns, *rest) as (matrices, rows of blocks, columns of blocks, *block, *rest)."""
    rows, columns = dense._shape[batch : batch + 2]
    high, wide = block
    parts = dense.reshape(
        math.prod(dense._shape[:batch]), rows // high, high, columns // wide, wide, *dense._shape[batch + 2 :]
    )
    return parts.transpose(2, 3)


# ---- to dense ---------------------------------------------------------------------------------------------


@sparse_form("to_dense", of="compressed")
def _to_dense(
    self: CompressedTensor, dtype: DType | None = None, *, masked_grad: bool | None = None
) -> Tensor:
    """All elements, with zeros where there is no value."""
    if wants_whole(self, dtype, masked_grad):
        from tritonnn.ops.sparse.leaves import whole

        return whole(self)
    values = flat_values(self)
    batch, block = self._batch_dims, self._block
    rows, columns = self._shape[batch : batch + 2]
    if block is None:
        base = zeros(
            batches(self), rows, columns, *self._shape[batch + 2 :], dtype=values.dtype, device=self._device
        )
    else:
        extents = rows // block[0], columns // block[1], *block, *self._shape[batch + 2 :]
        base = zeros(batches(self), *extents, dtype=values.dtype, device=self._device)
    dense = index_put(base, flat_places(self), values)
    return (dense if block is None else dense.transpose(2, 3)).reshape(self._shape)


# ---- to COO -----------------------------------------------------------------------------------------------


def to_coo(self: CompressedTensor) -> SparseTensor:
    """The same values with all their indices; as PyTorch, zeros of a block too."""
    number, row, column = flat_places(self)
    values, batch, block = flat_values(self), self._batch_dims, self._block
    ordered = self._layout is sparse_csr
    if block is not None:
        high, wide = block
        inner = arange(high, device=self._device).reshape(1, high, 1), arange(wide, device=self._device)
        row = (row.reshape(-1, 1, 1) * high + inner[0]).expand(len(row), high, wide).reshape(-1)
        column = (column.reshape(-1, 1, 1) * wide + inner[1]).expand(len(column), high, wide).reshape(-1)
        number = number.repeat_interleave(high * wide)
        values = values.reshape(len(row), *values._shape[3:])
    outer = []
    for extent in reversed(self._shape[:batch]):
        outer.append(number % extent)
        number = number.floor_divide(extent)
    places = stack([*reversed(outer), row, column])
    return make_sparse(places, values, self._shape, ordered)._coalesced_(
        ordered
    )  # as PyTorch, also of no values


# ---- to compressed layouts --------------------------------------------------------------------------------


def _blocks_of(name: str, shape: Sequence[int], block: Blocks, batch: int = 0) -> tuple[int, int]:
    if isinstance(block, int) and not isinstance(block, bool):
        block = (block, block)
    if not isinstance(block, (tuple, list)) or not all(isinstance(n, int) for n in block):
        raise TypeError(f"{name}(): argument 'blocksize' must be tuple of ints, not {type(block).__name__}")
    if len(block) != 2:
        raise RuntimeError(f"dense_{name}: blocksize needs to be a tuple of size 2, but got {len(block)}")
    if min(block) <= 0:
        raise RuntimeError(f"dense_{name}: blocksize needs to be positive, but got {list(block)}")
    rows, columns = shape[batch : batch + 2]
    if rows % block[0] or columns % block[1]:
        raise RuntimeError(
            f"dense_{name}: tensor sparse size ({rows},{columns}) must be divisible by given blocksize "
            f"({block[0]},{block[1]})"
        )
    return int(block[0]), int(block[1])


def dense_to_compressed(
    self: Tensor, layout: Layout, block: Blocks, dense_dim: int | None
) -> CompressedTensor:
    """The elements of a dense tensor that are not zero, or the blocks that have such."""
    name = f"to_{layout.name}"
    dims = len(self._shape)
    if dims < 2:
        raise IndexError(f"{name}: Dimension out of range: expected at least 2 dimensions, got {dims}")
    if dense_dim is not None and (isinstance(dense_dim, bool) or not isinstance(dense_dim, int)):
        raise TypeError(f"{name}(): argument 'dense_dim' must be int, not {type(dense_dim).__name__}")
    count = dense_dim or 0
    if not 0 <= count <= dims - 2:
        raise RuntimeError(
            f"dense_{name}: dense_dim argument must be in [0,{dims - 2}] range, but {count} is given"
        )
    batch = dims - 2 - count
    size = _blocks_of(name, self._shape, block, batch) if layout in OF_BLOCKS else (1, 1)
    parts = _in_blocks(self, batch, size)
    there = not_zero(parts)
    if there.numel():
        there = there.flatten(3).any(-1)
    else:
        there = there.new_zeros(there._shape[:3])
    if layout in BY_ROWS:
        number, row, column = there.nonzero().unbind(1)
    else:
        number, column, row = there.transpose(1, 2).nonzero().unbind(1)
    if batch:
        counts = there.flatten(1).sum(1)
        if counts.numel() and not bool((counts == counts[0]).all()):
            raise RuntimeError(f"dense_{name}: Expect the same number of specified elements per batch.")
    values = parts[number, row, column]
    if layout not in OF_BLOCKS:
        values = values.reshape(len(number), *self._shape[batch + 2 :])
    return compress(number, row, column, values, self._shape, batch, layout, dtypes.int64)


def coo_to_compressed(
    self: SparseTensor, layout: Layout, block: Blocks, index: DType = dtypes.int64
) -> CompressedTensor:
    """A matrix in COO layout as a compressed one."""
    name = f"to_{layout.name}"
    if len(self._places) != 2:
        raise RuntimeError(
            f"coo_{name}: conversion from Sparse to {spelled(layout)} for input tensors with sparse_dim()!=2 is "
            "not supported"
        )
    single = coalesce(self)
    row, column = single._places
    values = single._entries
    if layout in OF_BLOCKS:
        high, wide = _blocks_of(name, self._shape, block)
        across = self._shape[1] // wide
        key = row.floor_divide(high) * across + column.floor_divide(wide)
        there, inverse = key.unique(return_inverse=True)
        blocks = values.new_zeros(len(there), high, wide, *values._shape[1:])
        if len(values) or values.requires_grad:
            blocks = index_put(blocks, (inverse, row % high, column % wide), values)
        row, column, values = there.floor_divide(max(across, 1)), there % max(across, 1), blocks
    if layout not in BY_ROWS:
        order = argsort(column, stable=True)
        row, column, values = row[order], column[order], values[order]
    return compress(row, row, column, values, self._shape, 0, layout, index)


def recompress(self: CompressedTensor, layout: Layout, block: Blocks) -> CompressedTensor:
    """One compressed layout as another."""
    name = f"to_{layout.name}"
    old = self._block
    if layout in OF_BLOCKS:
        size = _blocks_of(name, self._shape, old if block is None else block, self._batch_dims)
        if old is not None and size != old:
            raise RuntimeError(
                f"{name}: conversion from {self._layout_name()} to {spelled(layout)} with blocksize changed from "
                f"{list(old)} to {list(size)} is not supported"
            )
    elif old is not None:
        raise RuntimeError(
            f"sparse_compressed_{name}: expected SparseCsr or SparseCsc layout but got {self._layout_name()}"
        )
    if layout is self._layout:
        return self
    if (old is None) == (layout not in OF_BLOCKS):
        number, row, column = flat_places(self)
        lines = row if layout in BY_ROWS else column
        order = argsort(number * (int(max(self._shape)) + 1) + lines, stable=True)
        values = flat_values(self)[order]
        index = self._starts._dtype
        return compress(
            number, row[order], column[order], values, self._shape, self._batch_dims, layout, index
        )
    if self._batch_dims:
        raise RuntimeError(f"{name}: conversion of a batch from {self._layout_name()} is not supported")
    return coo_to_compressed(coalesce(to_coo(self)), layout, block, self._starts._dtype)


def converted(self: Tensor, layout: Layout, block: Blocks = None, dense_dim: int | None = None) -> Tensor:
    """A tensor of any layout in a compressed one."""
    if isinstance(self, CompressedTensor):
        return recompress(self, layout, block)
    if isinstance(self, SparseTensor):
        return coo_to_compressed(self, layout, block)
    return dense_to_compressed(self, layout, block, dense_dim)


# ---- what users call --------------------------------------------------------------------------------------


def to_sparse(
    self: Tensor, *args: Any, sparse_dim: int | None = None, layout: Layout | None = None, blocksize: Blocks = None,
    dense_dim: int | None = None,
) -> Tensor:  # fmt: skip
    """The elements that are not zero, with their indices.

    Args:
        sparse_dim: how many leading dimensions have indices (all); of COO alone.
        layout: torch.sparse_coo, or a compressed layout.
        blocksize: extents of a block, of BSR and BSC.
        dense_dim: how many last dimensions each value has.

    >>> import tritonnn as torch
    >>> torch.tensor([[0., 2.], [0., 0.]]).to_sparse()
    tensor(indices=tensor([[0],
                           [1]]),
           values=tensor([2.]),
           size=(2, 2), nnz=1, layout=torch.sparse_coo)
    """
    if args and (layout is not None or blocksize is not None or dense_dim is not None):
        raise TypeError(f"to_sparse() takes 0 positional arguments but {len(args)} was given")
    if len(args) > 1:
        raise TypeError(f"to_sparse() takes 1 positional argument but {len(args)} were given")
    if args:
        sparse_dim = args[0]
    if layout is not None and not isinstance(layout, Layout):
        raise TypeError(f"to_sparse(): argument 'layout' must be torch.layout, not {type(layout).__name__}")
    if layout is strided:
        return self.to_dense()
    mine = self.layout
    if blocksize is not None and layout not in OF_BLOCKS:
        raise RuntimeError(
            f"dense_to_sparse: conversion from {spelled(mine)} to {spelled(layout or sparse_coo)} with blocksize "
            "argument given is not supported"
        )
    if layout in OF_BLOCKS and blocksize is None and mine not in OF_BLOCKS:
        raise RuntimeError(
            f"dense_to_sparse: conversion from {spelled(mine)} to {spelled(layout)} without blocksize argument given "
            "is not supported"
        )
    if layout in COMPRESSED:
        return converted(self, layout, blocksize, dense_dim)
    if dense_dim is not None:
        sparse_dim = len(self._shape) - dense_dim
    return _as_coo(self, sparse_dim)


def _as_coo(self: Tensor, sparse_dim: int | None) -> Tensor:
    if isinstance(self, CompressedTensor):
        if sparse_dim not in (None, 2, self._batch_dims + 2):
            raise RuntimeError(
                f"sparse_compressed_to_sparse: conversion from {self._layout_name()} to Sparse with sparse_dim "
                "argument !=2 is not supported"
            )
        return to_coo(self)
    if isinstance(self, SparseTensor):
        if sparse_dim not in (None, len(self._places)):
            raise RuntimeError(
                "to_sparse: conversion from Sparse to Sparse with sparse_dim argument !=self.sparse_dim() is not "
                "supported"
            )
        return self
    return dense_to_coo(self, sparse_dim)


def dense_to_coo(self: Tensor, sparse_dim: int | None) -> SparseTensor:
    """The elements of a dense tensor that are not zero, with their indices."""
    count = len(self.shape) if sparse_dim is None else sparse_dim
    if not isinstance(count, int) or isinstance(count, bool):
        raise TypeError(f"to_sparse(): argument 'sparse_dim' must be int, not {type(count).__name__}")
    if count == 0 and self.shape:
        raise RuntimeError("dense_to_sparse: sparse_dim argument must be in >0 when self.dim()>0")
    if not 0 <= count <= len(self.shape):
        raise RuntimeError(
            f"dense_to_sparse: sparse_dim argument must be in [0,{len(self.shape)}] range, but {count} is given"
        )
    if not self.shape:
        values = self.reshape(1)[self.reshape(1) != 0]
        return make_sparse(
            empty(0, len(values), dtype=dtypes.int64, device=self.device), values, self.shape, True
        )
    there = not_zero(self)
    if count < len(self.shape):
        there = there.flatten(count).any(-1)
    places = there.nonzero().t().contiguous()
    return make_sparse(places, self[tuple(places)], self.shape, True)


def _to_layout(layout: Layout) -> Any:
    if layout in OF_BLOCKS:

        def convert(self: Tensor, blocksize: Blocks, dense_dim: int | None = None) -> Tensor:
            return converted(self, layout, blocksize, dense_dim)
    else:

        def convert(self: Tensor, dense_dim: int | None = None) -> Tensor:  # type: ignore[misc]
            return converted(self, layout, None, dense_dim)

    convert.__name__ = convert.__qualname__ = f"to_{layout.name}"
    convert.__doc__ = f"The elements that are not zero in the layout torch.{layout.name}."
    return convert


def to_sparse_coo(self: Tensor) -> Tensor:
    """The elements that are not zero, with their indices."""
    return _as_coo(self, None)


_METHODS = {
    "to_sparse": to_sparse, "to_sparse_coo": to_sparse_coo,
    **{f"to_{layout.name}": _to_layout(layout) for layout in (sparse_csr, sparse_csc, sparse_bsr, sparse_bsc)},
}  # fmt: skip
attach(**_METHODS)
for _name, _function in _METHODS.items():
    sparse_form(_name, of="coo compressed")(_function)
