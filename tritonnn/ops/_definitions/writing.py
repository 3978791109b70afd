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
    result = input.copy()
    for at, value in _slices(input, dim, index, source):
        result[at] += alpha * value
    return result


def index_copy(input: Array, dim: int, index: Array, source: Array) -> Array:
    result = input.copy()
    for at, value in _slices(input, dim, index, source):
        result[at] = value
    return result


def index_fill(input: Array, dim: int, index: Array, value: Any) -> Array:
    return index_copy(input, dim, index, np.asarray(value, input.dtype))


_COMBINED: dict[str, Callable] = {"prod": np.prod, "mean": np.mean, "amax": np.max, "amin": np.min}


def index_reduce(
    input: Array, dim: int, index: Array, source: Array, reduce: str, include_self: bool
) -> Array:
    result = input.copy()
    for i in range(input.shape[dim]):
        at = (*(slice(None),) * (dim % input.ndim), i)
        slices = [np.take(source, k, dim) for k, to in enumerate(index) if to == i]
        if slices:
            combined = _COMBINED[reduce]([result[at], *slices] if include_self else slices, 0)
            result[at] = np.floor(combined) if input.dtype.kind in "iu" else combined
    return result


def masked_fill(input: Array, mask: Array, value: Any) -> Array:
    return np.where(mask, np.asarray(value, input.dtype), input)


def masked_scatter(input: Array, mask: Array, source: Array) -> Array:
    result, seen = [x.copy() for x in np.broadcast_arrays(input, mask)]
    result[seen] = source.reshape(-1)[: seen.sum()]
    return result


def put(input: Array, index: Array, source: Array, accumulate: bool) -> Array:
    result = input.reshape(-1).copy()
    for i, value in zip(index.reshape(-1), source.reshape(-1), strict=True):
        result[i] = result[i] + value if accumulate else value
    return result.reshape(input.shape)


def index_put(input: Array, indices: Any, values: Array, accumulate: bool = False) -> Array:
    result = input.copy()
    at: Any = tuple(slice(None) if i is None else i for i in indices)
    if accumulate:
        np.add.at(result, at, values)
    else:
        result[at] = values
    return result


def select_scatter(input: Array, src: Array, dim: int, index: int) -> Array:
    result = input.copy()
    np.moveaxis(result, dim, 0)[index] = src
    return result


def slice_scatter(
    input: Array, src: Array, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Array:
    result = input.copy()
    np.moveaxis(result, dim, 0)[start:end:step] = np.moveaxis(src, dim, 0)
    return result


def diagonal_scatter(input: Array, src: Array, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Array:
    """Element (i, i + offset) of the planes (dim1, dim2) is src[..., i]."""
    result = input.copy()
    planes = np.moveaxis(result, (dim1, dim2), (-2, -1))
    for i in range(src.shape[-1]):
        planes[..., i + max(-offset, 0), i + max(offset, 0)] = src[..., i]
    return result


# ---- diagonals ------------------------------------------------------------------------------------------


def diag_embed(input: Array, offset: int, dim1: int = -2, dim2: int = -1) -> Array:
    size = input.shape[-1] + abs(offset)
    result = np.zeros((*input.shape[:-1], size, size), input.dtype)
    for i in range(input.shape[-1]):
        result[..., i + max(-offset, 0), i + max(offset, 0)] = input[..., i]
    return np.moveaxis(result, (-2, -1), (dim1, dim2))
