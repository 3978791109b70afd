"""Holds that every planted fault still fits its file, so that what `make mutants` runs cannot rot."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from functools import cache
from pathlib import Path

from mutants import MECHANISMS, ROOT, Fault, all_faults
from mutants.run import Copy, selected

FAULTS = all_faults()


@cache
def read(name: str) -> str:
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def with_generated(name: str) -> str:
    """A file of tests, with those that it takes over from the generated ones."""
    taken = re.findall(r"^from tritonnn\.testing\.generated\.(\w+) import \*", read(name), re.MULTILINE)
    return "".join([read(name), *[read(f"tritonnn/testing/generated/{file}.py") for file in taken]])


def test_every_fault_fits_its_file() -> None:
    counts = {fault.name: (fault.file, read(fault.file).count(fault.old), fault.old) for fault in FAULTS}
    assert [row for row in counts.items() if row[1][1] != 1] == [], "the old text must stand there once"
    assert [fault.name for fault in FAULTS if fault.new == fault.old] == []


def test_every_fault_is_a_program() -> None:
    for fault in FAULTS:
        compile(fault.planted(read(fault.file)), f"{fault.name}, {fault.file}", "exec")


def test_every_fault_names_tests_that_are_there() -> None:
    """Each word that -k asks for is part of a test's or an entry's name: a misspelt one selects nothing."""
    entries = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tritonnn" / "ops").rglob("*.py")
    ).lower()
    wrong = []
    for fault in FAULTS:
        words = shlex.split(fault.tests)
        files = [word for word in words if word.startswith("tests/")]
        rest = [word for word in words if word not in files]
        known = "".join(map(with_generated, files)).lower()
        asked = re.findall(r"\w+", rest[1]) if rest[:1] == ["-k"] and len(rest) == 2 else []
        parts = [re.sub(r"_(cuda|cpu)(_\w+)?$", "", word).strip("_").lower() for word in asked]
        if (
            not all(map(read, files))
            or len(rest) not in (0, 2)
            or not all(p in known or p in entries for p in parts)
        ):
            wrong.append((fault.name, fault.tests))
    assert wrong == []


def test_there_are_many_faults_of_every_mechanism() -> None:
    assert len(FAULTS) >= 100
    assert {fault.mechanism for fault in FAULTS} == set(MECHANISMS)
    assert [name for name, count in Counter(fault.name for fault in FAULTS).items() if count > 1] == []


def test_a_fault_is_planted_and_taken_back(tmp_path: Path) -> None:
    fault = next(fault for fault in FAULTS if fault.file == "tritonnn/shape.py")
    copy = Copy.__new__(Copy)  # without the other files
    copy.root = tmp_path
    target = tmp_path / fault.file
    target.parent.mkdir(parents=True)
    copy.plant(fault)
    assert target.read_text(encoding="utf-8") == fault.planted(read(fault.file)) != read(fault.file)
    copy.restore(fault)
    assert target.read_text(encoding="utf-8") == read(fault.file)


def test_words_select_faults() -> None:
    rows = [Fault(name, "mask", "kernels/x.py", "a", "b", "") for name in ("softmax: a", "matmul: b")]
    assert selected(rows, []) == selected(rows, ["mask"]) == selected(rows, ["softmax", "matmul"]) == rows
    assert selected(rows, ["softmax"]) == rows[:1] and selected(rows, ["pooling"]) == []
