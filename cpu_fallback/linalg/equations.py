"""Factorizations and equations of square matrices."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.linalg._elimination import eliminate, substitute
from tritonnn.errors import explained


def solve_triangular(
    out: np.ndarray, A: np.ndarray, B: np.ndarray, upper: bool, left: bool, unitriangular: bool
) -> None:
    """A out = B, or out A = B, with one triangle of A."""
    if left:
        np.copyto(out, substitute(A, B, upper, unitriangular))
    else:
        turned = substitute(A.swapaxes(-1, -2), B.swapaxes(-1, -2), not upper, unitriangular)
        np.copyto(out, turned.swapaxes(-1, -2))


def linalg_cholesky_ex(L: np.ndarray, info: np.ndarray, A: np.ndarray, upper: bool) -> None:
    """A = L L^H, or L^H L with `upper`; info: the order of the first leading minor that is not positive definite."""
    if upper:
        L, A = L.swapaxes(-1, -2), A.swapaxes(-1, -2)  # of a Hermitian A the conjugate, and so is its factor
    info[...] = 0
    try:
        L[...] = np.linalg.cholesky(A)
        # LAPACK may take NaN for a size
        failed = np.asarray(~(np.diagonal(L, 0, -2, -1).real > 0).all(-1))
    except np.linalg.LinAlgError:
        failed = np.ones(A.shape[:-2], bool)
    if not failed.any():
        return
    for at in np.ndindex(*A.shape[:-2]):
        if failed[at]:
            info[at] = _up_to_failure(L[at], A[at])


def _up_to_failure(L: np.ndarray, A: np.ndarray) -> int:
    """The columns of the factor before the first that has none, then those of A; the place of that, from 1, or 0."""
    L[...] = np.tril(A)
    for j in range(A.shape[0]):
        size = (A[j, j] - L[j, :j] @ L[j, :j].conj()).real
        if not size > 0:
            return j + 1
        L[j, j] = np.sqrt(size)
        L[j + 1 :, j] = (A[j + 1 :, j] - L[j + 1 :, :j] @ L[j, :j].conj()) / L[j, j]
    return 0


def linalg_inv_ex(inverse: np.ndarray, info: np.ndarray, A: np.ndarray) -> None:
    """The inverse; info: one more than the place of the first zero in the diagonal of the LU factor."""
    info[...] = 0
    try:
        inverse[...] = np.linalg.inv(A)
        _spread_nan(inverse, A)
    except np.linalg.LinAlgError:
        one = np.eye(A.shape[-1], dtype=A.dtype)
        for at in np.ndindex(*A.shape[:-2]):
            inverse[at], info[at] = _solved(A[at], one)


def _spread_nan(X: np.ndarray, A: np.ndarray) -> None:
    """Nothing follows from a matrix that has NaN; LAPACK may give numbers in some rows nevertheless."""
    unknown = np.isnan(A).any((-1, -2))
    if unknown.any():
        X[np.broadcast_to(unknown, X.shape[:-2])] = complex(np.nan, np.nan) if np.iscomplexobj(X) else np.nan


def _solved(A: np.ndarray, B: np.ndarray) -> tuple[np.ndarray, int]:
    """The solution of A X = B, infinite or NaN of a singular matrix, and the place of its first zero, from 1."""
    try:
        return np.linalg.solve(A, B), 0
    except np.linalg.LinAlgError:
        lu, pivots, info = eliminate(A)
    X = B.astype(A.dtype)
    for i, other in enumerate(pivots):
        X[[i, other]] = X[[other, i]]
    return substitute(lu, substitute(lu, X, False, True), True, False), int(info) or A.shape[-1]


def linalg_solve_ex(X: np.ndarray, info: np.ndarray, A: np.ndarray, B: np.ndarray, left: bool) -> None:
    """A X = B, or X A = B; info: one more than the place of the first zero in the diagonal of the LU factor."""
    if not left:
        linalg_solve_ex(X.swapaxes(-1, -2), info, A.swapaxes(-1, -2), B.swapaxes(-1, -2), True)
        return
    if not X.size:
        info[...] = eliminate(A)[2]
        return
    info[...] = 0
    try:
        X[...] = np.linalg.solve(A, B)
        _spread_nan(X, A)
    except np.linalg.LinAlgError:
        wide = np.broadcast_to(np.arange(info.size).reshape(info.shape), X.shape[:-2])
        A, B = (np.broadcast_to(part, (*X.shape[:-2], *part.shape[-2:])) for part in (A, B))
        for at in np.ndindex(*X.shape[:-2]):
            X[at], info.reshape(-1)[wide[at]] = _solved(A[at], B[at])


def linalg_lu_factor_ex(LU: np.ndarray, pivots: np.ndarray, info: np.ndarray, A: np.ndarray) -> None:
    """L and U in one matrix, pivots from 1; info: one more than the place of the first zero in the diagonal of U."""
    LU[...], rows, info[...] = eliminate(A)
    pivots[...] = rows + 1


def rows_of_pivots(out: np.ndarray, pivots: np.ndarray, rows: int) -> None:
    """The order of rows after exchanging row i with row pivots[i] - 1, one after another."""
    if pivots.size and (pivots.min() < 1 or pivots.max() > rows):
        raise explained(RuntimeError)(
            f"Pivots given to lu_solve must all be smaller or equal to LU.size(-2), which is {rows}, and at least 1"
        )
    if not out.size:
        return
    out[...] = np.arange(rows)
    flat = out.reshape(-1, rows)
    every = np.arange(len(flat))
    for i, other in enumerate(pivots.reshape(len(flat), -1).T - 1):
        flat[:, i], flat[every, other] = flat[every, other], flat[:, i].copy()
    out[...] = flat.reshape(out.shape)
