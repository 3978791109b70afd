"""Measures tritonnn against PyTorch and against the machine, and prints what comes out, slow rows included.

    python perf/report.py                      # the GPU if there is one, else the CPU; every family
    python perf/report.py --device cpu --families matmul,softmax --quick
    python perf/report.py --json out.json --html out.html
    python perf/report.py --device cuda        # without a GPU: counted bytes and operations, predicted times

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

import _machines
import _measure
import _output
import _rows

#: Rows that torch.compile is measured on: compiling takes seconds a row.
COMPILE = {"goals": lambda r: r.rank == 1, "quick": lambda r: r.quick, "all": lambda r: True}
REHEARSAL_EXTENT = 16


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is a GPU")
    parser.add_argument("--families", help="comma-separated; --list shows them")
    parser.add_argument("--package", default="", help="the entries of another package, and the roofs")
    parser.add_argument("--list", action="store_true", help="show families and rows, measure nothing")
    parser.add_argument("--quick", action="store_true", help="a few rows of each family, fewer rounds")
    parser.add_argument("--rounds", type=int, help="pairs of samples per row (11; 5 with --quick)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every library (1)")
    parser.add_argument(
        "--peers", default="torch,torch.compile", help="comma-separated; '' for none (torch,torch.compile)"
    )
    parser.add_argument("--compile", choices=tuple(COMPILE), default="all",
                        help="rows torch.compile is measured on: of the short report those with a goal, "
                        "all of the short report, or all (all)")  # fmt: skip
    parser.add_argument("--tune", action="store_true", help="measure tritonnn's configurations first")
    parser.add_argument("--budget", type=float, help="seconds after which no further row is started")
    parser.add_argument("--row-seconds", type=float, default=_measure.ANSWER_SECONDS,
                        help="limit of preparing and compiling a row; who needs longer is stopped (180)")  # fmt: skip
    parser.add_argument("--predict", action="store_true", help="measure nothing, predict; see --machines")
    parser.add_argument("--machines", default="H100,H200", help=f"of {','.join(_machines.MACHINES)}")
    parser.add_argument("--rehearse", action="store_true", help="tiny inputs, one round: try the report out")
    parser.add_argument("--verbose", action="store_true", help="show what the measuring processes print")
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--html", type=Path, help="write a page with plots to this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure or predict, print, write. Returns the exit status: 0 if there is at least one figure of
    tritonnn's."""
    options = parse(arguments)
    started = time.monotonic()
    device = options.device or ("cuda" if options.predict or gpu_present() else "cpu")
    families = set(options.families.split(",")) if options.families else None
    chosen = None if families is None else families | {"roof"}
    rows = _rows.load(device, chosen, options.quick, options.package)
    if families and not any(r.family in families for r in rows):
        known = sorted({r.family for r in _rows.load(device)})
        print(f"no rows for {options.families} on {device}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    unknown = set(options.machines.split(",")) - set(_machines.MACHINES)
    if unknown:
        print(f"no figures of {', '.join(unknown)}; --machines takes {', '.join(_machines.MACHINES)}",
              file=sys.stderr)  # fmt: skip
        return 2
    if options.list:
        print("\n".join(f"{r.family:15} {r.name}  {r.dtype}" for r in rows))
        return 0
    if options.predict or (device == "cuda" and not options.rehearse and not gpu_present()):
        if device == "cpu":
            print("--predict is about GPUs: --device cuda", file=sys.stderr)
            return 2
        report = predict([r for r in rows if r.family != "roof"], options.machines.split(","))
        show_predicted(report)
    else:
        report = run(device, rows, options, started)
        show(report)
    if options.json:
        _output.write_json(options.json, report)
    if options.html:
        import _html

        _html.write(options.html, report)
    return 0 if report["predicted"] or any("tritonnn" in r["seconds"] for r in report["rows"]) else 1


def gpu_present() -> bool:
    """Whether tritonnn sees a GPU that is not simulated."""
    from tritonnn.runtime.interface import is_simulated, runtime

    return not is_simulated() and runtime().is_available()


def predict(rows: list[Any], machines: list[str]) -> dict[str, Any]:
    """What the counted bytes and operations need at least on machines that are not here."""
    chosen = {name: _machines.MACHINES[name] for name in machines}
    return {
        "device": "cuda", "predicted": True, "peers": [], "environment": environment([], 1),
        "machines": {
            name: {"copy": m.copy, "rates": m.rates, "sources": m.sources} for name, m in chosen.items()
        },
        "rows": [
            {
                **row.facts(),
                "predicted": {
                    name: prediction for name, machine in chosen.items()
                    if row.unit == "device"
                    and (prediction := _machines.predict(machine, row.math, row.flops, row.nbytes))
                },
            }
            for row in rows
        ],
    }  # fmt: skip


def run(device: str, rows: list[Any], options: argparse.Namespace, started: float) -> dict[str, Any]:
    """Measure all rows."""
    rounds = 1 if options.rehearse else options.rounds or (5 if options.quick else 11)
    crew = _measure.Crew(
        ["tritonnn", *wanted_peers(device, options.peers)], options.verbose, device=device,
        threads=options.threads, cap=REHEARSAL_EXTENT if options.rehearse else 0, tune=options.tune,
        package=options.package,
    )  # fmt: skip
    report: dict[str, Any] = {
        "device": device, "predicted": False, "rehearsal": options.rehearse, "rounds": rounds,
        "problems": crew.problems, "tuned": options.tune, "skipped": [],
        "peers": [k for k in crew.peers if k != "tritonnn"],
        "environment": environment(list(crew.peers.values()), options.threads), "rows": [], "roofs": {},
    }  # fmt: skip
    if "tritonnn" in crew.problems:
        return report
    # What the goals are for comes first, in case the time budget ends the run early.
    for i, row in enumerate(sorted(rows, key=lambda r: r.rank)):
        if options.budget is not None and time.monotonic() - started > options.budget:
            report["skipped"].append(row.key)
            continue
        progress(f"[{i + 1}/{len(rows)}] {row.family}: {row.name} {row.dtype}")
        compiled = row.compiled and COMPILE[options.compile](row)
        chosen = [k for k in crew.peers if k != "torch.compile" or compiled]
        if row.unit == "import":
            measured = _measure.import_times(chosen, options.threads, rounds)
        else:
            measured = _measure.measure(crew.get(chosen), row, rounds, options.row_seconds)
        report["rows"].append({**row.facts(), **measured})
    progress("")
    crew.close()
    place = {row.key: i for i, row in enumerate(rows)}
    report["rows"].sort(key=lambda r: place[r["key"]])
    report["roofs"] = _output.roofs(report["rows"])
    return report


def wanted_peers(device: str, names: str) -> list[str]:
    """The libraries to compare with, of those that are installed."""
    peers = [p for p in names.split(",") if p and importlib.util.find_spec("torch")]
    if device == "cpu" and "torch.compile" in peers:
        peers.remove("torch.compile")  # it needs a C++ compiler there, and eager is the peer on the CPU
    return peers


def progress(text: str) -> None:
    """Show what is being measured, on a terminal only."""
    if sys.stderr.isatty():
        print("\r" + text[:78].ljust(78), end="\r", file=sys.stderr, flush=True)


def environment(children: list[Any], threads: int) -> dict[str, Any]:
    """The machine and the versions."""
    facts: dict[str, Any] = {"processor": processor(), "system": platform.platform(), "threads": threads}
    for child in children:
        own = dict(child.environment)
        facts[child.library] = own.pop("library")
        if child.library == "tritonnn":
            facts.update({"NumPy's BLAS kernels": own.pop("blas") or "unknown", **own})
    if importlib.util.find_spec("triton"):
        from importlib.metadata import version

        facts["triton"] = version("triton")
    if "OPENBLAS_CORETYPE" in os.environ:
        facts["OPENBLAS_CORETYPE"] = f"{os.environ['OPENBLAS_CORETYPE']} here, dropped for the children"
    return facts


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
    """Print environment, roofs, one table per family, the goals, and what is slower."""
    rehearsal = " (rehearsal: the numbers mean nothing)" if report["rehearsal"] else ""
    print(f"tritonnn on {report['device']}{rehearsal}\n")
    print("\n".join(_output.environment_lines(report["environment"])))
    print(f"configurations: {'measured before timing' if report['tuned'] else 'as the chooser says'}")
    for library, problem in report["problems"].items():
        print(f"{library} could not be started: {problem}")
    if report["roofs"]:
        print("\nroofs of this run: " + ", ".join(
            f"{name} {value / 1e9:.0f} GB/s" if name == "copy" else f"{name} {value / 1e12:.3g} TFLOP/s"
            for name, value in report["roofs"].items()
        ))  # fmt: skip
    print("\n" + _output.DIRECTION)
    if report["device"] == "cuda":
        print(_output.MEMORY)
    for family in dict.fromkeys(r["family"] for r in report["rows"]):
        print(f"\n== {family}\n")
        print(_output.table(report, family))
    if any((_output.roof_share(r, report["roofs"]) or 0) > 1.02 for r in report["rows"]):
        print("\n" + _output.ABOVE_ROOF)
    met = _output.goal_lines(report["rows"], report["roofs"])
    if met and not report["rehearsal"]:
        print("\n== goals: " + "\n".join(met))
    slower = _output.slower(report["rows"], report["peers"])
    if slower:
        print("\nWhere tritonnn is slower, or fails (ratio: below 1 is slower):\n" + "\n".join(slower))
    elif report["peers"]:
        print("\ntritonnn is nowhere slower in this run.")
    if not report["peers"]:
        print("\nNo other library was measured: nothing to compare with.")
    if report["skipped"]:
        print(f"\n{len(report['skipped'])} rows were not started within the time budget.")


def show_predicted(report: dict[str, Any]) -> None:
    """Print one table per family of what was counted, and the times that follow."""
    print(f"tritonnn on cuda\n\n{_output.PREDICTED}\n")
    for name, machine in report["machines"].items():
        rates = ", ".join(f"{math} {rate / 1e12:.3g} TFLOP/s" for math, rate in machine["rates"].items())
        print(f"{name}: copy {machine['copy'] / 1e9:.0f} GB/s, {rates}\n  {machine['sources']}")
    for family in dict.fromkeys(r["family"] for r in report["rows"]):
        print(f"\n== {family} (predicted)\n")
        print(_output.predicted_table(report, family))


if __name__ == "__main__":
    sys.exit(main())
