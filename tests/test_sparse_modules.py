"""Sparse parameters and buffers, gradients at all places, products of batches: on the CPU and on the simulated GPU."""

from __future__ import annotations

import io

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.autograd import gradcheck

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
LAYOUTS = pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr"])
X = np.array([[0, 1.5, 0], [2, 0, -3]])
THERE = X != 0
G = np.arange(6.0).reshape(2, 3) + 1


def sparse(layout, device="cpu", array=X):
    return tensor(array, device).to_sparse(layout=getattr(torch, layout))


def tensor(array, device="cpu"):
    return torch.tensor(np.asarray(array).tolist(), dtype=torch.float64, device=device)


def numbers(made):
    made = made if made.layout is torch.strided else made.to_dense()
    return made.detach().cpu().numpy()


def module(layout, device="cpu"):
    made = torch.nn.Module()
    made.weight = torch.nn.Parameter(sparse(layout, device))
    made.register_buffer("mask", sparse(layout, device))
    made.plain = torch.nn.Buffer(sparse(layout, device))
    return made


@DEVICES
@LAYOUTS
def test_a_module_holds_them(layout, device):
    made = module(layout, device)
    assert isinstance(made.weight, torch.nn.Parameter) and made.weight.layout is getattr(torch, layout)
    assert [name for name, _ in made.named_parameters()] == ["weight"] and list(made.state_dict()) == [
        "weight", "mask", "plain"]  # fmt: skip
    assert repr(made.weight).startswith("Parameter containing:\ntensor(")
    file = io.BytesIO()
    torch.save(made.state_dict(), file)
    other = module(layout, device)
    with torch.no_grad():
        other.weight.mul_(0.5)
        other.mask.mul_(3)
    file.seek(0)
    other.load_state_dict(torch.load(file))
    for name, value in other.state_dict().items():
        np.testing.assert_array_equal(numbers(value), X, err_msg=name)
    assert made.double().float().weight.dtype is torch.float32 and made.weight.is_leaf


@DEVICES
@LAYOUTS
def test_sgd_steps_the_values(layout, device):
    made = module(layout, device)
    optimizer = torch.optim.SGD(made.parameters(), lr=0.1, momentum=0.9)
    wanted, velocity = X.copy(), np.zeros_like(X)
    for _ in range(3):
        optimizer.zero_grad()
        (made.weight.to_dense() * tensor(G, device)).pow(2).sum().backward()
        assert made.weight.grad.layout is made.weight.layout
        optimizer.step()
        velocity = 0.9 * velocity + 2 * wanted * G**2
        wanted = wanted - 0.1 * velocity
    np.testing.assert_allclose(numbers(made.weight), wanted)


@pytest.mark.parametrize("name", ["Adam", "RMSprop", "Adagrad", "Adafactor", "SparseAdam"])
@LAYOUTS
def test_optimizers_that_need_all_elements_refuse(layout, name):
    made = module(layout)
    with pytest.raises((RuntimeError, ValueError), match=r"sparse gradients|strided|dense"):
        optimizer = getattr(torch.optim, name)(made.parameters())
        made.weight.to_dense().sum().backward()
        optimizer.step()


@DEVICES
@LAYOUTS
def test_gradients_at_all_places(layout, device):
    x = sparse(layout, device).requires_grad_()
    (x.to_dense(masked_grad=False) * tensor(G, device)).sum().backward()
    assert x.grad.layout is x.layout
    np.testing.assert_array_equal(numbers(x.grad), G)
    (x.to_dense() * tensor(G, device)).sum().backward()  # more, at its own places
    np.testing.assert_array_equal(numbers(x.grad), G + G * THERE)
    again = (x.to_dense(masked_grad=False) ** 2 + x.to_dense()).sum()
    np.testing.assert_array_equal(numbers(torch.autograd.grad(again, x)[0]), 2 * X + THERE)
    again = (x.to_dense(masked_grad=False) * tensor(G, device)).sum()
    x.grad = None
    torch.autograd.backward(again, inputs=[x])
    np.testing.assert_array_equal(numbers(x.grad), G)


@LAYOUTS
def test_gradients_at_all_places_of_computed_ones_are_refused(layout):
    x = sparse(layout).requires_grad_()
    with pytest.raises(NotImplementedError, match="masked_grad=False of a computed sparse tensor"):
        (x * 2).to_dense(masked_grad=False)
    full = sparse(layout, array=X + 5).requires_grad_()
    (full * 2).to_dense(masked_grad=False).sum().backward()
    np.testing.assert_array_equal(numbers(full.grad), np.full((2, 3), 2.0))


