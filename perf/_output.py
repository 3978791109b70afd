"""The report as text and as JSON."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import _ceilings
import _goals

PEER_NAMES = {"torch": "PyTorch", "torch.compile": "torch.compile"}
DIRECTION = (
    "Ratios are the other library's time over tritonnn's: above 1 tritonnn is faster, larger is better."
)
MEMORY = "Memory is what a call needs at its peak beyond what is there before it, results included."
ABOVE_ROOF = (
    "Shares above 100 % are rows whose data stays in a cache: the copy roof is measured beyond every cache."
)
PREDICTED = (
    "PREDICTED, not measured: the time that the counted bytes and operations of a call need at least on the "
    "machine named, by its copy bandwidth and matrix rate. What tritonnn really takes there is not known. A ceiling is "
    "the share of that rate which the kernel's counted instructions allow, and what sets it."
)
SLOWER = 1 / 1.05  # a ratio above that is not worth a line


def roofs(results: list[dict[str, Any]]) -> dict[str, float]:
    """The measured ceilings: 'copy' in bytes per second, 'gemm <arithmetic>' in operations per second.

    The best of all libraries counts: a roof is what the machine can do.
    """
    best_rates: dict[str, float] = {}
    for r in results:
        if r["family"] != "roof" or not r["seconds"]:
            continue
        best = min(r["seconds"].values())
        name, work = (f"gemm {r['math']}", r["flops"]) if r["flops"] else ("copy", r["nbytes"])
        best_rates[name] = max(best_rates.get(name, 0.0), work / best)
    return best_rates


def roof_share(r: dict[str, Any], ceilings: dict[str, float]) -> float | None:
    """Shortest possible time under the roofs divided by the time taken; None where no roof applies."""
    seconds = r["seconds"].get("tritonnn")
    bounds = [
        work / ceilings[name]
        for name, work in ((f"gemm {r['math']}", r["flops"]), ("copy", r["nbytes"]))
        if work and name in ceilings
    ]
    return max(bounds) / seconds if seconds and bounds and r["unit"] == "device" else None


def memory_share(r: dict[str, Any]) -> float | None:
    """Peak memory divided by that of PyTorch eager; None where one of them is not known."""
    mine, theirs = (r["memory"].get(library) for library in ("tritonnn", "torch"))
    return mine / theirs if mine is not None and theirs else None


def verdicts(r: dict[str, Any], ceilings: dict[str, float]) -> list[_goals.Verdict]:
    """The row's figures against its goal."""
    figures = {
        "ratio": r["ratio"].get("torch"),
        "roof": roof_share(r, ceilings),
        "memory": memory_share(r),
        "seconds": r["seconds"].get("tritonnn"),
    }
    return _goals.verdicts(r["goal"], figures)


def goals(results: list[dict[str, Any]], ceilings: dict[str, float]) -> list[tuple[str, str, str]]:
    """(standing, row, figures) of every row with a goal, the worst first."""
    return _goals.summary([(f"{r['family']}: {label(r)}", verdicts(r, ceilings)) for r in results])


def columns(device: str, peers: list[str]) -> list[str]:
    """The headings of a family's table."""
    memory = [] if device == "cpu" else ["peak memory", *(f"of {PEER_NAMES[p]}" for p in peers)]
    ratios = [f"{PEER_NAMES[p]} / tritonnn" for p in peers]
    result = ["result"] if peers else []
    return ["", "dtype", "time", "rate", "of roof", *ratios, *memory, "goal", *result, "note"]


def cells(r: dict[str, Any], device: str, ceilings: dict[str, float], peers: list[str]) -> list[str]:
    """A row under these headings."""
    share = roof_share(r, ceilings)
    needed = r.get("peak", {}) if r.get("items") else r["memory"]  # of a whole model, its parameters too
    memory = [] if device == "cpu" else [size(needed.get(p)) for p in ("tritonnn", *peers)]
    return [
        r["name"],
        r["dtype"] if r["unit"] == "device" else "",
        duration(r["seconds"].get("tritonnn")),
        rate(r),
        "" if share is None else f"{share:.0%}",
        *("" if p not in r["ratio"] else f"{r['ratio'][p]:.2f}" for p in peers),
        *memory,
        _goals.standing(verdicts(r, ceilings)),
        *([verdict(r)] if peers else []),
        note(r),
    ]


def table(report: dict[str, Any], family: str) -> str:
    """One family as a table for a terminal."""
    from tabulate import tabulate

    where = report["device"], report["roofs"], report["peers"]
    lines = [cells(r, *where) for r in report["rows"] if r["family"] == family]
    return tabulate(
        lines, columns(report["device"], report["peers"]), tablefmt="simple", disable_numparse=True
    )


def predicted_columns(machines: list[str]) -> list[str]:
    """The headings of a family's table where nothing was measured."""
    return ["", "dtype", "bytes", "operations", *(f"predicted, {m}" for m in machines), "goal"]


def predicted_cells(r: dict[str, Any], machines: list[str]) -> list[str]:
    """A row under these headings; every time says that it is predicted."""
    times = []
    for machine in machines:
        prediction = r["predicted"].get(machine)
        limit = _ceilings.text(r["key"], machine)
        times.append(
            f"predicted {duration(prediction['seconds'])}, {prediction['bound']}{limit}" if prediction else ""
        )
    wanted = ", ".join(f"{v.kind} {v.asked()}" for v in _goals.verdicts(r["goal"], {}))
    return [r["name"], r["dtype"], size(r["nbytes"]), operations(r["flops"]), *times, wanted]


