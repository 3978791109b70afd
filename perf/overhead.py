"""What tritonnn costs beside the arithmetic: its import, and the host time of small ops on the CPU.

    python perf/overhead.py [--rounds 11] [--json overhead.json] [--check]

Every library runs in a process of its own on one thread; samples are taken in turns, times are medians, and a
ratio, PyTorch's time over tritonnn's, is the median over pairs of samples taken one after the other. PyTorch
is measured where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _measure
import _output
import _rows
import report as full_report

#: seconds that may not be exceeded
TARGETS = {"import": 0.15, "plain": 3e-6, "recorded": 4e-6}
RECORDED = ", graph recorded"


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=11, help="samples of each op and library (11)")
    parser.add_argument("--import-rounds", type=int, default=7, help="imports of each library (7)")
    parser.add_argument("--no-torch", action="store_true", help="measure tritonnn alone")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--check", action="store_true", help="exit with status 1 where a target is missed")
    return parser.parse_args(arguments)


def measure(libraries: list[str], rounds: int, import_rounds: int) -> dict[str, Any]:
    """Import times, and the times of all small ops: name -> {'plain': ..., 'recorded': ...}."""
    imports = _measure.import_times(libraries, 1, import_rounds)
    crew = _measure.Crew(libraries, device="cpu", threads=1)
    try:
        for problem in crew.problems.values():
            raise RuntimeError(problem)
        peers = crew.get(libraries)
        ops: dict[str, Any] = {}
        for row in _rows.load("cpu", {"small op"}):
            name = row.name.removesuffix(RECORDED)
            kind = "recorded" if row.name.endswith(RECORDED) else "plain"
            full_report.progress(f"{name} ({kind})")
            ops.setdefault(name, {})[kind] = _measure.measure(peers, row, rounds)
        full_report.progress("")
        environment = full_report.environment(peers, threads=1)
    finally:
        crew.close()
    return {"environment": environment, "libraries": libraries, "import": imports, "ops": ops}


def medians(result: dict[str, Any]) -> dict[str, float]:
    """The three numbers the targets are for: the import, and the median op of each kind."""
    values = {"import": result["import"]["seconds"]["tritonnn"]}
    for kind in ("plain", "recorded"):
        times = [op[kind]["seconds"].get("tritonnn") for op in result["ops"].values()]
        values[kind] = statistics.median(t for t in times if t is not None)
    return values


def table(result: dict[str, Any]) -> str:
    """Microseconds of every op by kind and library, with the ratio to PyTorch."""
    from tabulate import tabulate

    others = [library for library in result["libraries"] if library != "tritonnn"]
    headers = ["op"]
    for kind in ("no graph", "graph"):
        headers += [f"{kind}, µs", *(f"{_output.PEER_NAMES[other]}, µs" for other in others)]
        headers += [f"{_output.PEER_NAMES[other]} / tritonnn" for other in others]
    lines = []
    for name, op in result["ops"].items():
        line = [name]
        for kind in ("plain", "recorded"):
            seconds, ratios = op[kind]["seconds"], op[kind]["ratio"]
            line += [_micro(seconds.get(library)) for library in result["libraries"]]
            line += [f"{ratios[other]:.2f}" if other in ratios else "" for other in others]
        lines.append(line)
    return tabulate(lines, headers, tablefmt="simple", disable_numparse=True, stralign="right")


def _micro(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1e6:.2f}"


def verdicts(result: dict[str, Any]) -> list[tuple[bool, str]]:
    """For every target: whether it is met, and a line that says so."""
    values = medians(result)
    lines = []
    for kind, label in (
        ("import", "import tritonnn"),
        ("plain", "median op without a graph"),
        ("recorded", "median op with the graph recorded"),
    ):
        met = values[kind] <= TARGETS[kind]
        text = f"{label}: {_output.duration(values[kind])}, target {_output.duration(TARGETS[kind])}"
        if kind != "import":
            over = [
                name
                for name, op in result["ops"].items()
                if op[kind]["seconds"].get("tritonnn", 0.0) > TARGETS[kind]
            ]
            text += f"; over it: {', '.join(over) or 'none'}"
        lines.append((met, f"{'met   ' if met else 'MISSED'}  {text}"))
    return lines


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write. Returns the exit status."""
    options = parse(arguments)
    libraries = ["tritonnn"]
    if not options.no_torch and importlib.util.find_spec("torch"):
        libraries.append("torch")
    result = measure(libraries, options.rounds, options.import_rounds)
    print("\n".join(_output.environment_lines(result["environment"])))
    seconds, ratios = result["import"]["seconds"], result["import"]["ratio"]
    times = ", ".join(f"{library} {_output.duration(seconds[library])}" for library in libraries)
    print(f"\nimport: {times}" + (f", PyTorch / tritonnn {ratios['torch']:.1f}" if "torch" in ratios else ""))
    print("\n" + table(result) + "\n")
    failures = [
        f"failed  {name} ({kind}), {library}: {text}"
        for name, op in result["ops"].items()
        for kind in op
        for library, text in op[kind]["errors"].items()
    ]
    print("\n".join(failures))
    outcome = verdicts(result)
    print("\n".join(line for _, line in outcome))
    if options.json:
        _output.write_json(options.json, {**result, "targets": TARGETS, "medians": medians(result)})
    return 1 if failures or (options.check and not all(met for met, _ in outcome)) else 0


if __name__ == "__main__":
    sys.exit(main())
