"""cuFFT, cuSOLVER and cuBLAS behind transforms, decompositions and equations of GPU tensors.

The libraries are doubles (`tests/fake_nvmath`) that compute on the simulated device's memory by the documented C
semantics; results are held to what NumPy computes of the same numbers, and nothing may run on the host. On a GPU the
libraries themselves are held to the same.
"""

from __future__ import annotations

import fake_nvmath
import numpy as np
import pytest
from fake_nvmath import _binding, cufft, cusolverDn

import tritonnn as torch
from tritonnn.dispatch import _call
from tritonnn.kernels import libraries
from tritonnn.kernels.libraries import _loading, _plans
from tritonnn.runtime.interface import runtime

KINDS = (torch.float32, torch.float64, torch.complex64, torch.complex128)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=str)
L = torch.linalg


@pytest.fixture(autouse=True)
def libraries_alone(monkeypatch):
    """The libraries, or on the simulated device their doubles, and nothing of the host's."""

    def refuse(op, *_):
        raise AssertionError(f"{op.name} on the host")

    if runtime().simulated:
        monkeypatch.setattr(_loading, "_looked", True)
        monkeypatch.setattr(_loading, "_bindings", fake_nvmath.bindings())
        monkeypatch.setattr(_loading, "_idle", {})
    elif _loading.bindings() is None:
        pytest.skip(f"no libraries: {_loading.missing()}")
    monkeypatch.setattr(_plans, "_by_device", {})
    monkeypatch.setattr(libraries, "preferred", "default")
    monkeypatch.setattr(_call, "_through_host", refuse)
    yield
    cufft.plans.clear()


@pytest.fixture
def called(monkeypatch):
    """The names of the functions of doubles that were called."""
    if not runtime().simulated:
        pytest.skip("looks at what doubles were asked")
    monkeypatch.setattr(_binding, "calls", calls := [])
    return calls


def numbers(*shape, kind=torch.float64, seed=0):
    rng = np.random.default_rng((seed, *shape))
    x = rng.standard_normal(shape)
    return (x + 1j * rng.standard_normal(shape) if kind.is_complex else x).astype(kind.np)


def gpu(x):
    return torch.from_numpy(np.array(x)).to("cuda")


def on_host(tensor):
    return tensor.detach().cpu().numpy()


def close(found, expected, kind=torch.float64, scale=1.0):
    found = on_host(found) if isinstance(found, torch.Tensor) else found
    eps = np.finfo(kind.np).eps
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    assert found.shape == np.shape(expected)
    np.testing.assert_allclose(found, expected, rtol=0, atol=200 * scale * eps * size)


def adjoint(x):
    return x.swapaxes(-1, -2).conj()


def hermitian(*shape, kind):
    x = numbers(*shape, shape[-1], kind=kind)
    return (x + adjoint(x)) / 2


def positive(*shape, kind):
    x = numbers(*shape, shape[-1], kind=kind)
    return x @ adjoint(x) + np.eye(shape[-1], dtype=kind.np) * shape[-1]


def real(kind):
    return kind.to_real() if kind.is_complex else kind


# ---- transforms ----------------------------------------------------------------------------------------------

AXES = ((8,), (-1,)), ((3, 5), (0,)), ((2, 3, 5), (1,)), ((2, 3, 5), (0, 2)), ((2, 3, 4, 5), (0, 1, 2, 3)), (
    (3, 1, 4), (1, 2)), ((2, 3, 2, 3, 2), (4, 2, 0, 1, 3)), ((4, 6, 5), (2, 0))  # fmt: skip


@pytest.mark.parametrize("norm", ("backward", "ortho", "forward"))
@pytest.mark.parametrize(("shape", "dims"), AXES)
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_transforms_of_all_frequencies(kind, shape, dims, norm):
    x = numbers(*shape, kind=kind)
    close(torch.fft.fftn(gpu(x), dim=dims, norm=norm), np.fft.fftn(x, axes=dims, norm=norm), kind)
    close(torch.fft.ifftn(gpu(x), dim=dims, norm=norm), np.fft.ifftn(x, axes=dims, norm=norm), kind)


