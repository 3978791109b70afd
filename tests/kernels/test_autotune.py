"""Autotuning: explicit, kept on disk, never during capture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from buffers import run

import tritonnn as torch
from tritonnn.kernels.launch import autotune as _autotune
from tritonnn.kernels.linalg import linalg
from tritonnn.kernels.linalg._kernels import gemm_kernel


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache file, and a clock by which the candidate named `fast` wins."""
    monkeypatch.setattr(_autotune, "FILE", tmp_path / "autotune.json")
    monkeypatch.setattr(_autotune, "_kept", None)
    return tmp_path / "autotune.json"


def pick(times, problem=("half", 100)):
    built = []

    def build(candidate):
        built.append(candidate)
        return lambda: None

    clock = iter(times)
    before = _autotune.measure
    _autotune.measure = lambda call: next(clock)
    try:
        return _autotune.pick(gemm_kernel, problem, (1,), [(1,), (2,), (3,)], build), built
    finally:
        _autotune.measure = before


def test_nothing_is_measured_outside_autotune(cache):
    assert pick([]) == ((1,), [])
    assert not cache.exists()


def test_the_fastest_is_kept_and_found_again(cache, monkeypatch):
    with _autotune.tuning():
        assert pick([3.0, 1.0, 2.0]) == ((2,), [(1,), (2,), (3,)])
    assert pick([]) == ((2,), [])
    monkeypatch.setattr(_autotune, "_kept", None)  # a later process
    assert pick([]) == ((2,), [])
    assert pick([], ("half", 97)) == ((2,), [])  # the same class of sizes
    assert pick([], ("half", 300)) == ((1,), [])
    (entry,) = json.loads(cache.read_text()).values()
    assert entry["milliseconds"] == 1.0


def test_a_kept_configuration_that_is_no_longer_offered_is_ignored(cache):
    with _autotune.tuning():
        pick([3.0, 1.0, 2.0])
    table = json.loads(cache.read_text())
    for entry in table.values():
        entry["configuration"] = "(9,)"
    cache.write_text(json.dumps(table))
    _autotune._kept = None
    assert pick([]) == ((1,), [])


def test_a_broken_cache_file_counts_as_none(cache):
    cache.write_text("{ not json")
    assert pick([]) == ((1,), [])


def test_not_while_a_graph_is_captured(cache, monkeypatch):
    monkeypatch.setattr(type(_autotune.runtime()), "is_capturing", lambda self: True)
    with pytest.raises(RuntimeError, match="cannot run while a CUDA graph is being captured"):
        torch.autotune(lambda: None)


def test_products_are_tuned_and_stay_right(cache):
    a, b = np.random.default_rng(0).standard_normal((2, 40, 40)).astype(np.float32)
    wanted = a.astype(np.float64) @ b
    got = torch.autotune(lambda: run(linalg.matmul_nd, np.empty((40, 40), np.float32), a, b))
    np.testing.assert_allclose(got, wanted, atol=1e-4)
    (entry,) = json.loads(cache.read_text()).values()
    assert entry["of"] > 1 and entry["configuration"].startswith("Choice(")
    np.testing.assert_allclose(run(linalg.matmul_nd, np.empty((40, 40), np.float32), a, b), wanted, atol=1e-4)


def test_size_classes_are_within_a_quarter():
    for n in [*range(1, 300), 1000, 12345, 1 << 20]:
        assert n <= _autotune.size_class(n) <= max(n, 1.25 * n)
