"""What programs mixed of many parts found: each beside a formula of its own, on every device."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.masked import masked_tensor

DEVICES = ("cpu", "cuda")


def normal(*shape: int, device: str = "cpu", seed: int = 0) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values).to(device)


@pytest.mark.parametrize("device", DEVICES)
def test_gradients_within_inference_mode(device: str) -> None:
    with torch.inference_mode():
        x = normal(3, device=device)
        slope = torch.func.grad(lambda t: (t**3).sum())(x)
        along = torch.func.jvp(lambda t: t**2, (x,), (x,))[1]
        rows = torch.func.jacrev(lambda t: t**2)(x)
        pushed = torch.func.linearize(lambda t: t**2, x)[1](x)
    wanted = x.cpu().numpy()
    np.testing.assert_allclose(slope.cpu().numpy(), 3 * wanted**2, rtol=1e-5)
    np.testing.assert_allclose(along.cpu().numpy(), 2 * wanted**2, rtol=1e-5)
    np.testing.assert_allclose(pushed.cpu().numpy(), 2 * wanted**2, rtol=1e-5)
    np.testing.assert_allclose(rows.cpu().numpy(), np.diag(2 * wanted), rtol=1e-5)
    assert x.is_inference() and not slope.is_inference() and not torch.is_inference_mode_enabled()
    np.testing.assert_allclose(
        torch.func.grad(lambda t: (t.view(-1) * t).sum())(x).cpu().numpy(), 2 * wanted, rtol=1e-5
    )


def test_inference_mode_returns_when_a_transform_raises() -> None:
    with torch.inference_mode():
        with pytest.raises(ZeroDivisionError):
            torch.func.grad(lambda t: 1 / 0)(torch.ones(2))
        assert torch.is_inference_mode_enabled() and torch.ones(2).is_inference()
        assert not torch.is_grad_enabled()


@pytest.mark.parametrize("device", DEVICES)
def test_samples_index(device: str) -> None:
    x, i = normal(3, 4, 2, device=device), torch.tensor([0, -1, 2], device=device)
    got = torch.vmap(lambda x, i: x[i])(x, i).cpu().numpy()
    np.testing.assert_array_equal(got, np.stack([a[k] for a, k in zip(x.cpu().numpy(), (0, -1, 2))]))
    got = torch.vmap(lambda x, i: x[:, i])(x, i % 2).cpu().numpy()
    np.testing.assert_array_equal(got, np.stack([a[:, k] for a, k in zip(x.cpu().numpy(), (0, 1, 0))]))


def test_wrong_parameter_of_a_sample_is_named() -> None:
    with pytest.raises(ValueError, match=r"parameter scale \(Tensor of shape \(\)\) of distribution Normal"):
        torch.vmap(lambda s: torch.distributions.Normal(0.0, s).mean)(torch.tensor([1.0, -2.0]))


@pytest.mark.parametrize("device", DEVICES)
def test_copies_of_masked_tensors(device: str) -> None:
    data, mask = normal(3, device=device), torch.tensor([True, False, True], device=device)
    x = masked_tensor(data, mask, requires_grad=True)
    for copied in (copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert type(copied) is type(x) and copied.requires_grad and repr(copied) == repr(x)
        assert copied.get_data().data_ptr() != x.get_data().data_ptr()
    both = copy.deepcopy([x, x])
    assert both[0] is both[1]


def test_copies_of_operators() -> None:
    operator = torch.ops.aten.add.Tensor
    assert (
        copy.deepcopy({"op": operator})["op"] is operator
        and copy.copy(operator.overloadpacket) is torch.ops.aten.add
    )
    assert pickle.loads(pickle.dumps(operator)) is operator
    assert pickle.loads(pickle.dumps(torch.ops.aten.mul)) is torch.ops.aten.mul


@pytest.mark.filterwarnings("ignore:.*through LAPACK on the host")
@pytest.mark.parametrize("device", DEVICES)
def test_lobpcg_of_a_sparse_matrix(device: str) -> None:
    places = torch.arange(20)
    A = torch.sparse_coo_tensor(torch.stack([places, places]), torch.arange(1.0, 21.0), (20, 20)).to(device)
    for matrix in (A, A.to_sparse_csr()):
        values = torch.lobpcg(matrix, k=1, X=normal(20, 1, device=device), niter=8)[0]
        np.testing.assert_allclose(values.cpu().numpy(), [20], rtol=1e-2)


@pytest.mark.parametrize("device", DEVICES)
def test_nan_reaches_all_of_an_inverse(device: str) -> None:
    A = torch.eye(3, device=device) * 2
    A[0, 0], A[1, 0] = float("nan"), 1
    assert bool(torch.linalg.inv(A).isnan().all())
    assert bool(torch.linalg.solve(A, torch.ones(3, device=device)).isnan().all())


def test_matrices_refused_by_name(capfd: pytest.CaptureFixture) -> None:
    A = torch.full((2, 2), float("nan"))
    with pytest.raises(torch.linalg.LinAlgError, match=r"lstsq: .* non-finite"):
        torch.linalg.lstsq(A, torch.ones(2, 1))
    with pytest.raises(torch.linalg.LinAlgError, match=r"cholesky_inverse: \(Batch element 1\)"):
        torch.cholesky_inverse(torch.stack([torch.eye(2), torch.tensor([[1.0, 0.0], [3.0, 0.0]])]))
    assert capfd.readouterr() == ("", "")


def test_norms_of_sparse_tensors() -> None:
    A = torch.tensor([[0.0, 3.0], [4.0, 0.0]]).to_sparse()
    assert torch.linalg.vector_norm(A) == 5 and torch.linalg.matrix_norm(A) == 5 and torch.linalg.norm(A) == 5
