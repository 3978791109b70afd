"""Measures tritonnn against PyTorch and against the machine, and prints what comes out, slow rows included.

    python perf/report.py                      # the GPU if there is one, else the CPU; every family
    python perf/report.py --device cpu --families matmul,softmax --quick
    python perf/report.py --json out.json --html out.html
    python perf/report.py --lines rows.jsonl   # each row on the disk as it is measured; --resume goes on with it
    python perf/report.py --from rows.jsonl --html out.html
    python perf/report.py --predict            # without a GPU: counted bytes and operations, predicted times

Each library runs in a process of its own; samples are taken in turns, and a ratio is the median over pairs of
samples taken one after the other. On a GPU times come from device events. Roofs are measured in the same run, and each
row's result is compared with PyTorch's, before and after its timed calls.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _journal
import _machines
import _measure
import _output
import _rows
import _run


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), help="default: cuda where there is a GPU")
    parser.add_argument("--families", help="comma-separated; --list shows them")
    parser.add_argument("--rows", type=_rows.names, default=[],
                        help="comma-separated names, family/name/dtype, of which * stands for any part")  # fmt: skip
    parser.add_argument("--package", default="", help="the entries of another package, and the roofs")
    parser.add_argument("--list", action="store_true", help="show families and rows, measure nothing")
    parser.add_argument("--quick", action="store_true", help="a few rows of each family, fewer rounds")
    parser.add_argument("--rounds", type=int, help="pairs of samples per row (11; 5 with --quick)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of every library (1)")
    parser.add_argument(
        "--peers", default="torch,torch.compile", help="comma-separated; '' for none (torch,torch.compile)"
    )
    parser.add_argument("--compile", choices=tuple(_run.COMPILE), default="all",
                        help="rows torch.compile is measured on: of the short report those with a goal, "
                        "all of the short report, or all (all)")  # fmt: skip
    parser.add_argument("--tune", action="store_true", help="measure tritonnn's configurations first")
    parser.add_argument("--budget", type=float, help="seconds after which no further row is started")
    parser.add_argument("--row-seconds", type=float, default=_measure.ROW_SECONDS,
                        help="limit of a row; a process that needs longer is stopped (180)")  # fmt: skip
    parser.add_argument("--predict", action="store_true", help="measure nothing, predict; see --machines")
    parser.add_argument("--machines", default="H100,H200", help=f"of {','.join(_machines.MACHINES)}")
    parser.add_argument("--rehearse", action="store_true", help="tiny inputs, one round: try the report out")
    parser.add_argument("--verbose", action="store_true", help="show what the measuring processes print")
    parser.add_argument("--lines", type=Path, help="write each row to this file as soon as it is measured")
    parser.add_argument("--resume", action="store_true", help="go on with --lines: leave out what it has")
    parser.add_argument(
        "--from", type=Path, dest="source", help="measure nothing: make the report of such a file"
    )
    parser.add_argument("--json", type=Path, help="write everything measured to this file")
    parser.add_argument("--keep", type=Path, metavar="FOLDER",
                        help="write both to perf/results/DEVICE-DATE.json and .html below this folder")  # fmt: skip
    parser.add_argument("--html", type=Path, help="write a page with plots to this file")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Measure or predict, print, write. Returns the exit status: 0 if there is at least one figure of tritonnn's, in a
    rehearsal every one and no result that differs; 2 where what is asked for cannot be done."""
    options = parse(arguments)
    started = time.monotonic()
    try:
        report = make(options, started)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if report is None:
        return 0
    pages = [options.html] if options.html else []
    files = [options.json] if options.json else []
    if options.keep:
        kept = options.keep / "perf" / "results" / _output.file_name(report)
        files, pages = [*files, kept.with_suffix(".json")], [*pages, kept.with_suffix(".html")]
    for path in files:
        _output.write_json(path, report)
    (show_predicted if report["predicted"] else show)(report)
    for path in pages:
        import _html

        _html.write(path, report)
    return 0 if report["predicted"] or passed(report) else 1


def passed(report: dict[str, Any]) -> bool:
    """Whether the report has what it was made for."""
    if report["rehearsal"]:
        wrong = [r for r in report["rows"] if r.get("check", {}).get("first", {}).get("same") is False]
        return not wrong and all("tritonnn" in r["seconds"] for r in report["rows"])
    return any("tritonnn" in r["seconds"] for r in report["rows"])


def make(options: argparse.Namespace, started: float) -> dict[str, Any] | None:
    """The report that is asked for; None where only names were. ValueError says why it cannot be made."""
    if options.source:
        lines = _journal.read(options.source)
        device = next((line["device"] for line in lines if line["kind"] == "run"), "cuda")
        return _journal.report(lines, [r.key for r in _rows.load(device, package=options.package)])
    device = options.device or ("cuda" if options.predict or gpu_present() else "cpu")
    rows = wanted_rows(options, device)
    unknown = set(options.machines.split(",")) - set(_machines.MACHINES)
    if unknown:
        raise ValueError(
            f"no figures of {', '.join(unknown)}; --machines takes {', '.join(_machines.MACHINES)}"
        )
    if options.list:
        print("\n".join(f"{r.family:15} {r.name}  {r.dtype}" for r in rows))
        return None
    if options.predict:
        if device == "cpu":
            raise ValueError("--predict is about GPUs: --device cuda")
        return predict([r for r in rows if r.family != "roof"], options.machines.split(","))
    if device == "cuda" and not options.rehearse and not gpu_present():
        raise ValueError(
            f"--device cuda: {why_no_gpu()}; --predict shows what machines would allow, measured on none"
        )
    if options.resume and not options.lines:
        raise ValueError("--resume goes on with a file: --lines FILE")
    journal = _journal.Journal(options.lines, options.resume)
    _run.run(device, rows, options, started, journal)
    return journal.report([r.key for r in rows])


def wanted_rows(options: argparse.Namespace, device: str) -> list[Any]:
    """The rows that the options name."""
    families = set(options.families.split(",")) if options.families else None
    chosen = None if families is None else families | {"roof"}
    rows = _rows.load(device, chosen, options.quick, options.package)
    if families and not any(r.family in families for r in rows):
        known = sorted({r.family for r in _rows.load(device)})
        raise ValueError(f"no rows for {options.families} on {device}; there are {', '.join(known)}")
    return _rows.chosen(rows, options.rows) if options.rows else rows


def gpu_present() -> bool:
    """Whether tritonnn sees a GPU that is not simulated."""
    from tritonnn.runtime.interface import is_simulated, runtime

    return not is_simulated() and runtime().is_available()


def why_no_gpu() -> str:
    """What is missing, for an error."""
    from tritonnn.runtime.interface import is_simulated

    if is_simulated():
        return "TRITON_INTERPRET asks for the simulated device, of which no time means anything"
    import ctypes

    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "there is no libcuda.so.1, the driver of NVIDIA's GPUs"
    return "the driver finds no GPU"


def predict(rows: list[Any], machines: list[str]) -> dict[str, Any]:
    """What the counted bytes and operations need at least on machines that are not here."""
    chosen = {name: _machines.MACHINES[name] for name in machines}
    return {
        "device": "cuda", "predicted": True, "peers": [], "environment": _run.environment([], 1),
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
    if report["peers"]:
        print("\n".join(["", _output.compared(report["rows"]), *_output.differing(report["rows"])]))
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
