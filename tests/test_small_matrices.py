"""Factorizations and equations of small matrices by GPU kernels, larger ones and complex ones on the host.

Results are held to what they solve: each residual to a few roundings of the products that it is the difference of,
which elimination with pivots and Cholesky's way keep of any matrix, however ill-conditioned.
"""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.dispatch import _call
from tritonnn.runtime.interface import runtime

SIZES = (0, 1, 2, 3, 5, 16, 31, 32)
KINDS = (torch.float32, torch.float64)
L = torch.linalg


def numbers(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def hilbert(n):
    return 1 / (np.arange(n)[:, None] + np.arange(n) + 1.0)


def graded(n):
    """Rows of very unlike sizes."""
    return numbers(n, n) * 10.0 ** np.linspace(-6, 6, n)[:, None]


KINDS_OF_MATRIX = {
    "random": lambda n: numbers(2, n, n), "Hilbert": hilbert, "graded": graded,
    "a pivot in every last row": lambda n: np.tril(-np.ones((n, n))) + 2 * np.eye(n),
    "exchanged rows": lambda n: np.roll(np.triu(numbers(n, n)) + 3 * np.eye(n), -1, -2),
}  # fmt: skip


def on_gpu(values, kind):
    return torch.tensor(np.ascontiguousarray(values).tolist(), dtype=kind).reshape(values.shape).to("cuda")


def exact(tensor):
    return tensor.cpu().numpy().astype(np.longdouble)


def small_residual(A, X, B, kind, growth=1.0):
    """A X = B to a few roundings of the terms that are summed."""
    A, X, B = (part if isinstance(part, np.ndarray) else exact(part) for part in (A, X, B))
    n = A.shape[-1]
    bound = np.abs(A).max(initial=0) * np.abs(X).max(initial=0) * n + np.abs(B).max(initial=0)
    off = np.abs(A @ X - B).max(initial=0)
    assert off <= 4 * growth * max(n, 1) * float(np.finfo(kind.np).eps) * bound


@pytest.fixture(autouse=True)
def no_host(monkeypatch):
    """Nothing here runs on the host but where a test says so."""

    def refuse(op, *_):
        raise AssertionError(f"{op.name} on the host")

    monkeypatch.setattr(_call, "_through_host", refuse)


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("n", SIZES)
def test_factors_of_positive_matrices(n, kind):
    X = numbers(2, n, n)
    A = on_gpu(X @ X.swapaxes(-1, -2) + 0.01 * np.eye(n), kind)
    for upper in (False, True):
        factor = L.cholesky(A, upper=upper)
        values = exact(factor)
        np.testing.assert_array_equal(values, np.triu(values) if upper else np.tril(values))
        small_residual(values.swapaxes(-1, -2) if upper else values,
                       values if upper else values.swapaxes(-1, -2), A, kind)  # fmt: skip


@pytest.mark.parametrize("upper", [False, True])
def test_the_triangle_of_the_result_is_what_is_read(upper):
    A = np.array([[4.0, 2.0], [2.0, 5.0]])
    A[(1, 0) if upper else (0, 1)] = np.nan
    for device in ("cpu", "cuda"):
        factor = L.cholesky(torch.tensor(A.tolist()).to(device), upper=upper)
        assert factor.tolist() == ([[2, 1], [0, 2]] if upper else [[2, 0], [1, 2]])


@pytest.mark.parametrize(("kind", "n"), [(torch.float32, 7), (torch.float64, 32)], ids=str)
@pytest.mark.parametrize("name", KINDS_OF_MATRIX)
def test_equations(name, n, kind):
    values = KINDS_OF_MATRIX[name](n)
    A, B = on_gpu(values, kind), on_gpu(numbers(*values.shape[:-1], 7, seed=1), kind)
    # with such pivots elements may double in every step
    growth = 2.0 ** (n - 1) if name.startswith("a pivot") else 1.0
    small_residual(A, L.solve(A, B), B, kind, growth)
    X = L.solve(A, B.mT, left=False)
    small_residual(A.mT, X.mT, B, kind, growth)
    if name not in ("Hilbert", "graded"):
        small_residual(A, L.inv(A), np.broadcast_to(np.eye(n), A.shape), kind, growth)


@pytest.mark.parametrize("n", SIZES)
def test_equations_of_every_size(n):
    """Of vectors, few and many right-hand sides: more than a matrix has columns."""
    kind = torch.float64
    A = on_gpu(numbers(2, n, n) + 3 * np.eye(n), kind)
    for columns in (0, 1, 2, 40) if n < 16 else (n + 1,):
        B = on_gpu(numbers(2, n, columns, seed=2), kind)
        X, info = L.solve_ex(A, B)
        assert info.tolist() == [0, 0]
        small_residual(A, X, B, kind)
    b = on_gpu(numbers(2, n, seed=3), kind)
    small_residual(A, L.solve(A, b).unsqueeze(-1), b.unsqueeze(-1), kind)
    inverse, info = L.inv_ex(A)
    assert info.tolist() == [0, 0]
    small_residual(A, inverse, np.broadcast_to(np.eye(n), A.shape), kind)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 16, 31, 32])
