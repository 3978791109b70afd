"""Reading elements by index or mask: gather, index_select, take, advanced indexing, nonzero."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tritonnn.dtypes import from_numpy_dtype, int64
from tritonnn.errors import explained
from tritonnn.shape import contiguous_strides

Array = np.ndarray[Any, Any]
Alloc = Callable[..., Array]


def check_bounds(
    op: str, index: Array, dim: int, size: int, kind: type[Exception], *, wrap: bool = False
) -> None:
    """Raise `kind` naming the first index outside [0, size), or outside [-size, size) with `wrap`."""
    low = -size if wrap else 0
    if index.size and (index.min() < low or index.max() >= size):
        # two reductions find that there is one; the mask that names it is only built for the error
        bad = index[(index < low) | (index >= size)].reshape(-1)[0]
        raise explained(kind)(f"{op}: index {bad} is out of bounds for dimension {dim} with size {size}")


def wrapped(index: Array, size: int) -> Array:
    """Negative indices counted from the front."""
    return np.where(index < 0, index + size, index) if index.size and index.min() < 0 else index


def at_least_1d(array: Array) -> Array:
    """A 0-d array as its one element."""
    return array.reshape(1) if array.ndim == 0 else array


def positions(index: Array, dim: int, shape: tuple[int, ...]) -> Array:
    """Row-major positions in an array of `shape` of the elements that gather along `dim` reads."""
    strides = contiguous_strides(shape)
    offsets = index * strides[dim]
    for d, extent in enumerate(index.shape):
        if d != dim and extent > 1:
            # the other dimensions' own indices, by broadcasting
            steps = np.arange(0, extent * strides[d], strides[d], dtype=np.int64)
            offsets += steps.reshape((-1,) + (1,) * (index.ndim - d - 1))
    return offsets


def gather(out: Array, input: Array, dim: int, index: Array) -> None:
    """out[i][j] = input[index[i][j]][j] for dim 0, likewise for the others."""
    out, input, index = at_least_1d(out), at_least_1d(input), at_least_1d(index)
    check_bounds("gather", index, dim, input.shape[dim], RuntimeError)
    if index.size:
        # one flat take, at positions that were checked ("clip" spares NumPy's own check)
        source = np.ascontiguousarray(input).reshape(-1)
        out[...] = source.take(positions(index, dim, input.shape), mode="clip")


def index_select(out: Array, input: Array, dim: int, index: Array) -> None:
    """The entries of `dim` that a vector of indices names."""
    input, index = at_least_1d(input), at_least_1d(index)
    check_bounds("index_select: index out of range in self", index, dim, input.shape[dim], IndexError)
    if index.size and input.size:
        _take_into(at_least_1d(out), input, index, dim)


def _take_into(out: Array, input: Array, index: Array, dim: int) -> None:
    # np.take writes straight to a contiguous output only where it need not check the indices.
    if out.flags.c_contiguous:
        np.take(input, index, axis=dim, out=out, mode="clip")
    else:
        out[...] = input.take(index, axis=dim, mode="clip")


def take(out: Array, input: Array, index: Array) -> None:
    """The elements of the flattened input that the indices name."""
    flat = input.reshape(-1)
    check_bounds("take: out of range", index, 0, flat.size, IndexError, wrap=True)
    if index.size:
        out[...] = flat.take(wrapped(index, flat.size), mode="clip")


def index_key(
    op: str, shape: tuple[int, ...], indices: list[Array], dims: tuple[int, ...]
) -> tuple[slice | Array, ...]:
    """The key that indexes `dims` of an array by index arrays, checked and with negatives wrapped."""
    key: list[slice | Array] = [slice(None)] * len(shape)
    for index, dim in zip(indices, dims):
        check_bounds(op, index, dim, shape[dim], IndexError, wrap=True)
        key[dim] = wrapped(index, shape[dim])
    return tuple(key)


def index_at(out: Array, input: Array, indices: list[Array], dims: tuple[int, ...]) -> None:
    """Advanced indexing: `dims` are indexed by arrays that broadcast against each other, the others kept."""
    if not out.size:
        return
    key = index_key("index", input.shape, indices, dims)
    if len(dims) == 1:
        _take_into(out, input, key[dims[0]], dims[0])  # type: ignore[arg-type]
    else:
        out[...] = input[key]


def masked_select(alloc: Alloc, input: Array, mask: Array) -> Array:
    """The elements under a broadcast mask, in row-major order."""
    input, mask = np.broadcast_arrays(input, mask)
    if input.flags.c_contiguous and mask.flags.c_contiguous:
        out = alloc((int(np.count_nonzero(mask)),), from_numpy_dtype(input.dtype))
        np.compress(mask.reshape(-1), input.reshape(-1), out=out)
        return out
    selected = input[mask]
    out = alloc(selected.shape, from_numpy_dtype(input.dtype))
    out[...] = selected
    return out


def nonzero_coordinates(alloc: Alloc, input: Array) -> Array:
    """(ndim, n) indices of the elements that are not zero, in row-major order."""
    if input.ndim == 0:
        return alloc((0, int(bool(input))), int64)
    axes = np.nonzero(input)
    out = alloc((input.ndim, axes[0].size), int64)
    for d, coordinates in enumerate(axes):
        out[d] = coordinates
    return out


def _keep(out: Array, input: Array, keep: Array) -> None:
    if out is not input:
        out[...] = input
    np.copyto(out, out.dtype.type(0), where=~keep)


def tril(out: Array, input: Array, diagonal: int) -> None:
    """The last two dimensions on and below a diagonal, zero above."""
    rows, columns = input.shape[-2:]
    _keep(out, input, np.tri(rows, columns, diagonal, dtype=bool))


def triu(out: Array, input: Array, diagonal: int) -> None:
    """The last two dimensions on and above a diagonal, zero below."""
    rows, columns = input.shape[-2:]
    _keep(out, input, ~np.tri(rows, columns, diagonal - 1, dtype=bool))
