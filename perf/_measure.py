"""Drives the children of the report: one process per library, timed in turns so that drift hits all alike."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import _results

HERE = Path(__file__).resolve().parent
START_SECONDS, ROW_SECONDS, KILL_SECONDS = 120.0, 180.0, 5.0
RESTARTS = 20  # of one library: what fails more often than that is not going to work


class Peer:
    """A child that measures with one library. Nothing waits for it longer than it is told to.

    Args:
        library: 'tritonnn', 'torch' or 'torch.compile'.
        verbose: whether its error output shows.
        seconds: limit of its start.
        options: further arguments of `_worker.Worker`.
    """

    command = [sys.executable, str(HERE / "_worker.py")]

    def __init__(
        self, library: str, verbose: bool = False, seconds: float = START_SECONDS, **options: Any
    ) -> None:
        self.library = library
        settings = json.dumps({"library": library, **options})
        self._process = subprocess.Popen(
            [*self.command, settings], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=None if verbose else subprocess.DEVNULL, env=child_environment(options.get("threads", 1)),
            start_new_session=True,
        )  # fmt: skip
        self._heard = b""
        self.environment = self.answer(seconds)

    def ask(self, do: str, seconds: float, **order: Any) -> dict[str, Any]:
        """Send an order and wait for the answer."""
        self.send(do, **order)
        return self.answer(seconds)

    def send(self, do: str, **order: Any) -> None:
        """Send an order; `answer` waits for what comes back."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write((json.dumps({"do": do, **order}) + "\n").encode())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # the answer will say that it has ended

    def answer(self, seconds: float) -> dict[str, Any]:
        """What a child says; of one that died or hangs, and is ended then, an error."""
        line = self._line(time.monotonic() + seconds)
        if line is None:
            self.close()
            return {
                "error": f"the process measuring {self.library} gave no answer for {max(0, seconds):.0f} s"
            }
        if not line:
            self.close()
            return {"error": f"the process measuring {self.library} has ended"}
        answer = json.loads(line)
        if answer.get("ended"):
            self.close()
        return answer

    def _line(self, end: float) -> bytes | None:
        """A whole line; b"" where the child has ended, None where the time has."""
        stream = self._process.stdout
        assert stream is not None
        while b"\n" not in self._heard:
            if stream.closed:
                return b""
            if not select.select([stream], [], [], max(0.0, end - time.monotonic()))[0]:
                return None
            part = os.read(stream.fileno(), 1 << 16)  # half a line must not be waited for
            if not part:
                return b""
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
        return line

    @property
    def alive(self) -> bool:
        """Whether the child still answers."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the child, and what it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(KILL_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                stream.close()  # type: ignore[union-attr]


# What a user's machine does not set: a slower BLAS kernel, poisoned results, and imports compiled anew each time.
LEFT_OUT = ("OPENBLAS_CORETYPE", "TRITONNN_NAN_POISON", "PYTHONDONTWRITEBYTECODE")


def child_environment(threads: int) -> dict[str, str]:
    """The environment of a child: threads limited, and without what would slow NumPy's BLAS down here
    only."""
    env = {k: v for k, v in os.environ.items() if k not in LEFT_OUT}
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        env[name] = str(threads)
    env["PYTHONPATH"] = os.pathsep.join(p for p in (str(HERE.parent), env.get("PYTHONPATH")) if p)
    return env


class Crew:
    """The children of a report, by library; one that has ended is started again when it is needed."""

    def __init__(self, libraries: list[str], verbose: bool = False, **options: Any) -> None:
        self._settings = {"verbose": verbose, **options}
        self._starts = dict.fromkeys(libraries, 1)
        # Started together: importing takes each of them seconds.
        with ThreadPoolExecutor(max(1, len(libraries))) as pool:
            peers = pool.map(lambda library: Peer(library, **self._settings), libraries)
        self.peers: dict[str, Peer] = dict(zip(libraries, peers, strict=True))
        self.problems = {k: p.environment["error"] for k, p in self.peers.items() if "error" in p.environment}
        for library in self.problems:
            self.peers.pop(library).close()

    def get(self, libraries: Iterable[str], seconds: float = START_SECONDS) -> list[Peer]:
        """Living children of these libraries, in order; `seconds` is what starting one may take."""
        for library in libraries:
            if library in self.peers and not self.peers[library].alive:
                if self._starts[library] <= RESTARTS:
                    self._starts[library] += 1
                    self.peers[library] = Peer(
                        library, **{**self._settings, "seconds": min(START_SECONDS, seconds)}
                    )
        return [self.peers[k] for k in libraries if k in self.peers]

    def dismiss(self, library: str) -> None:
        """End a child that is not needed any more."""
        if library in self.peers:
            self.peers.pop(library).close()

    def close(self) -> None:
        """End all children."""
        for peer in self.peers.values():
            peer.close()


def measure(
    peers: list[Peer],
    row: Any,
    rounds: int,
    seconds: float = ROW_SECONDS,
    folder: str = "",
    first: str = "tritonnn",
) -> dict[str, Any]:
    """One row: `seconds`, `memory` and `ratio` of each library, `check`, and `errors` where one could not.

    Preparing goes on in all children at once, since compiling takes seconds; measuring in one at a time. A
    ratio is the median over rounds of a library's time divided by the first's in the same round. `check` says whether
    the first call gave what PyTorch's gave, and the last one.

    Args:
        peers: the children.
        row: what to measure.
        rounds: samples of each.
        seconds: limit of it all; a child that has no answer by then is stopped.
        folder: where results are kept for comparing, until that is done.
        first: the library that the others are compared with.
    """
    end = time.monotonic() + seconds
    results = str(Path(folder) / _results.file_name(row.key)) if folder else ""
    errors: dict[str, str] = {}
    facts = _all(peers, errors, end, "prepare", key=row.key, results=results)
    for peer in peers:
        if peer.library not in errors:
            _note(errors, peer, peer.ask("calibrate", end - time.monotonic()))
    samples: dict[str, list[float]] = {p.library: [] for p in peers if p.library not in errors}
    ready = [p for p in peers if p.library in samples]
    for turn in range(rounds):
        for peer in ready if turn % 2 == 0 else reversed(ready):
            if peer.library not in errors:
                answer = _note(errors, peer, peer.ask("measure", end - time.monotonic()))
                if "seconds" in answer:
                    samples[peer.library].append(answer["seconds"])
    checked = [p for p in ready if p.library not in errors] if folder and row.compare else []
    again = _all(checked, {}, end, "check", results=results)
    _all([p for p in peers if p.alive], {}, end, "release")
    figures = {name: {k: f[name] for k, f in facts.items() if name in f} for name in ("memory", "peak")}
    check = {"check": _checked(row, results, facts, again)} if folder and row.compare else {}
    return {"errors": errors, **figures, **check, **summary(samples, first)}


def _all(
    peers: list[Peer], errors: dict[str, str], end: float, do: str, **order: Any
) -> dict[str, dict[str, Any]]:
    """What each child answers to an order that all of them are given at once."""
    for peer in peers:
        peer.send(do, **order)
    return {p.library: _note(errors, p, p.answer(end - time.monotonic())) for p in peers}


def _note(errors: dict[str, str], peer: Peer, answer: dict[str, Any]) -> dict[str, Any]:
    if "error" in answer:
        errors.setdefault(peer.library, answer["error"])
    return answer


def _checked(row: Any, results: str, facts: dict[str, Any], again: dict[str, Any]) -> dict[str, Any]:
    """Both comparisons of a row; the files they are made of are removed."""
    check: dict[str, Any] = {moment: _results.compare(results, moment, row) for moment in ("first", "again")}
    mine = again.get("tritonnn", {})
    check |= {k: mine[k] for k in ("changed", "error") if k in mine}
    check |= {k: facts["torch"][k] for k in ("reference", "no reference") if k in facts.get("torch", {})}
    verdicts = [check["first"]["same"], check["again"]["same"], False if check.get("changed") else None]
    check["same"] = False if False in verdicts else check["first"]["same"]
    for path in Path(results).parent.glob(f"{Path(results).name}.*"):
        path.unlink()
    return check


def summary(samples: dict[str, list[float]], first: str) -> dict[str, Any]:
    """Medians of the samples, and medians of the ratios of samples taken in the same round.

    A ratio is another library's time over the first's: above 1 the first is faster.
    """
    seconds = {library: statistics.median(values) for library, values in samples.items() if values}
    ratios = {}
    for library, values in samples.items():
        pairs = list(zip(samples.get(first, []), values, strict=False))
        if library != first and pairs:
            ratios[library] = statistics.median(theirs / mine for mine, theirs in pairs)
    spread = {
        library: (max(values) - min(values)) / statistics.median(values)
        for library, values in samples.items()
        if values
    }
    return {"seconds": seconds, "ratio": ratios, "spread": spread}


def import_times(libraries: list[str], threads: int, rounds: int) -> dict[str, Any]:
    """Seconds that `import library` adds to starting Python, in turns."""
    env = child_environment(threads)
    samples: dict[str, list[float]] = {library: [] for library in libraries}
    for _ in range(rounds):
        bare = _run_seconds("pass", env)
        for library in libraries:
            samples[library].append(_run_seconds(f"import {library}", env) - bare)
    return {"errors": {}, "memory": {}, **summary(samples, libraries[0])}


def _run_seconds(code: str, env: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL, timeout=START_SECONDS
    )
    return time.perf_counter() - started