@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("left", [True, False])
def test_triangular_equations(n, unit, left):
    """What is not read is NaN: the other triangle, and the diagonal of ones."""
    values = numbers(2, n, n) / n + 2 * np.eye(n)
    B = numbers(2, n, 3, seed=1) if left else numbers(2, 3, n, seed=1)
    for upper in (False, True):
        there = (
            np.triu(np.ones((n, n), bool), int(unit)) if upper else np.tril(np.ones((n, n), bool), -int(unit))
        )
        T = np.where(there, values, np.eye(n) if unit else 0)
        A = on_gpu(np.where(there, values, np.nan), torch.float64)
        X = exact(L.solve_triangular(A, on_gpu(B, torch.float64), upper=upper, left=left, unitriangular=unit))
        if left:
            small_residual(T, X, B, torch.float64)
        else:
            small_residual(T.swapaxes(-1, -2), X.swapaxes(-1, -2), B.swapaxes(-1, -2), torch.float64)


def test_a_zero_in_the_diagonal_of_a_triangle():
    A, B = torch.tensor([[1.0, 0.0], [2.0, -0.0]]).cuda(), torch.tensor([[1.0, 0.5], [3.0, 1.0]]).cuda()
    assert L.solve_triangular(A, B, upper=False)[:1].tolist() == [[1.0, 0.5]]
    last = L.solve_triangular(A, B, upper=False)[1]
    assert float(last[0]) == -np.inf and np.isnan(float(last[1]))


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("n", SIZES)
def test_determinants(n, kind):
    """Against products of known triangles and permutations, which have the determinants of their diagonals."""
    lower, upper = np.tril(numbers(2, n, n), -1) / 4 + np.eye(n), np.triu(numbers(2, n, n, seed=1), 1) / 4
    diagonal = np.where(numbers(2, n, seed=2) < 0, -1, 1) * (1 + np.arange(n) / 32)
    turned = np.array([np.random.default_rng(i).permutation(n) for i in range(2)], int).reshape(2, n)
    A = np.take_along_axis(lower @ (upper + diagonal[:, None] * np.eye(n)), turned[..., None], 1)
    odd = np.array([sum(p[i] > p[j] for i in range(n) for j in range(i + 1, n)) % 2 for p in turned])
    wanted = np.prod(diagonal, -1) * (1 - 2 * odd)
    rough = 2000 * np.finfo(kind.np).eps
    np.testing.assert_allclose(exact(L.det(on_gpu(A, kind))).astype(float), wanted, rtol=rough)
    sign, size = L.slogdet(on_gpu(A, kind))
    assert sign.tolist() == np.sign(wanted).tolist()
    np.testing.assert_allclose(exact(size).astype(float), np.log(np.abs(wanted)), rtol=0, atol=rough)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_determinants_of_what_has_none(device):
    singular = torch.tensor([[1.0, 2.0], [2.0, 4.0]]).to(device)
    assert float(L.det(singular)) == 0
    assert [float(x) for x in L.slogdet(singular)] == [0, -np.inf]
    missing = torch.tensor([[1.0, 2.0], [float("nan"), 4.0]]).to(device)
    assert np.isnan(float(L.det(missing)))
    sign, size = L.slogdet(missing)
    assert float(sign) == 0 and np.isnan(float(size))
    huge = torch.tensor([[1e30, 0.0], [0.0, -1e30]]).to(device)
    sign, size = L.slogdet(huge)
    assert float(sign) == -1 and float(size) == pytest.approx(60 * np.log(10), rel=1e-6)


