"""CTC against the enumeration of all alignments, on the CPU and on the device."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.kernels.launch.replay import forget_notes
from tritonnn.kernels.loss import ctc as kernels

F = torch.nn.functional
DEVICES = ("cpu", "cuda")


def probability(p: np.ndarray, target: list[int], blank: int = 0) -> float:
    """Of all paths through p (T, C) that spell the target."""
    total = 0.0
    for path in itertools.product(range(p.shape[1]), repeat=len(p)):
        if [label for label, _ in itertools.groupby(path) if label != blank] == target:
            total += np.prod([p[t, label] for t, label in enumerate(path)])
    return total


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("target", "blank"), [([1], 0), ([1, 2], 0), ([1, 1], 0), ([0, 1, 0], 2), ([], 1), ([2, 2], 1)]
)
def test_loss_and_gradient_behind_log_softmax(target, blank, device):
    """The gradient of the scores is that of the enumeration, by central differences."""
    x = np.random.default_rng(len(target)).normal(size=(5, 3))

    def loss(scores: np.ndarray) -> float:
        return -np.log(probability(softmax(scores), target, blank))

    wanted = np.zeros_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        wanted[place] = (loss(x + step) - loss(x - step)) / 2e-6
    scores = torch.from_numpy(x).to(device).requires_grad_()
    labels = torch.tensor(target, dtype=torch.int64, device=device)
    got = F.ctc_loss(scores.log_softmax(1), labels, (5,), (len(target),), blank, "none")
    got.backward()
    assert got.item() == pytest.approx(loss(x), rel=1e-12)
    np.testing.assert_allclose(scores.grad.cpu().numpy(), wanted, atol=1e-8)


@pytest.mark.parametrize("device", DEVICES)
def test_frames_beyond_a_sequence_do_not_matter(device):
    """NaN beyond the input's length, and labels beyond the target's that are no classes."""
    x = torch.randn(6, 2, 4, dtype=torch.float64).log_softmax(2)
    x[4:, 1] = float("nan")
    x = x.to(device).requires_grad_()
    targets = torch.tensor([[1, 2, 3], [2, 99, -1]], device=device)
    losses = F.ctc_loss(x, targets, (6, 4), (3, 1), reduction="none")
    p = x.detach().cpu().exp().numpy()
    wanted = [-np.log(probability(p[:, 0], [1, 2, 3])), -np.log(probability(p[:4, 1], [2]))]
    np.testing.assert_allclose(losses.detach().cpu().numpy(), wanted, rtol=1e-12)
    losses.sum().backward()
    assert not x.grad[4:, 1].any() and not x.grad.isnan().any()


@pytest.mark.parametrize("device", DEVICES)
def test_what_cannot_be_spelled(device):
    """A target longer than its input is infinite, or nothing at all; no frames spell an empty target."""
    x = torch.randn(3, 4, 3, dtype=torch.float64).log_softmax(2).to(device).requires_grad_()
    targets = torch.tensor([[1, 1], [1, 2], [1, 2], [1, 2]], device=device)
    arguments = targets, (2, 2, 0, 0), (2, 2, 1, 0)
    losses = F.ctc_loss(x, *arguments, reduction="none").tolist()
    assert losses[0] == losses[2] == float("inf") and 0 < losses[1] < 20 and losses[3] == 0
    zeroed = F.ctc_loss(x, *arguments, reduction="none", zero_infinity=True)
    assert zeroed.tolist() == [0, losses[1], 0, 0]
    zeroed.sum().backward()
    nonzero = x.grad.abs().sum(2).cpu() != 0  # NaN would be
    assert nonzero.tolist() == [[False, True, False, False], [False, True, False, False], [False] * 4]


@pytest.mark.parametrize("device", DEVICES)
def test_labels_that_are_no_classes(device):
    x, lengths = torch.zeros(4, 2, 3, device=device), ((4, 4), (2, 1))
    for label in (3, -1):
        targets = torch.tensor([1, 2, label], device=device)
        with pytest.raises(
            IndexError, match=f"ctc_loss: Target {label} is out of bounds: the input has 3 classes"
        ):
            F.ctc_loss(x, targets, *lengths)


def test_targets_of_more_states_than_a_program_takes_at_once(monkeypatch):
    """Walks and sums in several blocks give what one gives."""
    x = torch.randn(14, 2, 4, dtype=torch.float64)
    targets = torch.randint(1, 4, (2, 9))
    grads = []
    for device, widest, states in (("cpu", 0, 0), ("cuda", kernels.WIDEST, 32), ("cuda", 4, 4)):
        forget_notes()
        monkeypatch.setattr(kernels, "walk_block", lambda states, widest=widest: widest)
        monkeypatch.setattr(kernels, "STATES", states)
        leaf = x.clone().to(device).requires_grad_()
        F.ctc_loss(leaf, targets.to(device), (14, 12), (9, 4)).backward()
        grads.append(leaf.grad.cpu())
    forget_notes()
    for grad in grads[1:]:
        torch.testing.assert_close(grad, grads[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("device", DEVICES)
def test_half_precision_is_refused(device):
    with pytest.raises(NotImplementedError, match=r"ctc_loss.*not implemented for 'Half'"):
        F.ctc_loss(torch.zeros(3, 1, 2, dtype=torch.float16, device=device), torch.ones(1, 1), (3,), (1,))


def test_lengths_on_another_device_than_scores():
    x = torch.randn(5, 2, 3).log_softmax(2)
    targets, frames, lengths = torch.tensor([[1, 2], [2, 2]]), torch.tensor([5, 4]), torch.tensor([2, 1])
    wanted = F.ctc_loss(x, targets, frames, lengths)
    for places in itertools.product(DEVICES, repeat=3):
        moved = [t.to(place) for t, place in zip((targets, frames, lengths), places, strict=True)]
        got = F.ctc_loss(x.cuda(), *moved)
        assert got.device.type == "cuda" and got.item() == pytest.approx(wanted.item(), rel=1e-5)
