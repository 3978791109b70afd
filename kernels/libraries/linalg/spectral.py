"""Eigenvalues of Hermitian matrices, singular values, and what is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.buffer import Buffer
from tritonnn.dtypes import uint8
from tritonnn.errors import Invalid, LinAlgError
from tritonnn.kernels import complex_functions, elementwise
from tritonnn.kernels.device.moving import copy, fill, narrow
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.device.strided import contiguous, expand, read
from tritonnn.kernels.launch.launch import empty
from tritonnn.kernels.libraries._loading import call, handle, options
from tritonnn.kernels.libraries.linalg import _columns as c
from tritonnn.kernels.linalg.linalg import matmul_nd
from tritonnn.runtime.interface import runtime

# Rows and columns up to which cuSOLVER decomposes several matrices at once, by Jacobi's method.
JACOBI = 32
_times = pointwise(elementwise.mul, complex_functions.mul)


def linalg_eigh(values: Buffer, vectors: Buffer, A: Buffer, UPLO: str, compute_v: bool) -> None:
    """A = vectors diag(values) vectors^H of a Hermitian A, of which one triangle is read."""
    if not A.numel:
        return
    c.refuse_non_finite(A)
    work = c.ready(vectors) if compute_v else c.matrices(A.shape, A.dtype, like=A)
    copy(work, A)
    sizes, codes = c.dense(values), c.codes_of(A)
    how = (c.VECTORS if compute_v else c.VALUES_ONLY, c.LOWER if UPLO == "L" else c.UPPER, A.shape[-1])
    with handle("cusolverDn", A) as solver:
        if c.count_of(A) > 1 and A.shape[-1] <= JACOBI:
            _eigh_at_once(solver, how, work, sizes, codes)
        else:
            _eigh_one_by_one(solver, how, work, sizes, codes)
    c.refuse_failed(A, codes)
    c.done(values, sizes)
    if compute_v:
        c.done(vectors, work)


def _eigh_at_once(solver: int, how: tuple[int, ...], work: Buffer, values: Buffer, codes: Buffer) -> None:
    name = c.LETTERS[work.dtype] + ("heevj_batched" if work.dtype.is_complex else "syevj_batched")
    given, count = (*how, work.ptr, c.leading(work), values.ptr), c.count_of(work)
    settings = call("cusolverDn", "create_syevj_info")
    try:
        length = call("cusolverDn", name + "_buffer_size", solver, *given, settings, count)
        room = _room(length, work)
        call("cusolverDn", name, solver, *given, room.ptr, length, codes.ptr, settings, count)
    finally:
        call("cusolverDn", "destroy_syevj_info", settings)


def _eigh_one_by_one(solver: int, how: tuple[int, ...], work: Buffer, values: Buffer, codes: Buffer) -> None:
    n = work.shape[-1]
    kind, real = c.NUMBERS[work.dtype], c.NUMBERS[values.dtype]
    for i, address in enumerate(c.addresses(work)):
        given = (options(), *how, kind, address, n, real, values.ptr + i * n * values.dtype.itemsize, kind)
        rooms, alive = c.workspaces("xsyevd", solver, *given, like=work)
        call("cusolverDn", "xsyevd", solver, *given, *rooms, codes.ptr + i * codes.dtype.itemsize)
        del alive


def _room(length: int, like: Buffer) -> Buffer:
    """Workspace of so many elements."""
    return empty((max(1, length) * like.dtype.itemsize,), uint8, like=like)


# ---- singular values -----------------------------------------------------------------------------------------


def linalg_svd(U: Buffer, S: Buffer, Vh: Buffer, A: Buffer, full_matrices: bool, compute_uv: bool) -> None:
    """A = U diag(S) Vh."""
    if not A.numel:
        if compute_uv:
            _identity(U)
            _identity(Vh)
        return
    c.refuse_non_finite(A)
    rows, columns = A.shape[-2:]
    values, codes = c.dense(S), c.codes_of(A)
    with handle("cusolverDn", A) as solver:
        if c.count_of(A) > 1 and max(rows, columns) <= JACOBI:
            _svd_at_once(solver, U, values, Vh, A, compute_uv, codes)
        elif rows >= columns:
            _svd_one_by_one(solver, U, values, Vh, c.copied(A), full_matrices, compute_uv, codes)
        else:  # cuSOLVER takes no wide matrices: A^H = V diag(S) U^H
            tall = c.matrices((*A.shape[:-2], columns, rows), A.dtype, like=A)
            c.adjoint(tall, A)
            V, UH = _adjoints(Vh, U, compute_uv)
            _svd_one_by_one(solver, V, values, UH, tall, full_matrices, compute_uv, codes)
            if compute_uv:
                c.adjoint(U, UH)
                c.adjoint(Vh, V)
    c.refuse_failed(A, codes)
    c.done(S, values)


def _identity(out: Buffer) -> None:
    fill(out, 0)
    size = min(out.shape[-2:])
    fill(out.as_strided((*out.shape[:-2], size), (*out.strides[:-2], out.strides[-2] + out.strides[-1])), 1)


def _adjoints(Vh: Buffer, U: Buffer, wanted: bool) -> tuple[Buffer, Buffer]:
    """Room for the adjoint matrices."""
    if not wanted:
        return Vh, U
    return tuple([c.matrices(c.turned(X).shape, X.dtype, like=X) for X in (Vh, U)])  # type: ignore[return-value]


def _svd_one_by_one(
    solver: int, U: Buffer, S: Buffer, Vh: Buffer, A: Buffer, full: bool, compute_uv: bool, codes: Buffer
) -> None:  # fmt: skip
    """Of matrices that are not wide; A is written over."""
    rows, columns = A.shape[-2:]
    kind, real = c.NUMBERS[A.dtype], c.NUMBERS[S.dtype]
    job = ord("N" if not compute_uv else "A" if full else "S")
    left, right = (c.ready(U), c.ready(Vh)) if compute_uv else (A, A)
    lefts, rights = (c.addresses(left), c.addresses(right)) if compute_uv else ([0] * codes.numel,) * 2
    for i, address in enumerate(c.addresses(A)):
        given = (
            options(), job, job, rows, columns, kind, address, rows, real, S.ptr + i * columns * S.dtype.itemsize,
            kind, lefts[i], rows, kind, rights[i], columns, kind,
        )  # fmt: skip
        rooms, alive = c.workspaces("xgesvd", solver, *given, like=A)
        call("cusolverDn", "xgesvd", solver, *given, *rooms, codes.ptr + i * codes.dtype.itemsize)
        del alive
    if compute_uv:
        c.done(U, left)
        c.done(Vh, right)


def _svd_at_once(
    solver: int, U: Buffer, S: Buffer, Vh: Buffer, A: Buffer, compute_uv: bool, codes: Buffer
) -> None:
    *batch, rows, columns = A.shape
    work = c.copied(A)
    left, right = (c.matrices((*batch, n, n), A.dtype, like=A) for n in (rows, columns))
    name = c.LETTERS[A.dtype] + "gesvdj_batched"
    given = (
        c.VECTORS if compute_uv else c.VALUES_ONLY, rows, columns, work.ptr, rows, S.ptr, left.ptr, rows, right.ptr,
        columns,
    )  # fmt: skip
    count, settings = c.count_of(A), call("cusolverDn", "create_gesvdj_info")
    try:
        length = call("cusolverDn", name + "_buffer_size", solver, *given, settings, count)
        room = _room(length, work)
        call("cusolverDn", name, solver, *given, room.ptr, length, codes.ptr, settings, count)
    finally:
        call("cusolverDn", "destroy_gesvdj_info", settings)
    if compute_uv:  # V came in columns, and both square
        copy(U, narrow(left, len(batch) + 1, 0, U.shape[-1]))
        c.adjoint(Vh, narrow(right, len(batch) + 1, 0, Vh.shape[-2]))


# ---- of singular values --------------------------------------------------------------------------------------


def _decomposed(A: Buffer, hermitian: bool) -> tuple[Buffer, Buffer, Buffer]:
    """U, values and Vh; of a Hermitian matrix the values are eigenvalues."""
    *batch, rows, columns = A.shape
    k = min(rows, columns)
    U = c.matrices((*batch, rows, k), A.dtype, like=A)
    values = empty((*batch, k), A.dtype.to_real(), like=A)
    Vh = c.matrices((*batch, k, columns), A.dtype, like=A)
    if hermitian:
        linalg_eigh(values, U, A, "L", True)
        c.adjoint(Vh, U)
    else:
        linalg_svd(U, values, Vh, A, False, True)
    return U, values, Vh


def _inverted(V: Buffer, factors: np.ndarray[Any, Any], UH: Buffer, out: Buffer) -> None:
    """out = V diag(factors) UH; the factors come from the host."""
    wide = empty(factors.shape, V.dtype.to_real(), like=V)
    runtime().upload(wide.ptr, np.ascontiguousarray(factors, wide.dtype.np), V.device.index)
    scaled = empty(V.shape, V.dtype, like=V)
    rows = wide.as_strided((*V.shape[:-2], 1, V.shape[-1]), (*wide.strides[:-1], 0, 1))
    _times(scaled, V, expand(rows, V.shape), compute=V.dtype)
    matmul_nd(out, scaled, UH)


def _turned_back(X: Buffer) -> Buffer:
    """X^H, by rows."""
    *batch, rows, columns = X.shape
    result = empty((*batch, columns, rows), X.dtype, like=X)
    c.adjoint(result, X)
    return result


def linalg_pinv(out: Buffer, A: Buffer, atol: Buffer, rtol: Buffer, hermitian: bool) -> None:
    """V diag(1 / s) U^H of the singular values above the bounds. Waits for the device."""
    if not out.numel:
        return
    U, values, Vh = _decomposed(A, hermitian)
    s = read(values)
    size = np.abs(s)
    bound = np.maximum(read(contiguous(atol)), read(contiguous(rtol)) * size.max(-1, initial=0))
    kept = size > bound[..., None]
    _inverted(_turned_back(Vh), np.where(kept, 1 / np.where(kept, s, 1), 0), _turned_back(U), out)


def least_squares(
    X: Buffer, rank: Buffer, values: Buffer, A: Buffer, B: Buffer, rcond: float, full: bool
) -> None:
    """The smallest X that minimises |A X - B|. Waits for the device."""
    if not A.numel:
        fill(X, 0)
        return fill(rank, 0)
    U, found, Vh = _decomposed(A, False)
    s = read(found)
    kept = s > (rcond or float(np.finfo(s.dtype).eps) * max(A.shape[-2:])) * s.max(-1, keepdims=True)
    ranks = np.asarray(kept.sum(-1))
    if full and (ranks < s.shape[-1]).any():
        lower = int(ranks.reshape(-1)[np.argmax(ranks.reshape(-1) < s.shape[-1])])
        text = "The least squares solution could not be computed because the input matrix does not have full rank"
        raise Invalid(f"{text} (error code: {lower + 1}).", kind=LinAlgError)
    batch, k = X.shape[:-2], s.shape[-1]
    if X.numel:
        turned = empty((*batch, k, B.shape[-1]), B.dtype, like=B)
        UH = _turned_back(U)
        matmul_nd(
            turned, expand(UH, (*batch, *UH.shape[-2:])), contiguous(expand(B, (*batch, *B.shape[-2:])))
        )
        V = _turned_back(Vh)
        factors = np.broadcast_to(np.where(kept, 1 / np.where(kept, s, 1), 0), (*batch, k))
        _inverted(contiguous(expand(V, (*batch, *V.shape[-2:]))), factors, turned, X)
    told = empty(ranks.shape, rank.dtype, like=rank)
    runtime().upload(told.ptr, np.ascontiguousarray(ranks, np.int64), rank.device.index)
    copy(rank, told)
    copy(values, found)
    return None
