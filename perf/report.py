"""Measures tritonnn against PyTorch and against the machine, and prints what comes out, slow rows included.

    python perf/report.py                      # the GPU if there is one, else the CPU; every family
    python perf/report.py --device cpu --families matmul,softmax --quick
    python perf/report.py --json out.json --html out.html

Each library runs in a process of its own; samples are taken in turns, and a ratio is the median over pairs of
samples taken one after the other. On a GPU times come from device events. Roofs are measured in the same run.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _measure
import _output
import _rows


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is a GPU")
    parser.add_argument("--families", help="comma-separated; --list shows them")
    parser.add_argument("--list", action="store_true", help="show families and rows, measure nothing")
    parser.add_argument("--quick", action="store_true", help="a few rows of each family, fewer rounds")
    parser.add_argument("--rounds", type=int, help="pairs of samples per row (11; 5 with --quick)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every library (1)")
    parser.add_argument(
        "--peers",
        default="torch,torch.compile",
        help="comma-separated; '' for none; torch.compile is measured on the rows of --quick",
    )
    parser.add_argument("--budget", type=float, help="seconds after which no further row is started")
    parser.add_argument("--rehearse", action="store_true", help="tiny inputs, one round: try the report out")
    parser.add_argument("--verbose", action="store_true", help="show what the measuring processes print")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--html", type=Path, help="write a page with plots to this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write. Returns the exit status: 0 if tritonnn could measure at least one row."""
    options = parse(arguments)
    started = time.monotonic()
    device = options.device or default_device()
    families = set(options.families.split(",")) if options.families else None
    wanted = None if families is None else families | {"roof"}
    rows = _rows.load(device, wanted, options.quick)
    if families and not any(r.family in families for r in rows):
        known = sorted({r.family for r in _rows.load(device)})
        print(f"no rows for {options.families} on {device}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    if options.list:
        print("\n".join(f"{r.family:15} {r.name}  {r.dtype}" for r in rows))
        return 0
    peers = [p for p in options.peers.split(",") if p and importlib.util.find_spec("torch")]
    if device == "cpu" and "torch.compile" in peers:
        peers.remove("torch.compile")  # it needs a C++ compiler there, and eager is the peer on the CPU
    report = run(device, rows, peers, options, started)
    show(report)
    if options.json:
        _output.write_json(options.json, report)
    if options.html:
        import _html

        _html.write(options.html, report)
    return 0 if any("tritonnn" in r["seconds"] for r in report["rows"]) else 1


def default_device() -> str:
    """cuda where tritonnn sees a GPU that is not simulated."""
    from tritonnn.cuda._runtime import is_simulated, runtime

    return "cuda" if not is_simulated() and runtime().is_available() else "cpu"


def run(
    device: str, rows: list[Any], peers: list[str], options: argparse.Namespace, started: float
) -> dict[str, Any]:
    """Measure all rows."""
    rounds = 1 if options.rehearse else options.rounds or (5 if options.quick else 11)
    cap = 32 if options.rehearse else 0
    settings = device, options.threads, cap, options.verbose
    children = [_measure.Peer(library, *settings) for library in ("tritonnn", *peers)]
    problems = {c.library: c.environment["error"] for c in children if "error" in c.environment}
    children = [c for c in children if c.library not in problems]
    report: dict[str, Any] = {
        "device": device, "rehearsal": options.rehearse, "rounds": rounds, "problems": problems,
        "skipped": [],
        "peers": [c.library for c in children if c.library != "tritonnn"],
        "environment": environment(children, options.threads), "rows": [],
    }  # fmt: skip
    if "tritonnn" in problems:
        report["roofs"] = {}
        return report
    # What the short report shows comes first, in case the time budget ends the run early.
    for i, row in enumerate(sorted(rows, key=lambda r: (r.family != "roof", not r.quick))):
        if options.budget is not None and time.monotonic() - started > options.budget:
            report["skipped"].append(row.key)
            continue
        progress(f"[{i + 1}/{len(rows)}] {row.family}: {row.name}")
        # Compiling takes seconds a row: only those of the short report are worth it.
        chosen = [c for c in children if c.library != "torch.compile" or row.quick]
        if row.unit == "import":
            names = [c.library for c in chosen if c.library != "torch.compile"]
            measured = _measure.import_times(names, options.threads, rounds)
        else:
            measured = _measure.measure(chosen, row, rounds)
        counts = {"flops": row.flops, "nbytes": row.nbytes, "unit": row.unit, "key": row.key}
        report["rows"].append(
            {"family": row.family, "name": row.name, "dtype": row.dtype, **counts, **measured}
        )
        children = [c for c in children if c.alive]
        if not children or children[0].library != "tritonnn":
            # A fault of the GPU ends the process; the rows that remain deserve a fresh one.
            children.insert(0, _measure.Peer("tritonnn", *settings))
    progress("")
    for child in children:
        child.close()
    place = {row.key: i for i, row in enumerate(rows)}
    report["rows"].sort(key=lambda r: place[r["key"]])
    report["roofs"] = _output.roofs(report["rows"])
    return report


def progress(text: str) -> None:
    """Show what is being measured, on a terminal only."""
    if sys.stderr.isatty():
        print("\r" + text[:78].ljust(78), end="\r", file=sys.stderr, flush=True)


def environment(children: list[Any], threads: int) -> dict[str, Any]:
    """The machine and the versions."""
    found: dict[str, Any] = {"processor": processor(), "system": platform.platform(), "threads": threads}
    for child in children:
        own = dict(child.environment)
        found[child.library] = own.pop("library")
        if child.library == "tritonnn":
            found.update({"NumPy's BLAS kernels": own.pop("blas") or "unknown", **own})
    if importlib.util.find_spec("triton"):
        from importlib.metadata import version

        found["triton"] = version("triton")
    if "OPENBLAS_CORETYPE" in os.environ:
        found["OPENBLAS_CORETYPE"] = f"{os.environ['OPENBLAS_CORETYPE']} here, dropped for the children"
    return found


def processor() -> str:
    """The processor's name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def show(report: dict[str, Any]) -> None:
    """Print environment, roofs, one table per family, and what is slower."""
    print(
        f"tritonnn on {report['device']}"
        + (" (rehearsal: the numbers mean nothing)" if report["rehearsal"] else "")
    )
    print()
    print("\n".join(_output.environment_lines(report["environment"])))
    for library, problem in report["problems"].items():
        print(f"{library} could not be started: {problem}")
    if report["roofs"]:
        print("\nroofs of this run: " + ", ".join(
            f"{name} {value / 1e9:.0f} GB/s" if name == "copy" else f"{name} {value / 1e12:.3g} TFLOP/s"
            for name, value in report["roofs"].items()
        ))  # fmt: skip
    for family in dict.fromkeys(r["family"] for r in report["rows"]):
        print(f"\n== {family}\n")
        print(_output.table(report["rows"], family, report["roofs"], report["peers"]))
    print("\nRatios are tritonnn's time over the other's: below 1 tritonnn is faster.")
    if any((_output.roof_share(r, report["roofs"]) or 0) > 1.02 for r in report["rows"]):
        print(_output.ABOVE_ROOF)
    slower = _output.slower(report["rows"], report["peers"])
    if slower:
        print("\nWhere tritonnn is slower, or fails:\n" + "\n".join(slower))
    elif report["peers"]:
        print("\ntritonnn is nowhere slower in this run.")
    else:
        print("\nNo other library was measured: nothing to compare with.")
    if report["skipped"]:
        print(f"\n{len(report['skipped'])} rows were not started within the time budget.")


if __name__ == "__main__":
    sys.exit(main())
