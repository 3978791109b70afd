"""Softmax: short, long and two-pass rows, any dimension, gradients of any stride."""

from __future__ import annotations

import numpy as np
import pytest
from buffers import run, strided

from tritonnn.kernels import softmax
from tritonnn.kernels.softmax import LONGEST_PAIR, LONGEST_ROW, choose_walk

PROBLEMS = [((3, 4), 1), ((3, 4), 0), ((2, 5, 7), 1), ((300, 5), 0), ((2, 1000), 1), ((1, 40000), 1), ((9000, 3), 0),
            ((), 0), ((0, 3), 1), ((3, 0), 1), ((3, 1), 1)]  # fmt: skip


def reference(x, dim, log):
    if not x.size or not x.ndim:
        return np.zeros(x.shape) if log else np.ones(x.shape)
    shifted = x - x.max(dim, keepdims=True)
    total = np.exp(shifted).sum(dim, keepdims=True)
    return shifted - np.log(total) if log else np.exp(shifted) / total


@pytest.mark.parametrize(("shape", "dim"), PROBLEMS)
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("layout", [np.array, strided])
def test_against_float64(shape, dim, log, layout):
    rng = np.random.default_rng(0)
    x = layout(np.asarray(rng.standard_normal(shape), np.float32) * 5)
    g = layout(np.asarray(rng.standard_normal(shape), np.float32))
    y = reference(x.astype(np.float64), dim, log)
    name = "log_softmax" if log else "softmax"
    forward, backward = getattr(softmax, name), getattr(softmax, name + "_backward")
    np.testing.assert_allclose(run(forward, np.empty(shape, np.float32), x, dim), y, rtol=2e-6, atol=1e-6)
    if x.ndim:
        wanted = (
            g - np.exp(y) * g.sum(dim, keepdims=True) if log else y * (g - (g * y).sum(dim, keepdims=True))
        )
        got = run(backward, np.empty(shape, np.float32), g, layout(y.astype(np.float32)), dim)
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=2e-4 if x.size > 5000 else 1e-5)


def test_infinities_and_nan():
    x = np.array([[-np.inf, 0, 0], [-np.inf] * 3, [np.nan, 0, 0], [np.inf, 0, 0]], np.float32)
    got = run(softmax.softmax, np.empty((4, 3), np.float32), x, 1)
    np.testing.assert_array_equal(got[0], [0, 0.5, 0.5])
    assert np.isnan(got[1:]).all()


@pytest.mark.parametrize("kind", [np.float16, np.float64])
def test_types(kind):
    x = np.random.default_rng(1).standard_normal((4, 100)).astype(kind)
    got = run(softmax.softmax, np.empty((4, 100), kind), x, 1)
    np.testing.assert_allclose(got, reference(x.astype(np.float64), 1, False), rtol=3 * np.finfo(kind).eps)


def test_large_logits_do_not_overflow():
    x = np.array([[1000.0, 1000.0, -1000.0]], np.float32)
    np.testing.assert_array_equal(run(softmax.softmax, np.empty((1, 3), np.float32), x, 1), [[0.5, 0.5, 0]])


def test_rows_that_fit_are_read_once():
    for length in (1, 7, 128, 1000, 4097, LONGEST_ROW):
        how = choose_walk(8192, length, True, LONGEST_ROW)
        assert how.once and length <= how.block < 2 * length + 1
    assert not choose_walk(8192, LONGEST_ROW + 1, True, LONGEST_ROW).once
    assert not choose_walk(8192, LONGEST_PAIR + 1, True, LONGEST_PAIR).once
    assert choose_walk(8192, 64, True, LONGEST_ROW).rows > 1
    channels = choose_walk(1 << 20, 64, False, LONGEST_ROW)
    assert channels.once and channels.rows >= 8  # whole lines along the contiguous dimension
