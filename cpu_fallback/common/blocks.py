"""Work along one dimension in blocks that stay in the cache.

A tensor is looked at as (outer, n, inner) around the dimension that is reduced. A block is a part of it
whose reduced axis is whole and stands last (-1: rows, summed by one matrix-vector product) or last but one
(-2: columns).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

# 512 KB of float32: smaller blocks fit the second-level cache better, but pay more for NumPy's calls
# (measured).
BLOCK = 1 << 17
# Below this many neighbours columns are cheaper as rows of a transposed copy.
_MIN_INNER = 16
# NumPy's iterator fills its buffer with copies of a broadcast operand whenever a row is shorter than the
# buffer; rows of at least this length run without that copy in a buffer of this length, twice as fast.
_SHORT_BUFFER = 512
# exp of less than this in magnitude is far from overflow and underflow, and so are sums and quotients of
# such.
_TAME = 40.0


class short_buffer:
    """Context in which arithmetic of long rows with a column vector is not buffered by NumPy."""

    __slots__ = ("previous", "wanted")

    def __init__(self, row: int, size: int) -> None:
        self.wanted = row >= _SHORT_BUFFER and size > 4 * _SHORT_BUFFER

    def __enter__(self) -> None:
        if self.wanted:
            self.previous = np.setbufsize(_SHORT_BUFFER)

    def __exit__(self, *exception: object) -> None:
        if self.wanted:
            np.setbufsize(self.previous)


def wide(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type to compute in: float32 for anything shorter, else the type itself."""
    return np.dtype(np.float32) if dtype.itemsize < 4 else dtype


def pieces(arrays: tuple[Array, ...]) -> Iterator[list[Array]]:
    """Pieces of arrays of one shape, flat where all of them are dense in the same order of dimensions."""
    first = arrays[0]
    if not all(a.flags.c_contiguous for a in arrays):
        order = sorted(range(first.ndim), key=lambda d: -first.strides[d])
        # elementwise work may take the elements in any order, if all arrays take the same
        arrays = tuple(a.transpose(order) for a in arrays)
        if not all(a.flags.c_contiguous for a in arrays):
            yield list(arrays)
            return
    flat = [a.reshape(-1) for a in arrays]
    if first.size <= BLOCK:
        yield flat
        return
    for start in range(0, first.size, BLOCK):
        yield [a[start : start + BLOCK] for a in flat]


def along(dim: int, *arrays: Array) -> tuple[int, list[Array]]:
    """Views of equally shaped arrays in which `dim` is an axis fit for blocks, and that axis: -1 or -2.

    Rows are (m, n) or, where the neighbours are few, (outer, inner, n); columns are (outer, n, inner).
    """
    shape = arrays[0].shape or (1,)
    outer, n, inner = prod(shape[:dim]), shape[dim], prod(shape[dim + 1 :])
    if inner == 1:
        return -1, [a.reshape(outer, n) for a in arrays]
    if inner < _MIN_INNER:
        return -1, [a.reshape(outer, n, inner).transpose(0, 2, 1) for a in arrays]
    return -2, [a.reshape(outer, n, inner) for a in arrays]


def steps(shape: Sequence[int], axis: int, size: int = BLOCK) -> Iterator[tuple[slice, ...]]:
    """Index tuples of blocks of about `size` elements; with `axis` removed they index what is left of
    `shape`.

    Rows are cut along the first dimension, columns along the last one as well where a plane is larger than
    a block.
    """
    plane = prod(shape[1:])
    count = max(1, size // max(plane, 1))
    if axis == -1 or plane <= size:
        for low in range(0, shape[0], count):
            yield (slice(low, low + count),)
        return
    width = max(_MIN_INNER, size // shape[1])
    for i in range(shape[0]):
        for low in range(0, shape[2], width):
            yield slice(i, i + 1), slice(None), slice(low, low + width)


def amax(x: Array, axis: int) -> Array:
    """Maximum along `axis`, which is kept; NaN where there is one. `x` is contiguous."""
    if axis == -2:
        return x.max(axis=-2, keepdims=True)
    n = x.shape[-1]
    if n < 64:
        # Many short rows: one pass of comparisons per column instead of one reduction per row.
        return np.ascontiguousarray(x.reshape(-1, n).T).max(axis=0).reshape(*x.shape[:-1], 1)
    where = x.reshape(-1, n).argmax(axis=1)  # argmax is vectorised along rows, max is not
    where += np.arange(0, x.size, n)
    return x.reshape(-1).take(where).reshape(*x.shape[:-1], 1)


_PART = 1 << 14  # elements of a row whose sum is exact enough in its own type


def row_products(x: Array, w: Array) -> Array:
    """x @ w for rows x and one vector w; long rows part by part, and what the parts give adds up in float64."""
    if w.size <= _PART:
        return x @ w
    total = sum(
        (x[..., k : k + _PART] @ w[k : k + _PART]).astype(np.float64) for k in range(0, w.size, _PART)
    )
    return np.asarray(total, x.dtype)


def row_dots(x: Array, y: Array) -> Array:
    """The products of rows with rows, summed as those of `row_products`."""
    if x.shape[-1] <= _PART:
        return np.vecdot(x, y)
    parts = [slice(k, k + _PART) for k in range(0, x.shape[-1], _PART)]
    total = sum(np.vecdot(x[..., part], y[..., part]).astype(np.float64) for part in parts)
    return np.asarray(total, x.dtype)


def asum(x: Array, axis: int, ones: Array) -> Array:
    """Sum along `axis`, which is kept, as a matrix-vector product with `ones`. `x` is contiguous."""
    if axis == -2:
        return (ones @ x)[..., None, :]
    return row_products(x.reshape(-1, x.shape[-1]), ones).reshape(*x.shape[:-1], 1)


def exp_shifted(x: Array, e: Array, axis: int) -> Array | float:
    """e = exp(x - shift); returns the shift: the maximum along `axis` (kept), or 0 where nothing can
    overflow.

    `e` is contiguous and may be `x`. An infinite or NaN element takes the way of the maximum.
    """
    if x.dtype != e.dtype or not x.flags.c_contiguous:
        np.copyto(e, x)
        x = e
    # two passes over a block in the cache, instead of a maximum for every row and a subtraction
    if x.min() >= -_TAME and x.max() <= _TAME:
        np.exp(x, out=e)
        return 0.0
    top = amax(x, axis)
    np.subtract(x, top, out=e)
    np.exp(e, out=e)
    return top


class Scratch:
    """One reusable work array for each thread: `scratch(shape)` is a contiguous array of that shape."""

    __slots__ = ("_of_thread", "dtype")

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.dtype = dtype
        self._of_thread = threading.local()

    def __call__(self, shape: Sequence[int]) -> Array:
        size = prod(shape)
        data: Array | None = getattr(self._of_thread, "data", None)
        if data is None or data.size < size:
            data = self._of_thread.data = np.empty(size, self.dtype)
        return data[:size].reshape(shape)
