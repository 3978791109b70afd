"""Losses beyond their generated tests: what is ignored, older arguments, warnings, extreme scores."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

import tritonnn as torch
import tritonnn.nn.functional as F

DEVICES = pytest.mark.parametrize("device", ["cpu", "cuda"])
NAN = float("nan")


def normal(*shape, seed=0, device="cpu"):
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape)).to(device)


@DEVICES
def test_ignored_samples_count_nothing_even_if_nan(device):
    x = normal(4, 3).numpy().copy()
    x[1] = NAN
    scores = torch.from_numpy(x).to(device).requires_grad_()
    target = torch.tensor([0, 7, 2, 1], device=device)
    loss = F.cross_entropy(scores, target, ignore_index=7)
    rest = [0, 2, 3]
    wanted = F.cross_entropy(torch.from_numpy(x[rest]), torch.tensor([0, 2, 1]))
    assert float(loss) == pytest.approx(float(wanted))
    loss.backward()
    assert (scores.grad[1] == 0).all()
    assert torch.isfinite(scores.grad).all()


@DEVICES
@pytest.mark.parametrize("function", [F.cross_entropy, F.nll_loss])
def test_nothing_to_average_is_nan(device, function):
    x, target = normal(2, 3, device=device), torch.full((2,), -100, device=device)
    assert math.isnan(function(x, target))
    assert function(x, target, reduction="sum") == 0
    assert function(x, target, reduction="none").tolist() == [0, 0]
    assert math.isnan(function(x[:0], target[:0]))
    assert function(x[:0], target[:0], reduction="sum") == 0
    leaf = x.clone().requires_grad_()
    function(leaf, target).backward()
    assert leaf.grad.tolist() == [[0] * 3] * 2


@DEVICES
def test_confident_scores_keep_their_digits(device):
    x = torch.tensor([[30.0, 0.0], [0.0, -18.0]], device=device)
    got = F.cross_entropy(x, torch.tensor([0, 0], device=device), reduction="none").cpu().numpy()
    np.testing.assert_allclose(got, [math.log1p(math.exp(-30)), math.log1p(math.exp(-18))], atol=1e-7)
    huge = torch.tensor([[1e4, -1e4]], device=device, requires_grad=True)
    loss = F.cross_entropy(huge, torch.tensor([1], device=device))
    loss.backward()
    assert loss == 2e4
    assert huge.grad.tolist() == [[1, -1]]


@DEVICES
def test_weighted_mean_divides_by_the_weights(device):
    x, target = normal(5, 3, device=device), torch.tensor([0, 1, 2, 1, 0], device=device)
    weight = torch.tensor([0.5, 2.0, 0.0], dtype=torch.float64, device=device)
    each = F.cross_entropy(x, target, reduction="none") * weight[target]
    assert float(F.cross_entropy(x, target, weight)) == pytest.approx(float(each.sum() / 5.0))


@DEVICES
def test_classes_as_probabilities_give_the_same(device):
    x, target = normal(4, 5, device=device), torch.tensor([0, 4, 2, 2], device=device)
    hot = F.one_hot(target, 5).double()
    for smoothing in (0.0, 0.3):
        grads = []
        for y in (target, hot):
            leaf = x.detach().clone().requires_grad_()
            loss = F.cross_entropy(leaf, y, label_smoothing=smoothing)
            (first,) = torch.autograd.grad(loss, leaf, create_graph=True)
            (second,) = torch.autograd.grad((first**2).sum(), leaf)
            grads.append((loss.detach(), first.detach(), second))
        for a, b in zip(*grads, strict=True):
            np.testing.assert_allclose(a.cpu().numpy(), b.cpu().numpy(), rtol=1e-9, atol=1e-12)


def test_rows_of_scores_longer_than_a_tile(monkeypatch, forget_launches):
    """The walk with a running maximum, by pretending that less fits into registers."""
    from tritonnn.kernels.loss import loss as kernels

    monkeypatch.setattr(kernels, "LONGEST_ROW", 64)
    results = []
    for device in ("cpu", "cuda"):
        x = (normal(6, 9000, device=device) * 30).requires_grad_()
        target = torch.from_numpy(np.arange(6) * 1500).to(device)
        loss = F.cross_entropy(x, target, label_smoothing=0.1)
        loss.backward()
        results.append((loss.detach().cpu().numpy(), x.grad.cpu().numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("old", "reduction"),
    [({"size_average": False}, "sum"), ({"reduce": False}, "none"), ({"size_average": True}, "mean"),
     ({"size_average": False, "reduce": True}, "sum")],
)  # fmt: skip
def test_older_arguments_still_work(old, reduction):
    x, y = normal(3), normal(3, seed=1)
    with pytest.warns(UserWarning, match=f"please use reduction='{reduction}' instead"):
        got = F.mse_loss(x, y, **old)
    assert torch.equal(got, F.mse_loss(x, y, reduction=reduction))


@pytest.mark.parametrize("function", [F.mse_loss, F.l1_loss, F.smooth_l1_loss, F.huber_loss])
def test_broadcasting_warns_at_the_call(function):
    with pytest.warns(
        UserWarning, match="Using a target size .* that is different to the input size"
    ) as caught:
        function(normal(2, 3), normal(3))
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        function(normal(2, 3), normal(2, 3))


def test_mean_of_kl_div_warns():
    x = normal(2, 3).log_softmax(1)
    with pytest.warns(UserWarning, match="'batchmean' divides only by the batch size"):
        mean = F.kl_div(x, x.exp())
    assert float(F.kl_div(x, x.exp().roll(1, 1), reduction="batchmean")) > float(mean)


@DEVICES
def test_losses_of_mixed_types_promote(device):
    x, y = normal(3, device=device).float(), normal(3, seed=1, device=device)
    assert F.mse_loss(x, y).dtype is torch.float64
    assert F.l1_loss(x, torch.tensor([1, 2, 3], device=device)).dtype is torch.float32


def test_probability_outside_the_unit_interval_is_named():
    with pytest.raises(RuntimeError, match=r"between 0 and 1, but one is 1\.5"):
        F.binary_cross_entropy(torch.tensor([0.5, 1.5]), torch.ones(2))


@DEVICES
def test_certain_probabilities_are_finite(device):
    x = torch.tensor([0.0, 1.0], device=device, requires_grad=True)
    loss = F.binary_cross_entropy(x, torch.tensor([1.0, 0.0], device=device), reduction="none")
    assert loss.tolist() == [100, 100]
    loss.sum().backward()
    assert torch.isfinite(x.grad).all()


@DEVICES
def test_large_sums_stay_accurate(device):
    x = torch.full((300, 1000), 0.1, device=device)
    assert float(F.l1_loss(x, torch.zeros_like(x), reduction="sum")) == pytest.approx(30000, rel=1e-6)


@pytest.mark.parametrize("device", ("cpu", "cuda"))
def test_both_sides_of_an_l1_loss_may_be_written(device: str) -> None:
    x = torch.tensor([1.0, 5.0], device=device, requires_grad=True)
    guess = x * 2
    loss = F.l1_loss(guess, torch.tensor([3.0, 3.0], device=device), reduction="none")
    guess.zero_()
    loss.sum().backward()
    assert loss.tolist() == [1, 7] and x.grad.tolist() == [-2, 2]
