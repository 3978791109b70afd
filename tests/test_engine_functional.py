"""Values of nn.functional against formulas of their own: padding, noise, weighted means, infinite scores."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest

import tritonnn as torch

F = torch.nn.functional
inf, nan = float("inf"), float("nan")
device = pytest.mark.parametrize("device", ("cpu", "cuda"))


def close(got: Any, wanted: Any, rtol: float = 2e-5) -> None:
    np.testing.assert_allclose(np.asarray(got.detach().cpu().numpy()), wanted, rtol=rtol, atol=1e-6)


# ---- padding='same' ---------------------------------------------------------------------------------------


def correlated(x: np.ndarray, w: np.ndarray, dilation: tuple, mode: str = "constant") -> np.ndarray:
    """One channel: sums over the kernel, of an input padded so that the odd element goes to the end."""
    total = [d * (k - 1) for d, k in zip(dilation, w.shape, strict=True)]
    padded = np.pad(x, [(t // 2, t - t // 2) for t in total], mode=mode)
    out = np.zeros(x.shape)
    for place in product(*map(range, x.shape)):
        for tap in product(*map(range, w.shape)):
            at = tuple(p + d * t for p, d, t in zip(place, dilation, tap, strict=True))
            out[place] += padded[at] * w[tap]
    return out


SAME = [
    ((6,), (2,), (1,)), ((6,), (4,), (1,)), ((7,), (2,), (3,)), ((7,), (4,), (2,)), ((5,), (3,), (1,)),
    ((4, 5), (2, 2), (1, 1)), ((4, 5), (2, 3), (1, 1)), ((4, 5), (3, 2), (1, 1)), ((5, 6), (2, 4), (3, 1)),
    ((3, 4, 3), (2, 2, 2), (1, 1, 1)), ((3, 4, 3), (2, 3, 2), (1, 1, 1)), ((4, 3, 4), (2, 2, 2), (3, 1, 1)),
]  # fmt: skip


@device
@pytest.mark.parametrize(("size", "kernel", "dilation"), SAME)
def test_same_padding(size: tuple, kernel: tuple, dilation: tuple, device: str) -> None:
    rng = np.random.default_rng(0)
    x, w = rng.integers(-9, 9, size).astype(np.float64), rng.integers(-9, 9, kernel).astype(np.float64)
    convolution = (F.conv1d, F.conv2d, F.conv3d)[len(size) - 1]
    given, weight = (
        torch.from_numpy(a[None, None].astype(np.float32)).to(device).requires_grad_() for a in (x, w)
    )
    out = convolution(given, weight, padding="same", dilation=dilation)
    close(out[0, 0], correlated(x, w, dilation))
    out.backward(torch.ones_like(out))
    wanted = np.zeros(size)
    for place in product(*map(range, size)):
        one = np.zeros(size)
        one[place] = 1
        wanted[place] = correlated(one, w, dilation).sum()
    close(given.grad[0, 0], wanted)


@pytest.mark.parametrize(
    ("mode", "name"), [("circular", "wrap"), ("replicate", "edge"), ("reflect", "reflect")]
)
def test_same_padding_of_layers(mode: str, name: str) -> None:
    rng = np.random.default_rng(1)
    for rank, layer in ((1, torch.nn.Conv1d), (2, torch.nn.Conv2d)):
        x, w = rng.integers(-9, 9, (7,) * rank), rng.integers(-9, 9, (4, 2)[:rank])
        module = layer(1, 1, w.shape, padding="same", padding_mode=mode, bias=False)
        with torch.no_grad():
            module.weight.copy_(torch.from_numpy(w[None, None]))
        close(module(torch.from_numpy(x[None, None]).float())[0, 0], correlated(x, w, (1,) * rank, name))


# ---- gumbel_softmax ---------------------------------------------------------------------------------------


@device
def test_hard_gumbel_samples_follow_the_probabilities(device: str) -> None:
    """The largest of log p + Gumbel noise is distributed as p (Gumbel 1954); with the other sign it is not."""
    p, count = [0.7, 0.2, 0.1], 20000
    logits = torch.tensor(p, device=device).log().expand(count, 3)
    picked = F.gumbel_softmax(logits, tau=0.5, hard=True).cpu().numpy()  # whatever the temperature
    assert set(np.round(np.unique(picked), 5)) == {0, 1}
    np.testing.assert_allclose(picked.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(picked.mean(0), p, atol=5 * np.sqrt(0.25 / count))


@device
def test_hard_gumbel_has_the_gradient_of_the_soft_one(device: str) -> None:
    tau = 0.5
    given = torch.tensor([[1.0, -1.0, 2.0], [0.5, 0.0, 3.0]], device=device)
    results, leaf = {}, torch.zeros(2, 3, device=device, requires_grad=True)
    for hard in (False, True):
        torch.manual_seed(11)
        leaf.grad = None
        sample = F.gumbel_softmax(leaf, tau=tau, hard=hard)
        sample.backward(given)
        results[hard] = sample.detach().cpu().numpy(), leaf.grad.cpu().numpy()
    (soft, soft_grad), (hard, hard_grad) = results[False], results[True]
    g = given.cpu().numpy()
    np.testing.assert_allclose(soft_grad, soft * (g - (g * soft).sum(1, keepdims=True)) / tau, rtol=1e-5)
    np.testing.assert_allclose(hard_grad, soft_grad, rtol=1e-6)
    assert np.array_equal(hard.round(5), np.eye(3)[soft.argmax(1)])


# ---- weighted means ---------------------------------------------------------------------------------------

X = np.array([[1.0, 2.0, 3.0], [0.0, -1.0, 2.0], [0.5, 0.25, 1.0], [2.0, 2.0, 1.0]])
Y = np.array([0, 2, 1, 2])
W = np.array([0.5, 2.0, 3.0])
LOG = X - np.log(np.exp(X).sum(1, keepdims=True))
NLL = -LOG[range(4), Y]


def on(device: str, *arrays: np.ndarray) -> list:
    return [torch.from_numpy(np.float32(a) if a.dtype.kind == "f" else a).to(device) for a in arrays]


@device
def test_weighted_cross_entropy(device: str) -> None:
    x, y, w, log = on(device, X, Y, W, LOG)
    kept = Y != 2
    for loss in (lambda **k: F.cross_entropy(x, y, w, **k), lambda **k: F.nll_loss(log, y, w, **k)):
        close(loss(), (W[Y] * NLL).sum() / W[Y].sum())
        close(loss(reduction="sum"), (W[Y] * NLL).sum())
        close(loss(reduction="none"), W[Y] * NLL)
        close(loss(ignore_index=2), (W[Y] * NLL)[kept].sum() / W[Y][kept].sum())
        close(loss(ignore_index=2, reduction="none"), np.where(kept, W[Y] * NLL, 0))
    close(F.cross_entropy(x, y, ignore_index=2), NLL[kept].mean())
    images, targets = log.t().reshape(1, 3, 2, 2), y.view(1, 2, 2)
    close(F.nll_loss(images, targets, w), (W[Y] * NLL).sum() / W[Y].sum())
    close(F.nll_loss(images, targets, w, ignore_index=2), (W[Y] * NLL)[kept].sum() / W[Y][kept].sum())


@device
def test_gradients_of_weighted_cross_entropy(device: str) -> None:
    x, y, w = on(device, X, Y, W)
    x.requires_grad_()
    for ignored in (-100, 2):
        x.grad = None
        F.cross_entropy(x, y, w, ignore_index=ignored).backward()
        share = np.where(ignored == Y, 0, W[Y])
        close(x.grad, (share / share.sum())[:, None] * (np.exp(LOG) - np.eye(3)[Y]))


@device
def test_nothing_to_average_is_nan(device: str) -> None:
    x, w = on(device, X, W)
    ignored = torch.full((4,), -100, device=device)
    assert np.isnan(F.cross_entropy(x, ignored, w).item()) and np.isnan(F.nll_loss(x, ignored).item())
    assert F.cross_entropy(x, ignored, w, reduction="sum").item() == 0


@device
def test_weighted_cross_entropy_with_smoothing(device: str) -> None:
    """Smoothing adds s / C of each class's weighted loss; the divisor stays the weight of the targets."""
    x, y, w = on(device, X, Y, W)
    s, kept = 0.3, Y != 1
    each = (1 - s) * W[Y] * NLL - s / 3 * (LOG * W).sum(1)
    close(F.cross_entropy(x, y, w, label_smoothing=s), each.sum() / W[Y].sum())
    close(F.cross_entropy(x, y, w, label_smoothing=s, ignore_index=1), each[kept].sum() / W[Y][kept].sum())
    close(F.cross_entropy(x, y, label_smoothing=s), ((1 - s) * NLL - s / 3 * LOG.sum(1)).mean())


