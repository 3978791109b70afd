"""Least squares, Householder reflections, symmetric indefinite factors: what LAPACK has and NumPy lacks or wraps."""

from __future__ import annotations

import numpy as np

from tritonnn.cpu_fallback.linalg.spectral import finite
from tritonnn.errors import Invalid, LinAlgError, explained


def least_squares(
    X: np.ndarray, rank: np.ndarray, values: np.ndarray, A: np.ndarray, B: np.ndarray, rcond: float, full: bool
) -> None:  # fmt: skip
    """The smallest X that minimises |A X - B|."""
    place = np.broadcast_to(np.arange(rank.size).reshape(rank.shape), X.shape[:-2])
    ranks, sizes = rank.reshape(-1), values.reshape(rank.size, values.shape[-1])
    A, B = (np.broadcast_to(part, (*X.shape[:-2], *part.shape[-2:])) for part in (A, B))
    for at in np.ndindex(*X.shape[:-2]):
        if not A[at].size:
            X[at] = 0
            ranks[place[at]] = 0
            continue
        finite(A[at])
        try:
            X[at], _, found, s = np.linalg.lstsq(A[at], B[at], rcond=rcond or None)
        except np.linalg.LinAlgError as error:
            raise Invalid(str(error), kind=LinAlgError) from None
        ranks[place[at]], sizes[place[at]] = found, s
        if full and found < min(A.shape[-2:]):
            text = "The least squares solution could not be computed because the input matrix does not have full rank"
            raise Invalid(f"{text} (error code: {found + 1}).", kind=LinAlgError)
    rank[...], values[...] = ranks.reshape(rank.shape), sizes.reshape(values.shape)


def geqrf(a: np.ndarray, tau: np.ndarray, input: np.ndarray) -> None:
    """R, the vectors of the reflections below it, and their factors."""
    raw, factors = np.linalg.qr(input, "raw")
    a[...], tau[...] = raw.swapaxes(-1, -2), factors


def pstrf(u: np.ndarray, piv: np.ndarray, input: np.ndarray, upper: bool, tol: float) -> None:
    """Cholesky with the largest element of the remaining diagonal as pivot; rows beyond the rank are 0."""
    A = input.copy() if upper else input.T.copy()
    A = np.triu(A) + np.triu(A, 1).T
    n = len(A)
    U, order = np.zeros_like(A), np.arange(n)
    bound = n * np.finfo(A.dtype).eps * A.diagonal().max(initial=0) if tol < 0 else tol
    for k in range(n):
        p = k + int(np.argmax(A.diagonal()[k:]))
        if not A[p, p] > bound:
            break
        A[[k, p]] = A[[p, k]]
        A[:, [k, p]] = A[:, [p, k]]
        U[:k, [k, p]] = U[:k, [p, k]]
        order[[k, p]] = order[[p, k]]
        U[k, k] = np.sqrt(A[k, k])
        U[k, k + 1 :] = A[k, k + 1 :] / U[k, k]
        A[k + 1 :, k + 1 :] -= np.outer(U[k, k + 1 :], U[k, k + 1 :])
    u[...], piv[...] = U if upper else U.T, order


# ---- L D L^T -------------------------------------------------------------------------------------------------

GROWTH = (1 + 17**0.5) / 8  # bounds the growth of elements (Bunch and Kaufman, 1977)


def linalg_ldl_factor_ex(
    LD: np.ndarray, pivots: np.ndarray, info: np.ndarray, A: np.ndarray, hermitian: bool
) -> None:
    """A = P L D L^T P^T with blocks of one and two rows in D, in LAPACK's layout."""
    for at in np.ndindex(*A.shape[:-2]):
        X = np.tril(A[at])
        info[at] = _bunch_kaufman(X, pivots[at], hermitian and X.dtype.kind == "c")
        LD[at] = X


def _size(x: np.ndarray) -> np.ndarray:
    return np.abs(x.real) + np.abs(x.imag) if x.dtype.kind == "c" else np.abs(x)


