"""Reductions over one, several or all dimensions.

Half-precision input is added up in float32. Sums over leading dimensions go in two stages, so that rounding
grows with the logarithm of the count as in NumPy's pairwise sum over the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.pool import spread

BLOCK = 32  # rows of one partial sum


def wide(array: np.ndarray) -> np.ndarray:
    """The array in the type it is accumulated in."""
    return array.astype(np.float32) if array.dtype.itemsize == 2 and array.dtype.kind in "fV" else array


def add_up(array: np.ndarray, axis: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Sum over `axis`, keeping the dimensions."""
    if (
        array.dtype.kind in "fc"
        and len(axis) == 1
        and array.shape[axis[0]] > 2 * BLOCK
        and array.strides[axis[0]] > min(array.strides)  # along the shortest NumPy adds up in pairs itself
    ):
        dim = axis[0]
        count = array.shape[dim] // BLOCK * BLOCK
        head, tail = np.split(array, [count], dim)
        shape = (*head.shape[:dim], count // BLOCK, BLOCK, *head.shape[dim + 1 :])
        # NumPy adds up leading dimensions one row after another, and rounding grows with every row
        partial = head.reshape(shape).sum(axis=dim + 1, dtype=dtype)
        total = add_up(partial, axis, dtype)
        return total + tail.sum(axis=dim, dtype=dtype, keepdims=True) if tail.size else total
    return np.add.reduce(array, axis=axis, dtype=dtype, keepdims=True)


def put(out: np.ndarray, kept: np.ndarray) -> None:
    """Write a result that kept its reduced dimensions (extent 1) into `out`, which may have dropped them."""
    np.copyto(out, kept.reshape(out.shape), casting="unsafe")


SMALL = 1024  # elements that add up without partial sums


def _added_at_once(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> bool:
    """Write the sum in one call where that is as exact: everything, the last dimension, or few elements."""
    if input.dtype != out.dtype or out.dtype.itemsize == 2:
        return False
    if len(dim) == input.ndim and input.flags.c_contiguous:
        np.add.reduce(input, axis=None, out=out.reshape(()) if out.ndim else out)
    elif (input.size <= SMALL and count(input.shape, dim) <= BLOCK) or (
        dim == (input.ndim - 1,) and input.strides[-1] == input.itemsize
    ):
        np.add.reduce(input, axis=dim, out=out, keepdims=keepdim)
    else:
        return False
    return True


def sum(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool, dtype: Any) -> None:
    """out = sum of input over dim, in the type of out (at least float32)."""
    if _added_at_once(out, input, dim, keepdim):
        return
    array = wide(input)
    kind = np.dtype(np.float32) if out.dtype.itemsize == 2 and out.dtype.kind in "fV" else out.dtype
    put(out, add_up(array.astype(kind) if array.dtype.kind != kind.kind else array, dim, kind))


def mean(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool, dtype: Any) -> None:
    """out = arithmetic mean of input over dim."""
    if _added_at_once(out, input, dim, keepdim):
        # the mean of nothing is NaN, and no warning
        np.divide(out, count(input.shape, dim) or np.nan, out=out)
        return
    kind = np.dtype(np.float32) if out.dtype.itemsize == 2 and out.dtype.kind in "fV" else out.dtype
    total = add_up(wide(input), dim, kind)
    total /= count(input.shape, dim) or np.nan
    put(out, total)


def count(shape: Sequence[int], dim: Sequence[int]) -> int:
    """Elements that one result is made of."""
    number = 1
    for d in dim:
        number *= shape[d]
    return number


def p_norm(out: np.ndarray, input: np.ndarray, p: float, dim: tuple[int, ...], keepdim: bool) -> None:
    """out = (sum of |input|^p)^(1/p) over dim; with p = 0 the number of elements that are not 0."""
    if p == 0:
        return put(out, np.count_nonzero(input, axis=dim, keepdims=True))
    if p == 2 and input.dtype.char in "fd" and input.flags.c_contiguous and dim == tuple(range(input.ndim)):
        return put(out, np.sqrt(_sum_of_squares(input.reshape(-1))))
    size = np.abs(wide(input))
    total = add_up(size if p == 1 else size * size if p == 2 else size**p, dim, size.dtype)
    put(out, total if p == 1 else np.sqrt(total) if p == 2 else total ** (1 / p))


PIECE = 1 << 14  # elements whose squares add up in their own type
TOGETHER = 16  # such pieces a thread takes at a time


def _sum_of_squares(flat: np.ndarray) -> np.ndarray:
    """The sum of the squares of a row: pieces as products of vectors, and what they give in float64."""
    sums = np.zeros(-(-flat.size // PIECE))

    def work(first: int) -> None:
        for k in range(first, min(first + TOGETHER, len(sums))):
            piece = flat[k * PIECE : (k + 1) * PIECE]
            sums[k] = np.dot(piece, piece)

    spread(work, range(0, len(sums), TOGETHER), flat.size)
    return np.add.reduce(sums)


def prod_dims(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool, dtype: Any) -> None:
    """out = product of input over dim."""
    kind = np.dtype(np.float32) if out.dtype.itemsize == 2 and out.dtype.kind in "fV" else out.dtype
    put(out, np.multiply.reduce(wide(input), axis=dim, dtype=kind, keepdims=True))


def var_dims(
    out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], correction: float, keepdim: bool
) -> None:
    """out = sum((input - mean)^2) / (count - correction) over dim, in two passes."""
    array = wide(input)
    number = count(input.shape, dim)
    mean = add_up(array, dim, array.dtype) / (number or np.nan)
    centred = np.asarray(array - mean)  # of a 0-d array NumPy makes a number
    squares = (
        (centred * centred.conj()).real if array.dtype.kind == "c" else np.multiply(centred, centred, centred)
    )
    total = add_up(squares, dim, squares.dtype)
    freedom = max(number - correction, 0)
    put(out, np.divide(total, np.array(freedom, total.dtype)))


def amax(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> None:
    """out = largest element over dim; NaN wins."""
    put(out, np.maximum.reduce(input, axis=dim, keepdims=True))


def amin(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> None:
    """out = smallest element over dim; NaN wins."""
    put(out, np.minimum.reduce(input, axis=dim, keepdims=True))


# their entries have another gradient where there is NaN
max_dims = amax
min_dims = amin


def max_dim(values: np.ndarray, indices: np.ndarray, input: np.ndarray, dim: int, keepdim: bool) -> None:
    """values, indices = largest element along dim and where it stands first; NaN wins."""
    _extreme(values, indices, input, dim, np.argmax)


def min_dim(values: np.ndarray, indices: np.ndarray, input: np.ndarray, dim: int, keepdim: bool) -> None:
    """values, indices = smallest element along dim and where it stands first; NaN wins."""
    _extreme(values, indices, input, dim, np.argmin)


def _extreme(values: np.ndarray, indices: np.ndarray, input: np.ndarray, dim: int, find: Any) -> None:
    if input.ndim == 0:
        values[...] = input
        indices[...] = 0
        return
    # argmax and argmin stop at the first NaN, as PyTorch does
    where = find(wide(input), axis=dim, keepdims=True)
    put(indices, where)
    put(values, np.take_along_axis(input, where, axis=dim))


def argmax(out: np.ndarray, input: np.ndarray, dim: int | None, keepdim: bool) -> None:
    """out = where the largest element along dim (None: of all, row-major) stands first; NaN wins."""
    put(out, np.argmax(wide(input), axis=dim, keepdims=True) if input.ndim else np.zeros((), np.int64))


def argmin(out: np.ndarray, input: np.ndarray, dim: int | None, keepdim: bool) -> None:
    """out = where the smallest element along dim (None: of all, row-major) stands first; NaN wins."""
    put(out, np.argmin(wide(input), axis=dim, keepdims=True) if input.ndim else np.zeros((), np.int64))


def any(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> None:
    """out = whether an element over dim is not 0."""
    put(out, np.logical_or.reduce(input != 0, axis=dim, keepdims=True))


def all(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...], keepdim: bool) -> None:
    """out = whether no element over dim is 0."""
    put(out, np.logical_and.reduce(input != 0, axis=dim, keepdims=True))


def count_nonzero(out: np.ndarray, input: np.ndarray, dim: tuple[int, ...]) -> None:
    """out = number of elements over dim that are not 0."""
    put(out, np.add.reduce(input != 0, axis=dim, dtype=np.int64, keepdims=True))
