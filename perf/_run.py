"""Measures the rows of a report in their order, within a time, and writes each down at once."""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import _measure
from _first import FIRST
from _journal import Journal

#: Rows that torch.compile is measured on: compiling takes seconds a row.
COMPILE: dict[str, Callable[[Any], bool]] = {
    "goals": lambda r: r.key in FIRST or (r.quick and r.goal is not None) or r.family == "model",
    "quick": lambda r: r.quick,
    "all": lambda r: True,
}
COMPILE_SHARE = 0.2  # of the time, for torch.compile, which comes last
LAST_ROW = 10.0  # seconds that a row begun before the limit may go on after it
REHEARSAL_EXTENT = 8


def run(device: str, rows: list[Any], options: argparse.Namespace, started: float, journal: Journal) -> None:
    """Measure all rows: each library eagerly, then those of torch.compile beside tritonnn's."""
    rounds = 1 if options.rehearse else options.rounds or (5 if options.quick else 11)
    peers = wanted_peers(device, options.peers)
    # What is named is measured as named; else what the goals are for comes first, in case the time ends the run.
    rows = rows if options.rows else sorted(rows, key=lambda r: r.turn)
    compiled = [r for r in rows if r.compiled and r.unit != "import" and COMPILE[options.compile](r)]
    share = COMPILE_SHARE if "torch.compile" in peers and compiled else 0.0
    limit = None if options.budget is None else started + options.budget
    first_limit = None if limit is None else started + options.budget * (1 - share)
    crew = _crew(["tritonnn", *(p for p in peers if p != "torch.compile")], device, options)
    journal.write("run", {
        "device": device, "date": str(date.today()), "rehearsal": options.rehearse, "rounds": rounds,
        "problems": crew.problems, "tuned": options.tune, "peers": [p for p in peers if p not in crew.problems],
        "environment": environment(list(crew.peers.values()), options.threads),
    })  # fmt: skip
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as folder:
        if "tritonnn" not in crew.problems:
            _pass(crew, rows, rounds, options, journal, first_limit, folder)
        crew.close()
        if share and "tritonnn" not in crew.problems:
            crew = _crew(["tritonnn", "torch.compile"], device, options)
            _pass(crew, compiled, rounds, options, journal, limit, "")
            crew.close()
    progress("")


def _crew(libraries: list[str], device: str, options: argparse.Namespace) -> _measure.Crew:
    return _measure.Crew(
        libraries, options.verbose, device=device, threads=options.threads, tune=options.tune,
        cap=REHEARSAL_EXTENT if options.rehearse else 0, package=options.package,
    )  # fmt: skip


def _pass(
    crew: _measure.Crew, rows: list[Any], rounds: int, options: argparse.Namespace, journal: Journal,
    limit: float | None, folder: str,
) -> None:  # fmt: skip
    """Measure rows until the limit; those that were measured before, by a run that is gone on with, are left out."""
    libraries = list(crew.peers)
    done = journal.measured(libraries[-1]) if libraries else set()
    rows = [r for r in rows if r.key not in done]
    for i, row in enumerate(rows):
        left = float("inf") if limit is None else limit - time.monotonic()
        if left <= 0:
            journal.write("skipped", {"keys": [r.key for r in rows[i:]]})
            return
        progress(f"[{i + 1}/{len(rows)}] {row.family}: {row.name} {row.dtype}")
        began = time.monotonic()
        if row.unit == "import":
            measured = _measure.import_times(libraries, options.threads, rounds)
        else:
            seconds = min(row.seconds or options.row_seconds, left + LAST_ROW)
            measured = _measure.measure(crew.get(libraries, seconds), row, rounds, seconds, folder)
        took = round(time.monotonic() - began, 2)
        journal.write("row", {**row.facts(), **measured, "took": took})


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
