"""Indexing with tensors: the number of the sample is one index more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.batching.calls import Call, again, dynamic, rule
from tritonnn.batching.values import front, raised
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.embedding import embedding_backward, embedding_lookup
from tritonnn.ops.indexing.indexing import gather, index_at, masked_select
from tritonnn.ops.scatter.index_write import put_at
from tritonnn.ops.shape.shape import expand_as_size, permute_dims, unsqueeze, view_as_size, view_or_copy
from tritonnn.shape import broadcast_shapes, numel
from tritonnn.table import OPS


def _numbers(size: int, rank: int, like: Tensor) -> Tensor:
    """The numbers of the samples, in a shape that broadcasts with indices of `rank` dimensions."""
    return view_as_size(arange(size, device=like.device), (size, *(1,) * rank))


def _indices(c: Call, place: int) -> tuple[list[Tensor], int]:
    """Indices with that of the sample in front of them, and the rank of those of one sample."""
    values, flags = c.args[place], c.flags[place]
    rank = max([len(v._shape) - f for v, f in zip(values, flags, strict=True)])
    lined = [raised(v, rank) if f else v for v, f in zip(values, flags, strict=True)]
    return [_numbers(c.size, rank, values[0]), *lined], rank


def _place(dims: Sequence[int]) -> int:
    """Where the dimensions of the indices stand in a result."""
    return dims[0] if dims[-1] - dims[0] + 1 == len(dims) else 0


@rule("index_at")
def indexed(c: Call) -> Any:
    """Advanced indexing."""
    value, _, dims = c.args
    value = front(value, c.flags[0], c.size)
    indices, rank = _indices(c, 1)
    result = index_at(value, indices, (0, *[d + 1 for d in dims]))
    return _behind(result, rank, _place(dims))


def _behind(result: Tensor, rank: int, at: int) -> Tensor:
    """(batch, indices, rest) with the indices behind `at` of the rest."""
    if not at or not rank:
        return result
    ndim = len(result._shape)
    order = (0, *range(1 + rank, 1 + rank + at), *range(1, 1 + rank), *range(1 + rank + at, ndim))
    return permute_dims(result, order)


@rule("put_at")
def written(c: Call) -> Any:
    """Values at the places of advanced indexing."""
    value, _, source, dims, accumulate = c.args
    value = front(value, c.flags[0], c.size)
    indices, rank = _indices(c, 1)
    kept = [extent for d, extent in enumerate(value._shape[1:]) if d not in dims]
    total = rank + len(kept)
    source = raised(front(source, c.flags[2], c.size), total)
    at = _place(dims)
    if at and rank:
        order = (0, *range(1 + at, 1 + at + rank), *range(1, 1 + at), *range(1 + at + rank, total + 1))
        source = permute_dims(source, order)
    return put_at(value, indices, source, (0, *[d + 1 for d in dims]), accumulate)


@rule("take")
def taken(c: Call) -> Any:
    """The elements of the flattened sample."""
    value, index = c.args
    flat = front(value, c.flags[0], c.size)
    flat = view_or_copy(flat, (c.size, numel(flat._shape[1:])))
    index = front(index, c.flags[1], c.size)
    count = flat._shape[1]
    places = view_or_copy(index, (c.size, numel(index._shape[1:])))
    result = gather(flat, 1, where(places < 0, places + count, places))
    return view_as_size(result, tuple(index._shape))


@rule("index_select")
def selected(c: Call) -> Any:
    """The entries of one dimension."""
    value, dim, index = c.args
    if not c.flags[2]:
        if len(value._shape) == 1:
            return again(c.op, (unsqueeze(value, 1), 1, index))[:, 0]
        return again(c.op, (value, dim + 1 if dim >= 0 else dim, index))
    value = front(value, c.flags[0], c.size)
    if len(value._shape) == 1:
        return value
    rank = len(value._shape) - 1
    dim %= rank
    index = view_or_copy(index, (c.size, -1))
    shape = (*value._shape[: dim + 1], index._shape[1], *value._shape[dim + 2 :])
    places = view_as_size(index, (c.size, *(1,) * dim, index._shape[1], *(1,) * (rank - dim - 1)))
    return gather(value, dim + 1, expand_as_size(places, shape))


@rule("embedding_lookup")
def looked_up(c: Call) -> Any:
    """Rows of one table, or of the tables of all samples as one."""
    weight, indices, padding, by_frequency = c.args
    if not c.flags[0]:
        return again(c.op, (weight, indices, padding, by_frequency))
    rows = weight._shape[1]
    if padding is not None:
        weight = where(_is_row(rows, padding, weight), weight.detach(), weight)
    flat = view_or_copy(weight, (c.size * rows, weight._shape[2]))
    return embedding_lookup(flat, _offset(c, indices, 1, rows), None, by_frequency)


def _offset(c: Call, indices: Tensor, place: int, rows: int) -> Tensor:
    """Indices of each sample into the table of all of them."""
    rank = len(indices._shape) - c.flags[place]
    return indices.long() + _numbers(c.size, rank, indices) * rows


def _is_row(rows: int, padding: int, like: Tensor) -> Tensor:
    return view_as_size(arange(rows, device=like.device) == padding, (rows, 1))


@rule("embedding_backward")
def summed_up(c: Call) -> Any:
    """Sums of rows by index, those of all samples as one."""
    grad, indices, rows, padding, by_frequency = c.args
    grad = front(grad, c.flags[0], c.size)
    indices = front(indices, c.flags[1], c.size)
    places = indices.long() + _numbers(c.size, len(indices._shape) - 1, indices) * rows
    total = embedding_backward(grad, places, c.size * rows, None, by_frequency)
    total = view_as_size(total, (c.size, rows, total._shape[-1]))
    return total if padding is None else total.masked_fill(_is_row(rows, padding, total), 0.0)


@rule("index_add", "index_copy", "index_fill")
def written_along(c: Call) -> Any:
    """Entries of one dimension, written."""
    value, dim, index, source, *rest = c.args
    value = front(value, c.flags[0], c.size)
    if c.op.name == "index_fill" and (len(value._shape) == 1 or c.flags[2] or c.flags[3]):
        return _filled(c, value)
    if len(value._shape) == 1 or c.flags[2]:
        return _entry_by_entry(c)
    if c.op.name != "index_fill":
        source = front(source, c.flags[3], c.size)
        source = unsqueeze(source, 1) if len(source._shape) == 1 else source
    return again(c.op, (value, dim + 1 if dim >= 0 else dim, index, source, *rest))


def _entry_by_entry(c: Call) -> Any:
    """By advanced indexing, which an index of each sample's own needs."""
    value, dim, index, source, *rest = c.args
    value = front(value, c.flags[0], c.size)
    scalar = len(value._shape) == 1
    value = unsqueeze(value, 1) if scalar else value
    rank = len(value._shape) - 1
    dim = dim % rank
    index = view_or_copy(front(index, c.flags[2], c.size), (c.size, -1))
    numbers = _numbers(c.size, 1, index)
    shape = (c.size, index._shape[1], *value._shape[1 : dim + 1], *value._shape[dim + 2 :])
    source = front(source, c.flags[3], c.size)
    if len(source._shape) == 1:  # samples of no dimensions
        source = view_as_size(source, (c.size, *(1,) * rank))
    else:
        source = permute_dims(source, (0, dim + 1, *range(1, dim + 1), *range(dim + 2, rank + 1)))
    source = expand_as_size(source, shape)
    accumulate = c.op.name == "index_add"
    if accumulate and rest and rest[0] != 1:
        source = source * rest[0]
    moved_first = permute_dims(value, (0, dim + 1, *range(1, dim + 1), *range(dim + 2, rank + 1)))
    result = put_at(moved_first, [numbers, index], source, (0, 1), accumulate)
    result = permute_dims(result, (0, *range(2, dim + 2), 1, *range(dim + 2, rank + 1)))
    return result[:, 0] if scalar else result


