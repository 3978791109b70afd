"""Running sums, products, extrema and log-sum-exp along a dimension."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.pointwise import complex_log_add
from tritonnn.cpu_fallback.common.pool import spread

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


# Running sums of so many elements at a time are a product with a triangle of ones.
_GROUP = 32
_TRIANGLE = np.triu(np.ones((_GROUP, _GROUP), np.float32))
_ROWS = 1 << 16  # elements of the rows of a piece


def cumsum(out: Array, input: Array, dim: int) -> None:
    """Running sum."""
    n = input.shape[dim] if input.ndim else 0
    rows_of_float32 = input.dtype == out.dtype == np.float32 and dim == input.ndim - 1
    if not (rows_of_float32 and n % _GROUP == 0 and input.size >= _ROWS) or not (
        input.flags.c_contiguous and out.flags.c_contiguous
    ):
        _accumulate(np.add, out, input, dim)
        return
    rows, sums = input.reshape(-1, n), out.reshape(-1, n)
    step = max(1, _ROWS // n)
    spread(
        lambda start: _running_sums(sums[start : start + step], rows[start : start + step]),
        range(0, len(rows), step), input.size,
    )  # fmt: skip


def _running_sums(out: Array, rows: Array) -> None:
    """The running sums of rows: within groups by a product, with those of the groups before, in float64, added."""
    groups = out.reshape(len(rows), -1, _GROUP)
    np.matmul(rows.reshape(groups.shape), _TRIANGLE, out=groups)
    before = np.add.accumulate(groups[:, :-1, -1], axis=1, dtype=np.float64)
    if not np.isfinite(groups[:, -1, -1]).all() or not np.isfinite(before).all():
        # an infinity times one of the triangle's zeros is NaN, for the elements before it as well
        out[...] = np.add.accumulate(rows, axis=1, dtype=np.float64)
        return
    np.add(groups[:, 1:], before[:, :, None].astype(np.float32), out=groups[:, 1:])


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
