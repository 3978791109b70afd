"""Eigenvalues and singular values."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.errors import Invalid, LinAlgError


def finite(A: np.ndarray) -> None:
    """Refuse NaN and infinity, of which LAPACK makes no decomposition."""
    finite = np.isfinite(A).all((-1, -2))
    if finite.all():
        return
    batch = f"(Batch element {int(np.argmin(finite.reshape(-1)))}): " if finite.ndim else ""
    text = "The algorithm failed to converge because the input matrix contained non-finite values."
    raise Invalid(batch + text, kind=LinAlgError)


def _run(function: Any, A: np.ndarray, *args: Any, **kwargs: Any) -> Any:
    finite(A)
    try:
        return function(A, *args, **kwargs)
    except np.linalg.LinAlgError as error:
        text = f"The algorithm failed to converge because the input matrix is ill-conditioned ({error})."
        raise Invalid(text, kind=LinAlgError) from None


def linalg_eigh(values: np.ndarray, vectors: np.ndarray, A: np.ndarray, UPLO: Any, compute_v: bool) -> None:
    """A = vectors diag(values) vectors^H of a Hermitian A, of which one triangle is read."""
    if compute_v:
        values[...], vectors[...] = _run(np.linalg.eigh, A, UPLO)
    else:
        values[...] = _run(np.linalg.eigvalsh, A, UPLO)


def linalg_eig(values: np.ndarray, vectors: np.ndarray, A: np.ndarray, compute_v: bool) -> None:
    """A vectors = vectors diag(values)."""
    if compute_v:
        values[...], vectors[...] = _run(np.linalg.eig, A)
    else:
        values[...] = _run(np.linalg.eigvals, A)


def linalg_svd(
    U: np.ndarray, S: np.ndarray, Vh: np.ndarray, A: np.ndarray, full_matrices: bool, compute_uv: bool
) -> None:
    """A = U diag(S) Vh."""
    if compute_uv:
        U[...], S[...], Vh[...] = _run(np.linalg.svd, A, full_matrices)
    else:
        S[...] = _run(np.linalg.svd, A, compute_uv=False)


def linalg_pinv(out: np.ndarray, A: np.ndarray, atol: np.ndarray, rtol: np.ndarray, hermitian: bool) -> None:
    """V diag(1 / s) U^H of the singular values above the bounds."""
    if hermitian:
        s, U = _run(np.linalg.eigh, A)
        Vh = U.swapaxes(-1, -2).conj()
    else:
        U, s, Vh = _run(np.linalg.svd, A, False)
    size = np.abs(s)
    bound = np.maximum(atol, rtol * size.max(-1, initial=0))
    kept = size > bound[..., None]
    inverse = np.where(kept, 1 / np.where(kept, s, 1), 0).astype(s.dtype)
    out[...] = (Vh.swapaxes(-1, -2).conj() * inverse[..., None, :]) @ U.swapaxes(-1, -2).conj()


def linalg_det(out: np.ndarray, A: np.ndarray) -> None:
    """The determinant."""
    out[...] = np.linalg.det(A)


def linalg_slogdet(sign: np.ndarray, logabsdet: np.ndarray, A: np.ndarray) -> None:
    """The sign of the determinant and the logarithm of its size."""
    sign[...], logabsdet[...] = np.linalg.slogdet(A)
    if sign.dtype.kind == "f":
        sign[np.isnan(logabsdet)] = 0  # NaN has no sign


def given_eigenpairs(
    out_values: np.ndarray,
    out_vectors: np.ndarray,
    A: np.ndarray,
    B: Any,
    values: np.ndarray,
    vectors: np.ndarray,
) -> None:
    """The pairs as they are: what is recorded is where they come from."""
    out_values[...], out_vectors[...] = values, vectors


# Of Pade's approximation of degree 13, which is exact to the last digit of float64 up to a 1-norm of 5.37.
_PADE = (
    64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
    670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
)  # fmt: skip


def exponential(out: np.ndarray, A: np.ndarray) -> None:
    """e^A: halve A until it is small, approximate, and square as often."""
    if not A.size:
        return
    size = np.abs(A).sum(-2).max(-1)
    if not np.isfinite(size).all():
        bad = ~np.isfinite(size)
        A = np.where(bad[..., None, None], 0, A)
        size = np.where(bad, 0, size)
    else:
        bad = None
    halvings = np.maximum(np.ceil(np.log2(np.maximum(size, 1e-30) / 5.37)), 0).astype(int)
    wide = np.complex128 if A.dtype.kind == "c" else np.float64
    X = A.astype(wide) / (2.0**halvings)[..., None, None]
    one = np.eye(A.shape[-1])
    X2 = X @ X
    X4 = X2 @ X2
    X6 = X4 @ X2
    c = [float(n) for n in _PADE]
    odd = X6 @ (c[13] * X6 + c[11] * X4 + c[9] * X2) + c[7] * X6 + c[5] * X4 + c[3] * X2 + c[1] * one
    even = X6 @ (c[12] * X6 + c[10] * X4 + c[8] * X2) + c[6] * X6 + c[4] * X4 + c[2] * X2 + c[0] * one
    odd = X @ odd
    result = np.linalg.solve(even - odd, even + odd)
    for step in range(int(halvings.max(initial=0))):
        result = np.where((step < halvings)[..., None, None], result @ result, result)
    out[...] = result if bad is None else np.where(bad[..., None, None], np.nan, result)
