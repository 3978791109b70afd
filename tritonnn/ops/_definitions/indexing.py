"""Definitions in NumPy of what reads and writes by index, mask and order; `reference=` of their entries."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = Any


def _with(place: tuple[int, ...], dim: int, at: Any) -> tuple[int, ...]:
    """`place` with its coordinate along `dim` replaced."""
    changed = list(place)
    if changed:
        changed[dim] = int(at)
    return tuple(changed)


# ---- reading ----------------------------------------------------------------------------------------------


def gather(input: Array, dim: int, index: Array) -> Array:
    """out[i][j] = input[index[i][j]][j] for dim 0."""
    out = np.empty(index.shape, input.dtype)
    for place in np.ndindex(index.shape):
        out[place] = input[_with(place, dim, index[place])]
    return out


def take_along_dim(input: Array, indices: Array, dim: int | None) -> Array:
    """NumPy's take_along_axis, whose operands broadcast."""
    if dim is None:
        return input.ravel()[indices.ravel()]
    return np.take_along_axis(input, indices, dim)


def index_select(input: Array, dim: int, index: Array) -> Array:
    """The slices that `index` names, one after another."""
    if not input.ndim:
        return input
    picked = [np.take(input, i, dim) for i in index.ravel()]
    if not picked:
        return np.delete(input, slice(None), dim)
    return np.stack(picked, dim)


def masked_select(input: Array, mask: Array) -> Array:
    """The elements where the mask holds, in row-major order."""
    values, chosen = np.broadcast_arrays(input, mask)
    kept = [value for value, keep in zip(values.ravel(), chosen.ravel(), strict=True) if keep]
    return np.array(kept, input.dtype)


def nonzero(input: Array, as_tuple: bool) -> Any:
    """The places of the elements that are not 0: a row each, or a vector per dimension."""
    places = [place for place in np.ndindex(input.shape) if input[place]]
    rows = np.array(places, np.int64).reshape(len(places), input.ndim)
    return tuple(rows.T) if as_tuple else rows


def argwhere(input: Array) -> Array:
    """As `nonzero`, a row each."""
    return nonzero(input, False)


# ---- writing ----------------------------------------------------------------------------------------------


def scatter(input: Array, dim: int, index: Array, src: Any, value: Any, reduce: str | None) -> Array:
    """out[index[i][j]][j] = src[i][j] for dim 0, one after another."""
    out = input.copy()
    src = value if src is None else src
    for place in np.ndindex(index.shape):
        to = _with(place, dim, index[place])
        new = src[place] if isinstance(src, np.ndarray) else src
        out[to] = out[to] + new if reduce == "add" else out[to] * new if reduce == "multiply" else new
    return out


def scatter_add(input: Array, dim: int, index: Array, src: Array) -> Array:
    """out[index[i][j]][j] += src[i][j] for dim 0."""
    return scatter(input, dim, index, src, None, "add")


_REDUCTIONS: dict[str, Any] = {"sum": np.sum, "prod": np.prod, "amax": np.max, "amin": np.min}


def scatter_reduce(
    input: Array, dim: int, index: Array, src: Array, reduce: str, include_self: bool
) -> Array:
    """One reduction of all that lands on a position; whole numbers have a mean rounded down."""
    landed: dict[tuple[int, ...], list] = {}
    for place in np.ndindex(index.shape):
        landed.setdefault(_with(place, dim, index[place]), []).append(src[place])
    out = input.copy()
    for to, values in landed.items():
        group = np.array([*([input[to]] if include_self else []), *values])
        if reduce == "mean":
            total = group.sum()
            out[to] = total / len(group) if input.dtype.kind == "f" else total // len(group)
        else:
            out[to] = _REDUCTIONS[reduce](group)
    return out


# ---- order and triangles ----------------------------------------------------------------------------------


def searchsorted(
    sorted_sequence: Array, input: Any, right: bool, side: str | None, sorter: Array | None
) -> Array:
    """How many elements of the sequence are less than each value, or with `right` not greater."""
    if sorter is not None:
        sorted_sequence = np.take_along_axis(sorted_sequence, sorter, -1)
    values = np.asarray(input)[..., None]
    rows = sorted_sequence if sorted_sequence.ndim == 1 else sorted_sequence[..., None, :]
    return (rows <= values if right or side == "right" else rows < values).sum(-1)


def bucketize(input: Any, boundaries: Array, right: bool) -> Array:
    """How many boundaries are less than each value, or with `right` not greater."""
    return searchsorted(boundaries, input, right, None, None)


def _below(size: Any, diagonal: int) -> Array:
    """Whether a place is on or below a diagonal."""
    rows, columns = size
    return np.arange(columns) - np.arange(rows)[:, None] <= diagonal


def tril(input: Array, diagonal: int) -> Array:
    """What is on and below the diagonal."""
    return np.where(_below(input.shape[-2:], diagonal), input, 0)


def triu(input: Array, diagonal: int) -> Array:
    """What is on and above the diagonal."""
    return np.where(_below(input.shape[-2:], diagonal - 1), 0, input)


def tril_indices(row: int, col: int, offset: int) -> Array:
    """The places on and below the diagonal."""
    return np.stack(np.nonzero(_below((row, col), offset)))


def triu_indices(row: int, col: int, offset: int) -> Array:
    """The places on and above the diagonal."""
    return np.stack(np.nonzero(~_below((row, col), offset - 1)))
