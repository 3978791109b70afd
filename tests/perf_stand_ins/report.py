"""perf/report.py with processes that stand in for the measuring ones: `report.py NAMES_OF_ROWS ...`."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "perf"))

import _measure  # noqa: E402
import _rows  # noqa: E402
import _run  # noqa: E402
import report  # noqa: E402


def rows(text: str) -> list[_rows.Row]:
    """A row for each name between commas."""
    options = {"nbytes": 8, "quick": True}
    return [
        _rows.Row("family", name, lambda lib, make: None, compiled="compiled" in name, **options)
        for name in text.split(",")
    ]


if __name__ == "__main__":
    wanted = rows(sys.argv[1])
    _measure.Peer.command = [sys.executable, str(HERE / "worker.py")]
    _rows.load = lambda *given, **options: wanted  # type: ignore[assignment]
    _run.wanted_peers = lambda device, names: [name for name in names.split(",") if name]  # type: ignore[assignment]
    report.gpu_present = lambda: True
    sys.exit(report.main(sys.argv[2:]))
