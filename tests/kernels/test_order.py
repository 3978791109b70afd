"""Scans, sorts and scatters in the forms that only large inputs reach, with small chunks instead of large inputs."""

from __future__ import annotations

import numpy as np
import pytest

import tritonnn as torch
from tritonnn.kernels import scan
from tritonnn.kernels.device import sort as _sort


@pytest.fixture
def small_chunks(monkeypatch, forget_launches):
    monkeypatch.setattr(scan, "CHUNK", 16)
    monkeypatch.setattr(scan, "ENOUGH_ROWS", 8)
    monkeypatch.setattr(_sort, "TILE", 16)
    monkeypatch.setattr(_sort, "BLOCK", 64)


def both(call, *arrays):
    """What the NumPy twin and the kernel give."""
    here = call(*[torch.from_numpy(a) for a in arrays])
    there = call(*[torch.from_numpy(a).to("cuda") for a in arrays])
    as_tuple = lambda r: r if isinstance(r, tuple) else (r,)
    return [(a.numpy(), b.cpu().numpy()) for a, b in zip(as_tuple(here), as_tuple(there), strict=True)]


SHAPES = [(100,), (3, 40), (9, 33), (1, 17)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "logcumsumexp", "cummax", "cummin"])
def test_scan_over_several_chunks(small_chunks, shape, name):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1.2, 1.2, shape)
    if name in ("cummax", "cummin"):
        x.reshape(-1)[5] = np.nan
        x = x.round(1)
    for dim in range(len(shape)):
        for wanted, got in both(lambda t: getattr(t, name)(dim), x):  # noqa: B023
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
@pytest.mark.parametrize("descending", [False, True])
def test_sort_by_merging(small_chunks, shape, dtype, descending):
    """Stable, NaN largest, both zeros equal, whatever the width of the type."""
    rng = np.random.default_rng(1)
    x = rng.integers(-9, 9, shape).astype(dtype)
    if x.dtype.kind == "f":
        x.reshape(-1)[[2, 7]] = np.nan
        x.reshape(-1)[[3, 5]] = -0.0, 0.0
    for dim in range(len(shape)):
        for wanted, got in both(lambda t: tuple(t.sort(dim, descending, stable=True)), x):  # noqa: B023
            np.testing.assert_array_equal(got, wanted)


def test_sort_of_numbers_that_need_64_bits(small_chunks):
    rng = np.random.default_rng(2)
    x = rng.integers(-(2**62), 2**62, 80)
    x[20:40] = x[:20]
    x[40:] = x[40:] & 0xFF | x[0] & ~0xFF  # alike in the high half
    for values in (x, x.astype(np.float64), -x.astype(np.float64) / 2**70):
        for wanted, got in both(lambda t: tuple(t.sort(stable=True)), values):
            np.testing.assert_array_equal(got, wanted)


def test_results_of_data_dependent_size(small_chunks):
    rng = np.random.default_rng(3)
    x = rng.integers(0, 40, (9, 7))
    for call in (
        lambda t: torch.unique(t, return_inverse=True, return_counts=True),
        lambda t: torch.unique(t % 3, dim=0, return_inverse=True, return_counts=True),
        lambda t: torch.unique_consecutive(t // 20, return_inverse=True, return_counts=True),
        lambda t: t[t > 20],
        lambda t: (t > 30).nonzero(),
    ):
        for wanted, got in both(call, x):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("count", [1, 40])
def test_long_runs_of_one_index(count):
    rng = np.random.default_rng(4)
    index = np.where(rng.random(count) < 0.8, 2, rng.integers(0, 5, count))
    rows = rng.standard_normal((count, 70))
    for wanted, got in both(
        lambda i, r: torch.zeros(5, 70, dtype=r.dtype, device=r.device).index_add(0, i, r), index, rows
    ):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("include", [True, False])
@pytest.mark.parametrize("reduce", ["sum", "prod", "mean", "amax", "amin"])
def test_long_runs_reduced(reduce, include):
    rng = np.random.default_rng(5)
    index = np.where(rng.random(30) < 0.8, 2, rng.integers(0, 5, 30))

    def call(i, v):
        target = torch.ones(5, dtype=v.dtype, device=v.device)
        return target.scatter_reduce(0, i, v, reduce, include_self=include)

    for wanted, got in both(call, index, rng.standard_normal(30)):
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-12)


def test_offsets_of_large_tensors_are_64_bit():
    """With INT64 no position is multiplied by a stride in 32 bits."""
    import os
    import subprocess
    import sys

    script = """
import re
from tritonnn.kernels import indexing
from tritonnn.kernels.check import compile as _compile
from tritonnn.kernels.scatter import _entries
case = next(c for c in indexing.COMPILE if c.label == "two-int64")
text = _compile.build(case, "sm_90").asm["ttir"]
assert not re.search(r"arith.muli .*tensor<512xi32>", text), text
assert re.search(r"arith.muli .*tensor<512xi64>", text)
"""
    env = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
