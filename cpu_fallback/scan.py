"""Running sums, products, extrema and log-sum-exp along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import complex_log_add

Array = np.ndarray[Any, Any]


# Elements accumulated at a time, so that the wider running sums stay in the cache.
_BLOCK = 1 << 16


def _wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The dtype a running sum is held in: a float32 one would lose digits with every addition."""
    if dtype.kind == "V" or dtype == np.float16:
        return np.dtype(np.float32)
    return {"f": np.dtype(np.float64), "c": np.dtype(np.complex128)}.get(dtype.kind, dtype)


def _accumulate(ufunc: np.ufunc, out: Array, input: Array, dim: int) -> None:
    if input.ndim == 0:
        out[...] = input
        return
    wide = _wide(out.dtype)
    if wide == out.dtype:
        ufunc.accumulate(input, axis=dim, dtype=wide, out=out)
        return
    if input.dtype.kind == "V":
        input = input.astype(wide)
    # Slices along the longest other dimension; the scanned one stays whole.
    axis = max((d for d in range(input.ndim) if d != dim), key=input.shape.__getitem__, default=dim)
    if axis == dim or input.size <= _BLOCK:
        out[...] = ufunc.accumulate(input, axis=dim, dtype=wide)
        return
    step = max(1, _BLOCK * input.shape[axis] // max(1, input.size))
    for start in range(0, input.shape[axis], step):
        part = (slice(None),) * axis + (slice(start, start + step),)
        out[part] = ufunc.accumulate(input[part], axis=dim, dtype=wide)


def cumsum(out: Array, input: Array, dim: int) -> None:
    """Running sum."""
    _accumulate(np.add, out, input, dim)


def cumprod(out: Array, input: Array, dim: int) -> None:
    """Running product."""
    _accumulate(np.multiply, out, input, dim)


def logcumsumexp(out: Array, input: Array, dim: int) -> None:
    """log of the running sum of exponentials, stable against overflow."""
    if out.dtype.kind == "c" and out.ndim:
        _complex_logcumsumexp(out, input, dim)
    else:
        _accumulate(np.logaddexp, out, input, dim)


def _complex_logcumsumexp(out: Array, input: Array, dim: int) -> None:
    """Column by column; the imaginary part goes on from that of the larger summand, beyond ±π where it did."""
    columns, results = np.moveaxis(input, dim, 0), np.moveaxis(out, dim, 0)
    running = np.full(columns.shape[1:], -np.inf, np.complex128)
    for place in range(len(columns)):
        running = complex_log_add(running, columns[place].astype(np.complex128))
        results[place] = running


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
