"""Everything worth doing when a GPU is at hand, in one command of at most ten minutes.

    python perf/gpu_check.py                       # results under $OUT, or perf/out
    python perf/gpu_check.py --dry-run             # the same on the simulated device, small
    python perf/gpu_check.py --dry-run driver      # the same on the driver of tests/fake_cuda: compiled, not run

    python perf/gpu_check.py --only report --tune  # a second call: configurations measured before the rows
    python perf/gpu_check.py --only 'softmax/*,matmul/square*' # some rows, by name; * stands for any part
    python perf/gpu_check.py --only 'softmax/*' --ncu          # and what Nsight Compute counts in them

Stages: what the machine is; compiling what the rows call, in many processes; the report, which measures first what the
goals are for and writes each row down at once; the pages made of its lines; the GPU tests with outputs pre-filled with
NaN; cuFFT, cuSOLVER and cuBLAS against NumPy where nvmath-python is installed; the package installed without a network.
Each has its own limit, and a later one runs although an earlier one failed. Writes at most eight files: check.log,
report.log, tests.log, rows.jsonl, summary.json, the report as perf/results/DEVICE-DATE.json and .html to be kept, and
autotune.json (--tune) or counters.json (--ncu). What matters of the report is printed last, and short.

The exit status is 0 if every stage passed and no result differs from PyTorch's, and 2 where there is no GPU or no such
row.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _output
import _rows
import _stages
import _summary
from _stages import ROOT, Stage


def run(stage: Stage, out: Path, environment: dict[str, str]) -> dict[str, object]:
    """Run a stage to its end or its limit; everything it started is ended with it."""
    started = time.monotonic()
    with open(out / stage.log, "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            stage.command, cwd=ROOT, env={**environment, **stage.environment}, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            status: int | str = process.wait(stage.limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # stuck in the driver: nothing ends it
                pass
            status = f"stopped after {stage.limit:.0f} s"
    return {"stage": stage.name, "status": status, "seconds": round(time.monotonic() - started, 1)}


def tail(path: Path, lines: int) -> str:
    """The end of a log."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", nargs="?", const="simulated", choices=("simulated", "driver"), default="",
                        help="small, on the simulated device or the fake driver")  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or ROOT / "perf" / "out"))
    parser.add_argument("--only", default="", help="comma-separated stages, or names of rows")
    parser.add_argument("--ncu", action="store_true", help="the rows of --only under Nsight Compute")
    parser.add_argument("--resume", action="store_true", help="go on with rows.jsonl: leave out what it has")
    parser.add_argument("--workers", type=int, default=8, help="test processes (8)")
    parser.add_argument("--tune", action="store_true", help="measure configurations before the rows")
    parser.add_argument("--seconds", type=float, default=_stages.TOTAL, help="limit of it all")
    options = parser.parse_args(arguments)
    only = _rows.names(options.only)
    options.stages = [name for name in only if name in _stages.STAGES]
    options.rows = [name for name in only if name not in _stages.STAGES]
    if options.ncu and not options.rows:
        parser.error("--ncu needs --only with names of rows")
    return options


def environment_of(options: argparse.Namespace, folder: str) -> dict[str, str]:
    """The environment of every stage: on a GPU nothing may be interpreted."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    environment["TRITON_INTERPRET"] = "1" if options.dry_run == "simulated" else "0"
    environment.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "2")  # of each of many processes
    if options.dry_run == "driver":
        environment |= _stages.fake_driver(folder)
    return environment


def missing(options: argparse.Namespace, environment: dict[str, str]) -> str:
    """Why there is nothing to measure on, or with; '' where there is."""
    command = [sys.executable, "-c", _stages.PRESENT, str(ROOT / "perf"), *options.rows]
    command.insert(4, "simulated" if options.dry_run == "simulated" else "gpu")
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=90, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return "the GPU's driver gave no answer for 90 s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["no answer"])[-1]


def report_of(out: Path) -> tuple[Path, dict[str, Any]] | None:
    """The kept report of this call."""
    files = sorted((out / "perf" / "results").glob("*.json"), key=lambda p: p.stat().st_mtime)
    return (files[-1], json.loads(files[-1].read_text(encoding="utf-8"))) if files else None


def main(arguments: list[str] | None = None) -> int:
    """Run all stages, print the end of each log, write the summary, and print what matters of the report."""
    options = parse(arguments)
    end = time.monotonic() + options.seconds
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        environment = environment_of(options, folder)
        problem = missing(options, environment)
        if problem:
            print(f"nothing is measured: {problem}", file=sys.stderr)
            return 2
        results = every_stage(options, out, end, environment)
    found = report_of(out)
    if found:
        path, report = found
        (out / "summary.json").write_text(
            json.dumps({"stages": results, "report": path.name}, indent=1) + "\n"
        )
        print(f"\n== {path.relative_to(out)}\n\n{_summary.text(report)}")
    failed = [str(r["stage"]) for r in results if r["status"] != 0]
    if found and not report["rehearsal"] and _output.differing(report["rows"]):
        failed.append("results that differ from PyTorch's")
    print(f"failed: {', '.join(failed)}" if failed else "all stages passed")
    return 1 if failed else 0


def every_stage(
    options: argparse.Namespace, out: Path, end: float, environment: dict[str, str]
) -> list[dict[str, object]]:
    """Run what was asked for, within the time."""
    planned = _stages.planned(options, out)
    for name in {s.log for s in planned}:
        (out / name).unlink(missing_ok=True)
    for old in [p for p in (out / "perf" / "results").glob("*") if not options.resume]:
        old.unlink()
    results = []
    for i, stage in enumerate(planned):
        stage = _stages.within(stage, end - time.monotonic(), planned[i + 1 :])
        results.append(run(stage, out, environment))
        print(f"== {stage.name}: {results[-1]['status']} in {results[-1]['seconds']} s", flush=True)
        print(tail(out / stage.log, stage.shown), flush=True)
        (out / "summary.json").write_text(json.dumps({"stages": results}, indent=1) + "\n", encoding="utf-8")
    if options.tune:
        _stages.keep_configurations(out)
    return results


if __name__ == "__main__":
    sys.exit(main())
