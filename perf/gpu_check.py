"""Everything worth doing when a GPU is at hand, in one command of at most ten minutes.

    python perf/gpu_check.py                       # results under $OUT, or perf/out
    python perf/gpu_check.py --dry-run             # the same on the simulated device, small

Stages: what the machine is; install without a network; the GPU tests with outputs pre-filled with NaN; the
report; the example. Each has its own limit, and a later one runs although an earlier one failed. Writes logs,
the report as JSON and HTML, and summary.json. The exit status is 0 if every stage passed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable


@dataclass
class Stage:
    """A command with a limit in seconds; its output goes to `<name>.log`."""

    name: str
    command: list[str]
    limit: float
    environment: dict[str, str] = field(default_factory=dict)


def stages(out: Path, dry: bool, workers: int) -> list[Stage]:
    """The stages in order. Their limits add up to less than ten minutes."""

    def tests(limit: float, *what: str) -> list[str]:
        """pytest that stops by itself before the limit, so that failures are still listed."""
        command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=60"]
        command += [f"--session-timeout={limit - 15:.0f}"]
        return [*command, *(["-n", str(workers)] if workers > 1 else []), *what]

    gpu_tests = ["tests/test_cuda_runtime.py", "tests/test_cuda_memory.py", "tests/test_cuda_streams.py"]
    report = [
        PYTHON,
        "perf/report.py",
        "--device",
        "cuda",
        "--json",
        str(out / "report.json"),
        "--html",
        str(out / "report.html"),
    ]
    report += ["--rehearse", "--quick", "--peers", ""] if dry else ["--budget", "170"]
    poison = {"TRITONNN_NAN_POISON": "1"}
    ops = ["tests/test_ops.py", "-k", "cuda and (add or sum or softmax)" if dry else "cuda"]
    found = [
        Stage("environment", [PYTHON, "-c", ENVIRONMENT], 40),
        Stage(
            "install",
            [PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", "."],
            60,
        ),
        Stage("runtime-tests", tests(80, *gpu_tests), 80, poison),
        Stage("op-tests", tests(190, *ops), 190, poison),
        Stage("report", report, 200),
    ]
    if dry:
        return [s for s in found if s.name != "install"]
    return found


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
    with open(out / f"{stage.name}.log", "w", encoding="utf-8") as log:
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
    options = parser.parse_args()
    out = options.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(ROOT)}
    if options.dry_run:
        environment["TRITON_INTERPRET"] = "1"
    wanted = set(options.only.split(",")) if options.only else None
    results = []
    for stage in stages(out, options.dry_run, 2 if options.dry_run else options.workers):
        if wanted is None or stage.name in wanted:
            results.append(run(stage, out, environment))
            print(f"== {stage.name}: {results[-1]['status']} in {results[-1]['seconds']} s", flush=True)
            print(tail(out / f"{stage.name}.log", 60 if stage.name == "report" else 12), flush=True)
            (out / "summary.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    failed = [r["stage"] for r in results if r["status"] != 0]
    print(f"\nfailed: {', '.join(map(str, failed))}" if failed else "\nall stages passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
