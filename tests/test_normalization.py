"""Normalisation beyond its generated tests: running statistics, long rows, and sums shared by programs."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F
from tritonnn.ops.normalization.normalization import native_layer_norm_backward

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


def normal(*shape, seed=0, device="cpu", requires_grad=False):
    values = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    return torch.from_numpy(values).to(device).requires_grad_(requires_grad)


@DEVICES
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 5), (2, 3, 30, 20)])
def test_running_statistics_move_by_momentum(device, shape):
    x, mean, var = normal(*shape, device=device), torch.zeros(3, device=device), torch.ones(3, device=device)
    F.batch_norm(x, mean, var, training=True, momentum=0.25)
    axes = (0, *range(2, len(shape)))
    values = x.cpu().numpy().astype(np.float64)
    np.testing.assert_allclose(mean.cpu().numpy(), 0.25 * values.mean(axes), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(var.cpu().numpy(), 0.75 + 0.25 * values.var(axes, ddof=1), rtol=1e-5)


def test_moving_statistics_is_an_in_place_write():
    mean, var = torch.zeros(3), torch.ones(3)
    F.batch_norm(normal(4, 3), mean, var, training=True)
    assert (mean._version, var._version) == (1, 1)
    F.batch_norm(normal(4, 3), mean, var)
    assert (mean._version, var._version) == (1, 1)


@DEVICES
def test_instance_norm_averages_the_instances(device):
    x, mean, var = normal(4, 2, 9, device=device), torch.zeros(2, device=device), torch.ones(2, device=device)
    F.instance_norm(x, mean, var, momentum=0.5)
    values = x.cpu().numpy()
    np.testing.assert_allclose(mean.cpu().numpy(), 0.5 * values.mean(2).mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(var.cpu().numpy(), 0.5 + 0.5 * values.var(2, ddof=1).mean(0), rtol=1e-5)


@DEVICES
def test_large_mean_costs_no_digits(device):
    x = normal(8, 256, device=device)
    far = F.layer_norm((x + 1000).double(), (256,)).float()
    near = F.layer_norm(x + 1000, (256,))
    np.testing.assert_allclose(near.cpu().numpy(), far.cpu().numpy(), atol=2e-3)
    batch = F.batch_norm((x + 1000).t(), None, None, training=True)
    np.testing.assert_allclose(batch.t().cpu().numpy(), far.cpu().numpy(), atol=2e-3)


@DEVICES
def test_constant_rows_become_zero(device):
    assert (F.layer_norm(torch.full((3, 8), 7.0, device=device), (8,)) == 0).all()
    assert (F.batch_norm(torch.full((8, 3), 7.0, device=device), None, None, training=True) == 0).all()


@DEVICES
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_default_eps_of_rms_norm(device, dtype):
    """That of what it is computed in: of small values, the input's own epsilon would leave a tenth."""
    row = torch.full((1, 8), 2.0**-7, dtype=getattr(torch, dtype), device=device)
    eps = np.finfo(np.float64 if dtype == "float64" else np.float32).eps
    expected = 2.0**-7 / np.sqrt(2.0**-14 + eps)
    np.testing.assert_allclose(F.rms_norm(row, (8,)).double().cpu().numpy(), expected, rtol=4e-3)