@device
def test_probabilities_as_targets_are_averaged_over_the_batch(device: str) -> None:
    p = np.exp(2 * X) / np.exp(2 * X).sum(1, keepdims=True)
    x, targets, w = on(device, X, p, W)
    close(F.cross_entropy(x, targets, w), -(p * LOG * W).sum() / 4)
    smooth = 0.8 * p + 0.2 / 3
    close(F.cross_entropy(x, targets, w, label_smoothing=0.2), -(smooth * LOG * W).sum() / 4)


@device
def test_other_weighted_means_divide_by_the_count(device: str) -> None:
    p, z = 1 / (1 + np.exp(-X)), (X > 1).astype(np.float64)
    x, chance, truth, w, y = on(device, X, p, z, W, Y)
    entropy = -(z * np.log(p) + (1 - z) * np.log(1 - p))
    close(F.binary_cross_entropy(chance, truth, w), (W * entropy).sum() / 12)
    close(F.binary_cross_entropy_with_logits(x, truth, w), (W * entropy).sum() / 12)
    positive = np.array([2.0, 3.0, 4.0])
    weighted = -(positive * z * np.log(p) + (1 - z) * np.log(1 - p))
    close(
        F.binary_cross_entropy_with_logits(x, truth, w, pos_weight=on(device, positive)[0]),
        (W * weighted).mean(),
    )
    close(F.multilabel_soft_margin_loss(x, truth, w), (W * entropy).mean(1).mean())
    margins = np.maximum(0, 1 - X[range(4), Y][:, None] + X)
    margins[range(4), Y] = 0
    each = W[Y] * margins.sum(1) / 3
    close(F.multi_margin_loss(x, y, weight=w), each.mean())
    close(F.multi_margin_loss(x, y, weight=w, reduction="none"), each)


