"""The report as text and as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PEER_NAMES = {"torch": "PyTorch", "torch.compile": "torch.compile"}
ABOVE_ROOF = (
    "Shares above 100 % are rows whose data stays in a cache: the copy roof is measured beyond every cache."
)
SLOWER = 1.05  # below that a difference is not worth a line


def roofs(results: list[dict[str, Any]]) -> dict[str, float]:
    """The measured ceilings: 'copy' in bytes per second, 'gemm <dtype>' in operations per second.

    The best of all libraries counts: a roof is what the machine can do.
    """
    found: dict[str, float] = {}
    for r in results:
        if r["family"] != "roof" or not r["seconds"]:
            continue
        best = min(r["seconds"].values())
        name, work = (f"gemm {r['dtype']}", r["flops"]) if r["flops"] else ("copy", r["nbytes"])
        found[name] = max(found.get(name, 0.0), work / best)
    return found


def roof_share(r: dict[str, Any], ceilings: dict[str, float]) -> float | None:
    """Shortest possible time under the roofs divided by the time taken; None where no roof applies."""
    seconds = r["seconds"].get("tritonnn")
    bounds = [
        work / ceilings[name]
        for name, work in ((f"gemm {r['dtype']}", r["flops"]), ("copy", r["nbytes"]))
        if work and name in ceilings
    ]
    return max(bounds) / seconds if seconds and bounds and r["unit"] == "device" else None


def table(results: list[dict[str, Any]], family: str, ceilings: dict[str, float], peers: list[str]) -> str:
    """One family as a table for a terminal."""
    from tabulate import tabulate

    rows = [r for r in results if r["family"] == family]
    headers = ["", "dtype", "time", "rate", "of roof", *(f"/ {PEER_NAMES[p]}" for p in peers), "note"]
    lines = []
    for r in rows:
        share = roof_share(r, ceilings)
        lines.append([
            r["name"], r["dtype"] if r["unit"] == "device" else "",
            duration(r["seconds"].get("tritonnn")), rate(r),
            "" if share is None else f"{share:.0%}",
            *("" if p not in r["ratio"] else f"{r['ratio'][p]:.2f}" for p in peers),
            note(r),
        ])  # fmt: skip
    return tabulate(lines, headers, tablefmt="simple", disable_numparse=True)


def label(r: dict[str, Any]) -> str:
    """A row's name, with the dtype where it matters."""
    return f"{r['name']} {r['dtype']}" if r["unit"] == "device" else r["name"]


def note(r: dict[str, Any]) -> str:
    """Why a number is missing."""
    return "; ".join(
        f"{library}: {text}"[:90] for library, text in r["errors"].items() if library != "torch.compile"
    )


def duration(seconds: float | None) -> str:
    """Seconds for reading."""
    if seconds is None:
        return "-"
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def rate(r: dict[str, Any]) -> str:
    """TFLOP/s, or GB/s where memory is what counts; empty for host times."""
    seconds = r["seconds"].get("tritonnn")
    if not seconds or r["unit"] != "device":
        return ""
    if r["flops"]:
        return f"{r['flops'] / seconds / 1e12:.3g} TFLOP/s"
    return f"{r['nbytes'] / seconds / 1e9:.4g} GB/s" if r["nbytes"] else ""


def slower(results: list[dict[str, Any]], peers: list[str]) -> list[str]:
    """One line for each row and peer where tritonnn is slower, the worst first, then what could not be
    measured."""
    found = [(r["ratio"][p], r, p) for r in results for p in peers if r["ratio"].get(p, 0) > SLOWER]
    lines = [
        f"{ratio:7.2f} x  {r['family']}: {label(r)} against {PEER_NAMES[p]}"
        for ratio, r, p in sorted(found, key=lambda item: -item[0])
    ]
    lines += [
        f"   failed  {r['family']}: {label(r)}: {r['errors']['tritonnn']}"
        for r in results
        if "tritonnn" in r["errors"]
    ]
    return lines


def environment_lines(environment: dict[str, Any]) -> list[str]:
    """The machine and the versions, a line each."""
    width = max(len(key) for key in environment)
    return [f"{key:<{width}}  {value}" for key, value in environment.items()]


def write_json(path: Path, report: dict[str, Any]) -> None:
    """Everything measured, for machines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
