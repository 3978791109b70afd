"""The performance report: its arithmetic, and a rehearsal of the whole of it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PERF = Path(__file__).resolve().parent.parent / "perf"
sys.path.insert(0, str(PERF))

import _goals  # noqa: E402
import _machines  # noqa: E402
import _measure  # noqa: E402
import _output  # noqa: E402
import _rows  # noqa: E402
from _entries import Entry  # noqa: E402
from _maker import Maker  # noqa: E402


def result(family: str, seconds: dict[str, float], **fields) -> dict:
    """A measured row."""
    base = {
        "name": "x",
        "dtype": "float32",
        "unit": "device",
        "flops": 0,
        "nbytes": 0,
        "math": fields.get("dtype", "float32"),
        "goal": {},
        "memory": {},
        "ratio": {},
        "errors": {},
    }
    return {"family": family, "seconds": seconds, **base, **fields}


def test_ratios_are_medians_of_pairs() -> None:
    samples = {"tritonnn": [1.0, 4.0, 3.0], "torch": [2.0, 2.0, 3.0]}
    summary = _measure.summary(samples, "tritonnn")
    assert summary["seconds"] == {"tritonnn": 3.0, "torch": 2.0}
    assert summary["ratio"] == {"torch": 1.0}  # of 2, 0.5 and 1: drift that hits a pair cancels
    assert _measure.summary({"tritonnn": [1.0], "torch": [3.0]}, "tritonnn")["ratio"] == {"torch": 3.0}
    assert summary["spread"]["torch"] == 0.5
    assert _measure.summary({"tritonnn": []}, "tritonnn") == {"seconds": {}, "ratio": {}, "spread": {}}


def test_roofs_and_shares() -> None:
    rows = [
        result("roof", {"tritonnn": 2.0, "torch": 1.0}, nbytes=100),
        result("roof", {"tritonnn": 1.0}, flops=1000),
    ]
    ceilings = _output.roofs(rows)
    assert ceilings == {"copy": 100.0, "gemm float32": 1000.0}
    assert _output.roof_share(result("a", {"tritonnn": 2.0}, nbytes=100), ceilings) == 0.5
    assert _output.roof_share(result("a", {"tritonnn": 2.0}, nbytes=100, flops=1500), ceilings) == 0.75
    assert _output.roof_share(result("a", {"tritonnn": 2.0}, flops=9, dtype="bfloat16"), ceilings) is None
    assert _output.roof_share(result("a", {}, nbytes=1), ceilings) is None


def test_slower_rows_and_failures_are_said() -> None:
    rows = [
        result("a", {"tritonnn": 1.0}, name="fast", ratio={"torch": 2.0}),
        result("a", {"tritonnn": 1.0}, name="slow", ratio={"torch": 0.5}),
        result("a", {"tritonnn": 1.0}, name="slowest", ratio={"torch": 0.11}),
        result("b", {}, name="broken", errors={"tritonnn": "ValueError: no"}),
    ]
    lines = _output.slower(rows, ["torch"])
    assert len(lines) == 3
    assert "slowest" in lines[0] and "slow " in lines[1] and "broken" in lines[2]
    assert "0.11" in lines[0] and "ValueError: no" in lines[2]


def test_numbers_for_reading() -> None:
    assert [_output.duration(s) for s in (2.0, 1.5e-3, 2.5e-6, 3e-8, None)] == [
        "2 s", "1.5 ms", "2.5 µs", "30 ns", "-",
    ]  # fmt: skip
    assert _output.rate(result("a", {"tritonnn": 1e-3}, flops=2e9)) == "2 TFLOP/s"
    assert _output.rate(result("a", {"tritonnn": 1e-3}, nbytes=2e6)) == "2 GB/s"
    assert _output.rate(result("a", {"tritonnn": 1e-3}, unit="host")) == ""


def test_children_are_not_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    monkeypatch.setenv("TRITONNN_NAN_POISON", "1")
    env = _measure.child_environment(3)
    assert "OPENBLAS_CORETYPE" not in env and "TRITONNN_NAN_POISON" not in env
    assert env["OPENBLAS_NUM_THREADS"] == env["OMP_NUM_THREADS"] == "3"


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_rows_are_distinct_and_complete(device: str) -> None:
    rows = _rows.load(device)
    assert len({r.key for r in rows}) == len(rows) and rows[0].family == "roof"
    wanted = {"roof", "pointwise", "reduction", "softmax", "matmul", "overhead", "normalization", "loss"}
    wanted |= {"embedding", "optimizer"}
    if device == "cuda":
        wanted |= {"random", "indexing", "sorting", "copying", "launch overhead"}
    assert wanted <= {r.family for r in rows}
    assert all(r.flops or r.nbytes for r in rows if r.unit == "device")
    quick = _rows.load(device, quick=True)
    assert 0 < len(quick) < len(rows)
    assert {r.family for r in _rows.load(device, {"softmax"})} == {"softmax"}


def test_op_entries_declare_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    import tritonnn as torch
    from tritonnn.ops._table import OPS, Perf

    monkeypatch.setattr(
        OPS["exp"], "perf", lambda make: [Perf("64 x 32", make(64, 32)), Perf("9", make(9), flops=9)]
    )
    first, second = [r for r in _rows.from_op_table("cpu") if r.name.startswith("exp")]
    assert (first.name, first.nbytes, first.family) == ("exp 64 x 32", 2 * 4 * 64 * 32, "elementwise")
    assert second.flops == 9
    call = first.setup(torch, lambda *shape: torch.ones(*shape))
    assert call().shape == (64, 32)


def by_key(device: str = "cuda") -> dict[str, _rows.Row]:
    """All rows by their names."""
    return {r.key: r for r in _rows.load(device)}


def test_an_entry_makes_rows_of_every_size_dtype_and_stage() -> None:
    rows = [r for r in by_key().values() if r.family == "normalization" and r.name.startswith("layer norm")]
    kinds = {(r.size, r.dtype, r.stage) for r in rows}
    sizes, dtypes = ("small", "typical", "huge"), ("bfloat16", "float32", "float16")
    assert kinds == {(s, d, stage) for s in sizes for d in dtypes for stage in ("forward", "backward")}
    assert all(bool(r.goal) == (r.size != "small") for r in rows)
    assert {r.key for r in rows if r.quick} == {
        "normalization/layer norm 16384x4096/bfloat16",
        "normalization/layer norm 16384x4096 backward/bfloat16",
    }


@pytest.mark.parametrize(
    ("key", "flops", "nbytes"),
    [
        ("pointwise/add 8192x8192/float32", 0, 3 * 268_435_456),
        ("pointwise/cast to float32 8192x8192/bfloat16", 0, 6 * 67_108_864),
        ("softmax/softmax 16384x4096/bfloat16", 0, 268_435_456),
        ("softmax/softmax 16384x4096 backward/bfloat16", 0, 402_653_184),
        ("normalization/layer norm 16384x4096/bfloat16", 0, 268_435_456 + 16_384),
        ("matmul/square 4096x4096x4096/bfloat16", 137_438_953_472, 3 * 33_554_432),
        ("matmul/square 4096x4096x4096 backward/bfloat16", 274_877_906_944, 5 * 33_554_432),
        ("loss/cross entropy 8192x131072 forward and backward/float32", 0, 12_884_901_888 + 131_072),
        ("embedding/embedding 16384x50304x1024 backward/float32", 0, 273_154_048 + 131_072),
        ("indexing/masked_fill 8192x4096/float16", 0, 5 * 33_554_432),
        ("optimizer/AdamW, fused, 300 M in 300/float32", 0, 7 * 4 * 314_726_400),
    ],
)
def test_counts(key: str, flops: float, nbytes: float) -> None:
    row = by_key()[key]
    assert (row.flops, row.nbytes) == (flops, nbytes)


def test_every_goal_of_the_gpu_is_in_the_short_report() -> None:
    goals = {(r.family, r.stage) for r in by_key().values() if r.goal}
    short = [r for r in by_key().values() if r.goal and r.quick]
    assert goals == {(r.family, r.stage) for r in short}
    assert sorted(by_key().values(), key=lambda r: r.rank)[len(short) + 4].rank <= 1  # first after the roofs
    wanted = {
        "softmax/softmax 16384x4096/bfloat16": {"ratio": 1.3, "roof": 0.85},
        "softmax/softmax 16384x4096 backward/bfloat16": {"ratio": 1.3, "roof": 0.75},
        "loss/cross entropy 8192x131072 forward and backward/bfloat16": {"ratio": 3.0},
        "matmul/square, tf32 4096x4096x4096/float32": {"ratio": 0.95},
        "optimizer/AdamW, fused, 300 M in 300/float32": {"ratio": 1.2},
        "launch overhead/x + y/float32": {"seconds": 8e-6},
    }
    for key, goal in wanted.items():
        assert by_key()[key].facts()["goal"] == goal, key
    fused = [r for r in by_key().values() if r.goal and r.goal.memory]
    assert fused and all(r.goal.as_dict() == {"ratio": 1.3, "memory": 0.1} for r in fused)


def test_goals_met_missed_and_not_measured() -> None:
    goal = _goals.Goal(ratio=1.3, roof=0.8, memory=0.1).as_dict()
    met = _goals.verdicts(goal, {"ratio": 1.3, "roof": 0.9, "memory": 0.05})
    missed = _goals.verdicts(goal, {"ratio": 0.65, "roof": 0.9, "memory": 0.2})
    absent = _goals.verdicts(goal, {"ratio": 2.0})
    assert [_goals.standing(v) for v in (met, missed, absent, [])] == ["met", "missed", "not measured", ""]
    assert [v.short for v in missed] == [0.5, 0.0, 1.0]
    lines = _goals.summary([("a", met), ("b", absent), ("c", missed), ("d", [])])
    assert [(stands, row) for stands, row, _ in lines] == [
        ("missed", "c"),
        ("met", "a"),
        ("not measured", "b"),
    ]
    assert "ratio 0.65 (≥ 1.3), missed by 50%" in lines[0][2] and "roof not measured (≥ 80%)" in lines[2][2]


def test_goals_of_measured_rows() -> None:
    goal = {"ratio": 1.0, "roof": 0.5, "memory": 0.1}
    row = result("a", {"tritonnn": 2.0}, nbytes=100, ratio={"torch": 1.5}, goal=goal,
                 memory={"tritonnn": 5, "torch": 100})  # fmt: skip
    assert [v.figure for v in _output.verdicts(row, {"copy": 100.0})] == [1.5, 0.5, 0.05]
    assert _output.goal_lines([row], {"copy": 100.0})[0] == "1 met, 0 missed, 0 not measured"


def test_predictions_are_arithmetic() -> None:
    h100 = _machines.MACHINES["H100"]
    assert _machines.predict(h100, "bfloat16", 0, 6e9) == {"seconds": 0.002, "bound": "memory"}
    assert _machines.predict(h100, "bfloat16", 798e9, 6e3) == {"seconds": 0.001, "bound": "arithmetic"}
    assert _machines.predict(h100, "bfloat16", 10, 10) == {"seconds": _machines.LAUNCH, "bound": "launch"}
    assert _machines.predict(h100, "bfloat16", 0, 0) is None
    assert {"H100", "H200"} <= set(_machines.MACHINES) and all(m.sources for m in _machines.MACHINES.values())


def test_other_libraries_may_need_another_call() -> None:
    import numpy

    calls = []
    entry = Entry("x", lambda lib, x: calls.append("mine"), lambda make, n: (make(n),), {}, lambda w, n: w * n,
                  peer=lambda lib, x: calls.append("theirs"))  # fmt: skip
    from _entries import _setup

    class Make:
        program = staticmethod(lambda function: function)
        __call__ = staticmethod(lambda n: None)

    import tritonnn

    for lib in (tritonnn, numpy):
        _setup(entry, "forward", (4,))(lib, Make())()
    assert calls == ["mine", "theirs"]


def families_of_the_gpu() -> list[str]:
    """Those whose rows are made from entries or tables."""
    return sorted({r.family for r in _rows.load("cuda")} - {"roof"})


@pytest.mark.parametrize("family", families_of_the_gpu())
def test_rows_run(family: str) -> None:
    import tritonnn as torch

    rows = [r for r in _rows.load("cuda", {family}) if r.size in ("", "typical")]
    seen = set()
    for row in rows:
        # Cut to tiny extents, rows of several sizes are the same.
        case = (row.name.rstrip("0123456789x").split(" forward")[0].split(" backward")[0], row.stage)
        if case in seen:
            continue
        seen.add(case)
        row.setup(torch, Maker(torch, "cuda", row.dtype, cap=8))()
    assert seen


def test_a_large_input_repeats_random_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    import tritonnn as torch

    monkeypatch.setattr("_maker.RANDOM_ELEMENTS", 64)
    tensor = Maker(torch, "cuda", "float32")(10, 20)
    assert tensor.shape == (10, 20) and tensor.is_contiguous()
    flat = tensor.reshape(-1).cpu()
    assert (flat[:64] == flat[64:128]).all() and len(set(flat[:64].tolist())) > 60


def report(*arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """Run the report."""
    command = [sys.executable, str(PERF / "report.py"), *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=110)


@pytest.mark.skipif(importlib.util.find_spec("tabulate") is None, reason="needs tabulate")
def test_rehearsal_writes_json_and_page(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = tmp_path / "out.json", tmp_path / "out.html"
    done = report(
        "--device", "cuda", "--families", "softmax,overhead", "--quick", "--rehearse", "--peers", "",
        "--json", str(files[0]), "--html", str(files[1]), TRITON_INTERPRET="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "rehearsal" in done.stdout
        and "== softmax" in done.stdout
        and "nothing to compare with" in done.stdout
        and "above 1 tritonnn is faster" in done.stdout
    )
    written = json.loads(files[0].read_text())
    measured = {r["family"] for r in written["rows"] if "tritonnn" in r["seconds"]}
    assert {"roof", "softmax", "overhead"} <= measured, done.stdout
    softmax = [r for r in written["rows"] if r["family"] == "softmax"]
    assert all(r["goal"] and r["memory"]["tritonnn"] > 0 for r in softmax)
    page = files[1].read_text()
    assert page.startswith("<!doctype html>") and "softmax" in page
    assert not any(word in page for word in ("<script", "<link", "src="))


@pytest.mark.skipif(importlib.util.find_spec("tabulate") is None, reason="needs tabulate")
def test_unknown_family_is_refused() -> None:
    done = report("--device", "cpu", "--families", "origami")
    assert done.returncode == 2 and "there are" in done.stderr and "softmax" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("tabulate") is None, reason="needs tabulate")
def test_without_a_gpu_the_report_predicts(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = tmp_path / "out.json", tmp_path / "out.html"
    done = report(
        "--device", "cuda", "--predict", "--families", "softmax,matmul,overhead", "--machines", "H100,A100",
        "--json", str(files[0]), "--html", str(files[1]),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PREDICTED, not measured" in done.stdout and "== softmax (predicted)" in done.stdout
    written = json.loads(files[0].read_text())
    assert written["predicted"] is True and set(written["machines"]) == {"H100", "A100"}
    assert not any("seconds" in r or "ratio" in r for r in written["rows"])
    row = next(r for r in written["rows"] if r["key"] == "softmax/softmax 16384x4096/bfloat16")
    assert row["predicted"]["H100"] == {"seconds": pytest.approx(268435456 / 3e12), "bound": "memory"}
    assert all(not r["predicted"] for r in written["rows"] if r["unit"] == "host")
    page = files[1].read_text()
    assert "PREDICTED, not measured" in page and 'class="predicted">predicted 89.5 µs' in page


@pytest.mark.skipif(importlib.util.find_spec("tabulate") is None, reason="needs tabulate")
def test_predictions_are_refused_where_there_is_nothing_to_predict() -> None:
    assert report("--device", "cpu", "--predict").returncode == 2
    done = report("--device", "cuda", "--predict", "--machines", "Z1")
    assert done.returncode == 2 and "H100" in done.stderr