@rule("put")
def put(c: Call) -> Any:
    """Values at places of the flattened sample."""
    value, index, source, accumulate = c.args
    value = front(value, c.flags[0], c.size)
    shape = tuple(value._shape)
    flat = view_or_copy(value, (c.size, numel(shape[1:])))
    index, source = front(index, c.flags[1], c.size), front(source, c.flags[2], c.size)
    places = view_or_copy(index, (c.size, numel(index._shape[1:])))
    source = view_or_copy(source, (c.size, numel(source._shape[1:])))
    result = put_at(flat, [_numbers(c.size, 1, index), places], source, (0, 1), accumulate)
    return view_as_size(result, shape)


def _filled(c: Call, value: Tensor) -> Tensor:
    """One number at entries of a dimension, each entry once however often it is named."""
    _, dim, index, number = c.args
    shape = value._shape[1:] or (1,)
    dim %= len(shape)
    index = view_or_copy(front(index, c.flags[2], c.size), (c.size, -1))
    named = value.new_zeros((c.size, shape[dim]), dtype=dtypes.bool_)
    named = put_at(
        named, [_numbers(c.size, 1, index), index], named.new_ones((), dtype=dtypes.bool_), (0, 1), False
    )
    if len(value._shape) == 1:
        named = view_as_size(named, (c.size,))
    else:
        named = view_as_size(named, (c.size, *(1,) * dim, shape[dim], *(1,) * (len(shape) - dim - 1)))
    if c.flags[3]:
        number = view_as_size(number, (c.size, *(1,) * (len(value._shape) - 1)))
    return where(named, number.to(value.dtype) if isinstance(number, Tensor) else number, value)


@rule("masked_select")
def picked(c: Call) -> Any:
    """As many elements of every sample where the mask is the same for all."""
    value, mask = c.args
    if c.flags[1]:
        raise dynamic(c.op)
    shape = broadcast_shapes(value._shape[1:], mask._shape)
    value = expand_as_size(raised(value, len(shape)), (c.size, *shape))
    flat = view_or_copy(value, (c.size, numel(shape)))
    places = masked_select(arange(numel(shape), device=mask.device), view_or_copy(mask.expand(shape), (-1,)))
    return again(OPS["index_select"], (flat, 1, places))
