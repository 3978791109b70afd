"""A double of nvmath.bindings.cusolverDn."""

from __future__ import annotations

from typing import Any

import numpy as np

from fake_nvmath._binding import (
    NUMBERS,
    TYPES,
    binding,
    device,
    fails,
    getrf,
    getrs,
    handles,
    hermitian,
    host,
    matrix,
    numbers,
    pointed,
    potrf,
    queue,
    ruin,
    variants,
)  # fmt: skip

_INVALID = "CUSOLVER_STATUS_INVALID_VALUE"
_options: set[int] = set()
_params: set[int] = set()
_HOST_BYTES = 24
fail_next: dict[str, int] = {}  # name -> the code that the next call reports


@binding("cusolverDn", "")
def create() -> int:
    handle = next(numbers)
    handles["cusolverDn", handle] = None
    return handle


@binding("cusolverDn", "intptr_t handle, intptr_t stream_id")
def set_stream(handle: int, stream: int) -> None:
    handles["cusolverDn", handle] = stream


@binding("cusolverDn", "")
def create_params() -> int:
    params = next(numbers)
    _params.add(params)
    return params


def _real(letter: str) -> str:
    return {"c": "s", "z": "d"}.get(letter, letter)


def _code(name: str, ptr: int, value: int) -> None:
    device(ptr, 1, np.int32)[0] = fail_next.pop(name, value)


# ---- the 64-bit interface ------------------------------------------------------------------------------------

_ROOMS = (
    ", intptr_t buffer_on_device, size_t workspace_in_bytes_on_device, intptr_t buffer_on_host, "
    "size_t workspace_in_bytes_on_host, intptr_t info"
)
_FRONT = "intptr_t handle, intptr_t params, "


def _generic(name: str, sizes: str, more: str = "") -> Any:
    """A function and that for its workspaces; what is decorated returns (bytes on the device, work).

    `sizes` are the parameters that both have; `more` are those that stand before the last of them in the function.
    """

    def register(function: Any) -> Any:
        def size_of(handle: int, params: int, *args: int) -> tuple[int, int]:
            assert params in _params
            return function(*args)[0], _HOST_BYTES

        def run(handle: int, params: int, *args: int) -> None:
            assert params in _params
            *given, block, nbytes, host_block, host_bytes, info = args
            if more:  # the exchanges of rows
                place = given.pop(-2)
                needed, work = function(*given, place)
            else:
                needed, work = function(*given)
            fails(_INVALID, nbytes < needed or host_bytes < _HOST_BYTES)
            host(host_block, _HOST_BYTES, np.uint8)[...] = 0

            def whole() -> None:
                ruin(block, needed)
                _code(name, info, work())

            queue(whole)

        size_of.__name__, run.__name__ = name + "_buffer_size", name
        head, _, last = sizes.rpartition(", ")
        full = f"{head}, {more}, {last}" if more else sizes
        globals()[name + "_buffer_size"] = binding("cusolverDn", _FRONT + sizes)(size_of)
        globals()[name] = binding("cusolverDn", _FRONT + full + _ROOMS)(run)
        return function

    return register


@_generic("xpotrf", "int uplo, int64_t n, int data_type_a, intptr_t a, int64_t lda, int compute_type")
def _xpotrf(uplo: int, n: int, kind: int, a: int, lda: int, compute: int) -> Any:
    fails(_INVALID, uplo not in (0, 1) or lda < max(1, n) or compute != kind)
    return 8 * n + 3, lambda: potrf(matrix(a, n, n, lda, NUMBERS[kind]), uplo)


@_generic("xgetrf", "int64_t m, int64_t n, int data_type_a, intptr_t a, int64_t lda, int compute_type",
          "intptr_t ipiv")  # fmt: skip
def _xgetrf(m: int, n: int, kind: int, a: int, lda: int, compute: int, ipiv: int = 0) -> Any:
    fails(_INVALID, lda < max(1, m) or compute != kind)
    pivots = lambda: device(ipiv, min(m, n), np.int64)
    return 8 * m + 5, lambda: getrf(matrix(a, m, n, lda, NUMBERS[kind]), pivots())


@_generic("xgeqrf", "int64_t m, int64_t n, int data_type_a, intptr_t a, int64_t lda, int data_type_tau, intptr_t tau, "
                    "int compute_type")  # fmt: skip
def _xgeqrf(m: int, n: int, kind: int, a: int, lda: int, tau_kind: int, tau: int, compute: int) -> Any:
    fails(_INVALID, lda < max(1, m) or not compute == kind == tau_kind)

    def work() -> int:
        A = matrix(a, m, n, lda, NUMBERS[kind])
        raw, factors = np.linalg.qr(A.copy(), "raw")
        A[...] = raw.T
        device(tau, min(m, n), TYPES[NUMBERS[kind]])[...] = factors
        return 0

    return 16 * n + 7, work


