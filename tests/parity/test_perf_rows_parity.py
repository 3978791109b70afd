"""The report's rows give both libraries the same inputs, and what is compared of their results is the same: tritonnn on
the simulated device, PyTorch on the CPU, as small as a rehearsal is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "perf"))

import _results
import _rows
from _worker import Worker

#: Those whose results take a look of their own to compare, or whose inputs are more than random numbers.
FAMILIES = (
    "embedding", "indexing", "launch overhead", "loss", "optimizer", "random", "recurrent",
    "sorting",
)  # fmt: skip


@pytest.fixture(scope="module")
def workers() -> tuple[Worker, Worker]:
    """One of each library, in this process."""
    threads = torch.get_num_threads()
    made = Worker("tritonnn", "cuda", cap=4), Worker("torch", "cuda", cap=4)
    yield made
    torch.set_num_threads(threads)


def distinct(family: str) -> list[_rows.Row]:
    """Rows of a family, one of those that are the same as small as this."""
    rows: dict[tuple, _rows.Row] = {}
    for r in _rows.load("cuda", {family}):
        name = r.name.split(" forward")[0].split(" backward")[0].rstrip("0123456789x")
        if r.size in ("", "typical"):
            rows.setdefault((name, r.stage), r)
    return list(rows.values())


@pytest.mark.parametrize("family", FAMILIES)
def test_results_of_rows(family: str, workers: tuple[Worker, Worker], tmp_path: Path) -> None:
    mine, theirs = workers
    wrong = {}
    for r in distinct(family):
        path = str(tmp_path / _results.file_name(r.key))
        for worker in workers:
            worker.prepare(r.key, path)
            worker.last = worker.call()
        changed = mine.check(path).get("changed", 0)
        theirs.check(path)
        verdicts = [_results.compare(path, moment, r) for moment in ("first", "again")]
        if changed or not all(v["same"] for v in verdicts if r.compare):
            wrong[r.key] = (changed, verdicts)
    assert not wrong
