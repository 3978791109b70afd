"""Cholesky and LU factors, what they solve, and determinants."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import int32, int64
from tritonnn.kernels import complex_functions, elementwise
from tritonnn.kernels.creation import arange_fill
from tritonnn.kernels.device.moving import copy, fill
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import contiguous, expand
from tritonnn.kernels.indexing import tril, triu
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.libraries._loading import call, handle, options
from tritonnn.kernels.libraries.linalg import _columns as c
from tritonnn.kernels.reduction import prod_dims
from tritonnn.kernels.reduction import sum as sum_of

# ---- Cholesky ------------------------------------------------------------------------------------------------


def linalg_cholesky_ex(L: Buffer, info: Buffer, A: Buffer, upper: bool) -> None:
    """A = L L^H, or L^H L with `upper`; info: the order of the first leading minor that is not positive definite."""
    work, codes, n = c.ready(L), c.dense(info), A.shape[-1]
    copy(work, A)
    if not work.numel:
        fill(info, 0)
        return
    uplo = c.UPPER if upper else c.LOWER
    with handle("cusolverDn", L) as solver:
        if c.several(c.count_of(A), n):
            name = c.LETTERS[A.dtype] + "potrf_batched"
            begins = c.pointers(work, A.shape[:-2])
            call("cusolverDn", name, solver, uplo, n, begins.ptr, n, codes.ptr, c.count_of(A))
        else:
            kind = c.NUMBERS[A.dtype]
            for i, address in enumerate(c.addresses(work)):
                given = (options(), uplo, n, kind, address, n, kind)
                rooms, alive = c.workspaces("xpotrf", solver, *given, like=L)
                call("cusolverDn", "xpotrf", solver, *given, *rooms, codes.ptr + i * codes.dtype.itemsize)
                del alive
    (triu if upper else tril)(L, work, 0)
    c.done(info, codes)


# ---- LU ------------------------------------------------------------------------------------------------------


class Factored(NamedTuple):
    """L and U in one matrix each, the exchanges of rows from 1 in both widths that functions take, and the codes."""

    lu: Buffer
    pivots: Buffer  # int32
    wide: Buffer | None  # int64, where matrices were factored one by one
    codes: Buffer


def _factored(lu: Buffer, pivots: Buffer, codes: Buffer) -> Factored:
    """Factor matrices where they lie; pivots and codes are row-major."""
    rows, columns = lu.shape[-2:]
    count = c.count_of(lu)
    if not lu.numel:
        fill(codes, 0)
        return Factored(lu, pivots, None, codes)
    if rows == columns and c.several(count, rows):
        begins = c.pointers(lu, lu.shape[:-2])
        with handle("cublas", lu) as blas:
            name = c.LETTERS[lu.dtype] + "getrf_batched"
            call("cublas", name, blas, rows, begins.ptr, rows, pivots.ptr, codes.ptr, count)
        return Factored(lu, pivots, None, codes)
    wide, kind = empty(pivots.shape, int64, like=lu), c.NUMBERS[lu.dtype]
    with handle("cusolverDn", lu) as solver:
        for i, address in enumerate(c.addresses(lu)):
            given = (options(), rows, columns, kind, address, rows)
            rooms, alive = c.workspaces("xgetrf", solver, *given, kind, like=lu)
            exchanges = wide.ptr + i * pivots.shape[-1] * wide.dtype.itemsize
            code = codes.ptr + i * codes.dtype.itemsize
            call("cusolverDn", "xgetrf", solver, *given, exchanges, kind, *rooms, code)
            del alive
    copy(pivots, wide)
    return Factored(lu, pivots, wide, codes)


def _factored_copy(A: Buffer, info: Buffer | None = None) -> Factored:
    codes = empty(A.shape[:-2], int32, like=A) if info is None else c.dense(info)
    found = _factored(c.copied(A), empty((*A.shape[:-2], min(A.shape[-2:])), int32, like=A), codes)
    if info is not None:
        c.done(info, codes)
    return found


def linalg_lu_factor_ex(LU: Buffer, pivots: Buffer, info: Buffer, A: Buffer) -> None:
    """L and U in one matrix, pivots from 1; info: one more than the place of the first zero in the diagonal of U."""
    work = c.ready(LU)
    copy(work, A)
    found = _factored(work, c.dense(pivots), c.dense(info))
    c.done(LU, work)
    c.done(pivots, found.pivots)
    c.done(info, found.codes)


def _solve_factored(found: Factored, X: Buffer) -> None:
    """Put A^-1 X into X, which lies by columns."""
    n, columns = X.shape[-2:]
    own, batch = found.lu.shape[:-2], X.shape[:-2]
    count, kind = c.count_of(X), c.NUMBERS[X.dtype]
    if not X.numel:
        return
    if found.wide is None or c.several(count, n):
        pivots = contiguous(expand(found.pivots, (*batch, n)))
        left, right = c.pointers(found.lu, batch), c.pointers(X, batch)
        code = np.zeros(1, np.int32)  # of the arguments, and on the host
        with handle("cublas", X) as blas:
            name = c.LETTERS[X.dtype] + "getrs_batched"
            call(
                "cublas", name, blas, c.AS_IT_IS, n, columns, left.ptr, n, pivots.ptr, right.ptr, n,
                code.ctypes.data, count,
            )  # fmt: skip
        return
    lu, told = c.addresses(found.lu), empty((1,), int32, like=X)
    with handle("cusolverDn", X) as solver:
        for at, address in zip(c.places(own, batch), c.addresses(X)):
            exchanges = found.wide.ptr + at * n * found.wide.dtype.itemsize
            call(
                "cusolverDn", "xgetrs", solver, options(), c.AS_IT_IS, n, columns, kind, lu[at], n, exchanges, kind,
                address, n, told.ptr,
            )  # fmt: skip


def linalg_solve_ex(X: Buffer, info: Buffer, A: Buffer, B: Buffer, left: bool) -> None:
    """A X = B, or X A = B; info: one more than the place of the first zero in the diagonal of the LU factor."""
    if not left:
        X, A, B = c.turned(X), c.turned(A), c.turned(B)
    found = _factored_copy(A, info)
    work = c.ready(X)
    copy(work, B)
    _solve_factored(found, work)
    c.done(X, work)


def linalg_inv_ex(inverse: Buffer, info: Buffer, A: Buffer) -> None:
    """The inverse; info: one more than the place of the first zero in the diagonal of the LU factor."""
    found, work, n = _factored_copy(A, info), c.ready(inverse), A.shape[-1]
    if not work.numel:
        return
    if found.wide is None:
        begins, ends = c.pointers(found.lu, A.shape[:-2]), c.pointers(work, A.shape[:-2])
        codes, count = c.codes_of(A), c.count_of(A)
        with handle("cublas", A) as blas:
            name = c.LETTERS[A.dtype] + "getri_batched"
            call("cublas", name, blas, n, begins.ptr, n, found.pivots.ptr, ends.ptr, n, codes.ptr, count)
    else:
        fill(work, 0)
        fill(_diagonal(work), 1)
        _solve_factored(found, work)
    c.done(inverse, work)


# ---- determinants --------------------------------------------------------------------------------------------


@triton.jit
def exchange_sign(pivot, place):
    """-1 where a row was exchanged with another, else 1."""
    return tl.where(pivot == place, 1, -1)


_exchange_sign = pointwise(exchange_sign)
_times = pointwise(elementwise.mul, complex_functions.mul)
_phase = pointwise(elementwise.sgn, complex_functions.sgn)
_size = pointwise(elementwise.abs, complex_functions.abs)
_log = pointwise(elementwise.log)


def _diagonal(X: Buffer) -> Buffer:
    return X.as_strided((*X.shape[:-2], min(X.shape[-2:])), (*X.strides[:-2], X.strides[-2] + X.strides[-1]))


def _parity(found: Factored) -> Buffer:
    """The determinant of the exchanges of rows: 1 or -1."""
    pivots, n = found.pivots, found.lu.shape[-1]
    place = empty((n,), int32, like=pivots)
    arange_fill(place, 1, 1, n, int32, pivots.device)
    signs = empty(pivots.shape, found.lu.dtype.to_real(), like=pivots)
    _exchange_sign(signs, pivots, expand(place, pivots.shape), compute=int32)
    result = empty(pivots.shape[:-1], signs.dtype, like=pivots)
    prod_dims(result, signs, (signs.ndim - 1,), False, None)
    return result


def linalg_det(out: Buffer, A: Buffer) -> None:
    """The determinant: of the exchanges, times the diagonal of U."""
    if not A.shape[-1]:
        return fill(out, 1)
    found = _factored_copy(A)
    product = empty(out.shape, out.dtype, like=out)
    prod_dims(product, _diagonal(found.lu), (A.ndim - 2,), False, None)
    _times(out, product, _parity(found), compute=out.dtype)
    return None


def linalg_slogdet(sign: Buffer, logabsdet: Buffer, A: Buffer) -> None:
    """The sign of the determinant and the logarithm of its size."""
    if not A.shape[-1]:
        fill(sign, 1)
        return fill(logabsdet, 0)
    found = _factored_copy(A)
    diagonal = contiguous(_diagonal(found.lu))
    sizes = empty(diagonal.shape, logabsdet.dtype, like=A)
    _size(sizes, diagonal, compute=diagonal.dtype)
    _log(sizes, sizes, compute=sizes.dtype)
    sum_of(logabsdet, sizes, (A.ndim - 2,), False, None)
    _phase(diagonal, diagonal, compute=diagonal.dtype)
    product = empty(sign.shape, sign.dtype, like=A)
    prod_dims(product, diagonal, (A.ndim - 2,), False, None)
    _times(sign, product, _parity(found), compute=sign.dtype)
    return None


# ---- triangles -----------------------------------------------------------------------------------------------


def solve_triangular(
    out: Buffer, input: Buffer, B: Buffer, upper: bool, left: bool, unitriangular: bool
) -> None:
    """input out = B, or out input = B, with one triangle of input."""
    work = c.ready(out)
    copy(work, B)
    if work.numel:
        A, turn = input, c.AS_IT_IS
        if not c.by_columns(A):
            if c.by_columns(c.turned(A)):
                A, turn, upper = c.turned(A), c.TURNED, not upper
            else:
                A = c.copied(A)
        _substitute(work, A, upper, left, turn, unitriangular)
    c.done(out, work)


def _substitute(X: Buffer, A: Buffer, upper: bool, left: bool, turn: int, unitriangular: bool) -> None:
    rows, columns = X.shape[-2:]
    n, batch = A.shape[-1], X.shape[:-2]
    one = np.ones(1, A.dtype.np)  # what B is multiplied by
    how = (
        c.LEFT if left else c.RIGHT, c.UPPER if upper else c.LOWER, turn, c.ONES if unitriangular else c.GIVEN_DIAGONAL,
        rows, columns, one.ctypes.data,
    )  # fmt: skip
    name = c.LETTERS[A.dtype] + "trsm"
    with handle("cublas", X) as blas:
        if c.several(c.count_of(X), n):
            triangles, targets = c.pointers(A, batch), c.pointers(X, batch)
            call("cublas", name + "_batched", blas, *how, triangles.ptr, n, targets.ptr, rows, c.count_of(X))
            return
        triangles_at = c.addresses(A)
        for at, address in zip(c.places(A.shape[:-2], batch), c.addresses(X)):
            call("cublas", name, blas, *how, triangles_at[at], n, address, rows)
