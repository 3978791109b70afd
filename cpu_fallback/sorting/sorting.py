"""Order along a dimension: sort, topk, kthvalue, median, mode, unique. NaN counts as the largest value.

Every sort is stable, so that indices of equal values agree on all devices.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from tritonnn.dtypes import from_numpy_dtype, int64

Array = np.ndarray[Any, Any]
Alloc = Callable[..., Array]

_INDEX = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def _rows(array: Array, dim: int) -> Array:
    """`dim` as the last dimension; a 0-d array is a row of one."""
    return array.reshape(1) if array.ndim == 0 else np.moveaxis(array, dim, -1)


def _fits_32_bits(rows: Array) -> bool:
    if rows.dtype.kind != "i" or not rows.size:
        return False
    return bool(rows.min() >= -(1 << 31) and rows.max() < 1 << 31)


def _packed(rows: Array, descending: bool) -> Array | None:
    """A uint64 per element whose order is (value, position), or None where the value alone takes 64 bits.

    Sorting these with NumPy's vectorised quicksort is several times faster than any argsort, and stable.
    """
    if rows.dtype.itemsize == 8 and not _fits_32_bits(rows):
        return None
    if rows.dtype.kind in "fV":
        values = rows.astype(np.float32) + np.float32(0)  # -0.0 becomes 0.0: they are equal
        bits = values.view(np.int32)
        # negative numbers sort backwards by their bits: all are flipped but the sign
        key = bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF))
        key[np.isnan(values)] = 0x7FFFFFFF
    elif rows.dtype == np.uint32:  # the upper half of the range comes last
        key = (rows ^ np.uint32(0x80000000)).view(np.int32)
    else:
        key = rows.astype(np.int32)
    if descending:
        # not the negative, which the smallest integer does not have
        key = ~key
    # with the highest bit turned, signed numbers order as unsigned ones
    packed = (key ^ np.int32(-0x80000000)).view(np.uint32).astype(np.uint64)
    packed <<= _SHIFT
    packed |= np.arange(rows.shape[-1], dtype=np.uint64)
    return packed


def _order(rows: Array, descending: bool) -> Array:
    """The stable sorting permutation of the last dimension."""
    packed = _packed(rows, descending)
    if packed is not None:
        packed.sort(axis=-1)
        return (packed & _INDEX).view(np.int64)
    if not descending:
        return rows.argsort(axis=-1, kind="stable")
    # Reversing before and after keeps equal values in their order and puts NaN first.
    return rows.shape[-1] - 1 - rows[..., ::-1].argsort(axis=-1, kind="stable")[..., ::-1]


def _first(rows: Array, k: int, descending: bool) -> Array:
    """The first k entries of the stable sorting permutation."""
    packed = _packed(rows, descending)
    if packed is None:
        return _order(rows, descending)[..., :k]
    if 0 < k < rows.shape[-1]:
        # what is not among the first k need not be in order
        packed.partition(k - 1, axis=-1)
    packed = packed[..., :k]
    packed.sort(axis=-1)
    return (packed & _INDEX).view(np.int64)


def _select(values: Array, indices: Array, input: Array, dim: int, order: Array) -> None:
    """Write the permutation and what it picks."""
    rows = _rows(input, dim)
    _rows(indices, dim)[...] = order
    _rows(values, dim)[...] = np.take_along_axis(rows, order, -1)


def sort(values: Array, indices: Array, input: Array, dim: int, descending: bool, stable: bool) -> None:
    """Values in order along `dim` and the permutation that sorts them."""
    if input.size:
        _select(values, indices, input, dim, _order(_rows(input, dim), descending))


def topk(values: Array, indices: Array, input: Array, k: int, dim: int, largest: bool, sorted: bool) -> None:
    """The k largest or smallest along `dim`, in order."""
    if not input.ndim:
        if values.size:
            values[...], indices[...] = input, 0
    elif values.size:
        _select(values, indices, input, dim, _first(_rows(input, dim), k, largest))


def _pick(values: Array, indices: Array, input: Array, dim: int, place: Array, keepdim: bool) -> None:
    """Write the one element per row whose index is `place`, shaped (..., 1)."""
    rows = _rows(input, dim)
    picked = np.take_along_axis(rows, place, -1)
    if keepdim and input.ndim:
        place, picked = np.moveaxis(place, -1, dim), np.moveaxis(picked, -1, dim)
    indices[...] = place.reshape(indices.shape)
    values[...] = picked.reshape(values.shape)


def kthvalue(values: Array, indices: Array, input: Array, k: int, dim: int, keepdim: bool) -> None:
    """The k-th smallest element (k from 1) along `dim`."""
    if values.size:
        _pick(values, indices, input, dim, _first(_rows(input, dim), k, False)[..., -1:], keepdim)


def median_dim(
    values: Array, indices: Array, input: Array, dim: int, keepdim: bool, ignore_nan: bool
) -> None:
    """The lower median along `dim`; NaN wherever there is one, or left out with `ignore_nan`."""
    if not values.size:
        return
    rows = _rows(input, dim)
    order = _order(rows, False)
    n = rows.shape[-1]
    # NaNs sort to the end: the first of them stands at position `count`.
    count = n - np.count_nonzero(rows != rows, axis=-1, keepdims=True)
    middle = np.maximum(count - 1, 0) // 2 if ignore_nan else np.where(count < n, count, (n - 1) // 2)
    _pick(values, indices, input, dim, np.take_along_axis(order, middle, -1), keepdim)


def _runs(ordered: Array) -> Array:
    """Where a new value begins along the last dimension of sorted rows."""
    first = np.ones(ordered.shape, bool)
    np.not_equal(ordered[..., 1:], ordered[..., :-1], out=first[..., 1:])
    return first


def mode(values: Array, indices: Array, input: Array, dim: int, keepdim: bool) -> None:
    """The most frequent value along `dim`, the smallest of several, and where it occurs last."""
    if not values.size:
        return
    rows = _rows(input, dim)
    order = _order(rows, False)
    place = np.arange(rows.shape[-1])
    first = _runs(np.take_along_axis(rows, order, -1))
    length = place - np.maximum.accumulate(np.where(first, place, 0), axis=-1)
    longest = length.argmax(axis=-1)[..., None]
    _pick(values, indices, input, dim, np.take_along_axis(order, longest, -1), keepdim)


def _grouped(
    alloc: Alloc, rows: Array, order: Array, first: Array, shape: tuple[int, ...]
) -> tuple[Array, Array, Array]:
    """Of slices in an order with group starts marked: a slice of each group, every slice's group, sizes."""
    starts = np.flatnonzero(first)
    unique = alloc((starts.size, *rows.shape[1:]), from_numpy_dtype(rows.dtype))
    unique[...] = rows[order[starts]]
    inverse = alloc(shape, int64)
    # groups are numbered in sorted order and written back to where their slices came from
    inverse.reshape(-1)[order] = np.cumsum(first) - 1
    counts = alloc((starts.size,), int64)
    counts[...] = np.diff(starts, append=order.size)
    return unique, inverse, counts


