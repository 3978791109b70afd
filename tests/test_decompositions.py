"""Decompositions multiplied together again, what is refused and how, and what gradients depend on."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch

DEVICES = ("cpu", "cuda")
SHAPES = ((4, 4), (2, 5, 3), (3, 2, 2, 4))
KINDS = (torch.float64, torch.complex128)

pytestmark = pytest.mark.filterwarnings("ignore:.*runs through LAPACK on the host")


def matrix(*shape, kind=torch.float64, device="cpu", seed=0):
    rng = np.random.default_rng(seed)
    values = rng.standard_normal(shape)
    if kind.is_complex:
        values = values + 1j * rng.standard_normal(shape)
    return torch.from_numpy(values.astype(kind.np)).to(device)


def close(a, b, tol=1e-10):
    np.testing.assert_allclose(a.detach().cpu().numpy(), b.detach().cpu().numpy(), rtol=tol, atol=tol)


def unit(like, n):
    return torch.eye(n, dtype=like.dtype).expand(*like.shape[:-2], n, n)


def on_devices(function):
    """On the simulated GPU in real numbers, which is what it has."""
    rows = [(device, kind) for device in DEVICES for kind in KINDS if device == "cpu" or not kind.is_complex]
    return pytest.mark.parametrize(("device", "kind"), rows)(function)


@on_devices
@pytest.mark.parametrize("shape", SHAPES)
def test_singular_vectors(device, kind, shape):
    A = matrix(*shape, kind=kind, device=device)
    U, S, Vh = torch.linalg.svd(A, full_matrices=False)
    k = min(shape[-2:])
    close(U.cpu() * S.cpu().unsqueeze(-2) @ Vh.cpu(), A)
    close(U.mH @ U, unit(U, k))
    close(Vh @ Vh.mH, unit(U, k))
    assert bool((S[..., :-1] >= S[..., 1:]).all())
    U, S, V = torch.svd(A, some=False)
    assert U.shape[-2:] == (shape[-2],) * 2
    close(U.mH @ U, unit(U, shape[-2]))
    close(U[..., :k] * S.unsqueeze(-2) @ V[..., :k].mH, A)


@on_devices
def test_eigenvectors(device, kind):
    A = matrix(3, 4, 4, kind=kind, device=device)
    H = A + A.mH
    values, V = torch.linalg.eigh(H)
    close(V * values.unsqueeze(-2) @ V.mH, H)
    close(V.mH @ V, unit(V, 4))
    assert bool((values[..., :-1] <= values[..., 1:]).all())
    values, V = torch.symeig(H, True, False)
    close(V * values.unsqueeze(-2) @ V.mH, H)
    if device == "cpu":
        values, V = torch.linalg.eig(A)
        close(A.to(torch.complex128) @ V, V * values.unsqueeze(-2))
        close(values.sum(-1), A.diagonal(dim1=-2, dim2=-1).sum(-1).to(torch.complex128))


def test_real_numbers_for_pairs_of_eigenvalues():
    """Of a pair the real part stands in the first column, the imaginary part in the second."""
    A = torch.tensor([[0.0, -2.0, 0.0], [2.0, 0.0, 0.0], [0.0, 0.0, 5.0]], dtype=torch.float64)
    values, V = torch.eig(A, eigenvectors=True)
    for j in range(3):
        if values[j, 1] == 0:
            close(A @ V[:, j], values[j, 0] * V[:, j])
        elif values[j, 1] > 0:
            real, imag = V[:, j], V[:, j + 1]
            close(A @ real, values[j, 0] * real - values[j, 1] * imag)
            close(A @ imag, values[j, 1] * real + values[j, 0] * imag)
    assert sorted(values[:, 1].round().tolist()) == [-2, 0, 2]


@on_devices
@pytest.mark.parametrize("shape", [(4, 4), (2, 5, 3), (3, 40, 70), (70, 40)])
def test_triangular_factors(device, kind, shape):
    """Beyond 32 rows elimination goes block by block."""
    A = matrix(*shape, kind=kind, device=device)
    P, L, U = torch.linalg.lu(A)
    close(P @ L @ U, A)
    close(L, torch.tril(L))
    close(U, torch.triu(U))
    LU, pivots = torch.lu(A)
    for a, b in zip(torch.lu_unpack(LU, pivots), (P, L, U), strict=True):
        close(a, b)
    if device == "cpu":
        assert (
            float(L.abs().max()) <= (1 if not kind.is_complex else 2**0.5) + 1e-12
        )  # the pivots are the largest


@on_devices
@pytest.mark.parametrize("left", [True, False])
def test_triangular_equations_of_many_rows(device, kind, left):
    A = matrix(2, 70, 70, kind=kind, device=device) / 70 + torch.eye(70, dtype=kind, device=device)
    B = matrix(70, 3, kind=kind, device=device) if left else matrix(2, 3, 70, kind=kind, device=device)
    for upper in (False, True):
        X = torch.linalg.solve_triangular(A, B, upper=upper, left=left)
        T = torch.triu(A) if upper else torch.tril(A)
        close(T @ X if left else X @ T, B.expand(X.shape))


@on_devices
def test_reflections(device, kind):
    A = matrix(2, 5, 3, kind=kind, device=device)
    a, tau = torch.geqrf(A)
    Q = torch.orgqr(a, tau)
    close(Q @ torch.triu(a)[..., :3, :], A)
    close(Q.mH @ Q, unit(Q, 3))
    C = matrix(2, 5, 2, kind=kind, device=device, seed=1)
    full = torch.ormqr(a, tau, torch.eye(5, dtype=kind, device=device).expand(2, 5, 5))
    close(torch.ormqr(a, tau, C), full @ C)
    close(torch.ormqr(a, tau, C, transpose=True), full.mH @ C)
    close(torch.ormqr(a, tau, C.mT, left=False), C.mT @ full)


@on_devices
@pytest.mark.parametrize("hermitian", [False, True])
def test_symmetric_indefinite(device, kind, hermitian):
    """Zeros in the diagonal ask for blocks of two rows."""
    A = matrix(3, 7, 7, kind=kind, device=device)
    A = A + (A.mH if hermitian else A.mT)
    A = A - torch.diag_embed(A.diagonal(dim1=-2, dim2=-1))
    LD, pivots = torch.linalg.ldl_factor(A, hermitian=hermitian)
    assert bool((pivots < 0).any())
    B = matrix(3, 7, 2, kind=kind, device=device, seed=1)
    close(A @ torch.linalg.ldl_solve(LD, pivots, B, hermitian=hermitian), B, 1e-8)


@pytest.mark.parametrize("upper", [True, False])
def test_pivoted_cholesky_of_a_matrix_of_low_rank(upper):
    X = matrix(6, 2)
    A = X @ X.T
    u, piv = torch.pstrf(A, upper)
    order = piv.long()
    close((u.T @ u) if upper else (u @ u.T), A[order][:, order])
    rest = u[2:] if upper else u[:, 2:]
    assert float(rest.abs().max()) == 0


def test_residuals_of_gels_stand_below_the_solution():
    A, B = matrix(6, 3), matrix(6, 2, seed=1)
    X, _ = torch.gels(B, A)
    assert X.shape == (6, 2)
    close((X[3:] ** 2).sum(0), ((A @ X[:3] - B) ** 2).sum(0))
    close(A.T @ (A @ X[:3] - B), torch.zeros(3, 2, dtype=torch.float64))


@pytest.mark.parametrize("device", DEVICES)
def test_the_first_matrix_that_fails_is_named(device):
    good, bad = torch.eye(3), torch.eye(3)
    bad[1, 1] = -1
    with pytest.raises(
        torch.linalg.LinAlgError, match=r"linalg.cholesky: \(Batch element 1\).*minor of order 2"
    ):
        torch.linalg.cholesky(torch.stack([good, bad, bad]).to(device))
    bad[1] = 0
    batch = torch.stack([good, good, bad]).to(device)
    with pytest.raises(
        torch.linalg.LinAlgError, match=r"linalg.inv: \(Batch element 2\): The diagonal element 2"
    ):
        torch.linalg.inv(batch)
    with pytest.raises(
        torch.linalg.LinAlgError, match=r"linalg.solve: \(Batch element 2\): The solver failed"
    ):
        torch.linalg.solve(batch, torch.ones(3, 1, device=device))
    with pytest.raises(RuntimeError, match=r"lu_factor: \(Batch element 2\): U\[[23],[23]\] is zero"):
        torch.linalg.lu_factor(batch)
    bad[0, 0] = float("nan")
    for refused in (torch.linalg.svd, torch.linalg.eigh, torch.linalg.eigvals, torch.linalg.svdvals):
        with pytest.raises(torch.linalg.LinAlgError, match=r"\(Batch element 1\): .*non-finite"):
            refused(torch.stack([good, bad]).to(device))
    assert issubclass(torch.linalg.LinAlgError, RuntimeError)


def test_what_failed_beside_what_did_not():
    batch = torch.stack([4 * torch.eye(2), -torch.eye(2)])
    L, info = torch.linalg.cholesky_ex(batch)
    assert info.tolist() == [0, 1]
    close(L[0], 2 * torch.eye(2))
    inverse, info = torch.linalg.inv_ex(torch.stack([4 * torch.eye(2), torch.zeros(2, 2)]))
    assert info.tolist() == [0, 1]
    close(inverse[0], torch.eye(2) / 4)
    X, info = torch.linalg.solve_ex(torch.stack([4 * torch.eye(2), torch.zeros(2, 2)]), torch.ones(2, 1))
    assert info.tolist() == [0, 1]
    close(X[0], torch.ones(2, 1) / 4)


def test_nothing_factored():
    """Batches without matrices, and matrices without rows: as LAPACK's names have them, without an error."""
    for shape in ((0, 0), (2, 0, 0), (0, 3, 3), (0, 3), (2, 3, 0)):
        LU, pivots, info = torch.linalg.lu_factor_ex(torch.ones(shape))
        assert LU.shape == shape and pivots.shape == (*shape[:-2], min(shape[-2:])) and not info.any()
    assert torch.linalg.lstsq(torch.ones(0, 3, 3), torch.ones(0, 3, 2))[0].shape == (0, 3, 2)


