"""ctc_loss as PyTorch: losses and gradients of many sequences, layouts, second gradients, refusals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch as reference

import tritonnn as torch

F64 = {"rtol": 1e-9, "atol": 1e-9}
F32 = {"rtol": 2e-4, "atol": 2e-4}


class Batch:
    """Random sequences of all lengths from 0 on: scores that are no log-probabilities, some of them -inf."""

    def __init__(self, seed: int, sequences: int, dtype: str) -> None:
        rng = np.random.default_rng(seed)
        steps, classes, longest = (int(rng.integers(*bounds)) for bounds in ((1, 11), (2, 7), (0, 6)))
        self.blank = int(rng.integers(0, classes))
        self.scores = rng.normal(scale=2, size=(steps, sequences, classes)).astype(dtype)
        if seed % 3 == 0:
            self.scores[rng.random(self.scores.shape) < 0.05] = -np.inf
        self.frames = rng.integers(0, steps + 1, sequences).tolist()
        self.lengths = rng.integers(0, longest + 1, sequences).tolist()
        labels = rng.integers(0, classes - 1, (sequences, longest))  # few classes: many repeat
        self.padded = labels + (labels >= self.blank)
        self.joined = np.concatenate(
            [row[:length] for row, length in zip(self.padded, self.lengths, strict=True)]
        )
        self.weights = rng.normal(size=sequences).astype(dtype)
        self.seed = seed

    def run(self, library: Any, place: str) -> tuple[np.ndarray, ...]:
        """Losses, the gradient, and its strides."""
        seed = self.seed
        x = library.from_numpy(self.scores).to(place)
        if seed % 4 == 1:
            x = x.transpose(0, 1).contiguous().transpose(0, 1)
        leaf = x.detach().requires_grad_()
        targets = library.from_numpy(self.joined if seed % 2 else self.padded).to(place)
        if seed % 5 == 2:
            targets = targets.int()
        lengths = [self.frames, self.lengths]
        if seed % 3 == 1:
            kinds = (library.int32, library.int64)
            lengths = [library.tensor(n, dtype=kind) for n, kind in zip(lengths, kinds, strict=True)]
        how, zero = ("none", "mean", "sum")[seed // 2 % 3], seed % 5 < 2
        loss = library.nn.functional.ctc_loss(leaf, targets, *lengths, self.blank, how, zero)
        weights = library.from_numpy(self.weights).to(place) if how == "none" else 3.0
        (gradient,) = library.autograd.grad((loss * weights).sum(), leaf)
        return tuple(np.asarray(t.detach().cpu().numpy()) for t in (loss, gradient)) + (gradient.stride(),)


def same(batch: Batch, place: str, **limits: float) -> None:
    mine, theirs = batch.run(torch, place), batch.run(reference, "cpu")
    assert mine[2] == theirs[2]
    for a, b in zip(mine[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(a, b, err_msg=str(batch.seed), **limits)
        np.testing.assert_array_equal(np.signbit(a[a == 0]), np.signbit(b[a == 0]))


@pytest.mark.parametrize(
    ("dtype", "limits"), [("float64", F64), ("float32", F32)], ids=["float64", "float32"]
)
def test_thousands_of_sequences(dtype, limits):
    for seed in range(120):
        same(Batch(seed, 50, dtype), "cpu", **limits)


@pytest.mark.parametrize("seed", range(12))
def test_on_the_device(seed):
    same(Batch(seed, 5, "float32" if seed % 2 else "float64"), "cuda", **(F32 if seed % 2 else F64))


def test_long_sequences():
    """Sums of a thousand steps; PyTorch's own float32 is what float32 is held to."""
    rng = np.random.default_rng(3)
    scores, labels = rng.normal(size=(1000, 2, 30)), rng.integers(1, 30, (2, 200))
    results = []
    for library, dtype in (
        (torch, "float64"),
        (reference, "float64"),
        (torch, "float32"),
        (reference, "float32"),
    ):
        x = library.from_numpy(scores.astype(dtype)).requires_grad_()
        lengths = library.tensor([1000, 900]), library.tensor([200, 150])
        loss = library.nn.functional.ctc_loss(x.log_softmax(2), library.from_numpy(labels), *lengths)
        loss.backward()
        results.append((loss.item(), x.grad.numpy()))
    (mine, exact, short, their_short) = results
    assert mine[0] == pytest.approx(exact[0], rel=1e-12)
    np.testing.assert_allclose(mine[1], exact[1], rtol=1e-8, atol=1e-12)
    assert abs(short[0] - exact[0]) <= 2 * abs(their_short[0] - exact[0]) + 1e-6 * exact[0]
    assert np.abs(short[1] - exact[1]).max() <= 2 * np.abs(their_short[1] - exact[1]).max()


