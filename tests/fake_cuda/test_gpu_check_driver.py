"""The check's rehearsal on the driver over host memory: kernels are compiled, launched, captured, and never run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import fake_gpu
import pytest

library = fake_gpu.library
ROOT = Path(__file__).resolve().parent.parent.parent


def check(library: Path, out: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess:
    """perf/gpu_check.py on the driver; the fixture says whether it can be built."""
    env = {k: v for k, v in os.environ.items() if k not in fake_gpu.DROPPED} | {
        "TRITON_INTERPRET": "1",
        **environment,
    }
    env["TRITON_CACHE_DIR"] = str(out / "triton")
    command = [
        sys.executable,
        str(ROOT / "perf" / "gpu_check.py"),
        "--dry-run",
        "driver",
        "--out",
        str(out),
        *arguments,
    ]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=170)


def test_rehearsal_on_the_driver(library: Path, tmp_path: Path) -> None:
    pytest.importorskip("tabulate")
    pytest.importorskip("matplotlib")
    done = check(library, tmp_path)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert (
        rows[0]["environment"]["gpu"] == "Fake GPU 0"
    )  # although the caller's environment asks for the interpreter
    families = {r["family"] for r in rows[1:]}
    assert families == {"roof", "softmax", "optimizer", "launch overhead", "overhead"}
    assert all("tritonnn" in r["seconds"] for r in rows[1:])
    assert "failed" not in (tmp_path / "check.log").read_text().replace("0 failed", "")


def test_counters_of_a_row(library: Path, tmp_path: Path) -> None:
    stand_ins = ROOT / "tests" / "perf_stand_ins"
    key = "launch overhead/x + y/float32"
    done = check(library, tmp_path, "--only", key, "--ncu", PATH=f"{stand_ins}:{os.environ['PATH']}")
    assert done.returncode == 0, done.stdout + done.stderr + (tmp_path / "check.log").read_text()
    figures = json.loads((tmp_path / "counters.json").read_text())
    (kernel,) = figures[key]["tritonnn"]["kernels"]
    assert (
        kernel["kernel"] == "softmax_kernel"
        and kernel["metrics"]["Occupancy: Achieved Occupancy"] == "81.2 %"
    )
    assert "softmax_kernel" in done.stdout
    done = check(library, tmp_path, "--only", key, "--ncu")
    assert done.returncode == 1 and "ncu is not there" in done.stdout
