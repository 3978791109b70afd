"""What a run has measured, a JSON line for each row, on the disk as soon as it is known.

The first line says what runs where ("run"), each further one is a row ("row") or names rows that were not started
("skipped"). A run that is killed loses the row it was at; the report is made of the lines, by it or later.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, TextIO

import _output

MERGED = ("seconds", "ratio", "spread", "memory", "peak", "errors")


class Journal:
    """Lines that are kept; without a path only in this process."""

    def __init__(self, path: Path | None, resume: bool = False) -> None:
        self.lines: list[dict[str, Any]] = read(path) if path and resume else []
        self._file: TextIO | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            ended = not resume or not path.exists() or path.read_bytes()[-1:] in (b"", b"\n")
            self._file = path.open("a" if resume else "w", encoding="utf-8")
            if not ended:
                self._file.write("\n")  # behind the half line that a killed run left

    def write(self, kind: str, facts: dict[str, Any]) -> None:
        """Add a line; it is on the disk when this returns."""
        self.lines.append({"kind": kind, **facts})
        if self._file:
            self._file.write(json.dumps(self.lines[-1]) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def measured(self, library: str) -> set[str]:
        """Keys of the rows that this library has a figure in."""
        return {x["key"] for x in self.lines if x["kind"] == "row" and library in x["seconds"]}

    def report(self, order: list[str]) -> dict[str, Any]:
        """All of it as one report, its rows in the order of these keys."""
        return report(self.lines, order)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a file that are whole."""
    lines = []
    for text in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and "kind" in line:
            lines.append(line)
    return lines


def report(lines: list[dict[str, Any]], order: list[str]) -> dict[str, Any]:
    """The report that lines make: of runs the last one's environment, of a row what all its lines say."""
    runs = [line for line in lines if line["kind"] == "run"]
    if not runs:
        raise ValueError("no line says what was run: nothing has been measured")
    rows: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line["kind"] == "row":
            _merge(rows.setdefault(line["key"], {}), line)
    skipped = [key for line in lines if line["kind"] == "skipped" for key in line["keys"] if key not in rows]
    place = {key: i for i, key in enumerate(order)}
    ordered = sorted(rows.values(), key=lambda r: place.get(r["key"], len(place)))
    facts = {k: v for k, v in runs[-1].items() if k != "kind"}
    return {
        **facts, "predicted": False, "skipped": list(dict.fromkeys(skipped)), "rows": ordered,
        "roofs": _output.roofs(ordered),
    }  # fmt: skip


def _merge(row: dict[str, Any], line: dict[str, Any]) -> None:
    """Put a row's line to those before it: what was known first stays, but for an error that a figure replaces."""
    if not row:
        row.update({k: v for k, v in line.items() if k != "kind"})
        return
    for name in MERGED:
        for library, figure in line.get(name, {}).items():
            row.setdefault(name, {}).setdefault(library, figure)
    for library in row["seconds"]:
        row["errors"].pop(library, None)
    if "check" in line and row.get("check", {}).get("same") is not False:
        row["check"] = line["check"]