def test_nan_is_a_pivot_on_the_diagonal_alone():
    """As PyTorch's LAPACK has it: what is compared with NaN is never the smaller one."""
    nan = float("nan")
    A = torch.tensor([[[nan, 1.0], [2.0, 3.0]], [[1.0, 1.0], [nan, 3.0]], [[1.0, nan], [-4.0, 3.0]]])
    _, pivots, info = torch.linalg.lu_factor_ex(A)
    assert pivots.tolist() == [[1, 2], [1, 2], [2, 2]] and not info.any()
    assert torch.linalg.cond(A, 1).tolist() == [np.inf] * 3


def test_lu_of_a_singular_matrix_is_no_error():
    LU, pivots = torch.lu(torch.zeros(2, 2))
    assert LU.tolist() == [[0, 0], [0, 0]] and pivots.tolist() == [1, 2]


@pytest.mark.parametrize("name", ["svd", "eigh", "eig"])
def test_a_loss_that_depends_on_the_phase_of_vectors_is_refused(name):
    A = matrix(3, 3, kind=torch.complex128)
    A = (A + A.mH).requires_grad_()
    results = getattr(torch.linalg, name)(A)
    vectors = results[0] if name == "svd" else results[1]
    with pytest.raises(RuntimeError, match="so it is ill-defined"):
        vectors.real.sum().backward()
    results = getattr(torch.linalg, name)(A)
    vectors = results[0] if name == "svd" else results[1]
    (vectors.abs() ** 2)[0].sum().backward()


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_gradient_of_the_determinant_of_a_singular_matrix(rank):
    """It is the matrix of cofactors, which may be other than 0."""
    X = matrix(3, rank) if rank < 3 else torch.eye(3, dtype=torch.float64)
    A = (X @ X.T).detach()
    if rank < 3:
        A[2] = 0  # exactly singular
        A[:, 2] = 0
    A.requires_grad_()
    torch.linalg.det(A).backward()
    a, wanted = A.detach().numpy(), np.zeros((3, 3))
    for i in range(3):
        for j in range(3):
            wanted[i, j] = (-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1))
    np.testing.assert_allclose(A.grad.numpy(), wanted, atol=1e-12)