@pytest.mark.parametrize("norm", ("backward", "ortho", "forward"))
@pytest.mark.parametrize(("shape", "dims"), AXES)
@pytest.mark.parametrize("kind", (torch.float32, torch.float64), ids=str)
def test_transforms_of_real_numbers(kind, shape, dims, norm):
    x = numbers(*shape, kind=kind)
    half = np.fft.rfftn(x, axes=dims, norm=norm)
    close(torch.fft.rfftn(gpu(x), dim=dims, norm=norm), half, kind)
    sizes = [shape[d] for d in dims]
    given = gpu(half.astype(np.result_type(kind.np, np.complex64)))
    kept = on_host(given).copy()
    close(torch.fft.irfftn(given, sizes, dim=dims, norm=norm), x, kind)
    np.testing.assert_array_equal(on_host(given), kept)  # cuFFT writes over what it is given
    if len(dims) == 1:
        close(torch.fft.ihfft(gpu(x), dim=dims[0], norm=norm), _ihfft(x, dims[0], norm), kind)
        back = torch.fft.hfft(given, sizes[0], dim=dims[0], norm=norm)
        close(back, _hfft(half, sizes[0], dims[0], norm), kind)


def _ihfft(x, axis, norm):
    return np.moveaxis(np.fft.ihfft(np.moveaxis(x, axis, -1), norm=norm), -1, axis)


def _hfft(x, n, axis, norm):
    return np.moveaxis(np.fft.hfft(np.moveaxis(x, axis, -1), n, norm=norm), -1, axis)


@pytest.mark.parametrize("form", (
    lambda x: x.transpose(0, 2), lambda x: x[:, 1:, ::2], lambda x: x[1:].permute(2, 0, 1), lambda x: x.flip(0),
    lambda x: x[:, :1].expand(-1, 3, -1), lambda x: x[..., 1:],
))  # fmt: skip
@pytest.mark.parametrize("kind", (torch.float32, torch.complex128), ids=str)
def test_any_strides(kind, form):
    x = form(gpu(numbers(4, 5, 6, kind=kind)))
    for dims in ((0,), (1,), (2,), (0, 1), (0, 2), (2, 1, 0)):
        close(torch.fft.fftn(x, dim=dims), np.fft.fftn(on_host(x), axes=dims), kind)
        if not kind.is_complex:
            close(torch.fft.rfftn(x, dim=dims), np.fft.rfftn(on_host(x), axes=dims), kind)


def test_into_given_memory():
    x = numbers(4, 6, kind=torch.complex64)
    out = torch.empty(6, 4, dtype=torch.complex64, device="cuda").T
    torch.fft.fft(gpu(x), out=out)
    close(out, np.fft.fft(x), torch.complex64)


def test_nothing_to_transform():
    assert torch.fft.fft(torch.ones(0, 4, device="cuda")).shape == (0, 4)
    x = numbers(3)
    close(torch.fft.fftn(gpu(x), dim=()), x)


def test_gradients_of_transforms():
    x = gpu(numbers(3, 4)).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: torch.view_as_real(torch.fft.rfft2(x)), (x,), eps=1e-5)
    z = gpu(numbers(3, 4, kind=torch.complex128)).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: torch.fft.irfft2(torch.fft.fft2(z)), (z,), eps=1e-5)


def test_short_time_transforms():
    x = numbers(2, 40)
    window = torch.hann_window(8, dtype=torch.float64)
    expected = torch.stft(torch.from_numpy(x), 8, 4, window=window, return_complex=True)
    found = torch.stft(gpu(x), 8, 4, window=window.cuda(), return_complex=True)
    close(found, on_host(expected))
    close(torch.istft(found, 8, 4, window=window.cuda()), x)


def test_kept_plans(called):
    cache = torch.backends.cuda.cufft_plan_cache
    assert cache.size == 0 and cache.max_size == 4096
    x = gpu(numbers(3, 8, kind=torch.complex64))
    torch.fft.fft(x)
    torch.fft.ifft(x)
    torch.fft.fft(x + 1)
    assert cache.size == cache[0].size == cache["cuda:0"].size == 1 and called.count("create") == 1
    torch.fft.fft(x, dim=0)
    assert cache.size == 2
    cache.max_size = 1
    assert cache[torch.device("cuda")].size == 1 and len(cufft.plans) == 1
    torch.fft.fft(x, dim=0)  # the one used last was kept
    assert called.count("create") == 2
    torch.fft.fft(x)
    assert called.count("create") == 3 and cache.size == 1
    cache.clear()
    assert cache.size == 0 and not cufft.plans
    cache.max_size = 0
    close(torch.fft.fft(x), np.fft.fft(on_host(x)), torch.complex64)
    assert cache.size == 0 and not cufft.plans


