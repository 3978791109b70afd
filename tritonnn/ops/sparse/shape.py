"""Sparse tensors with their dimensions moved, with some of their elements, and several as one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tritonnn import dispatch, dtypes
from tritonnn._compressed import OPPOSITE, CompressedTensor, make_compressed
from tritonnn._sparse import Sparse, SparseTensor, attach, make_sparse
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops.creation.creation import empty
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat as join
from tritonnn.ops.joining.joining import stack
from tritonnn.ops.sorting.sorting import argsort
from tritonnn.ops.sparse._forms import KINDS, sparse_form
from tritonnn.ops.sparse.conversion import to_coo
from tritonnn.ops.sparse.spmm import starts_of
from tritonnn.shape import Size, wrap_dim
from tritonnn.table.types import IntOrInts

BOTH = "coo compressed"


# ---- dimensions ---------------------------------------------------------------------------------------------


def _permuted(input: SparseTensor, order: Sequence[int]) -> SparseTensor:
    sparse = len(input._places)
    if any((new < sparse) != (old < sparse) for new, old in enumerate(order)):
        raise RuntimeError(
            f"transpose: cannot move a sparse dimension to the place of a dense one: the tensor has {sparse} sparse "
            f"dimensions, and the order is {list(order)}"
        )
    if list(order) == list(range(len(order))):
        return input
    places = input._places[list(order[:sparse])] if sparse else input._places
    values = input._entries
    dense = [dim - sparse for dim in order[sparse:]]
    if dense != list(range(len(dense))):
        values = values.permute(0, *[dim + 1 for dim in dense])
    still = list(order[:sparse]) == list(range(sparse)) and input._coalesced
    shape = Size([input._shape[dim] for dim in order])
    return make_sparse(places, values, shape, still or (input._nnz() < 2 and input._coalesced))


def transposed(input: Sparse, dim0: int, dim1: int) -> Any:
    """Two dimensions exchanged; a compressed matrix becomes one of the opposite layout, with the same parts."""
    dims = len(input._shape)
    a, b = (wrap_dim(dim, dims) for dim in (dim0, dim1))
    if isinstance(input, SparseTensor):
        if not dims:
            return input
        order = list(range(dims))
        order[a], order[b] = order[b], order[a]
        return _permuted(input, order)
    if a == b:
        return input
    first = input._batch_dims
    if {a, b} != {first, first + 1}:
        raise RuntimeError(
            f"transpose(): can only transpose the rows and columns of sparse compressed tensors (dimensions {first} "
            f"and {first + 1}), got {dim0} and {dim1}"
        )
    values = input._entries if input._block is None else input._entries.transpose(first + 1, first + 2)
    shape = list(input._shape)
    shape[a], shape[b] = shape[b], shape[a]
    return make_compressed(input._starts, input._places, values, Size(shape), OPPOSITE[input._layout])


@sparse_form("transpose", "swapaxes", "swapdims", of=BOTH)
def _transpose(input: Sparse, dim0: int, dim1: int) -> Any:
    return transposed(input, dim0, dim1)


@sparse_form("t", of=BOTH)
def _t(input: Sparse) -> Any:
    dims = len(input._shape)
    if dims > 2:
        raise fail("t", f"expects a tensor with <= 2 dimensions, but self is {dims}D")
    if isinstance(input, SparseTensor) and dims == 2 and len(input._places) < 2:
        raise fail(
            "t", f"expects a tensor with <= 2 sparse and 0 dense dimensions, got {len(input._places)} sparse"
        )
    return transposed(input, 0, 1) if dims == 2 else input


def _as_sorted(made: SparseTensor, input: SparseTensor, order: Sequence[int]) -> SparseTensor:
    """As PyTorch, what `permute` moves counts as not sorted, even of one entry or none."""
    sparse = len(input._places)
    return made._coalesced_(input._coalesced and list(order[:sparse]) == list(range(sparse)))


@sparse_form("permute")
def _permute(input: SparseTensor, *dims: Any) -> SparseTensor:
    order = list(dims[0]) if len(dims) == 1 and isinstance(dims[0], (tuple, list)) else list(dims)
    if len(order) != len(input._shape):
        raise RuntimeError(
            "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the desired "
            f"ordering of dimensions i.e. input.dim() = {len(input._shape)} is not equal to len(dims) = {len(order)}"
        )
    wrapped = [wrap_dim(dim, len(order)) for dim in order]
    if len(set(wrapped)) != len(wrapped):
        raise RuntimeError("permute(): duplicate dims are not allowed.")
    return _as_sorted(_permuted(input, wrapped), input, wrapped)


@sparse_form("movedim", "moveaxis")
def _movedim(input: SparseTensor, source: IntOrInts, destination: IntOrInts) -> SparseTensor:
    dims = len(input._shape)
    froms, tos = (
        [wrap_dim(d, dims) for d in (v if isinstance(v, (tuple, list)) else (v,))]
        for v in (source, destination)
    )
    if len(froms) != len(tos):
        raise RuntimeError(
            "movedim: Invalid source or destination dims: source and destination must be as many"
        )
    rest = iter([d for d in range(dims) if d not in froms])
    order = [froms[tos.index(d)] if d in tos else next(rest) for d in range(dims)]
    return _as_sorted(_permuted(input, order), input, order)


def _turned(self: Sparse, dim0: int, dim1: int) -> Any:
    """The last two dimensions exchanged; of no dimensions, itself."""
    return transposed(self, dim0, dim1) if self._shape else self


def _reversed(self: SparseTensor) -> SparseTensor:
    order = list(reversed(range(len(self._shape))))
    return _as_sorted(_permuted(self, order), self, order)


for _cls in KINDS.values():
    attach("mT", property(lambda self: _turned(self, -2, -1)), _cls)
    attach("mH", property(lambda self: _turned(self, -2, -1).conj()), _cls)
    attach("H", property(lambda self: _turned(self, 0, 1).conj()), _cls)
attach("T", property(_reversed))


def _in_place(name: str, change: Callable[..., SparseTensor]) -> None:
    def turn_(input: SparseTensor, *dims: int) -> SparseTensor:
        return input._replace(change(input, *dims))

    turn_.__name__ = turn_.__qualname__ = name
    sparse_form(name)(turn_)


for _name in ("transpose_", "swapaxes_", "swapdims_"):
    _in_place(_name, transposed)
_in_place("t_", _t)


@sparse_form("unsqueeze")
def unsqueeze(input: SparseTensor, dim: int) -> SparseTensor:
    """A dimension of extent 1 more: sparse where it stands among sparse ones or right behind them."""
    dim = wrap_dim(dim, len(input._shape) + 1)
    shape = Size((*input._shape[:dim], 1, *input._shape[dim:]))
    sparse = len(input._places)
    if dim > sparse:
        return make_sparse(input._places, input._entries.unsqueeze(dim - sparse + 1), shape, False)
    zero = input._places.new_zeros(1, input._nnz())
    places = join([input._places[:dim], zero, input._places[dim:]])
    return make_sparse(places, input._entries, shape, False)


# ---- some of its elements -----------------------------------------------------------------------------------


@sparse_form("index_select")
def index_select(input: SparseTensor, dim: int, index: Tensor) -> SparseTensor:
    """The slices of a dimension that an index names, in its order."""
    dim = wrap_dim(dim, len(input._shape))
    if (
        not isinstance(index, Tensor)
        or index._dtype not in (dtypes.int64, dtypes.int32)
        or len(index._shape) > 1
    ):
        raise IndexError("index_select(): Index is supposed to be a vector of integers (int32 or int64)")
    wanted = index.reshape(-1).to(dtypes.int64)
    extent = input._shape[dim]
    wrong = (wanted < -extent) | (wanted >= extent)
    if bool(wrong.any()):
        bad = int(wanted[wrong.nonzero()[0, 0]])
        raise IndexError(
            f"index_select(): index contains {bad} that is out of range for tensor of size {list(input._shape)} at "
            f"dimension {dim}"
        )
    wanted = wanted + (wanted < 0).to(dtypes.int64) * extent
    shape = Size((*input._shape[:dim], len(wanted), *input._shape[dim + 1 :]))
    sparse = len(input._places)
    if dim >= sparse:
        values = input._entries.index_select(dim - sparse + 1, wanted)
        return make_sparse(input._places, values, shape, False)
    # by line: the entries of line w, for every wanted w, one after the other
    line = input._places[dim]
    order = argsort(line, stable=True)
    starts = starts_of(line[order], extent)
    counts = (starts[1:] - starts[:-1])[wanted]
    target = arange(len(wanted), device=input._device).repeat_interleave(counts)
    within = arange(len(target), device=input._device) - (counts.cumsum(0) - counts)[target]
    taken = order[starts[wanted][target] + within]
    rows = list(input._places[:, taken].unbind(0))
    rows[dim] = target
    return make_sparse(stack(rows), input._entries[taken], shape, False)


def _slice_of(input: CompressedTensor, place: int, index: int) -> CompressedTensor:
    """One index of a dimension that stands before the rows (place < 0), or behind the columns."""
    dim = place + input._batch_dims
    extent = input._shape[dim]
    if not -extent <= index < extent:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._shape)} at dimension {dim}"
        )
    starts, places, values = input._starts, input._places, input._entries
    if place < 0:
        starts, places, values = (part.select(dim, index) for part in (starts, places, values))
    else:
        values = values.select(dim - len(input._shape), index)
    shape = Size((*input._shape[:dim], *input._shape[dim + 1 :]))
    return make_compressed(starts, places, values, shape, input._layout)


@sparse_form("select", of=BOTH)
def select(input: Sparse, dim: int, index: int) -> Tensor:
    """One slice: sparse while sparse dimensions are left, else dense."""
    if isinstance(input, CompressedTensor):
        place = wrap_dim(dim, len(input._shape)) - input._batch_dims
        if place < 0 or place > 1:
            return _slice_of(input, place, index)
    sorted_anyway = isinstance(input, CompressedTensor) and not input._batch_dims
    if isinstance(input, CompressedTensor):
        input = to_coo(input)
    if not input._shape:
        raise IndexError("select() cannot be applied to a 0-dim tensor.")
    dim = wrap_dim(dim, len(input._shape))
    extent = input._shape[dim]
    index = index.__index__()
    if not -extent <= index < extent:
        raise IndexError(
            f"select(): index {index} out of range for tensor of size {list(input._shape)} at dimension {dim}"
        )
    index %= extent
    sparse = len(input._places)
    shape = Size((*input._shape[:dim], *input._shape[dim + 1 :]))
    if dim >= sparse:
        values = input._entries.select(dim - sparse + 1, index)
        return make_sparse(input._places, values, shape, False)
    kept = (input._places[dim] == index).nonzero().reshape(-1)
    values = input._entries[kept]
    if sparse == 1:
        if input._coalesced and len(kept) == 1:
            return values[0]
        return values.sum(0).to(values._dtype)
    places = join([input._places[:dim], input._places[dim + 1 :]])[:, kept]
    return make_sparse(places, values, shape, sorted_anyway)


@sparse_form("narrow_copy")
def narrow_copy(input: SparseTensor, dim: int, start: int, length: int) -> SparseTensor:
    """A part of a dimension, as a tensor of its own."""
    dim = wrap_dim(dim, len(input._shape))
    extent = input._shape[dim]
    start = start + extent if start < 0 else start
    if length < 0 or start < 0 or start + length > extent:
        raise RuntimeError(
            f"narrow_copy: Invalid range to narrow. range(start, start+length) must be a subset of range(0, {extent}), "
            f"got range({start}, {start + length})"
        )
    shape = Size((*input._shape[:dim], length, *input._shape[dim + 1 :]))
    sparse = len(input._places)
    if dim >= sparse:
        return make_sparse(
            input._places, input._entries.narrow(dim - sparse + 1, start, length), shape, input._coalesced
        )
    row = input._places[dim]
    kept = ((row >= start) & (row < start + length)).nonzero().reshape(-1)
    rows = list(input._places[:, kept].unbind(0))
    rows[dim] = rows[dim] - start
    return make_sparse(stack(rows), input._entries[kept], shape, input._coalesced)


@sparse_form("unbind", of=BOTH)
def unbind(input: Sparse, dim: int = 0) -> tuple:
    """Every slice of a dimension."""
    dim = wrap_dim(dim, len(input._shape))
    return tuple([select(input, dim, i) for i in range(input._shape[dim])])


# ---- several as one -----------------------------------------------------------------------------------------


@sparse_form("cat", "concat", "concatenate")
def cat(tensors: Sequence[Any], dim: int = 0) -> SparseTensor:
    """Tensors of one layout one after the other."""
    first = tensors[0]
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, SparseTensor):
            raise RuntimeError(f"Concatenating sparse tensors, but a dense tensor was found at position {i}.")
    dims = len(first._shape)
    dim = wrap_dim(dim, dims)
    for i, tensor in enumerate(tensors):
        if len(tensor._shape) != dims or any(
            a != b for d, (a, b) in enumerate(zip(tensor._shape, first._shape, strict=True)) if d != dim
        ):
            raise RuntimeError(
                f"All tensors must have the same shape: {list(first._shape)} (except in the concatenating dimension), "
                f"but found shape: {list(tensor._shape)} at position {i}"
            )
        if len(tensor._places) != len(first._places):
            raise RuntimeError(
                "All tensors must have the same sparse_dim and dense_dim: "
                f"{len(first._places)}, {first.dense_dim()}, but tensor at position {i} has {len(tensor._places)}, "
                f"{tensor.dense_dim()}."
            )
    extents = [tensor._shape[dim] for tensor in tensors]
    shape = Size((*first._shape[:dim], sum(extents), *first._shape[dim + 1 :]))
    sparse = len(first._places)
    dtype = _common_type(tensors)
    places, values, before = [], [], 0
    for tensor, extent in zip(tensors, extents, strict=True):
        entries = tensor._entries.to(dtype)
        if dim < sparse:
            rows = list(tensor._places.unbind(0))
            rows[dim] = rows[dim] + before
            places.append(stack(rows))
        else:
            places.append(tensor._places)
            sides = [
                entries.new_zeros(*entries._shape[: dim - sparse + 1], n, *entries._shape[dim - sparse + 2 :])
                for n in (before, shape[dim] - before - extent)
            ]
            entries = join([sides[0], entries, sides[1]], dim - sparse + 1)
        values.append(entries)
        before += extent
    return make_sparse(join(places, 1), join(values), shape, False)


def _common_type(tensors: Sequence[Any]) -> Any:
    dtype = tensors[0]._dtype
    for tensor in tensors[1:]:
        dtype = dispatch.result_type(empty(1, dtype=dtype), empty(1, dtype=tensor._dtype))
    return dtype


@sparse_form("stack")
def stacked(tensors: Sequence[Any], dim: int = 0) -> SparseTensor:
    """Tensors of one shape along a new dimension."""
    for i, tensor in enumerate(tensors):
        if not isinstance(tensor, SparseTensor):
            raise RuntimeError(f"stack: expected sparse tensors, but a dense one was found at position {i}")
        if tensor._shape != tensors[0]._shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0]._shape)} at entry 0 and "
                f"{list(tensor._shape)} at entry {i}"
            )
    return cat([unsqueeze(tensor, dim) for tensor in tensors], dim)