@DEVICES
@LAYOUTS
def test_retained(layout, device):
    x = sparse(layout, device).requires_grad_()
    middle = x * 2
    middle.retain_grad()
    assert middle.retains_grad and not x.retains_grad
    (middle.to_dense() * tensor(G, device)).sum().backward()
    np.testing.assert_array_equal(numbers(middle.grad), G * THERE)
    np.testing.assert_array_equal(numbers(x.grad), 2 * G * THERE)


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_csc"])
def test_gradcheck(layout, masked):
    x = sparse(layout).requires_grad_()
    d = tensor(np.arange(6.0).reshape(3, 2)).requires_grad_()
    assert gradcheck(lambda x, d: torch.sparse.mm(x, d).sin(), (x, d), masked=masked)
    assert torch.autograd.gradgradcheck(lambda x: x.to_dense() ** 3, (x,), masked=masked)
    check = torch.sparse.as_sparse_gradcheck(gradcheck)
    assert check(lambda x: x.sin(), (x,), masked=masked)

    class Wrong(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 3

    with pytest.raises(RuntimeError, match="Jacobian mismatch"):
        gradcheck(lambda x: Wrong.apply(x.to_dense()), (x,), masked=masked)
    with pytest.raises(ValueError, match="Sparse output is not supported"):
        gradcheck(lambda x: x * 2, (x,), masked=masked)


BATCH = np.array([[[0, 1.0, 2], [0, 0, 0]], [[3, 0, 0], [0, 4, 0]]])
RIGHT = np.random.default_rng(0).normal(size=(2, 3, 4))


@DEVICES
@pytest.mark.parametrize("layout", ["sparse_coo", "sparse_csr", "sparse_csc"])
def test_products_of_batches(layout, device):
    x, d = sparse(layout, device, BATCH), tensor(RIGHT, device)
    left = tensor(RIGHT.transpose(0, 2, 1)[..., :2], device)
    for made, wanted in (
        (x @ d, BATCH @ RIGHT), (torch.bmm(x, d), BATCH @ RIGHT), (x @ d[0], BATCH @ RIGHT[0]),
        (x @ d[0, :, 0], BATCH @ RIGHT[0, :, 0]), (left @ x, RIGHT.transpose(0, 2, 1)[..., :2] @ BATCH),
        (left[0] @ x, RIGHT[0].T[:, :2] @ BATCH),
    ):  # fmt: skip
        np.testing.assert_allclose(numbers(made), wanted)
    with pytest.raises(RuntimeError, match="must match"):
        torch.bmm(x, d[:1])
    with pytest.raises(TypeError, match=r"argument 'other' .*must be Tensor"):
        torch.Tensor.matmul(x, [1])


@DEVICES
def test_sampled_products_of_batches(device):
    x = sparse("sparse_csr", device, BATCH)
    a, b = tensor(RIGHT[:, :2], device), tensor(RIGHT.transpose(0, 2, 1), device)
    made = torch.sparse.sampled_addmm(x, a, b, beta=0.5, alpha=2)
    np.testing.assert_allclose(
        numbers(made), (BATCH / 2 + 2 * RIGHT[:, :2] @ RIGHT.transpose(0, 2, 1)) * (BATCH != 0)
    )


def test_indexing():
    x = sparse("sparse_coo", array=BATCH)
    for key in (
        0,
        -1,
        (0, 1),
        (slice(None), 1),
        (..., 2),
        None,
        (None, 0),
        (0, slice(0, 2)),
        torch.tensor(1),
        ...,
    ):
        where = int(key) if isinstance(key, torch.Tensor) else key
        np.testing.assert_array_equal(numbers(x[key]), BATCH[where], err_msg=str(key))
    for key, kind, words in (
        (slice(1, None), NotImplementedError, "narrow_copy"), ([0], NotImplementedError, "index_select"),
        (torch.tensor([0]), NotImplementedError, "index_select"), (1.5, IndexError, "got float"),
        ((0, 0, 0, 0), IndexError, "too many indices"), ("a", TypeError, "invalid data type"),
    ):  # fmt: skip
        with pytest.raises(kind, match=words):
            x[key]
    with pytest.raises(TypeError, match="Cannot assign to a sparse tensor"):
        x[0] = 1


def test_results_in_other_tensors():
    x, out = sparse("sparse_coo"), torch.zeros(2, 3, dtype=torch.float64, layout=torch.sparse_coo)
    assert torch.sin(x, out=out) is out
    np.testing.assert_allclose(numbers(out), np.sin(X))
    with pytest.raises(RuntimeError, match=r"layout torch.strided, expected torch.sparse_coo"):
        torch.sin(x, out=torch.zeros(2, 3, dtype=torch.float64))
    with pytest.raises(RuntimeError, match="can't be cast"):
        torch.sin(x, out=torch.zeros(2, 3, dtype=torch.int64, layout=torch.sparse_coo))


def test_assert_close():
    x = sparse("sparse_csr")
    torch.testing.assert_close(x, x.clone())
    with pytest.raises(AssertionError, match="Sparse CSR crow_indices are not"):
        torch.testing.assert_close(x, sparse("sparse_csr", array=X[::-1]))
    with pytest.raises(AssertionError, match="not close"):
        torch.testing.assert_close(x, x * 1.5)
    with pytest.raises(AssertionError, match="layout"):
        torch.testing.assert_close(x, x.to_dense())
    torch.testing.assert_close(x, x.to_dense(), check_layout=False)
