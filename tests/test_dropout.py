"""Dropout of elements and channels: the same mask on every device, PyTorch's shapes and scaling."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F

DEVICES = ("cpu", "cuda")


def test_dropout_mask_is_the_same_on_every_device():
    results = []
    for device in DEVICES:
        torch.manual_seed(6)
        x = torch.arange(1.0, 41.0, device=device, requires_grad=True)
        y = F.dropout(x.reshape(5, 8).t(), 0.3)
        y.sum().backward()
        results.append((y.detach().cpu().numpy(), x.grad.cpu().numpy()))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    y, grad = results[0]
    scale = np.float32(1 / 0.7)
    assert set(np.unique(grad)) == {0, scale}
    np.testing.assert_allclose(
        y, np.arange(1, 41, dtype=np.float32).reshape(5, 8).T * grad.reshape(5, 8).T, rtol=1e-6
    )


def test_dropout_statistics_and_switches():
    x = torch.ones(100_000)
    y = F.dropout(x, 0.2)
    assert float((y == 0).float().mean()) == pytest.approx(0.2, abs=0.01)
    assert set(y.tolist()) == {0.0, 1.25}
    assert F.dropout(x, 0.2, training=False) is x
    assert F.dropout(x, 0.0) is x
    assert float(F.dropout(x, 1.0).sum()) == 0
    torch.manual_seed(1)
    plain = F.dropout(x, 0.2)
    torch.manual_seed(1)
    z = x.clone()
    assert F.dropout(z, 0.2, inplace=True) is z and torch.equal(z, plain)
    result, mask = torch.native_dropout(x, 0.2, True)
    assert mask.dtype is torch.bool and torch.equal(mask, result != 0)
    assert torch.equal(torch.dropout(x, 0.2, False), x)


def test_dropout_second_derivative():
    x = torch.randn(20, dtype=torch.float64, requires_grad=True)
    y = F.dropout(x, 0.5)
    (g,) = torch.autograd.grad((y**3).sum(), x, create_graph=True)
    (h,) = torch.autograd.grad(g.sum(), x)
    kept = (y.detach() != 0).double()
    np.testing.assert_allclose(h.numpy(), (6 * x * 8 * kept).detach().numpy())


@pytest.mark.parametrize(
    ("function", "shape", "channels"),
    [(F.dropout1d, (6, 8, 5), 2), (F.dropout1d, (8, 5), 1), (F.dropout2d, (6, 8, 3, 2), 2),
     (F.dropout3d, (6, 8, 2, 2, 2), 2),
     (F.dropout3d, (8, 2, 2, 2), 1)],
)  # fmt: skip
def test_channel_dropout(function, shape, channels):
    y = function(torch.ones(shape), 0.5).reshape(*shape[:channels], -1).numpy()
    assert (y == y[..., :1]).all() and set(np.unique(y)) == {0, 2}


def test_dropout2d_takes_three_dimensions_with_a_warning():
    with pytest.warns(UserWarning, match="3-D input to dropout2d"):
        y = F.dropout2d(torch.ones(6, 8, 5), 0.5).numpy()
    assert (y == y[..., :1]).all()
    with pytest.warns(UserWarning, match="deprecated"):
        F.dropout2d(torch.ones(6, 8), 0.5)


def test_alpha_dropout_keeps_moments():
    x = torch.randn(100_000)
    y = F.alpha_dropout(x, 0.3, training=True)
    assert float(y.mean()) == pytest.approx(0, abs=0.02) and float(y.std()) == pytest.approx(1, abs=0.02)
    z = F.feature_alpha_dropout(torch.randn(40, 50, 20), 0.3, training=True)
    constant = (z == z[..., :1]).all(-1).float().mean()
    assert float(constant) == pytest.approx(0.3, abs=0.05)
    assert F.alpha_dropout(x, 0.3) is x


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: F.dropout(torch.ones(3), 2.0), ValueError, "has to be between 0 and 1, but got 2.0"),
        (lambda: F.dropout(torch.arange(3)), RuntimeError, "floating"),
        (lambda: F.dropout1d(torch.ones(3)), RuntimeError, "Expected 2D or 3D input, but received a 1D input"),
        (lambda: F.feature_alpha_dropout(torch.ones(3), 0.5, True), RuntimeError, "at least 2 dimensions"),
    ],
)  # fmt: skip
def test_errors(call, error, match):
    with pytest.raises(error, match=match):
        call()