@pytest.mark.parametrize("targets", [[1, 2], [[1, 2]]])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_one_sequence(targets, reduction):
    scores, results = np.random.default_rng(1).normal(size=(4, 3)), []
    for library in (torch, reference):
        x = library.from_numpy(scores).requires_grad_()
        lengths = library.tensor(4), library.tensor(2)
        loss = library.nn.functional.ctc_loss(x, library.tensor(targets), *lengths, reduction=reduction)
        loss.sum().backward()
        results.append((tuple(loss.shape), loss.detach().numpy(), x.grad.numpy()))
    assert results[0][0] == results[1][0]
    for a, b in zip(results[0][1:], results[1][1:], strict=True):
        np.testing.assert_allclose(a, b, **F64)


def test_the_graph_behaves_as_theirs():
    for library in (torch, reference):
        scores = library.zeros(3, 1, 3, dtype=library.float64).log_softmax(2)
        x, targets = scores.requires_grad_(), library.tensor([[1]])
        loss = library.nn.functional.ctc_loss(x, targets, (3,), (1,), reduction="none")
        assert "CtcLossBackward0" in str(loss.grad_fn)
        loss.sum().backward(retain_graph=True)
        loss.sum().backward()
        with pytest.raises(RuntimeError, match="second time"):
            loss.sum().backward()
        y = x * 1
        loss = library.nn.functional.ctc_loss(y, targets, (3,), (1,), reduction="none").sum()
        (first,) = library.autograd.grad(loss, x, create_graph=True)
        assert first.requires_grad
        with pytest.raises(RuntimeError, match="derivative for aten::_ctc_loss_backward is not implemented"):
            first.sum().backward()
        for changed in (y.detach(), targets):
            loss = library.nn.functional.ctc_loss(y, targets, (3,), (1,)).sum()
            changed.add_(0)
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                loss.backward()
            y = x * 1


REFUSED = """
F.ctc_loss(lp.half(), tg, (6, 6), (3, 3))
F.ctc_loss(lp.bfloat16(), tg, (6, 6), (3, 3))
F.ctc_loss(lp.long(), tg, (6, 6), (3, 3))
F.ctc_loss(lp.cfloat(), tg, (6, 6), (3, 3))
F.ctc_loss(lp, tg, t.tensor([6, 6]), (3, 3))
F.ctc_loss(lp, tg, (6, 6), t.tensor([3, 3]))
F.ctc_loss(lp, tg, t.tensor([True, True]), t.tensor([3, 3]))
F.ctc_loss(lp, tg, t.tensor([6, 6]), t.tensor([3., 3]))
F.ctc_loss(lp, tg, t.tensor([6, 6, 6]), t.tensor([3, 3]))
F.ctc_loss(lp, tg, (6,), (3, 3))
F.ctc_loss(lp, tg, (6, 6), (3,))
F.ctc_loss(lp, tg, (6, 7), (3, 3))
F.ctc_loss(lp, tg, (6, -1), (3, 3))
F.ctc_loss(lp, tg, (6, 6), (3, -1))
F.ctc_loss(lp, tg, (6, 6), (3, 4))
F.ctc_loss(lp, tg, (6, 6), (3, 3), 4)
F.ctc_loss(lp, tg, (6, 6), (3, 3), -1)
F.ctc_loss(lp, tg, (6, 6), (3, 3), 0, 'avg')
F.ctc_loss(lp, tg.flatten()[:5], (6, 6), (3, 3))
F.ctc_loss(lp, t.ones(7, dtype=t.int64), (6, 6), (3, 3))
F.ctc_loss(lp, tg[:1], (6, 6), (3, 3))
F.ctc_loss(lp, tg[None], (6, 6), (3, 3))
F.ctc_loss(lp, tg[0, 0], (6, 6), (3, 3))
F.ctc_loss(lp[:, 0], tg, (6,), (3,))
F.ctc_loss(lp[:, 0], tg[0], (6,), (2,))
F.ctc_loss(lp[:, 0], tg[0], 6, 3)
F.ctc_loss(lp[:, 0, 0], tg[0], (6,), (3,))
F.ctc_loss(lp[None], tg, (6, 6), (3, 3))
F.ctc_loss(lp[:0], tg, (0, 0), (3, 3))
F.ctc_loss(lp[:, :0], tg[:0], (), ())
F.ctc_loss(lp[:, :, :0], tg, (6, 6), (3, 3))
F.ctc_loss(lp, tg, (6., 6), (3, 3))
F.ctc_loss(lp, tg, (6, 6), (3, 3), 0., 'mean')
"""


@pytest.mark.parametrize("call", REFUSED.strip().splitlines())
def test_refusals(call):
    raised = []
    for t in (torch, reference):
        names = {"t": t, "F": t.nn.functional, "lp": t.zeros(6, 2, 4), "tg": t.ones(2, 3, dtype=t.int64)}
        with pytest.raises(Exception) as error:
            eval(call, names)
        raised.append(error.type)
    assert issubclass(*raised), raised