def _bunch_kaufman(A: np.ndarray, pivots: np.ndarray, hermitian: bool) -> int:
    """Factor a lower triangle in place; 0, or the place of the first column that is 0, from 1."""
    k, info, n = 0, 0, len(A)
    if hermitian:
        A[np.diag_indices(n)] = A.diagonal().real
    while k < n:
        pivot, rows = _pivot(A, k)
        if rows == 0:
            info, rows = info or k + 1, 1
        kk = k + rows - 1
        if pivot != kk:
            _exchange(A, k, kk, pivot, hermitian)
        after = slice(k + rows, n)
        if rows == 1 and A[k, k] != 0:
            x = A[after, k].copy()
            A[after, k] /= A[k, k]
            A[after, after] -= np.tril(np.outer(A[after, k], x.conj() if hermitian else x))
        elif rows == 2:
            D = _block(A, k, hermitian)
            X = A[after, k : k + 2].copy()
            A[after, k : k + 2] = np.linalg.solve(D.T, X.T).T
            A[after, after] -= np.tril(A[after, k : k + 2] @ (X.conj() if hermitian else X).T)
        if hermitian:
            at = np.arange(k + rows, n)
            A[at, at] = A[at, at].real
        pivots[k : k + rows] = pivot + 1 if rows == 1 else -(pivot + 1)
        k += rows
    return info


def _pivot(A: np.ndarray, k: int) -> tuple[int, int]:
    """(which row to exchange, how many rows the next block has: 0 where the column is 0)."""
    here, below = float(_size(A[k, k])), _size(A[k + 1 :, k])
    largest = float(below.max(initial=0))
    if max(here, largest) == 0:
        return k, 0
    if here >= GROWTH * largest or np.isnan(here):
        return k, 1
    row = k + 1 + int(below.argmax())
    across = max(float(_size(A[row, k:row]).max()), float(_size(A[row + 1 :, row]).max(initial=0)))
    if here * across >= GROWTH * largest * largest:
        return k, 1
    return row, 1 if float(_size(A[row, row])) >= GROWTH * across else 2


def _exchange(A: np.ndarray, k: int, kk: int, p: int, hermitian: bool) -> None:
    """Rows and columns kk and p of a lower triangle, from column k on."""
    A[p + 1 :, [kk, p]] = A[p + 1 :, [p, kk]]
    between = A[kk + 1 : p, kk].copy()
    A[kk + 1 : p, kk] = A[p, kk + 1 : p].conj() if hermitian else A[p, kk + 1 : p]
    A[p, kk + 1 : p] = between.conj() if hermitian else between
    if hermitian:
        A[p, kk] = A[p, kk].conj()
    A[kk, kk], A[p, p] = A[p, p], A[kk, kk]
    if kk != k:
        A[k + 1, k], A[p, k] = A[p, k], A[k + 1, k]


def _block(A: np.ndarray, k: int, hermitian: bool) -> np.ndarray:
    D = A[k : k + 2, k : k + 2].copy()
    D[0, 1] = D[1, 0].conj() if hermitian else D[1, 0]
    return D


def ldl_solve(X: np.ndarray, LD: np.ndarray, pivots: np.ndarray, B: np.ndarray, hermitian: bool) -> None:
    """P L D L^T P^T X = B."""
    batch = X.shape[:-2]
    if pivots.size and (np.abs(pivots).max() > LD.shape[-1] or not pivots.all()):
        raise explained(RuntimeError)(
            f"Pivots given to ldl_solve must all satisfy 0 < |pivot| <= LD.size(-2), which is {LD.shape[-1]}"
        )
    LD, X[...] = np.broadcast_to(LD, (*batch, *LD.shape[-2:])), B
    pivots = np.broadcast_to(pivots, (*batch, pivots.shape[-1]))
    for at in np.ndindex(*batch):
        _solve_factored(LD[at], pivots[at], X[at], hermitian and LD.dtype.kind == "c")


def _solve_factored(LD: np.ndarray, pivots: np.ndarray, X: np.ndarray, hermitian: bool) -> None:
    blocks, k = [], 0
    while k < len(LD):
        blocks.append((k, 1 if pivots[k] > 0 else 2))
        k += blocks[-1][1]
    for k, rows in blocks:
        last, p = k + rows - 1, abs(int(pivots[k])) - 1
        X[[last, p]] = X[[p, last]]
        X[k + rows :] -= LD[k + rows :, k : k + rows] @ X[k : k + rows]
        D = LD[k : k + 1, k : k + 1] if rows == 1 else _block(LD, k, hermitian)
        X[k : k + rows] = X[k : k + 1] / D if rows == 1 else np.linalg.solve(D, X[k : k + rows])
    for k, rows in reversed(blocks):
        L = LD[k + rows :, k : k + rows]
        X[k : k + rows] -= (L.conj() if hermitian else L).T @ X[k + rows :]
        last, p = k + rows - 1, abs(int(pivots[k])) - 1
        X[[last, p]] = X[[p, last]]
