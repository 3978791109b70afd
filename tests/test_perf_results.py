"""The report's comparison of results: what counts as the same, and that a result which changes is noticed."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "perf"))

import _results
import _rows
from _maker import Maker
from _worker import Worker


def row(**options) -> _rows.Row:
    """A row whose results are compared."""
    return _rows.Row("family", "x", lambda lib, make: None, **options)


@pytest.fixture
def verdict(tmp_path: Path):
    """What is said of arrays that stand for tritonnn's, PyTorch's and the reference's result."""

    def judged(mine, theirs, wider=None, kind: str = "bfloat16", **options) -> dict:
        path = str(tmp_path / "x")
        for end, values in (("first.tritonnn", mine), ("first.torch", theirs), ("reference", wider)):
            Path(f"{path}.{end}.npz").unlink(missing_ok=True)
            if values is not None:
                values = np.asarray(values)
                with open(f"{path}.{end}.npz", "wb") as file:
                    np.savez(file, **{f"0 {kind} {values.shape}": values})
        return _results.compare(path, "first", row(**options))

    return judged


def test_twice_pytorchs_own_error_is_allowed_and_no_more(verdict) -> None:
    exact, theirs = np.array([1.0, 2.0]), np.array([1.02, 2.0])
    assert verdict(exact + [0.0, 0.039], theirs, exact)["same"] is True
    off = verdict(exact + [0.0, 0.041], theirs, exact)
    assert off["same"] is False and math.isclose(off["error"], 0.041) and math.isclose(off["allowed"], 0.04)
    assert verdict(exact + [0.0, 0.041], theirs, exact, stage="backward")["same"] is True
    # Half a step of the largest value is what rounding may cost, however exact PyTorch happens to be.
    assert verdict(exact + 0.0078, exact, exact)["same"] is True
    assert verdict(exact + 0.0079, exact, exact)["same"] is False
    assert verdict(exact + 0.0078, exact, exact, kind="float32")["same"] is False
    assert verdict(exact + 0.0078, exact, exact, kind="float32", precision="medium")["same"] is True


def test_nan_infinity_shape_and_type(verdict) -> None:
    nan, inf = np.array([1.0, np.nan]), np.array([1.0, np.inf])
    assert verdict(nan, nan, nan)["same"] is True and verdict(inf, inf, inf)["same"] is True
    assert "NaN at other places: 1" in verdict(nan, [1.0, 1.0])["why"]
    assert "infinity" in verdict(inf, [1.0, 1.0])["why"]
    assert "(2,)" in verdict([1.0, 1.0], [1.0])["why"]
    assert verdict([1.0, 5.0], [1.0, 1.0], compare="shape")["same"] is True
    assert verdict([1, 2], [1, 3], kind="int64")["why"] == "1 of 2 differ"
    assert verdict([1.0], None)["same"] is None
    assert (
        verdict([1.0, 1.05], [1.0, 1.0])["same"] is True and verdict([1.0, 1.1], [1.0, 1.0])["same"] is False
    )


def test_random_numbers_by_their_moments_and_models_by_their_mean(verdict) -> None:
    first, second = np.random.default_rng(0).random((2, 10000))
    assert verdict(first, second, compare="moments")["same"] is True
    assert verdict(first * 1.1, second, compare="moments")["same"] is False
    exact = np.zeros(1000)
    noise = np.where(np.arange(1000) % 2, 0.01, -0.01)
    one_off = noise + np.where(np.arange(1000) == 7, 0.1, 0.0)
    assert verdict(one_off, noise, exact)["same"] is False
    assert verdict(one_off, noise, exact, compare="mean")["same"] is True
    assert verdict(2.1 * noise, noise, exact, compare="mean")["same"] is False


def test_large_results_are_sampled_at_their_ends_and_between() -> None:
    count = 3 * _results.SAMPLE
    places = _results.places(count)
    assert len(places) == _results.SAMPLE
    assert set(range(_results.ENDS)) <= set(places.tolist()) and places[-1] == count - 1
    assert len(set((places // 4096).tolist())) == count // 4096  # no tile of that many is left out


@pytest.mark.kernels
@pytest.mark.parametrize("same", [True, False])
def test_a_result_that_changes_between_calls_is_counted(same: bool, tmp_path: Path) -> None:
    import tritonnn as torch

    worker = Worker("tritonnn", "cuda", cap=8)
    calls = []

    def setup(lib, make):
        x = make(8, 8)

        def call():
            calls.append(0)
            wrong = lib.zeros_like(x)
            wrong[1, 2] = 0.0 if same or len(calls) < 5 else 1.0
            return x + wrong

        return call

    worker.rows["racy"] = _rows.Row("family", "racy", setup)
    worker.prepare("racy", str(tmp_path / "x"))
    worker.calibrate()
    worker.measure()
    assert worker.check(str(tmp_path / "x")) == {"changed": 0 if same else 1}
    first, again = (np.load(tmp_path / f"x.{moment}.tritonnn.npz") for moment in ("first", "again"))
    assert ((first["0 float32 (8, 8)"] != again["0 float32 (8, 8)"]).sum()) == (0 if same else 1)
    assert torch.cuda.is_available()


@pytest.mark.kernels
def test_a_call_that_changes_its_input_is_compared_from_the_start(tmp_path: Path) -> None:
    worker = Worker("tritonnn", "cuda", cap=8)

    def setup(lib, make):
        x = make(8)
        return _rows.Call(lambda: x.add_(1.0), changes=True)

    worker.rows["in place"] = _rows.Row("family", "in place", setup)
    worker.prepare("in place", str(tmp_path / "x"))
    worker.calibrate()
    assert worker.check(str(tmp_path / "x")) == {}
    first, again = (np.load(tmp_path / f"x.{moment}.tritonnn.npz") for moment in ("first", "again"))
    assert (first["0 float32 (8,)"] == again["0 float32 (8,)"]).all()


@pytest.mark.kernels
def test_inputs_are_the_same_numbers_in_a_wider_type() -> None:
    import tritonnn as torch

    for dtype, wider in (("bfloat16", "float32"), ("float16", "float32"), ("float32", "float64")):
        narrow, wide = Maker(torch, "cuda", dtype), Maker(torch, "cuda", dtype, wider=wider)
        for _ in range(2):
            a, b = narrow(64, 64), wide(64, 64)
            assert str(a.dtype).endswith(dtype) and str(b.dtype).endswith(wider)
            assert (a.to(b.dtype) == b).all() and len(set(a.flatten().tolist())) > 100
        assert narrow.int(4, 4).dtype == wide.int(4, 4).dtype == torch.int64
        assert (narrow.distinct(8, 16).sort(1)[0] == torch.arange(16, device="cuda")).all()
    layer = Maker(torch, "cuda", "float32").fill(torch.nn.Linear(8, 4))
    again = Maker(torch, "cuda", "float32").fill(torch.nn.Linear(8, 4))
    assert (layer.weight == again.weight).all() and (layer.bias == 0).all() and layer.weight.abs().max() > 0.1
