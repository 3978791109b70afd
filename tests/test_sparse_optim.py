"""Optimizers with sparse gradients: against NumPy and against their dense steps, on the CPU and the simulated GPU."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch

F = torch.nn.functional
DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def textbook_sparse_adam(p, m, v, rows, g, t, lr=0.1, b1=0.9, b2=0.999, eps=1e-8):
    """A step of Adam of the rows that were looked up, in NumPy."""
    for row in np.unique(rows):
        total = g[rows == row].sum(0)
        m[row] = b1 * m[row] + (1 - b1) * total
        v[row] = b2 * v[row] + (1 - b2) * total**2
        p[row] -= lr * np.sqrt(1 - b2**t) / (1 - b1**t) * m[row] / (np.sqrt(v[row]) + eps)


@DEVICES
def test_sparse_adam(device):
    rng = np.random.default_rng(2)
    p = rng.normal(size=(6, 3))
    table = torch.from_numpy(p.copy()).to(device).requires_grad_()
    optimizer = torch.optim.SparseAdam([table], lr=0.1)
    m, v = np.zeros_like(p), np.zeros_like(p)
    for t in range(1, 5):
        rows, g = rng.integers(0, 6, 4), rng.normal(size=(4, 3))
        optimizer.zero_grad()
        F.embedding(torch.tensor(rows.tolist(), device=device), table, sparse=True).backward(
            torch.from_numpy(g).to(device)
        )
        optimizer.step()
        textbook_sparse_adam(p, m, v, rows, g, t)
    np.testing.assert_allclose(table.detach().cpu().numpy(), p, rtol=1e-12)
    np.testing.assert_allclose(optimizer.state[table]["exp_avg_sq"].cpu().numpy(), v, rtol=1e-12)
    assert optimizer.state[table]["step"] == 4


@DEVICES
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.1}), ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.2, "maximize": True}),
        ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}), ("Adagrad", {"lr": 0.1, "lr_decay": 0.1}),
        ("Adagrad", {"lr": torch.tensor(0.1), "initial_accumulator_value": 0.5, "foreach": False}),
    ],
)  # fmt: skip
def test_a_sparse_step_is_the_dense_one(name, options, device):
    """These compute the same of a sparse gradient as of its dense form."""
    tables = []
    for sparse in (False, True):
        table = torch.arange(8.0, dtype=torch.float64, device=device).reshape(4, 2).requires_grad_()
        other = torch.ones(2, dtype=torch.float64, device=device, requires_grad=True)
        optimizer = getattr(torch.optim, name)([table, other], **options)
        for rows in ([1, 1, 3], [0, 3], [1, 0]):
            optimizer.zero_grad()
            (
                (F.embedding(torch.tensor(rows, device=device), table, sparse=sparse) * other) ** 2
            ).sum().backward()
            optimizer.step()
        tables.append(torch.cat([table.detach().reshape(-1), other.detach()]).cpu().numpy())
    np.testing.assert_allclose(tables[1], tables[0], rtol=1e-12)


def test_unscaling():
    table = torch.ones(4, 2, requires_grad=True)
    optimizer, scaler = torch.optim.SGD([table], lr=1.0), torch.amp.GradScaler("cpu", init_scale=8.0)
    scaler.scale(F.embedding(torch.tensor([1, 1, 2]), table, sparse=True).sum()).backward()
    scaler.unscale_(optimizer)
    assert table.grad.is_sparse and table.grad.to_dense()[:, 0].tolist() == [0, 2, 1, 0]
    scaler.step(optimizer)
    assert table.detach()[:, 0].tolist() == [1, -1, 0, 1]


def test_unscaling_half_looks_at_sums():
    """Two terms that are finite, and a sum that is not."""
    table = torch.ones(2, 1, dtype=torch.float16, requires_grad=True)
    optimizer, scaler = torch.optim.SGD([table], lr=1.0), torch.amp.GradScaler("cpu", init_scale=1.0)
    scaler.scale(torch.ones(1))
    table.grad = torch.sparse_coo_tensor([[1, 1]], torch.full((2, 1), 6e4, dtype=torch.float16), (2, 1))
    found = scaler._check_inf_per_device(optimizer)
    assert [float(f) for f in found.values()] == [1.0]