def test_qr_without_a_gradient():
    A = matrix(4, 3).requires_grad_()
    with pytest.raises(RuntimeError, match="depends on Q, which is not computed when mode='r'"):
        torch.linalg.qr(A, "r").R.sum().backward()
    with pytest.raises(RuntimeError, match="not differentiable when mode='complete' and nrows > ncols"):
        torch.linalg.qr(A, "complete").R.sum().backward()


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_come_back_from_the_host(device):
    """Also through copies between devices in the midst of a graph."""
    A = matrix(3, 3, kind=torch.float32, device=device).requires_grad_()
    (torch.linalg.inv(A * 2) * 3).sum().backward()
    inverse = torch.linalg.inv(A.detach())
    close(A.grad, -1.5 * inverse.mT @ torch.ones(3, 3, device=device) @ inverse.mT, 1e-3)
    assert A.grad.device == A.device


def test_few_singular_values():
    U, S, V = torch.linalg.svd(matrix(12, 9))
    A = U[:, :3] * torch.tensor([5.0, 3.0, 2.0], dtype=torch.float64) @ V[:3]
    for rows in (A, A.T):
        torch.manual_seed(0)
        U, S, V = torch.svd_lowrank(rows, 4)
        close(U * S @ V.T, rows)
        close(S, torch.tensor([5.0, 3.0, 2.0, 0.0], dtype=torch.float64))
    U, S, V = torch.pca_lowrank(A + 7, 3, niter=3)
    close(S, torch.linalg.svdvals(A - A.mean(0))[:3])