@device
def test_elementwise_losses_divide_by_the_weights(device: str) -> None:
    weights = np.broadcast_to(W, X.shape).copy()
    huber = np.where(abs(X) < 1, X**2 / 2, abs(X) - 0.5)
    x, w = on(device, X, weights)
    for loss, each, divisor in (
        (F.mse_loss, X**2, weights.sum()), (F.l1_loss, abs(X), weights.sum()), (F.huber_loss, huber, X.size),
    ):  # fmt: skip
        close(loss(x, x * 2, weight=w), (weights * each).sum() / divisor)
        close(loss(x, x * 2, weight=w, reduction="sum"), (weights * each).sum())
        close(loss(x, x * 2, weight=w, reduction="none"), weights * each)


# ---- infinite scores --------------------------------------------------------------------------------------

ROWS = [[-inf, -inf], [0.0, -inf], [inf, 0.0], [inf, inf], [-inf, inf], [nan, 0.0]]


@device
def test_logsumexp_of_infinities(device: str) -> None:
    x = torch.tensor(ROWS, device=device, requires_grad=True)
    result = torch.logsumexp(x, 1)
    np.testing.assert_array_equal(result.detach().cpu().numpy(), [-inf, 0, inf, inf, inf, nan])
    result[:2].sum().backward()
    assert x.grad[:2].tolist() == [[0, 0], [1, 0]]  # an empty sum pulls at nothing
    whole = torch.full((2, 2), -inf, device=device, requires_grad=True)
    result = torch.logsumexp(whole, (0, 1))
    result.backward()
    assert result.item() == -inf and whole.grad.tolist() == [[0, 0], [0, 0]]
    assert torch.logsumexp(torch.full((3, 5000), -inf, device=device), 1).tolist() == [-inf] * 3


