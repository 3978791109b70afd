"""Kills processes while they save: `python -m fuzz.kills --kills 100` (with tests/ on PYTHONPATH).

A child saves the same names again and again, each time with other contents, and says which version of which file it
has finished; the parent kills it (SIGKILL) at a random moment. Then every file must be there as a whole, in the version
last finished or the one that was being written, and after the next save nothing else may be in the folder.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

COUNT = 50_000  # elements of a file: so many that a kill falls into its writing

WAYS = ("zip", "legacy", "safetensors")


class Report(NamedTuple):
    """What became of many kills."""

    kills: int
    inside: int  # between the beginning and the end of a save
    left: int  # of temporary files that the next save cleaned
    findings: list[str]

    def __str__(self) -> str:
        head = f"{self.kills} kills, {self.inside} of them inside a save; {self.left} temporary files left and cleaned"
        return "\n".join([head, *(f"FOUND {finding}" for finding in self.findings)])


def read(way: str, path: Path) -> Any:
    """The tensor in a file."""
    import tritonnn as torch
    from tritonnn.utils import safetensors

    return (safetensors.load_file(path) if way == "safetensors" else torch.load(path))["x"]


def write(way: str, path: Path, value: float, count: int = COUNT) -> None:
    """The next save to the name."""
    import tritonnn as torch
    from tritonnn.utils import safetensors

    x = torch.full((count,), float(value))
    if way == "safetensors":
        safetensors.save_file({"x": x}, path)
    else:
        torch.save({"x": x}, path, _use_new_zipfile_serialization=way == "zip")


def save_for_ever(folder: Path, version: int, told: int) -> None:
    """Saves the names in turn, and says what it does to the pipe `told`."""
    while True:
        for way in WAYS:
            version += 1
            os.write(told, f"begins {way} {version}\n".encode())
            write(way, folder / way, version)
            os.write(told, f"done {way} {version}\n".encode())


def one(folder: Path, version: int, rng: random.Random) -> tuple[dict[str, int], dict[str, int]]:
    """Starts a child and kills it after some saves; {way: version} that it began and that it finished."""
    reading, told = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            save_for_ever(folder, version, told)
        finally:
            os._exit(1)
    os.close(told)
    states: dict[str, dict[str, int]] = {"begins": {}, "done": {}}
    after = rng.randrange(1, 8)
    with open(reading, encoding="ascii") as lines:
        for line in lines:
            _take(line, states)
            if line.startswith("begins") and max(states["begins"].values()) - version >= after:
                break
        time.sleep(rng.random() * 0.004)
        os.kill(child, signal.SIGKILL)
        for line in lines:
            _take(line, states)
    os.waitpid(child, 0)
    return states["begins"], states["done"]


def _take(line: str, states: dict[str, dict[str, int]]) -> None:
    what, way, number = line.split()
    states[what][way] = int(number)


def run(kills: int, seed: int = 0, until: float | None = None) -> Report:
    """So many kills, or fewer where the time `until` comes before."""
    rng = random.Random(seed)
    count, inside, left, version = 0, 0, 0, 0
    findings: list[str] = []
    last: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        while count < kills and (until is None or time.time() < until):
            count += 1
            began, done = one(folder, version, rng)
            version = max([version, *began.values()])
            inside += began != done
            last.update(done)
            for way in WAYS:
                problem = _problem(folder / way, way, last.get(way), began.get(way))
                if problem:
                    findings.append(f"kill {count}: {problem}")
            temporary = [entry for entry in os.listdir(folder) if entry.endswith(".tmp")]
            left += len(temporary)
            for way in WAYS:
                version += 1
                write(way, folder / way, version)
                last[way] = version
            if sorted(os.listdir(folder)) != sorted(WAYS):
                findings.append(f"kill {count}: left behind {sorted(os.listdir(folder))}")
    return Report(count, inside, left, findings)


def _problem(path: Path, way: str, finished: int | None, began: int | None) -> str:
    """What is wrong with a file; '' where it is as a whole one of the versions that it may be."""
    allowed = {finished, began} - {None}
    if not path.exists():
        return f"{way} is not there though version {finished} was finished" if finished is not None else ""
    try:
        x = read(way, path)
    except Exception as error:
        return f"{way} is damaged: {error}"
    values = set(x.tolist())
    if len(values) != 1 or len(x) != COUNT or not values <= allowed:
        return f"{way} holds {sorted(values)[:3]}, not one of {sorted(allowed)}"
    return ""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = run(options.kills, options.seed)
    print(report)
    return bool(report.findings)


if __name__ == "__main__":
    sys.exit(main())
