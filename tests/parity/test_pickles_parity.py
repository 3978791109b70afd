"""What one library pickles and saves as a whole the other reads and uses alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PROGRAM = Path(__file__).with_name("pickled_objects.py")


def served(*args: object) -> str:
    """Run the program on tritonnn."""
    command = [sys.executable, "-m", "tritonnn", "run", str(PROGRAM), *map(str, args)]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("writer", ["torch", "tritonnn"])
def test_either_uses_what_the_other_pickled(writer: str, tmp_path: Path) -> None:
    import pickled_objects

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if writer == "torch":
            pickled_objects.write(tmp_path)
        else:
            served("write", tmp_path)
            named = [file.name for file in tmp_path.iterdir() if b"tritonnn." in file.read_bytes()]
            assert not named, "PyTorch does not know these modules"
        wanted = json.loads(json.dumps(pickled_objects.read(tmp_path)))
    got = json.loads(served("read", tmp_path))
    assert len(got) == len(wanted) > 30
    for name, value in wanted.items():
        assert not isinstance(value, str), f"{name}: {value}"
        assert got[name] == value, name
