"""The instruments for files, briefly and with the same numbers each time; `make fuzz` runs them for longer."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="limits, signals and mounts as Linux has them"
)
ROOT = Path(__file__).resolve().parents[2]


def instrument(*arguments: object) -> str:
    """What an instrument says in a process of its own, which may fork."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    environment = {**os.environ, "PYTHONPATH": paths, "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0 and "FOUND" not in done.stdout, done.stdout + done.stderr
    return done.stdout


def test_damaged_and_hostile_files() -> None:
    said = instrument("fuzz.loading", "--files", 200)
    assert "UnpicklingError" in said and "RuntimeError" in said and "ValueError" in said and "loaded" in said


def test_kills_while_saving() -> None:
    said = instrument("fuzz.kills", "--kills", 25)
    assert said.startswith("25 kills") and " 0 of them" not in said


def test_full_disks_and_closed_folders() -> None:
    assert "failed as they must" in instrument("fuzz.full_disks")


def test_the_child_notices_what_it_should() -> None:
    """A file that runs code, grows, hangs or raises something else is found: each is let through on purpose."""
    code = """
import io, os, pickle, sys, time
from fuzz import checkpoints, loading
loading.SECONDS, loading.GROWTH = 1, 64 << 20
kept = []
def raising(): raise KeyError("x")
def silent(): raise RuntimeError("no name")
ways = {
    1: lambda: os.system("true"), 2: lambda: exec("1"), 3: lambda: __import__("colorsys"),
    4: lambda: time.sleep(5), 5: lambda: kept.append(b"x" * (128 << 20)), 6: raising, 7: silent,
    8: lambda: open(os.devnull, "w").close(), 9: lambda: None,
}
loading._read = lambda made, number, path: ways[number]()
import signal
signal.signal(signal.SIGALRM, loading._late)
sys.addaudithook(loading._hook)
checkpoints.make(0)
for number in ways:
    print(number, loading.attempt(number, sys.argv[1])["wrong"][:20] or "fine")
"""
    with tempfile.NamedTemporaryFile() as file:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        command = [sys.executable, "-c", code, file.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    outcomes = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert [key for key, value in outcomes.items() if value == "fine"] == ["9"], outcomes
    assert outcomes["4"] == "too long" and "MiB" in outcomes["5"] and "KeyError" in outcomes["6"], outcomes
