"""cuSOLVER and cuBLAS behind factors, equations and determinants of GPU tensors, held to NumPy's."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import adjoint, close, each_kind, gpu, numbers, on_host, positive

import tritonnn as torch

L = torch.linalg


SHAPES = ((40,), (3, 33), (2, 2, 34))  # larger than what kernels factor


def shapes(kind):
    return SHAPES + (((5,), (3, 4)) if kind.is_complex else ())


@each_kind
def test_cholesky(kind):
    for shape in shapes(kind):
        A = positive(*shape, kind=kind)
        expected = np.linalg.cholesky(A)
        close(L.cholesky(gpu(A)), expected, kind)
        other = np.tril(A) + np.triu(np.full_like(A, 7), 1)  # only one triangle is read
        close(L.cholesky(gpu(other)), expected, kind)
        close(L.cholesky(gpu(adjoint(other)), upper=True), adjoint(expected), kind)
        close(L.cholesky(gpu(A).mT.contiguous().mT), expected, kind)
    assert L.cholesky(torch.ones(2, 0, 0, device="cuda", dtype=kind)).shape == (2, 0, 0)


def test_what_has_no_cholesky_factor():
    A = positive(2, 40, kind=torch.float64)
    A[1, 10, 10] = -1
    with pytest.raises(L.LinAlgError, match=r"\(Batch element 1\).*leading minor of order 11 is not"):
        L.cholesky(gpu(A))
    with pytest.raises(L.LinAlgError, match=r"leading minor of order 11 is not"):
        L.cholesky(gpu(A[1]))
    assert L.cholesky_ex(gpu(A)).info.tolist() == [0, 11]


@each_kind
def test_lu(kind):
    for shape in ((40, 40), (3, 33, 33), (4, 3), (2, 3, 4), (2, 2, 35, 33), (5, 5), (2, 0, 3)):
        A = numbers(*shape, kind=kind)
        LU, pivots, info = L.lu_factor_ex(gpu(A))
        expected = torch.linalg.lu_factor_ex(torch.from_numpy(A))
        close(LU, on_host(expected.LU), kind, 10)
        assert pivots.dtype is torch.int32 and pivots.tolist() == expected.pivots.tolist()
        assert info.dtype is torch.int32 and info.tolist() == expected.info.tolist()


def test_lu_of_singular_matrices():
    A = numbers(2, 40, 40)
    A[1, :, 5] = 0
    assert L.lu_factor_ex(gpu(A)).info.tolist() == [0, 6] and L.lu_factor_ex(gpu(A[1])).info.item() == 6
    for call in (L.inv, lambda A: L.solve(A, A)):
        with pytest.raises(L.LinAlgError, match=r"\(Batch element 1\).*singular"):
            call(gpu(A))
        with pytest.raises(L.LinAlgError, match="singular"):
            call(gpu(A[1]))
    assert on_host(L.det(gpu(A)))[1] == 0
    sign, log = L.slogdet(gpu(A[1]))
    assert sign.item() == 0 and log.item() == -np.inf
    A[1, 3, 4] = np.nan
    sign, log = L.slogdet(gpu(A[1]))
    assert sign.item() == L.slogdet(torch.from_numpy(A[1]))[0].item() and np.isnan(log.item())


@each_kind
def test_solve(kind):
    for a, b in (((40,), (40, 2)), ((3, 33), (3, 33, 2)), ((34,), (2, 3, 34, 2)), ((2, 1, 33), (2, 3, 33, 1)),
                 ((2, 3, 33), (33, 2)), ((40,), (40, 0)), ((520,), (2, 520, 1))):  # fmt: skip
        A = positive(*a, kind=kind) / a[-1] + numbers(*a, a[-1], kind=kind) / 8
        B = numbers(*b, kind=kind)
        close(L.solve(gpu(A), gpu(B)), np.linalg.solve(A, B), kind, 20)
        right = np.linalg.solve(A.swapaxes(-1, -2), B).swapaxes(-1, -2)
        close(L.solve(gpu(A), gpu(B.swapaxes(-1, -2)), left=False), right, kind, 20)
    A = positive(2, 40, kind=kind)
    close(L.solve(gpu(A), gpu(A[:, 0])), np.linalg.solve(A, A[:, 0, :, None])[..., 0], kind)


@each_kind
def test_inverse_and_determinant(kind):
    for shape in shapes(kind):
        A = numbers(*shape, shape[-1], kind=kind) + np.eye(shape[-1], dtype=kind.np) * 6
        A[..., [0, 1], :] = A[..., [1, 0], :]
        close(L.inv(gpu(A)), np.linalg.inv(A), kind, 10)
        scaled = A / 6
        det = np.linalg.det(scaled)
        close(L.det(gpu(scaled)) / gpu(det), np.ones_like(det), kind, 10)
        sign, log = L.slogdet(gpu(A))
        expected = np.linalg.slogdet(A)
        close(sign, expected[0], kind, 10)
        close(log, expected[1], kind, 10)


@each_kind
def test_triangles(kind):
    for a, b in (
        ((40,), (40, 2)),
        ((3, 33), (3, 33, 2)),
        ((34,), (2, 34, 3)),
        ((2, 1, 33), (2, 3, 33, 1)),
        ((33,), (33, 0)),
    ):
        n = a[-1]
        A, B = numbers(*a, n, kind=kind) / n + np.eye(n, dtype=kind.np) * 2, numbers(*b, kind=kind)
        for upper in (False, True):
            for ones in (False, True):
                T = np.triu(A, 1) if upper else np.tril(A, -1)
                T = T + np.eye(n, dtype=kind.np) * (1 if ones else np.diagonal(A, 0, -2, -1)[..., None, :])
                expected = np.linalg.inv(T) @ B
                for given in (gpu(A), gpu(A.swapaxes(-1, -2)).mT, gpu(np.repeat(A, 2, -1))[..., ::2]):
                    found = L.solve_triangular(given, gpu(B), upper=upper, unitriangular=ones)
                    close(found, expected, kind)
                turned = gpu(B.swapaxes(-1, -2))
                found = L.solve_triangular(gpu(A), turned, upper=upper, left=False, unitriangular=ones)
                close(found, B.swapaxes(-1, -2) @ np.linalg.inv(T), kind)
