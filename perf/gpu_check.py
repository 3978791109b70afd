"""Everything worth doing when a GPU is at hand, in one command of at most ten minutes.

    python perf/gpu_check.py                       # results under $OUT, or perf/out
    python perf/gpu_check.py --dry-run             # the same on the simulated device, small

    python perf/gpu_check.py --only report --tune  # a second call: configurations measured before the rows

Stages: what the machine is; install without a network; the GPU tests with outputs pre-filled with NaN; cuFFT,
cuSOLVER and cuBLAS against NumPy where nvmath-python is installed; the report, which gets all the time that is
left and measures first what the goals are for. Each has its own limit, and a later one runs although an earlier
one failed. Writes at most eight files: setup.log, runtime-tests.log, op-tests.log, report.log, report.json,
report.html, summary.json and, with --tune, autotune.json with the configurations measured. The exit status is 0 if
every stage passed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


TOTAL = 585.0  # seconds for everything
REPORT_RESERVE = 30.0  # for what the report does after its budget: a last row, printing, plots


@dataclass
class Stage:
    """A command with a limit in seconds; its output goes to `log`."""

    name: str
    command: list[str]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)
    log: str = ""


def stages(out: Path, dry: bool, workers: int, tune: bool = False) -> list[Stage]:
    """The stages in order. The limits of all but the report leave it at least 200 seconds."""

    def tests(limit: float, *what: str) -> list[str]:
        """pytest that stops by itself before the limit, so that failures are still listed."""
        command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=60"]
        command += [f"--session-timeout={limit - 15:.0f}"]
        return [*command, *(["-n", str(workers)] if workers > 1 else []), *what]

    gpu_tests = ["tests/test_cuda_runtime.py", "tests/test_cuda_memory.py", "tests/test_cuda_streams.py"]
    library_tests = ["tests/nvidia"]
    if dry:
        library_tests += ["-k", "cholesky or every_call"]
    files = ["--json", str(out / "report.json"), "--html", str(out / "report.html")]
    report = [PYTHON, "perf/report.py", "--device", "cuda", *files]
    report += ["--rehearse", "--quick", "--peers", ""] if dry else ["--rounds", "5", "--row-seconds", "40"]
    report += ["--compile", "goals", *(["--tune"] if tune else [])]
    poison = {"TRITONNN_NAN_POISON": "1"}
    ops = ["tests/test_ops.py", "-k", "cuda and (add or sum or softmax)" if dry else "cuda"]
    install = [PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", "."]
    every = [
        Stage("environment", [PYTHON, "-c", ENVIRONMENT], 40, log="setup.log"),
        Stage("install", install, 60, log="setup.log"),
        Stage("runtime-tests", tests(80, *gpu_tests), 80, poison),
        Stage("library-tests", tests(45, *library_tests), 45, poison, log="runtime-tests.log"),
        Stage("op-tests", tests(160, *ops), 160, poison),
        Stage("report", report, 0),
    ]
    return [s for s in every if not (dry and s.name == "install")]


def with_time_left(stage: Stage, left: float, dry: bool) -> Stage:
    """The report with all the time that is left; other stages as they are."""
    if stage.name != "report":
        return stage
    budget = [] if dry else ["--budget", f"{max(20.0, left - REPORT_RESERVE):.0f}"]
    return replace(stage, command=[*stage.command, *budget], limit=max(60.0, left))


ENVIRONMENT = """
import subprocess, sys
print(sys.version)
for command in (["nvidia-smi"], [sys.executable, "-m", "pip", "list"]):
    try:
        print(subprocess.run(command, capture_output=True, text=True, timeout=20).stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(command[0], error)
"""


def run(stage: Stage, out: Path, environment: dict[str, str]) -> dict[str, object]:
    """Run a stage to its end or its limit; everything it started is ended with it."""
    started = time.monotonic()
    with open(out / log_of(stage), "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            stage.command, cwd=ROOT, env={**environment, **stage.environment}, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            status: int | str = process.wait(stage.limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            status = f"stopped after {stage.limit:.0f} s"
    return {"stage": stage.name, "status": status, "seconds": round(time.monotonic() - started, 1)}


def log_of(stage: Stage) -> str:
    """The file that a stage writes to."""
    return stage.log or f"{stage.name}.log"


def keep_configurations(out: Path) -> None:
    """Take the measured configurations along, if there are any."""
    sys.path.insert(0, str(ROOT))
    from tritonnn.config import CACHE_DIR

    tuned = Path(CACHE_DIR) / "autotune.json"
    if tuned.exists():
        (out / "autotune.json").write_bytes(tuned.read_bytes())


def tail(path: Path, lines: int) -> str:
    """The end of a log."""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])


def main() -> int:
    """Run all stages, print the end of each log, write the summary."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dry-run", action="store_true", help="on the simulated device, small")
    parser.add_argument("--out", type=Path, default=Path(os.environ.get("OUT") or ROOT / "perf" / "out"))
    parser.add_argument("--only", help="comma-separated stages")
    parser.add_argument("--workers", type=int, default=8, help="test processes (8)")
    parser.add_argument("--tune", action="store_true", help="measure configurations before the rows")
    options = parser.parse_args()
    started = time.monotonic()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    if options.dry_run:
        environment["TRITON_INTERPRET"] = "1"
    wanted = set(options.only.split(",")) if options.only else None
    planned = stages(out, options.dry_run, 2 if options.dry_run else options.workers, options.tune)
    for stage in planned:
        (out / log_of(stage)).unlink(missing_ok=True)
    results = []
    for stage in planned:
        if wanted is None or stage.name in wanted:
            left = TOTAL - (time.monotonic() - started)
            results.append(run(with_time_left(stage, left, options.dry_run), out, environment))
            print(f"== {stage.name}: {results[-1]['status']} in {results[-1]['seconds']} s", flush=True)
            print(tail(out / log_of(stage), 100 if stage.name == "report" else 12), flush=True)
            (out / "summary.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.tune:
        keep_configurations(out)
    failed = [r["stage"] for r in results if r["status"] != 0]
    print(f"\nfailed: {', '.join(map(str, failed))}" if failed else "\nall stages passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
