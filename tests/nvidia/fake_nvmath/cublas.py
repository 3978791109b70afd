"""A double of nvmath.bindings.cublas."""

from __future__ import annotations

from typing import Any

import numpy as np

from fake_nvmath._binding import (
    TYPES,
    binding,
    device,
    fails,
    getrf,
    getrs,
    handles,
    host,
    matrix,
    numbers,
    pointed,
    queue,
    variants,
)  # fmt: skip

_INVALID = "CUBLAS_STATUS_INVALID_VALUE"


@binding("cublas", "")
def create() -> int:
    handle = next(numbers)
    handles["cublas", handle] = None
    return handle


@binding("cublas", "intptr_t handle, intptr_t stream_id")
def set_stream(handle: int, stream: int) -> None:
    handles["cublas", handle] = stream


@variants(globals(), "cublas", "getrf_batched",
          "intptr_t handle, int n, intptr_t a, int lda, intptr_t p, intptr_t info, int batch_size")  # fmt: skip
def _getrf(letter: str, _: int, n: int, a: int, lda: int, p: int, info: int, count: int) -> None:
    fails(_INVALID, n < 0 or lda < max(1, n) or count < 0)

    def work() -> None:
        pivots, codes = device(p, n * count, np.int32), device(info, count, np.int32)
        for i, ptr in enumerate(pointed(a, count)):
            codes[i] = getrf(matrix(ptr, n, n, lda, letter), pivots[i * n : i * n + n])

    queue(work)


@variants(globals(), "cublas", "getri_batched",
          "intptr_t handle, int n, intptr_t a, int lda, intptr_t p, intptr_t c, int ldc, intptr_t info, "
          "int batch_size")  # fmt: skip
def _getri(
    letter: str, _: int, n: int, a: int, lda: int, p: int, c: int, ldc: int, info: int, count: int
) -> None:
    fails(_INVALID, n < 0 or lda < max(1, n) or ldc < max(1, n) or count < 0)

    def work() -> None:
        pivots, codes = device(p, n * count, np.int32), device(info, count, np.int32)
        for i, (given, result) in enumerate(zip(pointed(a, count), pointed(c, count))):
            assert given != result, "getriBatched does not work in place"
            LU, out = matrix(given, n, n, lda, letter), matrix(result, n, n, ldc, letter)
            zero = LU.diagonal() == 0
            codes[i] = int(np.argmax(zero)) + 1 if zero.any() else 0
            out[...] = np.eye(n)
            getrs(LU, pivots[i * n : i * n + n], out)

    queue(work)


@variants(globals(), "cublas", "getrs_batched",
          "intptr_t handle, int trans, int n, int nrhs, intptr_t aarray, int lda, intptr_t dev_ipiv, intptr_t barray, "
          "int ldb, intptr_t info, int batch_size")  # fmt: skip
def _getrs(
    letter: str, _: int, trans: int, n: int, nrhs: int, a: int, lda: int, p: int, b: int, ldb: int, info: int,
    count: int,
) -> None:  # fmt: skip
    fails(_INVALID, trans != 0 or n < 0 or nrhs < 0 or min(lda, ldb) < max(1, n) or count < 0)
    host(info, 1, np.int32)[...] = 0

    def work() -> None:
        pivots = device(p, n * count, np.int32)
        for i, (left, right) in enumerate(zip(pointed(a, count), pointed(b, count))):
            getrs(
                matrix(left, n, n, lda, letter),
                pivots[i * n : i * n + n],
                matrix(right, n, nrhs, ldb, letter),
            )

    queue(work)


def _substitute(
    letter: str, side: int, uplo: int, trans: int, diag: int, m: int, n: int, alpha: Any, a: int, lda: int, b: int,
    ldb: int,
) -> None:  # fmt: skip
    k = n if side else m
    A, B = matrix(a, k, k, lda, letter), matrix(b, m, n, ldb, letter)
    T = np.triu(A, diag) if uplo else np.tril(A, -diag)
    T = T + np.eye(k, dtype=T.dtype) if diag else T
    T = {0: T, 1: T.T, 2: T.conj().T}[trans]
    B[...] = np.linalg.solve(T.T, alpha * B.T).T if side else np.linalg.solve(T, alpha * B)


_TRSM = "intptr_t handle, int side, int uplo, int trans, int diag, int m, int n, intptr_t alpha, intptr_t a, int lda, "


def _refused(side: int, uplo: int, trans: int, diag: int, m: int, n: int, lda: int, ldb: int) -> None:
    bad = side not in (0, 1) or uplo not in (0, 1) or trans not in (0, 1, 2) or diag not in (0, 1)
    fails(_INVALID, bad or min(m, n) < 0 or lda < max(1, n if side else m) or ldb < max(1, m))


@variants(globals(), "cublas", "trsm", _TRSM + "intptr_t b, int ldb")
def _trsm(letter: str, _: int, *args: int) -> None:
    side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb = args
    _refused(side, uplo, trans, diag, m, n, lda, ldb)
    factor = host(alpha, 1, TYPES[letter])[0]
    queue(lambda: _substitute(letter, side, uplo, trans, diag, m, n, factor, a, lda, b, ldb))


@variants(globals(), "cublas", "trsm_batched", _TRSM + "intptr_t b, int ldb, int batch_count")
def _trsm_batched(letter: str, _: int, *args: int) -> None:
    side, uplo, trans, diag, m, n, alpha, a, lda, b, ldb, count = args
    _refused(side, uplo, trans, diag, m, n, lda, ldb)
    factor = host(alpha, 1, TYPES[letter])[0]

    def work() -> None:
        for left, right in zip(pointed(a, count), pointed(b, count)):
            _substitute(letter, side, uplo, trans, diag, m, n, factor, left, lda, right, ldb)

    queue(work)
