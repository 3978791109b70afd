"""The threads that share the pieces of a CPU op: what they compute, what they raise, what becomes of them."""

from __future__ import annotations

import os
import threading
import time

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.cpu_fallback.common import blas, pool
from tritonnn.nn import functional as F


@pytest.fixture
def two_threads(monkeypatch):
    """Two threads for every op, however few the machine has and however few elements there are."""
    monkeypatch.setattr(blas, "threads", lambda: 2)
    monkeypatch.setattr(blas, "set_threads", lambda count: None)
    monkeypatch.setattr(pool, "WORTH", 0)


def test_every_part_is_worked_on_once(two_threads):
    done, seen = [], set()

    def work(part):
        seen.add(threading.get_ident())
        time.sleep(0.001)
        done.append(part)

    pool.spread(work, range(50), 50)
    assert sorted(done) == list(range(50))
    assert len(seen) == 2


def test_little_work_stays_on_the_callers_thread(monkeypatch):
    monkeypatch.setattr(blas, "threads", lambda: 2)
    seen = set()
    pool.spread(lambda part: seen.add(threading.get_ident()), range(9), pool.WORTH - 1)
    assert seen == {threading.get_ident()}


def test_an_error_ends_the_work_and_reaches_the_caller(two_threads):
    done = []

    def work(part):
        if part == 3:
            raise OverflowError("the third")
        time.sleep(0.001)
        done.append(part)

    with pytest.raises(OverflowError, match="the third"):
        pool.spread(work, range(1000), 1000)
    assert len(done) < 900
    done.clear()
    pool.spread(done.append, range(10), 10)  # and the threads go on
    assert sorted(done) == list(range(10))


def test_work_within_work_is_not_spread_again(two_threads):
    inner = []

    def work(part):
        mine = set()
        pool.spread(lambda _: mine.add(threading.get_ident()), range(20), 20)
        inner.append(mine == {threading.get_ident()})

    pool.spread(work, range(8), 8)
    assert inner == [True] * 8


def test_the_error_state_of_numpy_reaches_the_threads(two_threads):
    states = []
    with np.errstate(divide="raise"):
        pool.spread(lambda _: (time.sleep(0.001), states.append(np.geterr()["divide"])), range(20), 20)
    assert states == ["raise"] * 20


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_threads_of_its_own(two_threads):
    pool.spread(lambda _: time.sleep(0.001), range(4), 4)
    child = os.fork()
    if child == 0:
        seen = set()
        pool.spread(lambda _: (time.sleep(0.002), seen.add(threading.get_ident())), range(20), 20)
        os._exit(0 if len(seen) == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


CALLS = {
    "gelu": lambda x: F.gelu(x),
    "softmax": lambda x: torch.softmax(x, 1),
    "log_softmax": lambda x: torch.log_softmax(x, 1),
    "cumsum": lambda x: x.cumsum(1),
    "norm": lambda x: x.norm(),
    "silu": lambda x: F.silu(x),
    "add": lambda x: x + x,
    "exp": lambda x: x.exp(),
    "sum": lambda x: x.sum(),
    "sum of rows": lambda x: x.sum(1),
    "layer norm": lambda x: F.layer_norm(x, (96,), torch.linspace(1, 2, 96), torch.ones(96)),
    "rms norm": lambda x: F.rms_norm(x, (96,), torch.linspace(1, 2, 96)),
    "cross entropy": lambda x: F.cross_entropy(x, torch.arange(len(x)) % 96, label_smoothing=0.1),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_number_of_threads_changes_no_bit(name, monkeypatch):
    torch.manual_seed(0)
    x = torch.randn(12000, 96, requires_grad=True)
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr(blas, "threads", lambda count=count: count)
        monkeypatch.setattr(blas, "set_threads", lambda _: None)
        y = CALLS[name](x)
        (grad,) = torch.autograd.grad(y.square().sum(), x)
        results.append((y.detach().numpy(), grad.numpy()))
    for y, grad in results[1:]:
        np.testing.assert_array_equal(y, results[0][0])
        np.testing.assert_array_equal(grad, results[0][1])


def test_the_number_of_threads_changes_no_gradient_of_weights(monkeypatch):
    torch.manual_seed(0)
    x, w = torch.randn(12000, 96), torch.randn(96, requires_grad=True)
    results = []
    for count in (1, 2, 3):
        monkeypatch.setattr(blas, "threads", lambda count=count: count)
        monkeypatch.setattr(blas, "set_threads", lambda _: None)
        y = F.layer_norm(x, (96,), w, w) + F.rms_norm(x, (96,), w)
        results.append(torch.autograd.grad(y.sin().sum(), w)[0].numpy())
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
def test_the_number_of_threads_changes_no_parameter(kind, monkeypatch):
    results = []
    for count in (1, 2):
        monkeypatch.setattr(blas, "threads", lambda count=count: count)
        monkeypatch.setattr(blas, "set_threads", lambda _: None)
        torch.manual_seed(0)
        params = [torch.nn.Parameter(torch.randn(size)) for size in (700_000, 10, 3000, 5001)]
        optimizer = kind(params, lr=0.1)
        for _ in range(2):
            for p in params:
                p.grad = p.detach().cos()
            optimizer.step()
        results.append([p.detach().numpy() for p in params])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_running_sums_of_infinities_and_nan():
    x = np.ones((1024, 64), np.float32)
    x[3, 40], x[5, 10], x[7, 63], x[9, 20], x[9, 30] = np.inf, np.nan, -np.inf, np.inf, -np.inf
    got = torch.from_numpy(x).cumsum(1).numpy()
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(got, np.cumsum(x, axis=1))


def test_running_sums_are_as_exact_as_in_double():
    x = np.random.default_rng(0).standard_normal((256, 4096)).astype(np.float32)
    wanted = np.cumsum(x, axis=1, dtype=np.float64)
    np.testing.assert_allclose(torch.from_numpy(x).cumsum(1).numpy(), wanted, rtol=0, atol=4e-5)


def test_the_norm_of_many_elements_is_exact():
    x = np.random.default_rng(0).standard_normal(1_000_003).astype(np.float32)
    wanted = np.linalg.norm(x.astype(np.float64))
    np.testing.assert_allclose(torch.from_numpy(x).norm().item(), wanted, rtol=1e-7)