@_generic("xsyevd", "int jobz, int uplo, int64_t n, int data_type_a, intptr_t a, int64_t lda, int data_type_w, "
                    "intptr_t w, int compute_type")  # fmt: skip
def _xsyevd(job: int, uplo: int, n: int, kind: int, a: int, lda: int, real: int, w: int, compute: int) -> Any:
    letter = NUMBERS[kind]
    fails(_INVALID, job not in (0, 1) or uplo not in (0, 1) or lda < max(1, n) or compute != kind)
    fails(_INVALID, NUMBERS[real] != _real(letter))

    def work() -> int:
        _eigen(matrix(a, n, n, lda, letter), device(w, n, TYPES[_real(letter)]), job, uplo)
        return 0

    return 32 * n + 1, work


def _eigen(A: np.ndarray, w: np.ndarray, job: int, uplo: int) -> None:
    whole = hermitian(A, uplo)
    assert np.isfinite(whole).all(), "nobody says that it comes to an end"
    w[...], V = np.linalg.eigh(whole)
    A[...] = V if job else np.nan


@_generic(
    "xgesvd",
    "signed char jobu, signed char jobvt, int64_t m, int64_t n, int data_type_a, intptr_t a, int64_t lda, "
    "int data_type_s, intptr_t s, int data_type_u, intptr_t u, int64_t ldu, int data_type_vt, intptr_t vt, "
    "int64_t ldvt, int compute_type",
)
def _xgesvd(*args: int) -> Any:
    jobu, jobvt, m, n, kind, a, lda, real, s, kind_u, u, ldu, kind_v, vt, ldvt, compute = args
    letter, job = NUMBERS[kind], chr(jobu)
    fails("CUSOLVER_STATUS_NOT_SUPPORTED", m < n)
    fails(_INVALID, job not in "ASN" or jobvt != jobu or lda < m or not kind == kind_u == kind_v == compute)
    fails(_INVALID, NUMBERS[real] != _real(letter) or (job != "N" and (ldu < m or ldvt < n)))

    def work() -> int:
        A, sizes = matrix(a, m, n, lda, letter), device(s, n, TYPES[_real(letter)])
        assert np.isfinite(A).all(), "nobody says that it comes to an end"
        U, sizes[...], Vh = np.linalg.svd(A, full_matrices=job == "A")
        A[...] = np.nan
        if job != "N":
            matrix(u, m, U.shape[1], ldu, letter)[...] = U
            matrix(vt, n, n, ldvt, letter)[...] = Vh
        return 0

    return 64 * n + 9, work


@binding("cusolverDn", _FRONT + "int trans, int64_t n, int64_t nrhs, int data_type_a, intptr_t a, int64_t lda, "
                       "intptr_t ipiv, int data_type_b, intptr_t b, int64_t ldb, intptr_t info")  # fmt: skip
def xgetrs(
    handle: int, params: int, trans: int, n: int, nrhs: int, kind: int, a: int, lda: int, ipiv: int, kind_b: int,
    b: int, ldb: int, info: int,
) -> None:  # fmt: skip
    assert params in _params
    fails(_INVALID, trans != 0 or kind != kind_b or min(lda, ldb) < max(1, n))

    def work() -> None:
        letter = NUMBERS[kind]
        getrs(matrix(a, n, n, lda, letter), device(ipiv, n, np.int64), matrix(b, n, nrhs, ldb, letter))
        _code("xgetrs", info, 0)

    queue(work)


# ---- one function for each type ------------------------------------------------------------------------------


@variants(globals(), "cusolverDn", "potrf_batched",
          "intptr_t handle, int uplo, int n, aarray, int lda, intptr_t info_array, int batch_size")  # fmt: skip
def _potrf_batched(letter: str, _: int, uplo: int, n: int, a: int, lda: int, info: int, count: int) -> None:
    assert isinstance(a, int), "a Python sequence would be an array on the host"
    fails(_INVALID, uplo not in (0, 1) or lda < max(1, n) or count < 0)

    def work() -> None:
        for i, ptr in enumerate(pointed(a, count)):
            A = matrix(ptr, n, n, lda, letter)
            device(info, count, np.int32)[i] = potrf(A, uplo)
            A[np.tril_indices(n, -1) if uplo else np.triu_indices(n, 1)] = np.nan  # a workspace

    queue(work)


def _multiply(letter: str, m: int, n: int, k: int, a: int, lda: int, tau: int) -> None:
    A, factors = matrix(a, m, n, lda, letter), device(tau, k, TYPES[letter])
    Q = np.eye(m, dtype=A.dtype)
    for i in range(k):
        v = A[:, i].copy()
        v[:i], v[i] = 0, 1
        Q = Q @ (np.eye(m) - factors[i] * np.outer(v, v.conj()))
    A[...] = Q[:, :n]