def unique_flat(alloc: Alloc, input: Array) -> tuple[Array, Array, Array]:
    """Sorted distinct elements, the place of each element among them, and how often each occurs."""
    flat = input.reshape(-1)
    order = _order(flat, False)
    return _grouped(alloc, flat, order, _runs(flat[order]), input.shape)


def _flat_rows(input: Array) -> Array:
    """Slices along the first dimension as rows, also where there are none."""
    return input.reshape(input.shape[0], prod(input.shape[1:]))


def unique_rows(alloc: Alloc, input: Array) -> tuple[Array, Array, Array]:
    """As `unique_flat`, for slices along the first dimension in lexicographic order."""
    rows = _flat_rows(input)
    order = np.arange(rows.shape[0])
    for column in range(rows.shape[1] - 1, -1, -1):
        # stable sorts from the last column to the first: lexicographic order
        order = order[_order(rows[order, column], False)]
    return _grouped(alloc, input, order, _row_runs(rows[order]), order.shape)


def _row_runs(rows: Array) -> Array:
    """Where a slice differs from the one before it."""
    first = np.zeros(rows.shape[0], bool)
    first[:1] = True
    first[1:] = (rows[1:] != rows[:-1]).any(axis=1)
    return first


def unique_consecutive_rows(alloc: Alloc, input: Array) -> tuple[Array, Array, Array]:
    """One of each run of equal slices along the first dimension, every slice's run, and the runs' lengths."""
    rows = _flat_rows(input)
    order = np.arange(rows.shape[0])
    return _grouped(alloc, input, order, _row_runs(rows), order.shape)
