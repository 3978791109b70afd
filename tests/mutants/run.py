"""Plants each fault in a copy of the tree and runs its tests: `make mutants`, or with options
`PYTHONPATH=tests python -m mutants.run -k softmax -j 2`.

A fault is killed where its tests pass without it and fail, crash or hang with it. The status is 1 where one
survives without a reason, no longer fits its file, or names tests that do not run.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import NamedTuple

from mutants import ROOT, Fault, all_faults

#: exit statuses of pytest
PASSED, FAILED, INTERRUPTED = 0, 1, 2
FINE = ("killed", "equivalent")
SLACK = 30.0  # seconds that a fault's tests may take beyond ten times what they take without it
LONGEST = 300.0  # seconds that tests without a fault may take
CHECK = """
import sys, tritonnn, tritonnn.kernels, tritonnn.cpu_fallback
sys.exit(any(not m.__file__.startswith(sys.argv[1]) for m in
             (tritonnn, tritonnn.kernels, tritonnn.cpu_fallback)))
"""


class Verdict(NamedTuple):
    """What became of a fault, and how long its tests took with it."""

    fault: Fault
    word: str
    seconds: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        fault = self.fault
        line = f"{self.word:11}{self.seconds:6.1f}s  {fault.mechanism:18} {fault.name}"
        if self.word not in FINE:
            line += f"\n{'':21}{fault.file}: {self.detail or fault.tests}"
        return line


class Copy:
    """A copy of what git knows of the tree, in which one fault at a time is planted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
        for name in filter(None, os.fsdecode(names).split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, root / name)
        self.environment = {
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_NUM_THREADS": "1",
            **os.environ,
            "PYTHONPATH": str(root),
            "TRITONNN_CACHE_DIR": str(root / ".cache"),
        }
        if self._python(["-c", CHECK, str(root)], LONGEST)[0]:
            raise SystemExit("the copy's own files are not those that Python imports")

    def _python(self, arguments: list[str], limit: float) -> tuple[int | None, str]:
        """Status (None where it hangs) and output of a process in the copy, with its children ended."""
        command = [sys.executable, *arguments]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=self.root, env=self.environment, stdout=pipe, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
        ) as process:  # fmt: skip
            try:
                output, _ = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                return None, process.communicate()[0]
        return process.returncode, output

    def test(self, tests: str, limit: float) -> tuple[int | None, str, float]:
        """Status, output and seconds of pytest."""
        start = time.monotonic()
        options = ["-x", "-q", "-p", "no:cacheprovider", "--tb=line"]
        status, output = self._python(["-m", "pytest", *options, *shlex.split(tests)], limit)
        return status, output, time.monotonic() - start

    def plant(self, fault: Fault) -> None:
        """Write the file with the fault in it."""
        self._write(fault.file, fault.planted((ROOT / fault.file).read_text(encoding="utf-8")))

    def restore(self, fault: Fault) -> None:
        """Write the file as it was."""
        self._write(fault.file, (ROOT / fault.file).read_text(encoding="utf-8"))

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.write_text(text, encoding="utf-8")
        # Python takes compiled code for that of a file of the same second and size.
        Path(importlib.util.cache_from_source(str(path))).unlink(missing_ok=True)


class Runner:
    """Runs faults in as many copies as there are threads."""

    def __init__(self, folder: Path, jobs: int) -> None:
        self._copies: SimpleQueue[Copy] = SimpleQueue()
        for number in range(jobs):
            self._copies.put(Copy(folder / str(number)))
        self._clean: dict[str, Future[tuple[int | None, str, float]]] = {}
        self._lock = Lock()

    def __call__(self, fault: Fault) -> Verdict:
        if fault.occurrences() != 1:
            return Verdict(fault, "stale", detail=f"{fault.occurrences()} times {fault.old!r}")
        if fault.equivalent:
            return Verdict(fault, "equivalent")
        copy = self._copies.get()
        try:
            return self._verdict(copy, fault)
        finally:
            self._copies.put(copy)

    def _verdict(self, copy: Copy, fault: Fault) -> Verdict:
        status, output, seconds = self._without(copy, fault.tests)
        if status != PASSED:
            return Verdict(fault, "unusable", seconds, f"{fault.tests} without the fault: {_end(output)}")
        copy.plant(fault)
        try:
            status, output, seconds = copy.test(fault.tests, 10 * seconds + SLACK)
        finally:
            copy.restore(fault)
        if status is None or status < 0 or status in (FAILED, INTERRUPTED):
            return Verdict(fault, "killed", seconds)
        if status == PASSED:
            return Verdict(fault, "SURVIVED", seconds)
        return Verdict(fault, "unusable", seconds, f"{fault.tests}: {_end(output)}")

    def _without(self, copy: Copy, tests: str) -> tuple[int | None, str, float]:
        """What the tests do without a fault; each selection runs once."""
        with self._lock:
            known = self._clean.get(tests)
            mine = known is None
            known = self._clean.setdefault(tests, Future())
        if mine:
            known.set_result(copy.test(tests, LONGEST))
        return known.result()


def _end(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1] if lines else "no output"


def selected(faults: list[Fault], words: list[str]) -> list[Fault]:
    """The faults in whose name, mechanism or file one of the words stands."""
    return [
        fault
        for fault in faults
        if not words or any(word in f"{fault.name} {fault.mechanism} {fault.file}" for word in words)
    ]


def main() -> int:
    """Run what the command line selects."""
    parser = argparse.ArgumentParser(description="plants faults and runs the tests that should notice them")
    parser.add_argument(
        "-k", action="append", default=[], help="a word of name, mechanism or file; several add up"
    )
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, help="processes at a time")
    options = parser.parse_args()
    faults = selected(all_faults(), options.k)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        runner = Runner(Path(folder).resolve(), max(1, min(options.j, len(faults))))
        with ThreadPoolExecutor(options.j) as threads:
            verdicts = []
            for verdict in threads.map(runner, faults):
                print(verdict, flush=True)
                verdicts.append(verdict)
    counts = Counter(verdict.word for verdict in verdicts)
    for verdict in verdicts:
        if verdict.word == "equivalent":
            print(f"equivalent: {verdict.fault.name}: {verdict.fault.equivalent}")
    for verdict in verdicts:
        if verdict.word not in FINE:
            print(verdict)
    summary = ", ".join(f"{count} {word}" for word, count in sorted(counts.items()))
    print(f"{len(verdicts)} faults: {summary}; {time.monotonic() - start:.0f} seconds")
    return int(any(verdict.word not in FINE for verdict in verdicts))


if __name__ == "__main__":
    sys.exit(main())
