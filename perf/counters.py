"""The hardware's counters for rows of the report: what NVIDIA's Nsight Compute (ncu) says of each kernel in a call.

    python perf/counters.py --rows 'softmax/softmax 16384x4096/bfloat16' --json counters.json

Each library runs a row in a process under ncu: inputs, one call that compiles, and then one call that is profiled. The
file has, by row and library, each kernel that ran with its metrics; the clocks are left as they are.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _measure
import _rows
import _run

SECTIONS = (
    "SpeedOfLight", "LaunchStats", "Occupancy", "WarpStateStats", "SchedulerStats", "MemoryWorkloadAnalysis",
    "InstructionStats", "ComputeWorkloadAnalysis",
)  # fmt: skip
PASSES = [
    "--csv", "--page", "details", "--clock-control", "none", "--profile-from-start", "off",
    "--target-processes", "application-only",
]  # fmt: skip


def profiled(library: str, key: str, rehearse: bool) -> None:
    """One call of a row between the profiler's start and stop; the first one is outside."""
    from _worker import Worker

    worker = Worker(library, "cuda", cap=_run.REHEARSAL_EXTENT if rehearse else 0)
    worker.environment()
    worker.prepare(key)
    cudart = worker.lib.cuda.cudart()
    cudart.cudaProfilerStart()
    worker.call()
    worker.lib.cuda.synchronize()
    cudart.cudaProfilerStop()


def command(tool: str, library: str, key: str, rehearse: bool) -> list[str]:
    """ncu around a process that runs one row."""
    sections = [part for name in SECTIONS for part in ("--section", name)]
    small = ["--rehearse"] if rehearse else []
    return [tool, *PASSES, *sections, sys.executable, __file__, "--profiled", library, "--rows", key, *small]


def kernels(text: str) -> list[dict[str, Any]]:
    """What ncu's table says, kernel by kernel: its name, and each metric with its unit."""
    start = text.find('"ID"')
    if start < 0:
        return []
    found: dict[str, dict[str, Any]] = {}
    for line in csv.DictReader(io.StringIO(text[start:])):
        if line.get("Metric Name"):
            kernel = found.setdefault(line["ID"], {"kernel": line["Kernel Name"], "metrics": {}})
            name = f"{line['Section Name']}: {line['Metric Name']}"
            kernel["metrics"][name] = f"{line['Metric Value']} {line.get('Metric Unit') or ''}".strip()
    return list(found.values())


def profile(words: list[str], seconds: float) -> dict[str, Any]:
    """Run such a command; an error where it took longer, or named no kernel."""
    if seconds <= 0:
        return {"error": "no time was left"}
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=_measure.child_environment(1), start_new_session=True,
    )  # fmt: skip
    try:
        text, problems = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        for stream in (process.stdout, process.stderr):
            stream.close()  # type: ignore[union-attr]
        return {"error": f"ncu took longer than {seconds:.0f} s"}
    found = kernels(text)
    if process.returncode or not found:
        said = [line for line in (text + problems).splitlines() if "==ERROR==" in line]
        reason = " ".join(said or problems.splitlines()[-1:])[:300]
        return {"error": f"ncu ended with {process.returncode} and named {len(found)} kernels: {reason}"}
    return {"kernels": found}


def main(arguments: list[str] | None = None) -> int:
    """Profile the rows. The exit status is 0 if every row of tritonnn's was, 2 where there is no ncu."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=_rows.names, required=True, help="names of rows; see report.py")
    parser.add_argument("--peers", default="torch", help="libraries beside tritonnn; '' for none (torch)")
    parser.add_argument("--seconds", type=float, default=500.0, help="limit of it all (500)")
    parser.add_argument("--row-seconds", type=float, default=90.0, help="limit of a row of a library (90)")
    parser.add_argument("--json", type=Path, default=Path("counters.json"), help="(counters.json)")
    parser.add_argument("--rehearse", action="store_true", help="tiny inputs")
    parser.add_argument("--profiled", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.profiled:
        profiled(options.profiled, options.rows[0], options.rehearse)
        return 0
    tool = shutil.which("ncu")
    if tool is None:
        print("ncu is not there: Nsight Compute must be installed and on the PATH", file=sys.stderr)
        return 2
    end = time.monotonic() + options.seconds
    figures: dict[str, dict[str, Any]] = {}
    for row in _rows.chosen(_rows.load("cuda"), options.rows):
        for library in ["tritonnn", *_run.wanted_peers("cuda", options.peers)]:
            seconds = min(options.row_seconds, end - time.monotonic())
            answer = profile(command(tool, library, row.key, options.rehearse), seconds)
            figures.setdefault(row.key, {})[library] = answer
            names = ", ".join(k["kernel"] for k in answer.get("kernels", ()))
            print(f"{row.key}: {library}: {answer.get('error') or names}"[:300], flush=True)
            unfinished = options.json.with_suffix(".part")  # a kill must not leave half of what was there
            unfinished.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
            unfinished.replace(options.json)
    return 1 if any("error" in by_library["tritonnn"] for by_library in figures.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