def test_what_the_cache_refuses():
    cache = torch.backends.cuda.cufft_plan_cache
    with pytest.raises(RuntimeError, match="size is a read-only property"):
        cache.size = 3
    with pytest.raises(RuntimeError, match="must be non-negative, but got -1"):
        cache[0].max_size = -1
    with pytest.raises(TypeError, match="must be an int, got float"):
        cache.max_size = 1.5
    count = torch.cuda.device_count()
    with pytest.raises(
        RuntimeError, match=f"expected 0 <= device index < {count}, but got device with index {count}"
    ):
        cache[count]
    with pytest.raises(ValueError, match="expected a cuda device, but got: cpu"):
        cache["cpu"]


def test_a_status_is_an_error(monkeypatch, called):
    monkeypatch.setattr(cufft, "TYPES", {})
    with pytest.raises(
        RuntimeError, match="cuFFT error: CUFFT_INVALID_TYPE, when calling `make_plan_many64`"
    ):
        torch.fft.fft(torch.ones(3, device="cuda"))
    assert not cufft.plans


def test_streams_and_graphs():
    x = gpu(numbers(4, 40, 40))
    A = x @ x.mT + 40 * torch.eye(40, dtype=x.dtype, device="cuda")
    torch.cuda.synchronize()
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        first = torch.fft.fft(x)
        torch.linalg.cholesky_ex(A)
    torch.cuda.current_stream().wait_stream(stream)
    close(first, np.fft.fft(on_host(x)))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        spectrum = torch.fft.rfft(x)
        factor, info = torch.linalg.cholesky_ex(A)
    x.mul_(2)
    A.mul_(4)
    torch.backends.cuda.cufft_plan_cache.clear()
    assert len(cufft.plans) == int(runtime().simulated)  # the graph's own
    graph.replay()
    close(spectrum, np.fft.rfft(on_host(x)))
    close(factor, np.linalg.cholesky(on_host(A)))
    assert not on_host(info).any()


# ---- factors and equations -----------------------------------------------------------------------------------

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


# ---- orthogonal factors, eigenvalues, singular values ----------------------------------------------------------


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


# ---- which library, and what is said without one ------------------------------------------------------------


def test_small_matrices_have_kernels(called):
    A = gpu(positive(4, kind=torch.float64))
    L.cholesky(A)
    assert not called
    assert torch.backends.cuda.preferred_linalg_library() == "default"
    assert torch.backends.cuda.preferred_linalg_library("cusolver") == "cusolver"
    close(L.cholesky(A), np.linalg.cholesky(on_host(A)))
    assert "xpotrf" in called
    assert torch.backends.cuda.preferred_linalg_library("default") == "default"


def test_handles_are_kept(called):
    A = gpu(positive(40, kind=torch.float64))
    L.cholesky(A)
    L.cholesky(A)
    assert called.count("create") == 1 and called.count("xpotrf") == 2


def test_what_cannot_be_preferred(monkeypatch, called):
    prefer = torch.backends.cuda.preferred_linalg_library
    with pytest.raises(RuntimeError, match="there is no MAGMA"):
        prefer("magma")
    with pytest.raises(RuntimeError, match="unknown backend 'foo'"):
        prefer("foo")
    monkeypatch.setattr(_loading, "_bindings", None)
    with pytest.raises(RuntimeError, match="Cannot set preferred backend to cuSOLVER: there is no GPU"):
        prefer("cusolver")
    assert prefer() == "default"


def _looked_at(monkeypatch, load):
    """What is found on a GPU where `load` is what loading does."""

    class Gpu:
        simulated = False

    monkeypatch.setattr(_loading, "runtime", Gpu)
    monkeypatch.setattr(_loading, "_load", load)
    monkeypatch.setattr(_loading, "_looked", False)
    monkeypatch.setattr(_loading, "_bindings", None)
    monkeypatch.setattr(_loading, "_why", "")
    return _loading.bindings()


def test_without_the_package(monkeypatch):
    def load():
        raise ModuleNotFoundError("No module named 'nvmath'")

    assert _looked_at(monkeypatch, load) is None
    assert "pip install 'tritonnn[cu12]' or 'tritonnn[cu13]'" in libraries.hint("linalg", "qr")
    assert libraries.hint("linalg", "exponential") == ""  # no library has it
    assert libraries.implementation("linalg", "qr") is None


def test_without_the_libraries(monkeypatch):
    def load():
        raise RuntimeError("libcufft.so is not found")

    assert _looked_at(monkeypatch, load) is None
    assert libraries.hint("fft", "fft_c2c").endswith("nvmath-python cannot: libcufft.so is not found)")


def test_the_simulated_device_has_none(monkeypatch, called):
    monkeypatch.setattr(_loading, "_looked", False)
    monkeypatch.setattr(_loading, "_bindings", None)
    assert _loading.bindings() is None and libraries.hint("linalg", "qr") == ""
