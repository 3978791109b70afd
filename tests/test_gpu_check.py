"""The check on a GPU: what it does when a process hangs, dies or loses its device, and when it is ended itself."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PERF = HERE.parent / "perf"
sys.path.insert(0, str(PERF))

import _journal  # noqa: E402
import _measure  # noqa: E402
import _rows  # noqa: E402
import _stages  # noqa: E402
import _summary  # noqa: E402
import counters  # noqa: E402
import gpu_check  # noqa: E402
from _first import FIRST  # noqa: E402

STAND_INS = HERE / "perf_stand_ins"
NO_GPU = {"TRITON_INTERPRET": "0", "CUDA_VISIBLE_DEVICES": ""}


def options(**changes) -> argparse.Namespace:
    """What the command line of a real call gives."""
    parsed = gpu_check.parse([])
    vars(parsed).update(changes)
    return parsed


def stand_in_report(names: str, *arguments: str, **more) -> subprocess.CompletedProcess:
    """The report on processes that stand in."""
    command = [sys.executable, str(STAND_INS / "report.py"), names, "--device", "cuda", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **more)


def row(name: str) -> _rows.Row:
    """A row that the stand-in acts on by its name."""
    return _rows.Row("family", name, lambda lib, make: None)


@pytest.fixture
def crew(monkeypatch: pytest.MonkeyPatch):
    """A stand-in for each library."""
    monkeypatch.setattr(_measure.Peer, "command", [sys.executable, str(STAND_INS / "worker.py")])
    made = _measure.Crew(["tritonnn", "torch"], device="cuda")
    yield made
    made.close()


def both(crew: _measure.Crew) -> list[_measure.Peer]:
    """Living processes."""
    return crew.get(["tritonnn", "torch"])


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("hangs", "gave no answer"),
        ("half a line", "gave no answer"),
        ("ends", "has ended"),
        ("sticky", "illegal memory"),
    ],
)
def test_a_process_that_fails_costs_one_row(
    crew: _measure.Crew, tmp_path: Path, name: str, error: str
) -> None:
    first = both(crew)[0]
    began = time.monotonic()
    failed = _measure.measure(both(crew), row(name), 3, seconds=1.5, folder=str(tmp_path))
    assert time.monotonic() - began < 10 and error in failed["errors"]["tritonnn"]
    assert "tritonnn" not in failed["seconds"] and not list(tmp_path.iterdir())
    good = _measure.measure(both(crew), row("fine"), 3, seconds=10, folder=str(tmp_path))
    assert both(crew)[0] is not first and not first.alive
    assert good["ratio"] == {"torch": 2.0} and not good["errors"] and good["check"]["same"] is True


def test_results_are_compared_before_and_after(crew: _measure.Crew, tmp_path: Path) -> None:
    def check(name: str) -> dict:
        return _measure.measure(both(crew), row(name), 1, seconds=10, folder=str(tmp_path))["check"]

    assert check("fine")["same"] is True
    differs = check("differs")
    assert differs["same"] is False and differs["first"]["error"] == 0.5 and differs["again"]["same"] is True
    race = check("race")
    assert race["first"]["same"] is True and race["changed"] == 1 and race["same"] is False
    assert "NaN at other places: 1" in race["again"]["why"]


def test_a_stage_goes_on_after_lost_devices(tmp_path: Path) -> None:
    lines = tmp_path / "rows.jsonl"
    done = stand_in_report(
        "sticky,fine,ends,hangs,race,good", "--peers", "torch", "--lines", str(lines), "--row-seconds", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = {r["name"]: r for r in _journal.read(lines) if r["kind"] == "row"}
    assert [name for name, r in rows.items() if "tritonnn" in r["errors"]] == ["sticky", "ends", "hangs"]
    assert all(rows[name]["ratio"] == {"torch": 2.0} for name in ("fine", "race", "good"))
    assert "1 differ" in done.stdout and "x: " not in done.stderr
    assert "race float32: after the timed calls: NaN at other places" in done.stdout


def test_a_killed_run_keeps_its_rows_and_is_gone_on_with(tmp_path: Path) -> None:
    lines, page = tmp_path / "rows.jsonl", tmp_path / "out.json"
    names = ",".join(f"slow {i}" for i in range(40))
    command = [sys.executable, str(STAND_INS / "report.py"), names, "--device", "cuda", "--peers", "torch"]
    command += ["--lines", str(lines), "--rounds", "2"]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 50
    while len(_journal.read(lines)) < 4:
        assert time.monotonic() < end and running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait(10)
    kept = [r["key"] for r in _journal.read(lines) if r["kind"] == "row"]
    assert 3 <= len(kept) < 40
    with lines.open("a") as file:
        file.write('{"kind": "row", "key": "half a')  # as if it had been ended in the middle of a line
    made = [sys.executable, str(PERF / "report.py"), "--from", str(lines), "--json", str(page)]
    assert subprocess.run(made, capture_output=True, timeout=60).returncode == 0
    assert [r["key"] for r in json.loads(page.read_text())["rows"]] == kept
    done = stand_in_report(",".join(names.split(",")[:8]), "--peers", "torch", "--lines", str(lines), "--resume",
                           "--rounds", "1", "--json", str(page))  # fmt: skip
    assert done.returncode == 0, done.stderr
    again = [r["key"] for r in _journal.read(lines) if r["kind"] == "row"]
    assert again[: len(kept)] == kept and len(again) == len(set(again)) == max(8, len(kept))
    assert {f"family/slow {i}/float32" for i in range(8)} <= {
        r["key"] for r in json.loads(page.read_text())["rows"]
    }


def test_time_ends_a_run_and_torch_compile_comes_last(tmp_path: Path) -> None:
    lines = tmp_path / "rows.jsonl"
    page = tmp_path / "out.json"
    done = stand_in_report("compiled,slow", "--lines", str(lines), "--rounds", "1", "--json", str(page))
    assert done.returncode == 0, done.stderr
    kinds = [(r["name"], sorted(r["seconds"])) for r in _journal.read(lines) if r["kind"] == "row"]
    eager = ["torch", "tritonnn"]
    assert kinds == [("compiled", eager), ("slow", eager), ("compiled", ["torch.compile", "tritonnn"])]
    merged = {r["name"]: r["ratio"] for r in json.loads(page.read_text())["rows"]}
    assert merged == {"compiled": {"torch": 2.0, "torch.compile": 2.0}, "slow": {"torch": 2.0}}
    done = stand_in_report(",".join(f"slow {i}" for i in range(60)), "--lines", str(lines), "--budget", "4")
    read = _journal.read(lines)
    assert (
        read[-1]["kind"] == "skipped"
        and 30 < len(read[-1]["keys"]) < 60
        and "were not started" in done.stdout
    )


def test_lines_of_a_row_make_one() -> None:
    facts = {"kind": "row", "key": "a", "check": {"same": True}, "errors": {}, "ratio": {"torch": 2.0}, "memory": {},
             "family": "a", "flops": 0, "nbytes": 0, "math": "float32", "unit": "device"}  # fmt: skip
    eager = {**facts, "seconds": {"tritonnn": 1.0, "torch": 2.0}}
    compiled = {**facts, "seconds": {"tritonnn": 3.0, "torch.compile": 4.0}, "ratio": {"torch.compile": 1.3}}
    report = _journal.report([{"kind": "run", "device": "cuda"}, eager, compiled], ["a"])
    assert report["rows"][0]["seconds"] == {"tritonnn": 1.0, "torch": 2.0, "torch.compile": 4.0}
    assert report["rows"][0]["ratio"] == {"torch": 2.0, "torch.compile": 1.3}
    with pytest.raises(ValueError, match="nothing has been measured"):
        _journal.report([eager], [])


def test_without_a_driver_nothing_is_predicted_or_measured(tmp_path: Path) -> None:
    env = {**os.environ, **NO_GPU}
    for command in (["gpu_check.py", "--out", str(tmp_path / "out")], ["report.py", "--device", "cuda"]):
        done = subprocess.run(
            [sys.executable, str(PERF / command[0]), *command[1:]],
            env=env,
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert done.returncode == 2 and "no libcuda.so.1" in done.stderr and not done.stdout
    assert not list((tmp_path / "out").iterdir())


def test_nothing_is_interpreted_on_a_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    assert gpu_check.environment_of(options(), str(tmp_path))["TRITON_INTERPRET"] == "0"
    assert gpu_check.environment_of(options(dry_run="simulated"), str(tmp_path))["TRITON_INTERPRET"] == "1"
    assert not any("TRITON_INTERPRET" in s.environment for s in _stages.planned(options(), tmp_path))


def test_check_fits_its_time_and_its_files(tmp_path: Path) -> None:
    planned = _stages.planned(options(tune=True), tmp_path)
    assert [s.name for s in planned] == [name for name in _stages.STAGES if name != "counters"]
    assert _stages.TOTAL < 600
    left, longest = _stages.TOTAL, 0.0
    for i, stage in enumerate(planned):  # each as long as it may
        stage = _stages.within(stage, left, planned[i + 1 :])
        left, longest = left - stage.limit, max(longest, stage.limit)
    assert left >= 0 and longest >= 200
    files = {s.log for s in planned} | {"rows.jsonl", "summary.json", "autotune.json", "a.json", "a.html"}
    assert len(files) <= 8
    report = _stages.within(next(s for s in planned if s.name == "report"), 300.0, [])
    assert report.limit == 300.0 and report.command[-2:] == ["--budget", "270"]


def test_only_names_stages_or_rows(tmp_path: Path) -> None:
    def named(*arguments: str) -> list[_stages.Stage]:
        return _stages.planned(gpu_check.parse(list(arguments)), tmp_path)

    assert [s.name for s in named("--only", "report")] == ["report", "pages"]
    key = "optimizer/AdamW, fused, 300 M in 300/float32"
    chosen = named("--only", f"softmax/*,{key}")
    assert [s.name for s in chosen] == ["precompile", "report", "pages"]
    assert all(f"softmax/*,{key}" in s.command for s in chosen[:2]) and _rows.names(f"a,{key}") == ["a", key]
    assert [s.name for s in named("--only", "softmax/*", "--ncu")] == ["counters"]
    with pytest.raises(SystemExit):
        gpu_check.parse(["--ncu"])


def test_counters_of_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    key = "softmax/softmax 16384x4096/bfloat16"
    arguments = ["--rows", key, "--peers", "", "--json", str(tmp_path / "counters.json")]
    monkeypatch.setenv("PATH", "/nowhere")
    assert counters.main(arguments) == 2 and "ncu is not there" in capsys.readouterr().err
    table = '==PROF== x\n"ID","Kernel Name","Section Name","Metric Name","Metric Unit","Metric Value"\n'
    table += '"0","a","Occupancy","Achieved Occupancy","%","81"\n"1","b","Occupancy","Achieved Occupancy","%","40"\n'
    assert [k["kernel"] for k in counters.kernels(table)] == ["a", "b"] and counters.kernels(
        "==ERROR== no"
    ) == []
    assert counters.kernels(table)[0]["metrics"] == {"Occupancy: Achieved Occupancy": "81 %"}
    slow = tmp_path / "ncu"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert counters.main([*arguments, "--row-seconds", "0.5"]) == 1
    assert "longer than" in json.loads((tmp_path / "counters.json").read_text())[key]["tritonnn"]["error"]


def test_what_comes_first() -> None:
    rows = sorted(_rows.load("cuda"), key=lambda r: r.turn)
    assert tuple(r.key for r in rows[: len(FIRST)]) == FIRST
    families = list(dict.fromkeys(r.family for r in rows[: len(FIRST)]))
    assert families == ["roof", "copying", "matmul", "attention", "convolution", "softmax", "normalization", "loss",
                        "optimizer", "model", "launch overhead"]  # fmt: skip
    assert {r.key for r in _rows.load("cuda", quick=True)} >= set(FIRST)


def test_the_summary_is_short_and_has_what_matters() -> None:
    check = {"same": False, "first": {"same": False, "why": "off by 1" * 40}, "again": {"same": True}}
    rows = [
        {**r.facts(), "seconds": {"tritonnn": 1.0}, "ratio": {"torch": 4.0 if i % 2 else 1.0}, "memory": {},
         "errors": {"tritonnn": "ValueError: " + "x" * 300} if i % 3 == 0 else {}, "check": check}
        for i, r in enumerate(_rows.load("cuda"))
    ]  # fmt: skip
    report = {"rows": rows, "roofs": {"copy": 4e12}, "skipped": ["a"], "problems": {}, "environment": {"gpu": "H200"},
              "rehearsal": False, "device": "cuda"}  # fmt: skip
    text = _summary.text(report)
    assert len(text) <= 12000 - 500 and len(text) > 8000
    for words in (
        "H200: ",
        "copy 4000 GB/s",
        "GPT-2 small",
        "goals: ",
        "failed: ",
        "differ",
        "geometric mean of 7",
        "more",
    ):
        assert words in text, words


def test_a_rehearsal_of_it_all(tmp_path: Path) -> None:
    pytest.importorskip("tabulate")
    pytest.importorskip("matplotlib")
    named = "environment,precompile,report,softmax/softmax 16384x4096/bfloat16,sorting/topk 8 *4096/bfloat16"
    command = [
        sys.executable,
        str(PERF / "gpu_check.py"),
        "--dry-run",
        "--out",
        str(tmp_path),
        "--only",
        named,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    stages = json.loads((tmp_path / "summary.json").read_text())["stages"]
    assert [s["stage"] for s in stages] == ["environment", "precompile", "report", "pages"]
    rows = [r for r in _journal.read(tmp_path / "rows.jsonl") if r["kind"] == "row"]
    assert [r["family"] for r in rows] == ["softmax", "sorting"] and all(
        r["check"]["changed"] == 0 for r in rows
    )
    kept = list((tmp_path / "perf" / "results").iterdir())
    assert sorted(p.suffix for p in kept) == [".html", ".json"] and kept[0].stem.startswith("rehearsal-2")
    assert "the numbers mean nothing" in done.stdout[-12000:] and "all stages passed" in done.stdout
    assert "compiled 2 of 2 rows" in (tmp_path / "check.log").read_text()


def test_rows_that_do_not_exist_are_named(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(PERF / "gpu_check.py"),
        "--dry-run",
        "--out",
        str(tmp_path),
        "--only",
        "origami/*",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "no row is called 'origami/*'" in done.stderr
