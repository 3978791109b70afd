"""Gaussian elimination and substitution, on batches of matrices at once."""

from __future__ import annotations

from math import prod

import numpy as np

BLOCK = 32  # rows that are eliminated one by one between two matrix products


def eliminate(A: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The LU factorization with the largest element of a column as pivot.

    Returns:
        (L and U in one matrix, pivots, info): row i was exchanged with row pivots[i]; info is 0, or one more than the
        place of the first zero in the diagonal of U.
    """
    (*shape, m, n), batch = A.shape, prod(A.shape[:-2])
    lu = A.copy().reshape(batch, m, n)
    k = min(m, n)
    pivots = np.zeros((batch, k), np.int32)
    info = np.zeros(batch, np.int32)
    every = np.arange(batch)
    for start in range(0, k, BLOCK):
        end = min(start + BLOCK, k)
        for j in range(start, end):
            column = lu[:, j:, j]
            size = np.abs(column.real) + np.abs(column.imag) if lu.dtype.kind == "c" else np.abs(column)
            missing = np.isnan(size)
            if (
                missing.any()
            ):  # as in LAPACK, NaN is a pivot where it stands in the diagonal, and nowhere else
                size = np.where(missing, 0, size)
                size[missing[:, 0], 0] = np.inf
            row = j + size.argmax(1) if m else every
            pivots[:, j] = row
            lu[every, j], lu[every, row] = lu[every, row], lu[every, j]
            pivot = lu[:, j, j]
            zero = pivot == 0
            info[zero & (info == 0)] = j + 1
            lu[:, j + 1 :, j] /= np.where(zero, 1, pivot)[:, None]
            lu[:, j + 1 :, j + 1 : end] -= lu[:, j + 1 :, j, None] * lu[:, j, None, j + 1 : end]
        if end < n:
            rest = lu[:, start:end, end:]
            rest[...] = substitute(lu[:, start:end, start:end], rest, False, True)
            lu[:, end:, end:] -= lu[:, end:, start:end] @ rest
    return lu.reshape(A.shape), pivots.reshape(*shape, k), info.reshape(shape)


def substitute(A: np.ndarray, B: np.ndarray, upper: bool, unitriangular: bool) -> np.ndarray:
    """X with A X = B for a triangular A, by forward or back substitution, `BLOCK` rows between two products."""
    n = A.shape[-1]
    shape = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    X = np.empty((*shape, *B.shape[-2:]), B.dtype)
    X[...] = B
    starts = range(0, n, BLOCK)
    for start in reversed(starts) if upper else starts:
        end = min(start + BLOCK, n)
        block = X[..., start:end, :]
        if upper and end < n:
            block -= A[..., start:end, end:] @ X[..., end:, :]
        elif not upper and start:
            block -= A[..., start:end, :start] @ X[..., :start, :]
        for i in range(end - 1, start - 1, -1) if upper else range(start, end):
            known = slice(i + 1, end) if upper else slice(start, i)
            row = X[..., i, :]
            if known.start < known.stop:
                row -= (A[..., i, None, known] @ X[..., known, :])[..., 0, :]
            if not unitriangular:
                row /= A[..., i, i, None]
    return X
