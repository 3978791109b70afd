"""Definitions in NumPy of what writes into a copy by index or mask, one element or slice at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = Any


def _slices(input: Array, dim: int, index: Array, source: Any) -> list[tuple[tuple, Any]]:
    """Where each entry of the index points in `input`, and the slice of the source that belongs there."""
    if input.ndim == 0:
        return [((), np.asarray(source).reshape(())) for _ in index.reshape(-1)]
    lead = (slice(None),) * (dim % input.ndim)
    values = np.broadcast_to(source, (1,)) if np.ndim(source) == 0 else np.moveaxis(source, dim, 0)
    single = len(values) == 1
    return [((*lead, i), values[0 if single else k]) for k, i in enumerate(index.reshape(-1))]


def index_add(input: Array, dim: int, index: Array, source: Array, alpha: Any) -> Array:
    made = input.copy()
    for at, value in _slices(input, dim, index, source):
        made[at] += alpha * value
    return made


def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    made = input.copy()
    for at, value in _slices(input, dim, index, source):
        made[at] = value
    return made


def index_fill(input: Array, dim: int, index: Array, value: Any) -> Array:
    return index_copy(input, dim, index, np.asarray(value, input.dtype))


_COMBINED: dict[str, Callable] = {"prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}


def index_reduce(
    input: Array, dim: int, index: Array, source: Array, reduce: str, include_self: bool
) -> Array:
    made = input.copy()
    for i in range(input.shape[dim]):
        at = (*(slice(None),) * (dim % input.ndim), i)
        found = [np.take(source, k, dim) for k, to in enumerate(index) if to == i]
        if found:
            combined = _COMBINED[reduce]([made[at], *found] if include_self else found, 0)
            made[at] = np.floor(combined) if input.dtype.kind in "iu" else combined
    return made


def masked_fill(input: Array, mask: Array, value: Any) -> Array:
    return np.where(mask, np.asarray(value, input.dtype), input)


def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    made, seen = [x.copy() for x in np.broadcast_arrays(input, mask)]
    made[seen] = source.reshape(-1)[: seen.sum()]
    return made


def put(input: Array, index: Array, source: Array, accumulate: bool) -> Array:
    made = input.reshape(-1).copy()
    for i, value in zip(index.reshape(-1), source.reshape(-1), strict=True):
        made[i] = made[i] + value if accumulate else value
    return made.reshape(input.shape)


def index_put(input: Array, indices: Any, values: Array, accumulate: bool = False) -> Array:
    made = input.copy()
    at: Any = tuple(slice(None) if i is None else i for i in indices)
    if accumulate:
        np.add.at(made, at, values)
    else:
        made[at] = values
    return made


def select_scatter(input: Array, src: Array, dim: int, index: int) -> Array:
    made = input.copy()
    np.moveaxis(made, dim, 0)[index] = src
    return made


def slice_scatter(
    input: Array, src: Array, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Array:
    made = input.copy()
    np.moveaxis(made, dim, 0)[start:end:step] = np.moveaxis(src, dim, 0)
    return made


def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """Element (i, i + offset) of the planes (dim1, dim2) is src[..., i]."""
    made = input.copy()
    planes = np.moveaxis(made, (dim1, dim2), (-2, -1))
    for i in range(src.shape[-1]):
        planes[..., i + max(-offset, 0), i + max(offset, 0)] = src[..., i]
    return made


# ---- diagonals ------------------------------------------------------------------------------------------


def diag_embed(input: Array, offset: int, dim1: int = -2, dim2: int = -1) -> Array:
    size = input.shape[-1] + abs(offset)
    made = np.zeros((*input.shape[:-1], size, size), input.dtype)
    for i in range(input.shape[-1]):
        made[..., i + max(-offset, 0), i + max(offset, 0)] = input[..., i]
    return np.moveaxis(made, (-2, -1), (dim1, dim2))
