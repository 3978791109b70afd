"""Sums of exponentials of long rows: whole steps, the one behind them, rows that start anywhere, infinities and NaN.

By the definitions in float64. Blocks are small where rows of many steps would take long on the simulated device.
"""

from __future__ import annotations

import ml_dtypes
import numpy as np
import pytest
from buffers import buffer, run

import tritonnn as torch
from tritonnn.dtypes import bfloat16, float32
from tritonnn.kernels import softmax
from tritonnn.kernels.loss import loss
from tritonnn.kernels.softmax import LONG_BLOCK, Walk, read_again, shift
from tritonnn.kernels.tables import reduction as tables
from tritonnn.kernels.tables.reduction import choose_group
from tritonnn.nn import functional as F

LENGTHS = [64, 65, 96, 127, 128, 160, 161, 293]
BF16 = ml_dtypes.bfloat16


@pytest.fixture
def small_blocks(monkeypatch, forget_launches):
    """No kernel holds more than 32 elements of a row; steps are of 64, or 32 where rows start anywhere."""
    for module in (softmax, loss):
        monkeypatch.setattr(module, "LONGEST_ROW", 32)
    monkeypatch.setattr(softmax, "LONG_BLOCK", 64)
    monkeypatch.setattr(tables, "TILE", 64)


def numbers(*shape, kind=np.float32, seed=0):
    """Multiples of 1/64, whose differences are exact."""
    return (np.round(np.random.default_rng(seed).standard_normal(shape) * 384) / 64).astype(kind)


def definition(x, log=False):
    x = x.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shifted = x - x.max(-1, keepdims=True)
        total = np.exp(shifted).sum(-1, keepdims=True)
        return shifted - np.log(total) if log else np.exp(shifted) / total


def logsumexp(x):
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.logaddexp.reduce(x.astype(np.float64), axis=-1)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.float16, BF16])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("length", LENGTHS)
def test_softmax(length, log, kind, small_blocks):
    x = numbers(3, length, kind=kind)
    got = run(softmax.log_softmax if log else softmax.softmax, np.empty_like(x), x, 1)
    info = ml_dtypes.finfo(kind)
    eps, step = float(info.eps), float(info.smallest_subnormal)
    # small shares are as accurate as large ones; a logarithm near 0 is what cancellation leaves
    np.testing.assert_allclose(
        got.astype(np.float64), definition(x, log), rtol=8 * eps, atol=4 * eps if log else step
    )


@pytest.mark.parametrize("length", LENGTHS)
def test_logsumexp(length, small_blocks):
    for x in (numbers(3, length), numbers(length, 3).T):
        got = run(softmax.logsumexp_dims, np.empty(3, np.float32), x, (1,), False)
        np.testing.assert_allclose(got, logsumexp(x), rtol=1e-6)


@pytest.mark.parametrize("length", [128, 293])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy(length, smoothing, weighted, small_blocks):
    x, y = numbers(5, length), np.array([0, length - 1, 7, 64, -100])
    w = (
        np.random.default_rng(1).uniform(0.5, 2, length).astype(np.float32)
        if weighted
        else np.ones(length, "f4")
    )
    counted = y != -100
    target = np.where(counted, y, 0)
    minus_log = -definition(x, True)
    loss = (1 - smoothing) * w[target] * minus_log[np.arange(5), target]
    loss += smoothing / length * (minus_log * w).sum(1)
    got = F.cross_entropy(
        torch.from_numpy(x).cuda(), torch.from_numpy(y).cuda(), torch.from_numpy(w).cuda() if weighted else None,
        reduction="none", label_smoothing=smoothing,
    )  # fmt: skip
    np.testing.assert_allclose(got.cpu().numpy(), np.where(counted, loss, 0), rtol=3e-6)


@pytest.mark.parametrize("length", [128, 293])
def test_infinities_and_nan(length, small_blocks):
    x = numbers(6, length)
    x[0, : length - 1] = -np.inf  # a number behind steps of nothing
    x[1] = -np.inf
    x[2, 1:] = -np.inf
    x[3, 40], x[3, 70] = np.inf, 3e38
    x[4, 100] = np.nan
    x[5, 0], x[5, 90] = np.inf, np.nan
    got = run(softmax.logsumexp_dims, np.empty(6, np.float32), x, (1,), False)
    wanted = [x[0, -1], -np.inf, x[2, 0], np.inf, np.nan, np.nan]
    np.testing.assert_array_equal(got, np.array(wanted, np.float32))
    got = run(softmax.softmax, np.empty_like(x), x, 1)
    np.testing.assert_array_equal(got[0], [0] * (length - 1) + [1])
    np.testing.assert_array_equal(got[2], [1] + [0] * (length - 1))
    assert np.isnan(got[[1, 3, 4, 5]]).all()


