"""The stages of a check on a GPU: commands with limits, which leave the report the time that the others do not need."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

from _first import FIRST

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
TOTAL = 585.0  # seconds for everything
REPORT_RESERVE = 30.0  # for a last row, after which the report ends by itself
STAGES = (
    "environment", "precompile", "report", "pages", "counters", "runtime-tests", "library-tests", "op-tests", "install",
)  # fmt: skip


@dataclass
class Stage:
    """A command with a limit in seconds; its output goes to `log`, of whose end `shown` lines are printed.

    A stage of `share` gets that part of the time which the later ones leave, if that is more than its limit.
    """

    name: str
    command: list[str]
    limit: float
    log: str
    environment: dict[str, str] = field(default_factory=dict)
    shown: int = 12
    share: float = 0.0


def planned(options: argparse.Namespace, out: Path) -> list[Stage]:
    """The stages of a call, in order."""
    every = {stage.name: stage for stage in (*measuring(options, out), *tests(options))}
    wanted = options.stages
    if options.rows:
        wanted = ["counters"] if options.ncu else wanted or ["precompile", "report"]
    if not wanted:
        tested = {"runtime-tests", "library-tests", "op-tests"} if options.dry_run == "driver" else set()
        left_out = {"counters"} | ({"install"} if options.dry_run else set()) | tested
        wanted = [name for name in STAGES if name not in left_out]
    if "report" in wanted:
        wanted = [*wanted, "pages"]
    return [every[name] for name in STAGES if name in wanted]


def measuring(options: argparse.Namespace, out: Path) -> list[Stage]:
    """What the machine is, and the report in its parts."""
    dry, lines = options.dry_run, str(out / "rows.jsonl")
    rows = ["--rows", ",".join(options.rows)] if options.rows else []
    small = ["--rehearse"] if dry else []
    if dry and not rows:
        rows = ["--rows", ",".join(REHEARSED[dry])]
    report = [
        PYTHON,
        "perf/report.py",
        "--device",
        "cuda",
        "--lines",
        lines,
        *rows,
        *small,
        "--compile",
        "goals",
    ]
    report += (
        ["--peers", "torch" if dry == "simulated" else ""]
        if dry
        else ["--rounds", "5", "--row-seconds", "40"]
    )
    report += [*(["--resume"] if options.resume else []), *(["--tune"] if options.tune else [])]
    compiling = [PYTHON, "perf/precompile.py", *rows, *small]
    compiling += ["--processes", "2", "--compile", "none"] if dry else []
    counters = [PYTHON, "perf/counters.py", *rows, "--json", str(out / "counters.json")]
    counters += ["--rehearse", "--peers", ""] if dry else []
    return [
        Stage("environment", [PYTHON, "-c", ENVIRONMENT], 20, "check.log"),
        Stage("precompile", compiling, 110, "check.log", share=0.25),
        Stage("report", report, 120, "report.log", shown=2, share=1.0),
        Stage(
            "pages",
            [PYTHON, "perf/report.py", "--from", lines, "--keep", str(out)],
            40,
            "report.log",
            shown=2,
        ),
        Stage("counters", counters, 120, "check.log", shown=40, share=1.0),
    ]


def tests(options: argparse.Namespace) -> list[Stage]:
    """The tests that a GPU is for."""
    dry, workers = options.dry_run, 2 if options.dry_run else options.workers

    def run(name: str, limit: float, *what: str) -> Stage:
        """pytest that stops by itself before the limit, so that failures are still listed."""
        command = [PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "--maxfail=60"]
        command += [
            f"--session-timeout={limit - 10:.0f}",
            *(["-n", str(workers)] if workers > 1 else []),
            *what,
        ]
        return Stage(name, command, limit, "tests.log", {"TRITONNN_NAN_POISON": "1"})

    runtime = ["tests/test_cuda_runtime.py", "tests/test_cuda_memory.py", "tests/test_cuda_streams.py"]
    install = [PYTHON, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", "."]
    return [
        run("runtime-tests", 40, *runtime),
        run("library-tests", 30, "tests/nvidia", *(["-k", "cholesky or every_call"] if dry else [])),
        run("op-tests", 80, "tests/test_ops.py", "-k", "cuda and (add or sum or softmax)" if dry else "cuda"),
        Stage("install", install, 20, "check.log"),
    ]


#: What a rehearsal measures where nothing is named. On the fake driver each kernel takes the compiler a second.
REHEARSED = {
    "simulated": (*FIRST, "random/dropout 8192x8192/bfloat16", "sorting/topk 8 of rows 4096x4096*/bfloat16"),
    "driver": (
        "roof/copy 2 GB/*", "softmax/softmax 16384x4096*/bfloat16", "optimizer/AdamW? fused, 300 M*/float32",
        "launch overhead/x + y/*", "overhead/replay*",
    ),
}  # fmt: skip


def within(stage: Stage, left: float, later: list[Stage]) -> Stage:
    """The stage as long as the time allows: its own limit, or its share of what the later ones leave."""
    spare = left - sum(s.limit for s in later)
    limit = max(5.0, min(max(stage.limit, stage.share * spare), left))
    command = stage.command
    if stage.name == "report":
        command = [*command, "--budget", f"{max(10.0, limit - REPORT_RESERVE):.0f}"]
    elif stage.name in ("precompile", "counters"):
        command = [*command, "--seconds", f"{max(5.0, limit - 5):.0f}"]
    return replace(stage, command=command, limit=limit)


ENVIRONMENT = """
import subprocess, sys
print(sys.version)
for command in (["nvidia-smi"], [sys.executable, "-m", "pip", "list"]):
    try:
        print(subprocess.run(command, capture_output=True, text=True, timeout=9).stdout)
    except (OSError, subprocess.TimeoutExpired) as error:
        print(command[0], error)
"""
# Whether there is a GPU, where one is asked for, and every row that is named.
PRESENT = """
import sys
sys.path.insert(0, sys.argv[1])
import _rows, report
try:
    _rows.chosen(_rows.load("cuda"), sys.argv[3:])
except ValueError as error:
    sys.exit(str(error))
if sys.argv[2] == "gpu" and not report.gpu_present():
    sys.exit(report.why_no_gpu())
"""


def fake_driver(folder: str) -> dict[str, str]:
    """Build the driver of tests/fake_cuda there; the environment that finds it."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("--dry-run driver needs a C compiler")
    library = Path(folder) / "libcuda.so.1"
    flags = ["-shared", "-fPIC", "-O1", "-w", "-Wl,-soname,libcuda.so.1", "-o", str(library)]
    source = str(ROOT / "tests" / "fake_cuda" / "libcuda.c")
    subprocess.run([compiler, *flags, source, "-ldl", "-lpthread"], check=True, timeout=60)
    return {"LD_LIBRARY_PATH": folder, "TRITON_LIBCUDA_PATH": folder, "CUDA_VISIBLE_DEVICES": "0"}


def keep_configurations(out: Path) -> None:
    """Take the measured configurations along, if there are any."""
    sys.path.insert(0, str(ROOT))
    from tritonnn.config import CACHE_DIR

    tuned = Path(CACHE_DIR) / "autotune.json"
    if tuned.exists():
        (out / "autotune.json").write_bytes(tuned.read_bytes())