@device
def test_softmax_of_infinities(device: str) -> None:
    x = torch.tensor(ROWS, device=device, requires_grad=True)
    soft, log = F.softmax(x, 1), F.log_softmax(x, 1)
    nans = [nan, nan]
    np.testing.assert_array_equal(soft.detach().cpu().numpy(), [nans, [1, 0], nans, nans, nans, nans])
    np.testing.assert_array_equal(log.detach().cpu().numpy(), [nans, [0, -inf], nans, nans, nans, nans])
    (soft[1] * torch.tensor([1.0, 2.0], device=device)).sum().backward()
    assert x.grad[1].tolist() == [0, 0]
    columns = F.softmax(x.detach().t().contiguous(), 0)
    np.testing.assert_array_equal(columns.cpu().numpy().T, soft.detach().cpu().numpy())


@device
def test_logaddexp_of_infinities(device: str) -> None:
    x = torch.tensor([-inf, 0.0, inf, inf], device=device, requires_grad=True)
    y = torch.tensor([-inf, -inf, inf, -inf], device=device)
    result = torch.logaddexp(x, y)
    assert result.tolist() == [-inf, 0, inf, inf]
    assert torch.logcumsumexp(x.detach().flip(0)[2:], 0).tolist() == [0, 0]
    assert torch.logcumsumexp(torch.tensor([-inf, -inf, 0.0], device=device), 0).tolist() == [-inf, -inf, 0]


# ---- saved_tensors_hooks -----------------------------------------------------------------------------------


class Cubed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x * x
        ctx.save_for_backward(x, y)
        return y * x

    @staticmethod
    def backward(ctx, g):
        x, y = ctx.saved_tensors
        return g * (2 * y + x * x)


PACKED = {
    "exp": lambda x: x.exp(),
    "cube": lambda x: x**3,
    "of a node": lambda x: (x * 2).tanh() * (x * 2),
    "linear": lambda x: torch.nn.functional.linear(x.view(1, 2), x.view(1, 2) * x.view(1, 2)),
    "softmax": lambda x: x.softmax(0),
}


@pytest.mark.parametrize("case", PACKED)
def test_packed_values_keep_their_place_in_the_graph(case):
    """Second derivatives are the same when what is saved goes through NumPy."""

    def second():
        x = torch.tensor([0.5, -0.25], dtype=torch.float64, requires_grad=True)
        weights = torch.tensor([1.0, 3.0], dtype=torch.float64)
        (first,) = torch.autograd.grad((PACKED[case](x) * weights).sum(), x, create_graph=True)
        return torch.autograd.grad((first * weights).sum(), x)[0].tolist()

    wanted = second()
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.numpy(force=True).copy(), torch.from_numpy):
        assert second() == pytest.approx(wanted, rel=1e-12)
    assert any(wanted)


def test_hooks_are_called_once_for_each_saved_tensor():
    """Of exp its result, of the product in its backward the result again and the incoming gradient."""
    calls = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda t: calls.append("pack") or t, lambda t: calls.append("unpack") or t
    ):
        x = torch.ones(2, requires_grad=True)
        y = x.exp().sum()
        assert calls == ["pack"]
        torch.autograd.grad(y, x, create_graph=True)
    assert calls == ["pack", "unpack", "pack"]


# ---- gradcheck ---------------------------------------------------------------------------------------------


