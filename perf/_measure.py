"""Drives the children of the report: one process per library, timed in turns so that drift hits all alike."""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ANSWER_SECONDS = 180.0
RESTARTS = 5  # of one library: what fails more often than that is not going to work


class Peer:
    """A child that measures with one library.

    Args:
        library: 'tritonnn', 'torch' or 'torch.compile'.
        verbose: whether its error output shows.
        options: further arguments of `_worker.Worker`.
    """

    def __init__(self, library: str, verbose: bool = False, **options: Any) -> None:
        self.library = library
        settings = json.dumps({"library": library, **options})
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "_worker.py"), settings],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if verbose else subprocess.DEVNULL,
            text=True, env=child_environment(options.get("threads", 1)),
        )  # fmt: skip
        self.environment = self.answer(ANSWER_SECONDS)

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Send an order and wait for the answer."""
        self.send(do, **order)
        return self.answer(ANSWER_SECONDS)

    def send(self, do: str, **order: Any) -> None:
        """Send an order; `answer` waits for what comes back."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass  # the answer will say that it has ended

    def answer(self, seconds: float) -> dict[str, Any]:
        """What a child says; one that died or hangs is an answer with an error too."""
        stream = self._process.stdout
        assert stream is not None
        if stream.closed:
            return {"error": f"the process measuring {self.library} has ended"}
        ready, _, _ = select.select([stream], [], [], max(0.0, seconds))
        line = stream.readline() if ready else ""
        if not line:
            self.close()
            reason = "has ended" if ready else f"gave no answer for {seconds:.0f} s"
            return {"error": f"the process measuring {self.library} {reason}"}
        return json.loads(line)

    @property
    def alive(self) -> bool:
        """Whether the child still answers."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the child."""
        if self.alive:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()


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

    def get(self, libraries: Iterable[str]) -> list[Peer]:
        """Living children of these libraries, in order."""
        for library in libraries:
            if library in self.peers and not self.peers[library].alive:
                if self._starts[library] <= RESTARTS:
                    self._starts[library] += 1
                    self.peers[library] = Peer(library, **self._settings)
        return [self.peers[k] for k in libraries if k in self.peers]

    def close(self) -> None:
        """End all children."""
        for peer in self.peers.values():
            peer.close()


def measure(
    peers: list[Peer], row: Any, rounds: int, seconds: float = ANSWER_SECONDS, first: str = "tritonnn"
) -> dict[str, Any]:
    """One row: `seconds`, `memory` and `ratio` of each library, and `errors` where one could not.

    Preparing goes on in all children at once, since compiling takes seconds; measuring in one at a time. A
    ratio is the median over rounds of a library's time divided by the first's in the same round.

    Args:
        peers: the children.
        row: what to measure.
        rounds: samples of each.
        seconds: limit of preparing; who needs longer is stopped.
        first: the library that the others are compared with.
    """
    errors: dict[str, str] = {}
    facts: dict[str, dict[str, Any]] = {}
    end = time.monotonic() + seconds
    for peer in peers:
        peer.send("prepare", key=row.key)
    for peer in peers:
        facts[peer.library] = peer.answer(end - time.monotonic())
    for peer in peers:
        if "error" not in facts[peer.library]:
            facts[peer.library] |= peer.ask("calibrate")
        if "error" in facts[peer.library]:
            errors[peer.library] = facts[peer.library]["error"]
    samples: dict[str, list[float]] = {p.library: [] for p in peers if p.library not in errors}
    ready = [p for p in peers if p.library in samples]
    for turn in range(rounds):
        for peer in ready if turn % 2 == 0 else reversed(ready):
            answer = peer.ask("measure") if peer.library not in errors else {"error": ""}
            if "error" not in answer:
                samples[peer.library].append(answer["seconds"])
            else:
                errors.setdefault(peer.library, answer["error"])
    for peer in ready:
        peer.ask("release")
    memory = {k: f["memory"] for k, f in facts.items() if "memory" in f}
    return {"errors": errors, "memory": memory, **summary(samples, first)}


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
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