_ORGQR = "intptr_t handle, int m, int n, int k, intptr_t a, int lda, intptr_t tau"
for _name, _letters in (("orgqr", "sd"), ("ungqr", "cz")):

    @variants(globals(), "cusolverDn", _name + "_buffer_size", _ORGQR, _letters)
    def _orgqr_size(letter: str, _: int, m: int, n: int, k: int, a: int, lda: int, tau: int) -> int:
        fails(_INVALID, not m >= n >= k >= 0 or lda < max(1, m))
        return 3 * n + 2

    @variants(globals(), "cusolverDn", _name, _ORGQR + ", intptr_t work, int lwork, intptr_t info", _letters)
    def _orgqr(letter: str, _: int, m: int, n: int, k: int, a: int, lda: int, tau: int, *rest: int) -> None:
        room, length, info = rest
        fails(_INVALID, length < 3 * n + 2)

        def work() -> None:
            ruin(room, length * np.dtype(TYPES[letter]).itemsize)
            _multiply(letter, m, n, k, a, lda, tau)
            _code("orgqr", info, 0)

        queue(work)


# ---- Jacobi's method -----------------------------------------------------------------------------------------


def _create_options() -> int:
    options = next(numbers)
    _options.add(options)
    return options


def _destroy_options(options: int) -> None:
    _options.remove(options)


for _name in ("syevj", "gesvdj"):
    for _verb, _signature, _function in (
        ("create", "", _create_options), ("destroy", "intptr_t info", _destroy_options),
    ):  # fmt: skip
        _copy = lambda *args, function=_function: function(*args)
        _copy.__name__ = f"{_verb}_{_name}_info"
        globals()[_copy.__name__] = binding("cusolverDn", _signature)(_copy)

_SYEVJ = "intptr_t handle, int jobz, int uplo, int n, intptr_t a, int lda, intptr_t w, "
for _name, _letters in (("syevj_batched", "sd"), ("heevj_batched", "cz")):

    @variants(
        globals(), "cusolverDn", _name + "_buffer_size", _SYEVJ + "intptr_t params, int batch_size", _letters
    )
    def _syevj_size(letter: str, _: int, job: int, uplo: int, n: int, *rest: int) -> int:
        assert rest[3] in _options
        return 2 * n + rest[4]

    @variants(globals(), "cusolverDn", _name,
              _SYEVJ + "intptr_t work, int lwork, intptr_t info, intptr_t params, int batch_size",
              _letters)  # fmt: skip
    def _syevj(
        letter: str, _: int, job: int, uplo: int, n: int, a: int, lda: int, w: int, *rest: int
    ) -> None:
        room, length, info, options, count = rest
        fails(_INVALID, n > 32 or lda < max(1, n) or length < 2 * n + count or options not in _options)

        def work() -> None:
            ruin(room, length * np.dtype(TYPES[letter]).itemsize)
            values = device(w, n * count, TYPES[_real(letter)])
            size = np.dtype(TYPES[letter]).itemsize
            for i in range(count):
                A = matrix(a + i * lda * n * size, n, n, lda, letter)
                _eigen(A, values[i * n : i * n + n], job, uplo)
                _code("syevj", info + 4 * i, 0)

        queue(work)


_GESVDJ = (
    "intptr_t handle, int jobz, int m, int n, intptr_t a, int lda, intptr_t s, intptr_t u, int ldu, intptr_t v, "
    "int ldv, "
)


@variants(globals(), "cusolverDn", "gesvdj_batched_buffer_size", _GESVDJ + "intptr_t params, int batch_size")
def _gesvdj_size(letter: str, _: int, job: int, m: int, n: int, *rest: int) -> int:
    assert rest[-2] in _options
    return 3 * m + n + rest[-1]


@variants(globals(), "cusolverDn", "gesvdj_batched",
          _GESVDJ + "intptr_t work, int lwork, intptr_t info, intptr_t params, int batch_size")  # fmt: skip
def _gesvdj(letter: str, _: int, job: int, m: int, n: int, a: int, lda: int, s: int, *rest: int) -> None:
    u, ldu, v, ldv, room, length, info, options, count = rest
    fails(_INVALID, max(m, n) > 32 or lda < m or ldu < m or ldv < n or length < 3 * m + n + count)
    assert options in _options

    def work() -> None:
        size, k = np.dtype(TYPES[letter]).itemsize, min(m, n)
        ruin(room, length * size)
        values = device(s, k * count, TYPES[_real(letter)])
        for i in range(count):
            A = matrix(a + i * lda * n * size, m, n, lda, letter)
            _code("gesvdj", info + 4 * i, 0)
            assert np.isfinite(A).all(), "nobody says that it comes to an end"
            U, values[i * k : i * k + k], Vh = np.linalg.svd(A)
            A[...] = np.nan
            if job:
                matrix(u + i * ldu * m * size, m, m, ldu, letter)[...] = U
                matrix(v + i * ldv * n * size, n, n, ldv, letter)[...] = Vh.conj().T

    queue(work)