def test_gradcheck_of_complex_numbers():
    z = torch.tensor([0.3 + 0.4j, -1.0 + 0.2j], dtype=torch.complex128, requires_grad=True)
    x = torch.tensor([0.3, -1.0], dtype=torch.float64, requires_grad=True)
    for fast in (False, True):
        assert torch.autograd.gradcheck(lambda t: t * t.conj() + t.exp(), (z,), fast_mode=fast)
        assert torch.autograd.gradcheck(lambda t: (t.abs(), t.real * 2), (z,), fast_mode=fast)
        assert torch.autograd.gradcheck(lambda t: torch.complex(t, t * t), (x,), fast_mode=fast)
        assert torch.autograd.gradgradcheck(lambda t: t * t * t, (z,), fast_mode=fast)


class NotConjugated(torch.autograd.Function):
    @staticmethod
    def forward(ctx, z):
        ctx.save_for_backward(z)
        return z * z

    @staticmethod
    def backward(ctx, g):
        return 2 * g * ctx.saved_tensors[0]


@pytest.mark.parametrize("fast", [False, True])
def test_gradcheck_finds_a_gradient_that_is_not_conjugated(fast):
    z = torch.tensor([0.3 + 0.4j, -1.0 + 0.2j], dtype=torch.complex128, requires_grad=True)
    with pytest.raises(
        torch.autograd.GradcheckError, match="Jacobian mismatch for output 0 with respect to input 0"
    ):
        torch.autograd.gradcheck(NotConjugated.apply, (z,), fast_mode=fast)
    assert not torch.autograd.gradcheck(NotConjugated.apply, (z,), raise_exception=False, fast_mode=fast)


@pytest.mark.parametrize("fast", [False, True])
def test_gradcheck_finds_a_graph_that_is_cut(fast):
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    with pytest.raises(torch.autograd.gradcheck.GradcheckError, match="expected to be zero"):
        torch.autograd.gradcheck(lambda t: t.detach(), x, fast_mode=fast)
    assert not torch.autograd.gradcheck(lambda t: t.detach(), x, fast_mode=fast, raise_exception=False)
    constant = torch.ones(3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda t: constant, x, fast_mode=fast)


def test_gradcheck_takes_every_argument_or_says_why_not():
    x = torch.rand(3, dtype=torch.float64, requires_grad=True)
    check, twice = torch.autograd.gradcheck, torch.autograd.gradgradcheck
    assert check(torch.sin, (x,), check_batched_grad=True, check_grad_dtypes=True, masked=False)
    assert twice(torch.sin, (x,), gen_non_contig_grad_outputs=True, check_batched_grad=True)
    assert check(torch.sin, (x,), check_forward_ad=True, check_batched_forward_grad=True, masked=True)
    assert check(torch.sin, (x,), check_forward_ad=True, check_backward_ad=False)
    assert twice(torch.sin, (x,), check_fwd_over_rev=True)
    assert twice(
        torch.sin, (x,), check_fwd_over_rev=True, check_rev_over_rev=False, check_undefined_grad=False
    )
    for asked in (
        {"check_backward_ad": False},
        {"check_forward_ad": True, "check_backward_ad": False, "check_batched_grad": True},
        {"check_batched_forward_grad": True},
    ):  # fmt: skip
        with pytest.raises(AssertionError, match=r"to be True|Expected at least one"):
            check(torch.sin, (x,), **asked)
    with pytest.raises(AssertionError, match="check_undefined_grad=True requires check_rev_over_rev"):
        twice(torch.sin, (x,), check_fwd_over_rev=True, check_rev_over_rev=False)
    with pytest.raises(ValueError, match="Sparse output is not supported"):
        check(torch.sin, (torch.eye(2, dtype=torch.float64).to_sparse().requires_grad_(),))


def test_zeros_of_materialize_grads_can_be_differentiated():
    x, unused = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    for create in (False, True):
        (zeros,) = torch.autograd.grad((x * x).sum(), unused, create_graph=create, materialize_grads=True)
        assert zeros.tolist() == [0, 0] and zeros.requires_grad is create