def predicted_table(report: dict[str, Any], family: str) -> str:
    """One family, predicted."""
    from tabulate import tabulate

    machines = list(report["machines"])
    lines = [predicted_cells(r, machines) for r in report["rows"] if r["family"] == family]
    return tabulate(lines, predicted_columns(machines), tablefmt="simple", disable_numparse=True)


def label(r: dict[str, Any]) -> str:
    """A row's name, with the dtype where it matters."""
    return f"{r['name']} {r['dtype']}" if r["unit"] == "device" else r["name"]


def note(r: dict[str, Any]) -> str:
    """Why a number is missing."""
    return "; ".join(f"{library}: {text}"[:90] for library, text in r["errors"].items())


def verdict(r: dict[str, Any]) -> str:
    """Whether the row's result is PyTorch's: 'same', 'differs', or '' where it was not compared."""
    return {True: "same", False: "differs", None: ""}[r.get("check", {}).get("same")]


def differing(results: list[dict[str, Any]]) -> list[str]:
    """One line for each row whose result is not PyTorch's, or did not stay what it was."""
    lines = []
    for r in results:
        check = r.get("check", {})
        if check.get("same") is False:
            reasons = [
                f"{words}: {check[moment].get('why', 'differs')}"
                for moment, words in (("first", "first call"), ("again", "after the timed calls"))
                if check[moment]["same"] is False
            ]
            if check.get("changed"):
                reasons.append(f"{check['changed']} elements are not what the first call gave")
            lines.append(f"{r['family']}: {label(r)}: {'; '.join(reasons)}")
    return lines


def compared(results: list[dict[str, Any]]) -> str:
    """How many results were compared, and how many differ."""
    verdicts = [
        r["check"]["same"] for r in results if r.get("check", {}).get("first", {}).get("same") is not None
    ]
    return f"{len(verdicts)} results compared with PyTorch's, {verdicts.count(False)} differ"


def duration(seconds: float | None) -> str:
    """Seconds for reading."""
    if seconds is None:
        return "-"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def size(nbytes: float | None) -> str:
    """Bytes for reading."""
    if nbytes is None:
        return ""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if nbytes >= scale:
            return f"{nbytes / scale:.3g} {unit}"
    return f"{nbytes:.0f} B" if nbytes else "0"


def operations(flops: float) -> str:
    """Floating-point operations for reading; '' where they do not matter."""
    for unit, scale in (("T", 1e12), ("G", 1e9), ("M", 1e6)):
        if flops >= scale:
            return f"{flops / scale:.3g} {unit}"
    return f"{flops:.0f}" if flops else ""


def rate(r: dict[str, Any]) -> str:
    """What a call works through in a second: items where they are named, TFLOP/s, or GB/s where memory is what
    counts; empty for host times."""
    seconds = r["seconds"].get("tritonnn")
    if not seconds or r["unit"] != "device":
        return ""
    if r.get("items"):
        count, what = r["items"]
        return f"{count / seconds:.4g} {what}/s"
    if r["flops"]:
        return f"{r['flops'] / seconds / 1e12:.3g} TFLOP/s"
    return f"{r['nbytes'] / seconds / 1e9:.4g} GB/s" if r["nbytes"] else ""


def slower(results: list[dict[str, Any]], peers: list[str]) -> list[str]:
    """One line for each row and peer where tritonnn is slower, the worst first, then what could not be
    measured."""
    losses = [(r["ratio"][p], r, p) for r in results for p in peers if r["ratio"].get(p, 1.0) < SLOWER]
    lines = [
        f"{ratio:7.2f}  {r['family']}: {label(r)} against {PEER_NAMES[p]}"
        for ratio, r, p in sorted(losses, key=lambda item: item[0])
    ]
    lines += [
        f" failed  {r['family']}: {label(r)}: {r['errors']['tritonnn']}"
        for r in results
        if "tritonnn" in r["errors"]
    ]
    return lines


def goal_lines(results: list[dict[str, Any]], ceilings: dict[str, float]) -> list[str]:
    """The goals met and missed, a line each, and how many were not measured."""
    standings = goals(results, ceilings)
    counted = {s: sum(g[0] == s for g in standings) for s in ("met", "missed", "not measured")}
    lines = [
        f"{stands:<12}  {row}: {figures}" for stands, row, figures in standings if stands != "not measured"
    ]
    return [", ".join(f"{n} {s}" for s, n in counted.items()), *lines] if standings else []


def environment_lines(environment: dict[str, Any]) -> list[str]:
    """The machine and the versions, a line each."""
    width = max((len(key) for key in environment), default=0)
    return [f"{key:<{width}}  {value}" for key, value in environment.items()]


def file_name(report: dict[str, Any]) -> str:
    """What a report is kept as: the device and the day, such as nvidia-h200-2026-12-01.json."""
    device = "rehearsal" if report.get("rehearsal") else report["environment"].get("gpu", report["device"])
    return f"{re.sub('[^a-z0-9]+', '-', device.lower()).strip('-')}-{report.get('date') or date.today()}.json"


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Everything measured, for machines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
