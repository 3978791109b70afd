"""Running sums, products, extrema and log-sum-exp along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype a running sum of this one is held in."""
    return np.dtype(np.float32) if dtype.kind == "V" or dtype == np.float16 else dtype


def _accumulate(ufunc: np.ufunc, out: Array, input: Array, dim: int) -> None:
    if input.ndim == 0:
        out[...] = input
        return
    wide = _wide(out.dtype)
    if wide == out.dtype:
        ufunc.accumulate(input, axis=dim, dtype=wide, out=out)
    else:
        out[...] = ufunc.accumulate(input.astype(wide), axis=dim)


def cumsum(out: Array, input: Array, dim: int) -> None:
    """Running sum."""
    _accumulate(np.add, out, input, dim)


def cumprod(out: Array, input: Array, dim: int) -> None:
    """Running product."""
    _accumulate(np.multiply, out, input, dim)


def logcumsumexp(out: Array, input: Array, dim: int) -> None:
    """log of the running sum of exponentials, stable against overflow."""
    _accumulate(np.logaddexp, out, input, dim)


def _running(values: Array, indices: Array, input: Array, dim: int, ufunc: np.ufunc) -> None:
    """Running extremum that keeps NaN, with the index at which it last was reached."""
    if input.ndim == 0:
        values[...], indices[...] = input, 0
        return
    if not input.size:
        return
    best = ufunc.accumulate(input, axis=dim)
    shape = [1] * input.ndim
    shape[dim] = input.shape[dim]
    place = np.arange(input.shape[dim]).reshape(shape)
    reached = (input == best) | (input != input)
    # An element after a NaN never equals the running NaN, so the last NaN keeps its index.
    indices[...] = np.maximum.accumulate(np.where(reached, place, 0), axis=dim)
    values[...] = best


def cummax(values: Array, indices: Array, input: Array, dim: int) -> None:
    """Running maximum and where it last was reached."""
    _running(values, indices, input, dim, np.maximum)


def cummin(values: Array, indices: Array, input: Array, dim: int) -> None:
    """Running minimum and where it last was reached."""
    _running(values, indices, input, dim, np.minimum)
