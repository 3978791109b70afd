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

import _measure  # noqa: E402
import _output  # noqa: E402
import _rows  # noqa: E402


def result(family: str, seconds: dict[str, float], **fields) -> dict:
    """A measured row."""
    base = {
        "name": "x",
        "dtype": "float32",
        "unit": "device",
        "flops": 0,
        "nbytes": 0,
        "ratio": {},
        "errors": {},
    }
    return {"family": family, "seconds": seconds, **base, **fields}


def test_ratios_are_medians_of_pairs() -> None:
    samples = {"tritonnn": [1.0, 4.0, 3.0], "torch": [2.0, 2.0, 3.0]}
    found = _measure.summary(samples, "tritonnn")
    assert found["seconds"] == {"tritonnn": 3.0, "torch": 2.0}
    assert found["ratio"] == {"torch": 1.0}  # of 0.5, 2 and 1: drift that hits a pair cancels
    assert found["spread"]["torch"] == 0.5
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
        result("a", {"tritonnn": 1.0}, name="fast", ratio={"torch": 0.5}),
        result("a", {"tritonnn": 1.0}, name="slow", ratio={"torch": 2.0}),
        result("a", {"tritonnn": 1.0}, name="slowest", ratio={"torch": 9.0}),
        result("b", {}, name="broken", errors={"tritonnn": "ValueError: no"}),
    ]
    lines = _output.slower(rows, ["torch"])
    assert ["slowest" in lines[0], "slow " in lines[1], "broken" in lines[2], len(lines)] == [
        True,
        True,
        True,
        3,
    ]
    assert "9.00 x" in lines[0] and "ValueError: no" in lines[2]


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
    wanted = {"roof", "pointwise", "reduction", "softmax", "matmul", "overhead"}
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
    )
    found = json.loads(files[0].read_text())
    measured = {r["family"] for r in found["rows"] if "tritonnn" in r["seconds"]}
    assert {"roof", "softmax", "overhead"} <= measured, done.stdout
    page = files[1].read_text()
    assert page.startswith("<!doctype html>") and "softmax" in page
    assert not any(word in page for word in ("<script", "<link", "src="))


@pytest.mark.skipif(importlib.util.find_spec("tabulate") is None, reason="needs tabulate")
def test_unknown_family_is_refused() -> None:
    done = report("--device", "cpu", "--families", "origami")
    assert done.returncode == 2 and "there are" in done.stderr and "softmax" in done.stderr