# ---- failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_what_failed_is_told_matrix_by_matrix(device):
    n = 5
    good = np.eye(n) * 4
    late, missing, first = good.copy(), good.copy(), -good
    late[3, 3] = -1
    missing[4, 2] = missing[2, 4] = np.nan
    factor, info = L.cholesky_ex(torch.tensor(np.stack([good, late, missing, first]).tolist()).to(device))
    assert info.tolist() == [0, 4, 5, 1]
    assert factor[0].tolist() == (good / 2).tolist()
    assert factor[1].tolist() == np.diag([2, 2, 2, -1, 4]).tolist()  # from there on the matrix itself
    np.testing.assert_array_equal(factor[3].cpu().numpy(), first)
    assert int(L.cholesky_ex(torch.tensor(missing.tolist()).to(device)).info) == 5

    twice = good.copy()
    twice[4] = twice[1]
    zero_column = good.copy()
    zero_column[:, 2] = 0
    A = torch.tensor(np.stack([twice, good, zero_column]).tolist()).to(device)
    for info in (L.inv_ex(A).info, L.solve_ex(A, torch.ones(3, n, 2, device=device)).info):
        assert info.tolist() == [5, 0, 3]
    np.testing.assert_array_equal(L.inv_ex(A).inverse[1].cpu().numpy(), np.eye(n, dtype=np.float32) / 4)
    assert not torch.isfinite(L.inv_ex(A).inverse[0]).all()
    X, info = L.solve_ex(torch.tensor([[1.0, 2.0], [2.0, 4.0]]).to(device), torch.eye(2, 1).to(device))
    assert X.tolist() == [[-np.inf], [np.inf]] and int(info) == 2  # as PyTorch has it: divided by 0


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_the_first_of_two_zeros_is_told(device):
    A = torch.diag(torch.tensor([1.0, 0.0, 3.0, 0.0])).to(device)
    assert int(L.inv_ex(A).info) == 2
    assert int(L.solve_ex(A, A).info) == 2
    assert int(L.cholesky_ex(A - A.mT @ A).info) == 1


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_matrices_are_looked_at_where_there_is_nothing_to_solve(device):
    A = torch.tensor([[[1.0, 2.0], [2.0, 4.0]]]).to(device)
    for B in (torch.ones(1, 2, 0), torch.ones(0, 2, 3), torch.ones(0, 2, 0)):
        X, info = L.solve_ex(A, B.to(device))
        assert info.tolist() == [2]
        assert X.shape == B.shape
        with pytest.raises(L.LinAlgError, match="singular"):
            L.solve(A, B.to(device))


def test_only_what_raises_waits_for_the_device(monkeypatch):
    """The errors of `_ex` stay on the device; the others read one number for each matrix."""
    A, B = on_gpu(4 * np.eye(3)[None].repeat(2, 0), torch.float32), on_gpu(numbers(3, 2), torch.float32)
    read, download = [], runtime().download
    monkeypatch.setattr(
        runtime(), "download", lambda array, *rest: (read.append(array.shape), download(array, *rest))
    )
    for call in (
        lambda: L.cholesky_ex(A), lambda: L.inv_ex(A), lambda: L.solve_ex(A, B), lambda: L.det(A),
        lambda: L.slogdet(A), lambda: L.solve_triangular(A, B, upper=True),
    ):  # fmt: skip
        call()
        assert not read
    for call in (lambda: L.cholesky(A), lambda: L.inv(A), lambda: L.solve(A, B)):
        call()
        assert read == [(2,)]
        read.clear()


# ---- layouts -------------------------------------------------------------------------------------------------


def test_batches_broadcast():
    kind = torch.float64
    A = on_gpu(numbers(4, 1, 3, 3) + 4 * np.eye(3), kind)
    B = on_gpu(numbers(5, 3, 2), kind)
    X, info = L.solve_ex(A, B)
    assert X.shape == (4, 5, 3, 2) and info.shape == (4, 1) and not info.any()
    small_residual(A, X, B, kind)
    X = L.solve_triangular(A, B, upper=True)
    assert X.shape == (4, 5, 3, 2)
    small_residual(np.triu(exact(A)), X, B, kind)
    one = on_gpu(numbers(3, 3) + 4 * np.eye(3), kind)
    small_residual(one, L.solve(one, B), B, kind)
    small_residual(
        one.expand(6, 3, 3), L.inv(one.expand(6, 3, 3)), np.broadcast_to(np.eye(3), (6, 3, 3)), kind
    )