def test_cross_entropy_of_infinities_and_nan(small_blocks):
    x = numbers(4, 293)
    x[0, :100] = -np.inf
    x[1, 40], x[2, 40] = np.inf, np.nan
    x[3] = -np.inf
    got = (
        F.cross_entropy(torch.from_numpy(x).cuda(), torch.full((4,), 200).cuda(), reduction="none")
        .cpu()
        .numpy()
    )
    np.testing.assert_allclose(got[0], -definition(x[:1], True)[0, 200], rtol=1e-6)
    assert np.isnan(got[1:]).all()


@pytest.mark.parametrize(
    ("length", "kind"), [(40000, np.float32), (50257, BF16), (3 * LONG_BLOCK + 7, np.float32)]
)
def test_rows_of_real_blocks(length, kind):
    x = numbers(2, length, kind=kind)
    got = run(softmax.log_softmax, np.empty_like(x), x, 1).astype(np.float64)
    eps = float(ml_dtypes.finfo(kind).eps)
    np.testing.assert_allclose(got, definition(x, True), rtol=4 * eps, atol=4 * eps)
    got = run(softmax.logsumexp_dims, np.empty(2, kind), x, (1,), False).astype(np.float64)
    np.testing.assert_allclose(got, logsumexp(x), rtol=1e-6 if kind is np.float32 else 2**-8)


def test_what_lies_between_rows_is_left_alone(small_blocks):
    """Of odd rows with gaps only their elements are written, though accesses start before them."""
    x, out = numbers(5, 103), np.full((5, 103), 7, np.float32)
    softmax.softmax(buffer(out[:, :101]), buffer(x[:, :101]), 1)
    np.testing.assert_allclose(out[:, :101], definition(x[:, :101]), rtol=1e-6)
    assert (out[:, 101:] == 7).all()


@pytest.mark.parametrize("classes", [128, 150])
def test_scores_that_become_their_gradient(classes, small_blocks, monkeypatch):
    """The steps over a chunk's scores, which their gradient replaces: rows of whole steps, and padded ones."""
    for module in (softmax, loss):
        monkeypatch.setattr(
            module, "LONGEST_ROW", 1024
        )  # they would fit, and are walked in steps nonetheless
    x, w = numbers(5, 8) / 8, numbers(classes, 8, seed=1) / 8
    y = np.array([0, classes - 1, 7, 64, 100])
    probabilities = definition(x @ w.T)
    probabilities[np.arange(5), y] -= 1
    inputs, weight = [torch.from_numpy(a).cuda().requires_grad_() for a in (x, w)]
    F.linear_cross_entropy(inputs, weight, torch.from_numpy(y).cuda(), reduction="sum").backward()
    np.testing.assert_allclose(inputs.grad.cpu().numpy(), probabilities @ w, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(weight.grad.cpu().numpy(), probabilities.T @ x, rtol=1e-5, atol=1e-5)


def test_rows_that_are_read_again_are_walked_in_steps():
    assert read_again(Walk(1, 32768, True, 16)) == Walk(1, LONG_BLOCK, False, 8)
    for kept in (Walk(1, LONG_BLOCK, True, 8), Walk(2, 1024, True, 4), Walk(32, 1024, True, 8)):
        assert read_again(kept) == kept


def test_what_a_thread_holds():
    assert choose_group(1, 8192, 8, True, 2) == (4, 8)  # 32 elements: four times 16 bytes
    assert choose_group(1, 8192, 8, True, 4) == (8, 4)
    assert choose_group(1, 4096, 8, True, 4) == (4, 4)
    assert choose_group(1, 8192, 8, True, 4, 64) == (4, 4)
    assert choose_group(128, 32, 8, False, 4) == (4, 1)  # columns: 32 threads along rows, 8 across
    for rows, block, warps, along in [
        (1, 1, 1, True),
        (4, 2, 1, True),
        (1, 4096, 8, False),
        (32, 1, 4, False),
    ]:
        repeats, neighbours = choose_group(rows, block, warps, along, 4)
        assert repeats >= 1 and neighbours >= 1 and block % (repeats * neighbours) == 0


def test_which_rows_are_walked_from_before_their_start():
    long, half = Walk(1, LONG_BLOCK, False, 8), Walk(1, LONG_BLOCK // 2, False, 8)
    n = 50257
    assert shift(long, n, (1, 1), ((n,), (n,)), (bfloat16, bfloat16)) == (half, True)
    assert shift(long, n, (1,), ((n,),), (float32,)) == (half, True)
    assert shift(long, 50264, (1,), ((50264,),), (bfloat16,)) == (long, False)  # rows of whole vectors
    for other in (
        (Walk(1, 1 << 16, True, 16), n, (1,), ((n,),), (float32,)),  # a row fits
        (long, n, (2,), ((2 * n,),), (float32,)),  # gaps
        (long, n, (1, 1), ((n,), (n + 1,)), (float32, float32)),  # rows start elsewhere in the output
        (long, n, (1, 1), ((n,), (n,)), (float32, bfloat16)),
        (long, n, (1,), ((n * n, n),), (float32,)),
        (long, 100, (1,), ((101,),), (float32,)),  # shorter than a step
    ):
        assert shift(*other) == (other[0], False)
