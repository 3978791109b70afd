"""The end of a check: what matters of a report, in so few characters that the end of an output holds it."""

from __future__ import annotations

import math
from fnmatch import fnmatchcase
from typing import Any

import _output
from _first import FIRST

LIMIT = 11000
#: Rows whose geometric mean is a goal, by pattern.
GROUPS = {
    "3x3 convolutions of ResNet-50, forward": "convolution/3x3 of ResNet-50 *",
    "3x3 convolutions of ResNet-50, data gradient": "convolution/3x3 of ResNet-50, data *",
    "3x3 convolutions of ResNet-50, weight gradient": "convolution/3x3 of ResNet-50, weights *",
}


def text(report: dict[str, Any], limit: int = LIMIT) -> str:
    """The parts, the more important ones first; each of the later ones is cut so that all fit."""
    results = report["rows"]
    roofs = [
        f"{k} {v / 1e9:.0f} GB/s" if k == "copy" else f"{k} {v / 1e12:.3g} TFLOP/s"
        for k, v in report["roofs"].items()
    ]
    failed = [line for line in _output.slower(results, []) if line.startswith(" failed")]
    gpu = report["environment"].get("gpu", report["device"])
    said = ["A rehearsal: the numbers mean nothing."] if report["rehearsal"] else []
    parts = [
        [*said, f"{gpu}: {len(results)} rows, {len(report['skipped'])} not started; {', '.join(roofs)}"],
        [f"{library} could not be started: {problem}" for library, problem in report["problems"].items()],
        ["first rows (ratio: the other's time / tritonnn's)", *first_rows(results)],
        means(results),
        [_output.compared(results), *_output.differing(results)],
        [f"failed: {len(failed)}", *failed],
        [] if report["rehearsal"] else goals(report),
    ]
    lines: list[str] = []
    left = limit
    for i, part in enumerate(p for p in parts if p):
        share = left if i < 2 else left * 2 // 3
        kept = _cut(part, share)
        lines += [*kept, ""]
        left -= sum(len(line) + 1 for line in kept) + 1
    return "\n".join(lines)


def goals(report: dict[str, Any]) -> list[str]:
    """How many goals were met, and which."""
    first, *lines = _output.goal_lines(report["rows"], report["roofs"]) or ["none among these rows"]
    return [f"goals: {first}", *lines]


def _cut(lines: list[str], limit: int) -> list[str]:
    """As many lines as fit, each of at most 160 characters, and how many more there are."""
    kept: list[str] = []
    used = 24  # for what says that there are more
    for i, line in enumerate(lines):
        line = line[:160]
        if used + len(line) + 1 > limit:
            return [*kept, f"and {len(lines) - i} more"]
        kept.append(line)
        used += len(line) + 1
    return kept


def first_rows(results: list[dict[str, Any]]) -> list[str]:
    """A line for each row of FIRST that was measured."""
    by_key = {r["key"]: r for r in results}
    return [_line(by_key[key]) for key in FIRST if key in by_key]


def _line(r: dict[str, Any]) -> str:
    ratios = [f"{_output.PEER_NAMES[p]} {ratio:.2f}" for p, ratio in r["ratio"].items()]
    figures = [_output.duration(r["seconds"].get("tritonnn")), _output.rate(r), *ratios, _output.verdict(r)]
    return (
        f"{r['family']}: {_output.label(r)}: {', '.join(f for f in figures if f)} {_output.note(r)}".rstrip()
    )


def means(results: list[dict[str, Any]]) -> list[str]:
    """Geometric means of PyTorch's ratios over groups of rows."""
    lines = []
    for name, pattern in GROUPS.items():
        ratios = [
            r["ratio"]["torch"] for r in results if fnmatchcase(r["key"], pattern) and "torch" in r["ratio"]
        ]
        if ratios:
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            lines.append(f"{name}: {mean:.2f}, the geometric mean of {len(ratios)}")
    return lines
