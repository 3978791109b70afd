"""Drives the children of the report: one process per library, timed in turns so that drift hits all alike."""

from __future__ import annotations

import json
import os
import select
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ANSWER_SECONDS = 180


class Peer:
    """A child that measures with one library; `cap` limits extents in a rehearsal, `verbose` shows errors."""

    def __init__(self, library: str, device: str, threads: int, cap: int = 0, verbose: bool = False) -> None:
        self.library = library
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "_worker.py"), library, device, str(threads), str(cap)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=None if verbose else subprocess.DEVNULL,
            text=True, env=child_environment(threads),
        )  # fmt: skip
        self.environment = self._read()

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Send an order and wait for the answer; a child that died or hangs is an answer with an error
        too."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return {"error": f"the process measuring {self.library} has ended"}
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], ANSWER_SECONDS)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self.close()
            reason = "has ended" if ready else f"gave no answer for {ANSWER_SECONDS} s"
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


def measure(peers: list[Peer], row: Any, rounds: int) -> dict[str, Any]:
    """Times of one row: `seconds` and `ratio` to the first peer's, by library; `errors` where one could not.

    A ratio is the median over rounds of one library's time divided by the first's in the same round.
    """
    ready, errors = [], {}
    for peer in peers:
        answer = peer.ask("prepare", key=row.key)
        if "error" in answer:
            errors[peer.library] = answer["error"]
        else:
            ready.append(peer)
    samples: dict[str, list[float]] = {peer.library: [] for peer in ready}
    for turn in range(rounds):
        for peer in ready if turn % 2 == 0 else reversed(ready):
            answer = peer.ask("measure")
            if "error" in answer:
                errors[peer.library] = answer["error"]
            else:
                samples[peer.library].append(answer["seconds"])
    for peer in ready:
        peer.ask("release")
    return {"errors": errors, **summary(samples, peers[0].library)}


def summary(samples: dict[str, list[float]], first: str) -> dict[str, Any]:
    """Medians of the samples, and medians of the ratios of samples taken in the same round."""
    seconds = {library: statistics.median(values) for library, values in samples.items() if values}
    ratios = {}
    for library, values in samples.items():
        pairs = list(zip(samples.get(first, []), values, strict=False))
        if library != first and pairs:
            ratios[library] = statistics.median(mine / theirs for mine, theirs in pairs)
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
    return {"errors": {}, **summary(samples, libraries[0])}


def _run_seconds(code: str, env: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
