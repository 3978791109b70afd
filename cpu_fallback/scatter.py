"""Writing elements by index or mask.

Repeated indices accumulate in one fixed order; of repeated writes the last wins.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.indexing import at_least_1d, check_bounds, index_key, positions, wrapped

Array = np.ndarray[Any, Any]

# The k-th occurrences of all indices add without conflict: so many such rounds, then segment sums.
_ROUNDS = 8


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype that sums of this one are held in."""
    if dtype.kind == "V" or dtype == np.float16:
        return np.dtype(np.float32)
    return np.dtype(np.int64) if dtype.kind == "b" else dtype


def _copy(out: Array, input: Array) -> None:
    if out is not input:
        out[...] = input


def stable_order(keys: Array, bound: int) -> Array:
    """Permutation that sorts keys in [0, bound), equal keys in their order; a radix sort where 16 bits do."""
    return np.argsort(keys.astype(np.uint16) if bound <= 1 << 16 else keys, kind="stable")


def segments(keys: Array, bound: int) -> tuple[Array, Array, Array]:
    """Of keys in [0, bound): the sorting permutation, the distinct keys, where each starts in that order."""
    order = stable_order(keys, bound)
    ordered = keys[order]
    first = np.empty(ordered.size, bool)
    first[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    return order, ordered[starts], starts


def add_rows(target: Array, index: Array, rows: Array) -> None:
    """target[index[k]] += rows[k] for each k, index repeated at will; target (n, d), rows (k, d)."""
    if not rows.size:
        return
    if rows.shape[1] == 1 and rows.dtype.kind in "iu":  # exact in any order
        np.add.at(target[:, 0], index, rows[:, 0])
        return
    order, keys, starts = segments(index, target.shape[0])
    counts = np.diff(starts, append=order.size)
    rounds = min(int(counts.max()), _ROUNDS)
    for t in range(rounds):
        # the t-th entry of every key: within a round no key comes twice, so that += adds all
        live = np.flatnonzero(counts > t)
        target[keys[live]] += rows[order[starts[live] + t]]
    rest = np.flatnonzero(counts > rounds)
    if rest.size:
        # number of every entry within its segment: those after the rounds are summed by segment
        place = np.arange(order.size) - np.repeat(starts, counts)
        ends = np.cumsum(counts[rest] - rounds)
        tail = rows[order[place >= rounds]]
        target[keys[rest]] += np.add.reduceat(tail, np.append(0, ends[:-1]), axis=0)


def add_flat(target: Array, index: Array, values: Array) -> None:
    """target[index[k]] += values[k] for each k; all one-dimensional."""
    if values.dtype.kind == "c":
        # real and imaginary parts as rows of two
        pairs = np.ascontiguousarray(values).view(values.real.dtype).reshape(-1, 2)
        add_rows(target.view(target.real.dtype).reshape(-1, 2), index, pairs)
    elif values.dtype.kind == "f" and index.size * 8 > target.size:
        # adds up in float64 and in order; a pass over the target, for which it must be named often enough
        sums = np.bincount(index, values, target.size)
        np.add(target, sums, out=target, where=sums != 0)  # -0 stays where nothing is added
    else:
        add_rows(target.reshape(-1, 1), index, values.reshape(-1, 1))


def _accumulator(out: Array, input: Array) -> Array:
    """The input in a contiguous array to add to: `out` itself where it can be."""
    wide = _wide(out.dtype)
    if out.flags.c_contiguous and out.dtype == wide:
        _copy(out, input)
        return out
    return np.array(input, wide, order="C")


def _finish(out: Array, result: Array) -> None:
    if result is not out:
        out[...] = result.reshape(out.shape)


def scatter_src(out: Array, input: Array, dim: int, index: Array, src: Array) -> None:
    """The input with out[index[i][j]][j] = src[i][j] for dim 0, likewise for the others."""
    _scatter_assign("scatter", out, input, dim, index, src)


def scatter_value(out: Array, input: Array, dim: int, index: Array, value: float) -> None:
    """The input with one value at the positions the indices name."""
    _scatter_assign("scatter", out, input, dim, index, value)


def _scatter_assign(op: str, out: Array, input: Array, dim: int, index: Array, source: Array | float) -> None:
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    check_bounds(op, index, dim, input.shape[dim], RuntimeError)
    if isinstance(source, np.ndarray):
        # the source may be larger than the index
        source = at_least_1d(source)[tuple(map(slice, index.shape))]
    if out.flags.c_contiguous:
        _copy(out, input)
        # of equal positions NumPy keeps the last value
        out.reshape(-1)[positions(index, dim, input.shape)] = source
    else:
        result = np.array(input, order="C")
        result.reshape(-1)[positions(index, dim, input.shape)] = source
        out[...] = result


def scatter_add(out: Array, input: Array, dim: int, index: Array, src: Array) -> None:
    """The input with src[i][j] added at [index[i][j]][j] for dim 0, likewise for the others."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    check_bounds("scatter_add", index, dim, input.shape[dim], RuntimeError)
    result = _accumulator(out, input)
    values = at_least_1d(src)[tuple(map(slice, index.shape))].astype(result.dtype, copy=False)
    add_flat(result.reshape(-1), positions(index, dim, input.shape).reshape(-1), values.reshape(-1))
    _finish(out, result)


_REDUCTIONS = {"sum": np.add, "mean": np.add, "prod": np.multiply, "amax": np.maximum, "amin": np.minimum}


def scatter_reduce(
    out: Array, input: Array, dim: int, index: Array, src: Array, reduce: str, include_self: bool
) -> None:
    """Combine the source elements that land on one position by sum, prod, mean, amax or amin."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    check_bounds("scatter_reduce", index, dim, input.shape[dim], RuntimeError)
    result = np.array(input, _wide(out.dtype), order="C")
    if index.size:
        flat = result.reshape(-1)
        values = at_least_1d(src)[tuple(map(slice, index.shape))].astype(result.dtype).reshape(-1)
        order, keys, starts = segments(positions(index, dim, input.shape).reshape(-1), flat.size)
        combine = _REDUCTIONS[reduce]
        # one reduction a segment, in the order of the entries
        reduced = combine.reduceat(values[order], starts)
        flat[keys] = combine(flat[keys], reduced) if include_self else reduced
        if reduce == "mean":
            counts = np.diff(starts, append=order.size) + include_self
            divide = np.floor_divide if result.dtype.kind in "iu" else np.true_divide
            flat[keys] = divide(flat[keys], counts).astype(flat.dtype)
    out[...] = result


def _rows_first(array: Array, dim: int) -> Array:
    """`dim` moved to the front and the others flattened, a copy where the strides demand it."""
    return np.moveaxis(array, dim, 0).reshape(array.shape[dim], -1)


def index_add(out: Array, input: Array, dim: int, index: Array, source: Array, alpha: float) -> None:
    """The input with alpha * source[k] added to entry index[k] of `dim`."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    if not out.size:
        return
    check_bounds("index_add", index, dim, input.shape[dim], RuntimeError)
    front = np.moveaxis(out, dim, 0)
    result = _accumulator(front, np.moveaxis(input, dim, 0))
    if not source.size or not result.size:
        _finish(front, result)
        return
    rows = _rows_first(at_least_1d(source), dim).astype(result.dtype, copy=False)
    if alpha != 1:
        rows = rows * result.dtype.type(alpha)
    if result.size == result.shape[0]:
        add_flat(result.reshape(-1), index, rows.reshape(-1))
    else:
        add_rows(result.reshape(result.shape[0], -1), index, rows)
    _finish(front, result)


def index_copy(out: Array, input: Array, dim: int, index: Array, source: Array) -> None:
    """The input with source[k] in place of entry index[k] of `dim`."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    if not out.size:
        return
    check_bounds("index_copy", index, dim, input.shape[dim], IndexError)
    _copy(out, input)
    # likewise the last of equal indices
    np.moveaxis(out, dim, 0)[index] = np.moveaxis(at_least_1d(source), dim, 0)


def index_fill(out: Array, input: Array, dim: int, index: Array, value: float) -> None:
    """The input with one value in the entries of `dim` that the indices name."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    if not out.size:
        return
    check_bounds("index_fill", index, dim, input.shape[dim], IndexError, wrap=True)
    _copy(out, input)
    np.moveaxis(out, dim, 0)[wrapped(index, input.shape[dim])] = value


def masked_fill(out: Array, input: Array, mask: Array, value: float | Array) -> None:
    """The input with one value where the mask holds; all broadcast to the output."""
    _copy(out, input)
    np.copyto(out, value, where=mask, casting="unsafe")


def masked_scatter(out: Array, input: Array, mask: Array, source: Array) -> None:
    """The input with the source's elements, in order, where the mask holds."""
    mask = np.broadcast_to(mask, out.shape)
    count = int(np.count_nonzero(mask))
    if count > source.size:
        raise RuntimeError(
            f"masked_scatter: Number of elements of source < number of ones in mask: {source.size} < {count}"
        )
    _copy(out, input)
    out[mask] = source.reshape(-1)[:count]


def put(out: Array, input: Array, index: Array, source: Array, accumulate: bool) -> None:
    """The input with the source's elements at positions of the flattened tensor, or added there."""
    check_bounds("put: out of range", index, 0, input.size, IndexError, wrap=True)
    where = wrapped(index, input.size).reshape(-1)
    result = _accumulator(out, input) if accumulate else np.array(input, order="C")
    values = source.reshape(-1).astype(result.dtype, copy=False)
    if accumulate:
        add_flat(result.reshape(-1), where, values)
    else:
        result.reshape(-1)[where] = values
    _finish(out, result)


def put_at(
    out: Array, input: Array, indices: list[Array], values: Array, dims: tuple[int, ...], accumulate: bool
) -> None:
    """The input with values at the positions that advanced indexing names, or added there."""
    if not out.size:
        return
    key = index_key("index_put", input.shape, indices, dims)
    if not accumulate:
        _copy(out, input)
        out[key] = values
        return
    result = _accumulator(out, input)
    if result.size and all(index.size for index in indices):
        _add_at(result, key, values, dims)
    _finish(out, result)


def _add_at(result: Array, key: tuple[slice | Array, ...], values: Array, dims: tuple[int, ...]) -> None:
    """result[key] += values with repeated positions adding up."""
    arrays = np.broadcast_arrays(*[key[d] for d in dims])  # type: ignore[arg-type]  # no slices there
    kept = [d for d in range(result.ndim) if d not in dims]
    extents = tuple(result.shape[d] for d in dims)
    where = np.ravel_multi_index(tuple(arrays), extents).reshape(-1)
    # NumPy (and PyTorch) put the index dimensions in front unless the indexed ones are neighbours.
    together = dims[-1] - dims[0] + 1 == len(dims)
    at = dims[0] if together else 0
    shape = tuple(result.shape[d] for d in kept)
    values = np.broadcast_to(values, shape[:at] + arrays[0].shape + shape[at:])
    lead = tuple(range(at, at + arrays[0].ndim))
    order = lead + tuple(d for d in range(values.ndim) if d not in lead)
    rows = values.transpose(order).reshape(where.size, -1).astype(result.dtype, copy=False)
    target = result.transpose((*dims, *kept))
    flat = target.reshape(int(np.prod(extents)), -1)
    if rows.shape[1] == 1:
        add_flat(flat.reshape(-1), where, np.ascontiguousarray(rows).reshape(-1))
    else:
        add_rows(flat, where, rows)
    if not np.shares_memory(flat, result):
        target[...] = flat.reshape(target.shape)
