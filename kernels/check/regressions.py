"""The figures of every binary, kept in `regressions.json`, and what has become worse since they were kept.

The file has one line per binary: registers, bytes of spills, bytes of shared memory, instructions, and
instructions of the largest inner loop; where the case declares its work, also the counts of `Report`. They
depend on the compiler, so they are compared only under the minor
version of Triton that they were kept with.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tritonnn._families import OWN
from tritonnn.kernels.check.binary import KINDS, Report

KEPT = Path(__file__).with_name("regressions.json")
ACCEPT = "python -m tritonnn.kernels.check --update"
# What is kept, and how much more of it passes: a number, and a factor.
SLACK = {
    "registers": (4, 1.0),
    "spills": (0, 1.0),
    "shared": (0, 1.0),
    "instructions": (4, 1.03),
    "loop": (4, 1.03),
}

# The counts of a unit of work that are compared, and how much more of each passes, as a factor.
COUNTED = {"issued": 1.03, "memory": 1.03, "special": 1.03}


def place(package: str) -> Path:
    """The file of a package's figures.

    Raises:
        ModuleNotFoundError: it has no kernels.
    """
    if package == OWN:
        return KEPT
    return Path(importlib.import_module(f"{package}.kernels").__path__[0]) / KEPT.name


def accept(package: str) -> str:
    """The command that keeps what there is now."""
    return ACCEPT if package == OWN else f"{ACCEPT} --package {package}"


class Kept(NamedTuple):
    """Contents of the file: the version of Triton, and figures by "case architecture" in the order of SLACK, with
    counts behind them where there are any."""

    triton: str
    binaries: dict[str, list[Any]]


def key(report: Report) -> str:
    """A binary's name in the file."""
    return f"{report.name} {report.arch}"


def load(path: Path = KEPT) -> Kept:
    """The kept figures; none where there is no file."""
    if not path.exists():
        return Kept("", {})
    content = json.loads(path.read_text())
    return Kept(content["triton"], content["binaries"])


def save(kept: Kept, path: Path = KEPT) -> None:
    """Write the file: sorted, a line per binary."""
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(kept.binaries[name])}" for name in sorted(kept.binaries)
    )
    partial = path.with_suffix(f".{os.getpid()}")
    partial.write_text(f'{{"triton": {json.dumps(kept.triton)}, "binaries": {{\n{lines}\n}}}}\n')
    partial.replace(path)


def figures(report: Report) -> list[Any]:
    """What is kept of a report."""
    return [*[getattr(report, name) for name in SLACK], *([report.counts] if report.counts else [])]


def regressions(reports: Iterable[Report], binaries: dict[str, list[Any]]) -> list[str]:
    """A line for every binary of which a figure is worse than the kept one by more than its slack."""
    lines = []
    for report in reports:
        before = binaries.get(key(report))
        if before is None or report.failure:
            continue
        worse = [
            f"{name} {old} -> {now}" + (f" (+{100 * (now - old) / old:.0f} %)" if old else "")
            for (name, (plus, times)), old, now in zip(SLACK.items(), before, figures(report), strict=False)
            if now > old * times + plus
        ]
        if len(before) > len(SLACK) and report.counts:
            worse += _worse_counts(before[-1], report)
        if worse:
            lines.append(f"{key(report)}: {', '.join(worse)}")
    return lines


def _worse_counts(before: dict[str, Any], report: Report) -> list[str]:
    """More instructions for a unit of work, or fewer programs on a multiprocessor."""
    old = {**before, "issued": sum(before[kind] for kind in KINDS)}
    new = {**report.counts, "issued": report.issued}
    worse = [
        f"{name} for a {report.unit} {old[name]:.4g} -> {new[name]:.4g}"
        for name, times in COUNTED.items()
        if new[name] > old[name] * times + 0.001
    ]
    if new["blocks"] < old["blocks"]:
        worse.append(f"programs on a multiprocessor {old['blocks']} -> {new['blocks']}")
    return worse


def differences(
    reports: list[Report], binaries: Mapping[str, list[Any]], whole: bool
) -> tuple[list[str], list[str]]:
    """Binaries that are not in the file with all figures, and, if `whole`, those in it that are made no more."""
    keys = {key(r) for r in reports}
    uncounted = {key(r) for r in reports if r.counts and len(binaries.get(key(r), ())) == len(SLACK)}
    return sorted(keys.difference(binaries) | uncounted), sorted(set(binaries) - keys) if whole else []


def updated(reports: list[Report], version: str, kept: Kept, whole: bool) -> Kept:
    """The file's new contents: what was compiled now, and what was kept of the rest unless `whole`."""
    rest = kept.binaries if kept.triton == version and not whole else {}
    return Kept(version, rest | {key(r): figures(r) for r in reports if not r.failure})
