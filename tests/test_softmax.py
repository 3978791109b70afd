"""Softmax beyond its generated tests: the dimension nobody named, casts, rows without a finite maximum."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])


@pytest.mark.parametrize(("shape", "dim"), [((4,), 0), ((2, 3), 1), ((2, 3, 4), 0), ((2, 1, 3, 4), 1)])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "softmin"])
def test_implicit_dimension_warns_and_is_the_old_one(name, shape, dim):
    x = torch.arange(float(np.prod(shape))).reshape(shape)
    with pytest.warns(
        UserWarning, match=f"Implicit dimension choice for {name} has been deprecated"
    ) as caught:
        got = getattr(F, name)(x)
    assert caught[0].filename == __file__
    assert torch.equal(got, getattr(F, name)(x, dim))


@DEVICES
def test_dtype_casts_before_computing(device):
    x = torch.tensor([300.0, 299.0], dtype=torch.float16, device=device)
    assert torch.softmax(x, 0, dtype=torch.float64).dtype is torch.float64
    assert torch.softmax(torch.tensor([1, 2], device=device), 0, dtype=torch.float32).sum() == 1


@DEVICES
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_infinite_and_nan_rows(device, name):
    inf, nan = float("inf"), float("nan")
    x = torch.tensor([[-inf, 0, 1], [-inf, -inf, -inf], [inf, 0, 1], [nan, 0, 1]], device=device)
    got = getattr(torch, name)(x, 1).cpu().numpy()
    one = np.exp([0, 1]) / np.exp([0, 1]).sum()
    wanted = np.concatenate([[0], one]) if name == "softmax" else np.concatenate([[-np.inf], np.log(one)])
    np.testing.assert_allclose(got[0], wanted, rtol=1e-6)
    assert np.isnan(got[1]).all()
    assert np.isnan(got[2, 0])
    assert np.isnan(got[3]).all()


@DEVICES
def test_logsumexp_of_infinities(device):
    inf = float("inf")
    x = torch.tensor([[-inf, -inf], [inf, 0.0], [1.0, float("nan")]], device=device, requires_grad=True)
    result = torch.logsumexp(x, 1)
    np.testing.assert_array_equal(result.detach().cpu().numpy(), [-np.inf, np.inf, np.nan])
    assert torch.logsumexp(torch.empty(0, device=device), 0) == -inf


@DEVICES
def test_probabilities_are_exact_where_scores_differ_much(device):
    x = torch.tensor([[0.0, -100.0], [80.0, 0.0]], device=device)
    np.testing.assert_allclose(
        torch.log_softmax(x, 1).cpu().numpy(), [[0, -100], [0, -80]], rtol=1e-6, atol=1e-30
    )


def test_gumbel_softmax_is_one_hot_with_a_soft_gradient():
    torch.manual_seed(0)
    logits = torch.zeros(200, 3, requires_grad=True)
    hard = F.gumbel_softmax(logits, hard=True)
    assert torch.equal(hard.sum(1), torch.ones(200))
    assert {0.0, 1.0} == set(hard.detach().reshape(-1).tolist())
    (hard * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert logits.grad.abs().sum() > 0
    assert (hard.sum(0) > 40).all()