@pytest.mark.parametrize("largest", [True, False])
def test_outermost_eigenvalues(largest):
    torch.manual_seed(0)
    A = matrix(2, 30, 30)
    A = A @ A.mT + torch.eye(30, dtype=torch.float64)
    values, X = torch.lobpcg(A, 3, largest=largest, niter=500, tol=1e-9)
    every = torch.linalg.eigvalsh(A)
    close(values, every[..., -3:].flip(-1) if largest else every[..., :3], 1e-7)
    close(A @ X, X * values.unsqueeze(-2), 1e-5)
    B = torch.diag(torch.arange(1.0, 31.0, dtype=torch.float64))
    values, X = torch.lobpcg(A[0], 2, B, largest=largest, niter=500, tol=1e-10)
    close(A[0] @ X, B @ X * values, 1e-5)


@on_devices
@pytest.mark.parametrize("largest", [True, False])
def test_gradients_of_outermost_eigenvalues(device, kind, largest):
    """Those of all eigenvalues, of which these are some; and of a matrix that is not symmetric its symmetric part's."""
    if kind.is_complex:
        pytest.skip("real matrices")
    M = matrix(2, 9, 9, device=device)
    A = (M @ M.mT + 0.1 * M).requires_grad_()
    weights = matrix(9, 2, device=device, seed=1)
    start = matrix(2, 9, 2, device=device, seed=2)

    def some(A):
        return torch.lobpcg(A, 2, X=start, largest=largest, niter=25, tol=1e-14)

    def all_of_them(A):
        values, V = torch.linalg.eigh((A + A.mT) / 2)
        return (values.flip(-1), V.flip(-1)) if largest else (values, V)

    def loss(values, V):  # of vectors of any sign
        return (values[..., :2] ** 2).sum() + (V[..., :2] ** 2 * weights).sum()

    close(some(A)[0], all_of_them(A)[0][..., :2])
    first = [torch.autograd.grad(loss(*run(A)), A, create_graph=True)[0] for run in (some, all_of_them)]
    close(*first, 1e-7)
    if device == "cpu":
        close(*[torch.autograd.grad((g * weights[:, :1]).sum(), A)[0] for g in first], 1e-6)


def test_of_two_matrices_there_is_no_gradient():
    A = torch.eye(9, dtype=torch.float64).requires_grad_()
    B = torch.eye(9, dtype=torch.float64)
    values, _ = torch.lobpcg(A * torch.arange(1.0, 10.0, dtype=torch.float64), 1, B)
    with pytest.raises(ValueError, match="does not support backward with B != I yet"):
        values.sum().backward()


def test_exponentials_of_large_and_small_matrices():
    """Of a rotation; and of diagonal matrices from tiny to large."""
    for angle in (1e-9, 1.0, 50.0):
        A = torch.tensor([[0.0, -angle], [angle, 0.0]], dtype=torch.float64)
        c, s = np.cos(angle), np.sin(angle)
        close(torch.matrix_exp(A), torch.tensor([[c, -s], [s, c]], dtype=torch.float64))
    rows = torch.tensor([[-700.0, 0.0], [1e-300, 3.0], [30.0, -30.0]], dtype=torch.float64)
    close(torch.matrix_exp(torch.diag_embed(rows)), torch.diag_embed(rows.exp()), 1e-11)


@pytest.mark.parametrize("name", ["cholesky", "inv", "eigh", "svdvals", "det", "qr", "lu_factor"])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_is_refused(name, kind):
    with pytest.raises(NotImplementedError, match=f"not implemented for {kind.name}"):
        getattr(torch.linalg, name)(torch.eye(2, dtype=kind))


@pytest.mark.parametrize("ind", [1, 2])
def test_tensorinv_of_too_few_dimensions(ind):
    with pytest.raises(RuntimeError, match=f"at most the number of dimensions, {ind - 1}, but got {ind}"):
        torch.linalg.tensorinv(torch.ones([1] * (ind - 1)), ind)
