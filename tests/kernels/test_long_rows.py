"""Rows longer than the largest block of a kernel, forward and backward, against the NumPy twins: with small blocks
where the real ones would take long on the simulated device."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.kernels import reduction, scan, softmax
from tritonnn.kernels.device import sort as _sort
from tritonnn.kernels.loss import loss
from tritonnn.kernels.normalization import batch_norm as _batch_norm
from tritonnn.kernels.tables import reduction as _configs_reduce
from tritonnn.nn import functional as F

pytestmark = pytest.mark.exhaustive

LONG = [((2, 261), 1), ((263, 3), 0)]


def numbers(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("f4")


def both(call, *arrays):
    """Results, and gradients of the first floating-point one, on the CPU and on the device."""
    outcomes = []
    for device in ("cpu", "cuda"):
        inputs = [torch.from_numpy(a).to(device).requires_grad_(a.dtype.kind == "f") for a in arrays]
        results = call(*inputs)
        results = list(results) if isinstance(results, (tuple, list)) else [results]
        if results[0].requires_grad:
            seeds = torch.from_numpy(numbers(*results[0].shape, seed=9)).to(device)
            (results[0] * seeds).sum().backward()
            results += [t.grad for t in inputs if t.grad is not None]
        outcomes.append([r.detach().cpu().numpy() for r in results])
    return outcomes


def check(call, *arrays, **close):
    here, there = both(call, *arrays)
    assert len(here) == len(there) > 0
    for a, b in zip(there, here, strict=True):
        np.testing.assert_allclose(a, b, **({"rtol": 2e-5, "atol": 2e-5} | close))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch, forget_launches):
    """No kernel holds more than 64 elements of a row, and two multiprocessors share what is long."""
    for module in (reduction, _batch_norm):
        monkeypatch.setattr(module, "multiprocessors", lambda like: 2)
    for module in (_configs_reduce, _batch_norm, loss):
        monkeypatch.setattr(module, "TILE", 64)
    for module in (softmax, loss):
        monkeypatch.setattr(module, "LONGEST_ROW", 64)
    monkeypatch.setattr(softmax, "LONGEST_PAIR", 64)
    monkeypatch.setattr(softmax, "LONG_BLOCK", 64)
    monkeypatch.setattr(scan, "CHUNK", 64)
    monkeypatch.setattr(scan, "SHORTER_CHUNK", {})
    monkeypatch.setattr(scan, "ENOUGH_ROWS", 3)
    monkeypatch.setattr(_sort, "TILE", 64)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
@pytest.mark.parametrize(("shape", "dim"), LONG)
def test_softmax(name, shape, dim):
    check(lambda x: getattr(F, name)(x, dim), numbers(*shape) * 4)


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "amax", "amin", "logsumexp", "var", "std", "norm"])
@pytest.mark.parametrize(("shape", "dim"), LONG)
def test_reductions(name, shape, dim):
    x = numbers(*shape) * 0.1 + (1 if name == "prod" else 0)
    check(lambda t: getattr(t, name)(dim=dim), x, rtol=1e-4)


@pytest.mark.parametrize(
    "name", ["any", "all", "count_nonzero", "argmax", "argmin", "max", "min", "median", "mode"]
)
@pytest.mark.parametrize(("shape", "dim"), LONG)
def test_truths_and_places(name, shape, dim):
    x = numbers(*shape)
    x = (x > 2.5 if name == "any" else x > -2.5 if name == "all" else x.round(1)).astype("f4")
    x.reshape(-1)[7] = x.max()  # the first of equals, in one block or in several
    check(lambda t: getattr(t, name)(dim=dim), x)


@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"])
@pytest.mark.parametrize(("shape", "dim"), LONG)
def test_scans(name, shape, dim):
    x = numbers(*shape) * 0.01 + (1 if name == "cumprod" else 0)
    check(lambda t: getattr(t, name)(dim), x, rtol=1e-4)


@pytest.mark.parametrize(("shape", "dim"), LONG)
def test_sorts(shape, dim):
    x = numbers(*shape)
    check(lambda t: t.sort(dim, stable=True), x.round(1))
    for largest in (True, False):
        check(lambda t: t.topk(100, dim, largest), x)  # noqa: B023
    check(lambda t: t.kthvalue(200, dim), x)


@pytest.mark.parametrize("layout", ["planes", "channels_last"])
@pytest.mark.parametrize("groups", [None, 1, 2])
def test_batch_and_group_normalisation(layout, groups):
    x, weight, bias = numbers(2, 4, 23, 29), numbers(4, seed=1), numbers(4, seed=2)
    if layout == "channels_last":
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)

    def norm(x, weight, bias):
        if groups is None:
            return F.batch_norm(x, None, None, weight, bias, training=True)
        return F.group_norm(x, groups, weight, bias)

    check(norm, x, weight, bias, rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_cross_entropy(smoothing, reduction):
    target = np.random.default_rng(3).integers(0, 701, 5)
    options = {"label_smoothing": smoothing, "reduction": reduction}
    check(lambda x, y: F.cross_entropy(x, y, **options), numbers(5, 701), target, rtol=1e-4)
    target = np.random.default_rng(4).integers(0, 305, (2, 3))
    check(lambda x, y: F.cross_entropy(x, y, **options), numbers(2, 305, 3), target, rtol=1e-4)