@pytest.mark.parametrize("rms", [False, True])
def test_rows_longer_than_a_tile(monkeypatch, forget_launches, rms):
    """The kernels for long rows, by pretending that less fits into registers."""
    from tritonnn.kernels.normalization import normalization

    monkeypatch.setattr(normalization, "LONGEST_ROW", 64)
    monkeypatch.setattr(normalization, "LONGEST_BACKWARD", 64)
    results = []
    for device in ("cpu", "cuda"):
        x, w = (
            normal(*s, seed=i, device=device, requires_grad=True) for i, s in enumerate([(70, 200), (200,)])
        )
        y = F.rms_norm(x, (200,), w) if rms else F.layer_norm(x, (200,), w, None)
        y.backward(normal(70, 200, seed=2, device=device))
        results.append([t.detach().cpu().numpy() for t in (y, x.grad, w.grad)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, atol=3e-5)


def test_sums_shared_by_programs():
    """Few channels and many positions: partial results are combined by a second launch."""
    results = []
    for device in ("cpu", "cuda"):
        x, w, b = (
            normal(*s, seed=i, device=device, requires_grad=True)
            for i, s in enumerate([(3, 2, 40000), (2,), (2,)])
        )
        y = F.batch_norm(x, None, None, w, b, training=True)
        y.backward(normal(3, 2, 40000, seed=3, device=device))
        results.append([t.detach().cpu().numpy() for t in (y, x.grad, w.grad, b.grad)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-4)


@DEVICES
def test_only_wanted_gradients_are_made(device):
    x = normal(5, 8, device=device)
    grads = native_layer_norm_backward(
        x, x, (8,), x.mean(1, True), torch.ones(5, 1, device=device), None, (False, True, False)
    )
    assert [tuple(t.shape) for t in grads] == [(0,), (8,), (0,)]


@DEVICES
def test_weights_may_be_wider_than_the_input(device):
    x = normal(4, 8, device=device).bfloat16()
    w = normal(8, seed=1, device=device, requires_grad=True)
    y = F.layer_norm(x, (8,), w)
    y.sum().backward()
    assert y.dtype is torch.bfloat16
    assert w.grad.dtype is torch.float32


@DEVICES
def test_empty_batch_gives_zero_gradients(device):
    w, b = torch.ones(8, device=device, requires_grad=True), torch.ones(8, device=device, requires_grad=True)
    F.layer_norm(torch.ones(0, 8, device=device), (8,), w, b).sum().backward()
    assert (w.grad == 0).all()
    assert (b.grad == 0).all()


@pytest.mark.parametrize("length", [1, 60, 768, 5000, 8192])
@pytest.mark.parametrize("rows", [1, 100, 100_000])
def test_backward_grid_fits_the_device_and_the_rows(rows, length):
    from tritonnn.kernels.normalization.normalization import choose_backward

    how = choose_backward(rows, length, 132, 4)
    assert how.block >= length
    assert 1 <= how.programs <= min(-(-rows // how.rows), 132 * 16)
    assert how.rows * how.block <= 8192
    # rows that a program has one of are fetched ahead, into half of the shared memory that a multiprocessor has
    assert how.stages == (3 if how.rows == 1 else 1)
    assert 2 * (how.stages - 1) * how.block * 4 * (16 // how.warps) <= 131072
    assert (
        choose_backward(rows, length, 132, 8).stages
        == choose_backward(rows, length, 132, 4, False).stages
        == 1
    )


@pytest.mark.parametrize(("device", "count"), [("cpu", 4_000_000), ("cuda", 40_000)])
@pytest.mark.parametrize(
    "name", ["layer_norm", "group_norm", "instance_norm", "batch_norm", "rms_norm", "softmax"]
)
def test_long_rows(name: str, device: str, count: int) -> None:
    """The sum of a row of millions of elements is as exact as that of a short one."""
    values = np.random.default_rng(0).standard_normal(count).astype(np.float32) + np.float32(2)
    x = torch.from_numpy(values).to(device)
    calls = {
        "layer_norm": lambda: F.layer_norm(x[None], (count,)),
        "group_norm": lambda: F.group_norm(x[None, None], 1),
        "instance_norm": lambda: F.instance_norm(x[None, None]),
        "batch_norm": lambda: F.batch_norm(x[None, None], None, None, training=True),
        "rms_norm": lambda: F.rms_norm(x[None], (count,), eps=1e-5),
        "softmax": lambda: x[None].softmax(1) * count,
    }
    got = calls[name]().cpu().numpy().reshape(-1)
    wide = values.astype(np.float64)
    if name == "softmax":
        wanted = np.exp(wide) / np.exp(wide).sum() * count
    elif name == "rms_norm":
        wanted = wide / np.sqrt((wide * wide).mean() + 1e-5)
    else:
        wanted = (wide - wide.mean()) / np.sqrt(wide.var() + 1e-5)
    assert (np.abs(got - wanted) / np.maximum(np.abs(wanted), 1)).max() < 3e-6
