"""Compiles what the report's rows call, in many processes at once, so that measuring finds it on the disk.

    python perf/precompile.py --processes 12 --seconds 120

Each process makes a row's inputs and calls it once, on the device it will be measured on and at its size: the kernels
that are compiled are the ones that are timed. A row that hangs or fails costs its own limit; measuring shows its error
again. Rows come in the report's order, those of torch.compile last. As many run together as fit into the GPU's memory.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

import _measure
import _rows
import _run

COPIES = 4  # of what a call moves, at most, that a row holds
CONTEXT = 1 << 30  # bytes of a process on the GPU
MEMORY_SHARE = 0.8


class Room:
    """Memory that rows take turns in."""

    def __init__(self, total: float) -> None:
        self._free = self._total = total
        self._changed = threading.Condition()

    def take(self, wanted: float, end: float) -> float:
        """Wait until there is so much, or everything; 0 if there is not by the end."""
        wanted = min(wanted, self._total)
        with self._changed:
            if not self._changed.wait_for(lambda: self._free >= wanted, max(0.0, end - time.monotonic())):
                return 0.0
            self._free -= wanted
        return wanted

    def give(self, taken: float) -> None:
        """What was taken is free again."""
        with self._changed:
            self._free += taken
            self._changed.notify_all()


class Pool:
    """Processes that take (library, row) from a queue until it is empty or the time is over."""

    def __init__(self, work: list[tuple[str, Any]], end: float, row_seconds: float, **options: Any) -> None:
        self.work, self.end, self.row_seconds, self.options = deque(work), end, row_seconds, options
        self.room = Room(float("inf"))
        self.done: list[tuple[str, str, dict[str, Any]]] = []

    def run(self, processes: int) -> None:
        """Work with so many processes; returns when all have ended."""
        with ThreadPoolExecutor(processes) as pool:
            for one in [pool.submit(self._one, processes) for _ in range(processes)]:
                one.result()

    def _one(self, processes: int) -> None:
        peer: _measure.Peer | None = None
        while time.monotonic() < self.end:
            try:
                library, row = self.work.popleft()
            except IndexError:
                break
            if peer is not None and (not peer.alive or peer.library != library):
                peer.close()
                peer = None
            peer = peer or _measure.Peer(library, seconds=self.end - time.monotonic(), **self.options)
            if "error" in peer.environment:
                self.done.append((library, row.key, peer.environment))
                continue
            memory = peer.environment.get("gpu memory")
            if memory and self.room._total == float("inf"):
                self.room = Room(max(memory * MEMORY_SHARE - processes * CONTEXT, memory * 0.2))
            room, taken = self.room, self.room.take(COPIES * row.nbytes, self.end)
            seconds = min(row.seconds or self.row_seconds, self.end - time.monotonic())
            self.done.append((library, row.key, peer.ask("warm", seconds, key=row.key)))
            room.give(taken)
        if peer is not None:
            peer.close()


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--processes", type=int, default=max(1, (os.cpu_count() or 2) - 4))
    parser.add_argument("--seconds", type=float, default=120.0, help="limit of it all (120)")
    parser.add_argument("--row-seconds", type=float, default=60.0, help="limit of a row (60)")
    parser.add_argument("--rows", type=_rows.names, default=[], help="only these; see report.py")
    parser.add_argument("--quick", action="store_true", help="the rows of the short report")
    parser.add_argument(
        "--compile", choices=("none", *_run.COMPILE), default="goals", help="of torch.compile"
    )
    parser.add_argument("--rehearse", action="store_true", help="tiny inputs")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Compile, and say what failed. The exit status is 0 if any row could be compiled."""
    options = parse(arguments)
    end = time.monotonic() + options.seconds
    rows = _rows.load("cuda", quick=options.quick)
    rows = _rows.chosen(rows, options.rows) if options.rows else sorted(rows, key=lambda r: r.turn)
    work = [("tritonnn", r) for r in rows if r.unit != "import"]
    if options.compile != "none" and "torch.compile" in _run.wanted_peers("cuda", "torch.compile"):
        work += [("torch.compile", r) for r in rows if r.compiled and _run.COMPILE[options.compile](r)]
    cap = _run.REHEARSAL_EXTENT if options.rehearse else 0
    pool = Pool(work, end, options.row_seconds, device="cuda", cap=cap)
    pool.run(options.processes)
    failed = [(library, key, answer["error"]) for library, key, answer in pool.done if "error" in answer]
    slowest = sorted((a["first_call"], k) for _, k, a in pool.done if "first_call" in a)[-5:]
    print(f"compiled {len(pool.done) - len(failed)} of {len(work)} rows, {len(failed)} failed")
    for library, key, error in failed:
        print(f"  {library}: {key}: {error}"[:200])
    for seconds, key in reversed(slowest):
        print(f"  {seconds:.1f} s  {key}")
    return 0 if len(pool.done) > len(failed) else 1


if __name__ == "__main__":
    sys.exit(main())