def test_batches_without_matrices():
    A = torch.ones(2, 0, 3, 3, device="cuda")
    assert L.cholesky_ex(A).info.shape == (2, 0)
    assert L.inv(A).shape == (2, 0, 3, 3)
    assert L.det(A).shape == (2, 0)
    assert L.solve(A, torch.ones(3, 2, device="cuda")).shape == (2, 0, 3, 2)
    assert L.solve_triangular(A, torch.ones(3, 2, device="cuda"), upper=True).shape == (2, 0, 3, 2)


def test_strides_and_out():
    """Rows and columns with gaps, transposed ones, batches last."""
    kind = torch.float64
    gaps = on_gpu(numbers(3, 8, 10), kind)[:, ::2, 1:9:2]
    batches_last = on_gpu(numbers(4, 4, 3), kind).permute(2, 0, 1)
    for A in (gaps, gaps.mT, batches_last):
        assert not A.is_contiguous()
        wanted = np.linalg.inv(exact(A).astype(float))
        np.testing.assert_allclose(L.inv(A).cpu().numpy(), wanted, rtol=1e-9)
        out = torch.empty(4, 4, 3, dtype=kind, device="cuda").permute(2, 1, 0)
        assert L.inv(A, out=out) is out
        np.testing.assert_allclose(out.cpu().numpy(), wanted, rtol=1e-9)
    own = gaps.contiguous()
    L.inv(own, out=own)  # read before it is written
    np.testing.assert_allclose(own.cpu().numpy(), np.linalg.inv(exact(gaps).astype(float)), rtol=1e-9)


# ---- the host ------------------------------------------------------------------------------------------------


def test_what_goes_to_the_host(monkeypatch):
    """33 rows, and complex numbers; 32 rows do not, with however many right-hand sides."""
    gone = []
    through = _call.__dict__["_through_host"]
    assert through.__name__ == "refuse"

    def noted(op, args, out, device, library):
        assert library == "LAPACK"
        gone.append(op.name)
        results = _call.call(op, tuple([arg.cpu() if isinstance(arg, torch.Tensor) else arg for arg in args]))
        return tuple([r.to(device) for r in results]) if isinstance(results, tuple) else results.to(device)

    monkeypatch.setattr(_call, "_through_host", noted)
    for n, kind, wanted in ((32, torch.float32, 0), (33, torch.float32, 6), (2, torch.complex64, 6)):
        gone.clear()
        A, B = (3 * torch.eye(n, dtype=kind)).cuda(), torch.ones(n, 40, dtype=kind).cuda()
        L.cholesky_ex(A), L.inv_ex(A), L.solve_ex(A, B), L.det(A), L.slogdet(A)
        L.solve_triangular(A, B, upper=True)
        assert len(gone) == wanted


def test_gradients():
    """Those of the formulas, by way of the kernels, are those of the CPU."""
    A, B = numbers(2, 3, 3) + 4 * np.eye(3), numbers(2, 3, 2)
    for call in (
        lambda A, B: L.cholesky(A @ A.mT), lambda A, B: L.inv(A), lambda A, B: L.solve(A, B), lambda A, B: L.det(A),
        lambda A, B: L.slogdet(A)[1], lambda A, B: L.solve_triangular(A, B, upper=False),
    ):  # fmt: skip
        grads = []
        for device in ("cpu", "cuda"):
            leaves = [
                torch.tensor(x.tolist(), dtype=torch.float64, device=device, requires_grad=True)
                for x in (A, B)
            ]
            result = call(*leaves)
            (
                result * torch.arange(float(result.numel()), device=device).reshape(result.shape)
            ).sum().backward()
            grads.append([leaf.grad for leaf in leaves])
        for cpu, gpu in zip(*grads, strict=True):
            assert (cpu is None) == (gpu is None)
            if cpu is not None:
                np.testing.assert_allclose(gpu.cpu().numpy(), cpu.numpy(), rtol=1e-9, atol=1e-9)
