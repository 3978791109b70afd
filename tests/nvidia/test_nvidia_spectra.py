"""cuSOLVER behind orthogonal factors, eigenvalues and singular values of GPU tensors, held to NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from fake_nvmath import cusolverDn
from matrices import adjoint, close, each_kind, gpu, hermitian, numbers, on_host, positive

import tritonnn as torch
from tritonnn.runtime.interface import runtime

L = torch.linalg


@each_kind
@pytest.mark.parametrize("shape", ((4, 4), (5, 3), (3, 5), (2, 4, 3), (2, 0, 3), (3, 0)))
def test_qr(kind, shape):
    A = numbers(*shape, kind=kind)
    rows, columns = shape[-2:]
    for mode in ("reduced", "complete"):
        Q, R = L.qr(gpu(A), mode)
        k = rows if mode == "complete" else min(rows, columns)
        assert Q.shape == (*shape[:-1], k) and R.shape == (*shape[:-2], k, columns)
        Q, R = on_host(Q), on_host(R)
        close(Q @ R, A, kind)
        close(adjoint(Q) @ Q, np.broadcast_to(np.eye(k), (*shape[:-2], k, k)), kind)
        np.testing.assert_array_equal(R, np.triu(R))
    empty, R = L.qr(gpu(A), "r")
    assert empty.shape == (0,)
    close(np.abs(on_host(R)), np.abs(on_host(L.qr(gpu(A)).R)), kind)


@each_kind
def test_reflections(kind):
    A = numbers(2, 5, 3, kind=kind)
    a, tau = torch.geqrf(gpu(A))
    raw, factors = np.linalg.qr(A, "raw")
    close(a, raw.swapaxes(-1, -2), kind)
    close(tau, factors, kind)


@each_kind
@pytest.mark.parametrize("shape", ((4,), (3, 5), (3, 33), (2, 0), (2, 2, 4)))
def test_hermitian_eigenvalues(kind, shape):
    A = hermitian(*shape, kind=kind)
    expected = np.linalg.eigvalsh(A)
    for uplo in ("L", "U"):
        junk = np.full_like(A, 3)
        other = np.tril(A) + np.triu(junk, 1) if uplo == "L" else np.triu(A) + np.tril(junk, -1)
        values, V = L.eigh(gpu(other), uplo)
        close(values, expected, kind)
        close(V @ torch.diag_embed(values).to(kind) @ V.mH, A, kind)
        close(L.eigvalsh(gpu(other), uplo), expected, kind)


@each_kind
@pytest.mark.parametrize(
    "shape", ((4, 4), (5, 3), (3, 5), (3, 4, 4), (2, 5, 3), (2, 3, 5), (2, 35, 3), (2, 3, 35), (2, 0, 3))
)
def test_singular_values(kind, shape):
    A = numbers(*shape, kind=kind)
    expected = np.linalg.svd(A, compute_uv=False)
    close(L.svdvals(gpu(A)), expected, kind)
    for full in (False, True):
        U, S, Vh = L.svd(gpu(A), full)
        assert U.shape[-1] == (shape[-2] if full else min(shape[-2:])) and Vh.shape[-1] == shape[-1]
        close(S, expected, kind)
        k = S.shape[-1]
        U, Vh = on_host(U), on_host(Vh)
        close((U[..., :k] * on_host(S)[..., None, :]) @ Vh[..., :k, :], A, kind)
        for X in (U, adjoint(Vh)):
            close(
                adjoint(X) @ X, np.broadcast_to(np.eye(X.shape[-1]), (*shape[:-2], *X.shape[-1:] * 2)), kind
            )


@pytest.mark.parametrize("shape", ((2, 4, 4), (2, 40, 40), (40, 40), (3, 4)))
def test_what_does_not_converge(shape):
    x = numbers(*shape)
    (bad := x.copy())[..., -1, 0] = np.nan
    for wrong in (bad, np.where(np.isnan(bad), np.inf, bad)):
        for call in (L.svd, L.svdvals, *((L.eigh, L.eigvalsh) if shape[-1] == shape[-2] else ())):
            place = r"\(Batch element 0\): " if len(shape) > 2 else ""
            with pytest.raises(L.LinAlgError, match=place + "The algorithm failed.*non-finite values"):
                call(gpu(wrong))
    if not runtime().simulated:
        return
    cusolverDn.fail_next["gesvdj" if len(shape) > 2 and shape[-1] < 33 else "xgesvd"] = 7
    with pytest.raises(
        L.LinAlgError, match=r"failed to converge because .* ill-conditioned \(error code: 7\)"
    ):
        L.svdvals(gpu(x))


@each_kind
def test_pseudo_inverse(kind):
    for shape in ((4, 3), (2, 3, 4), (2, 35, 3)):
        A = numbers(*shape, kind=kind)
        A[..., -1] = A[..., 0]
        close(L.pinv(gpu(A), rtol=1e-4), np.linalg.pinv(A, 1e-4), kind, 10)
    H = hermitian(2, 4, kind=kind)
    close(L.pinv(gpu(H), hermitian=True), np.linalg.inv(H), kind, 50)


@each_kind
def test_least_squares(kind):
    for a, b in (((5, 3), (5, 2)), ((2, 3, 4), (2, 3, 2)), ((3, 5, 3), (5, 1)), ((5, 3), (2, 5, 1))):
        A, B = numbers(*a, kind=kind), numbers(*b, kind=kind)
        if len(a) >= len(b):
            X, _, rank, values = L.lstsq(gpu(A), gpu(B), driver="gelsd")
            assert on_host(rank).tolist() == np.full(a[:-2], min(a[-2:])).tolist()
            close(values, np.linalg.svd(A, compute_uv=False), kind)
            close(X, np.linalg.pinv(A) @ B, kind, 10)
    A[..., 1] = A[..., 0]
    X, _, rank, _ = L.lstsq(gpu(A), gpu(numbers(5, 2, kind=kind)))
    assert rank.item() == 2
    close(X, np.linalg.pinv(A, 1e-5) @ numbers(5, 2, kind=kind), kind, 10)
    with pytest.raises(L.LinAlgError, match=r"does not have full rank \(error code: 3\)"):
        L.lstsq(gpu(A), gpu(numbers(5, 2, kind=kind)), driver="gels")


@pytest.mark.parametrize("call", (
    L.eigvalsh, L.svdvals, lambda A: L.qr(A)[1].abs(), L.inv, L.det, lambda A: L.solve(A, A[:, :1]),
    lambda A: L.cholesky(A @ A.mH),
))  # fmt: skip
def test_gradients_stay_on_the_device(call):
    A = gpu(hermitian(3, kind=torch.complex128) + 3 * np.eye(3)).requires_grad_()
    assert torch.autograd.gradcheck(lambda A: call((A + A.mH) / 2), (A,), eps=1e-6)


def test_results_into_given_memory():
    A = positive(3, 40, kind=torch.float64)
    out = torch.empty(3, 40, 80, dtype=torch.float64, device="cuda")[..., ::2]
    L.cholesky(gpu(A), out=out)
    close(out, np.linalg.cholesky(A))
    values = torch.empty(3, 80, dtype=torch.float64, device="cuda")[:, ::2]
    vectors = torch.empty(3, 40, 80, dtype=torch.float64, device="cuda")[..., ::2]
    L.eigh(gpu(A), out=(values, vectors))
    close(vectors @ torch.diag_embed(values) @ vectors.mT, A)
    A_inv = torch.empty(3, 40, 80, dtype=torch.float64, device="cuda")[..., ::2]
    L.inv(gpu(A), out=A_inv)
    close(A_inv, np.linalg.inv(A))
