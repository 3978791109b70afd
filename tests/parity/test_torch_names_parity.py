"""docs/_torch_names.txt, of which the documentation says what is there, holds the installed PyTorch's names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_names_are_those_of_pytorch() -> None:
    """If they have changed: `PYTHONPATH=. python docs/_coverage_pages.py` writes them anew.

    In a process of its own: what other tests import adds names to PyTorch's modules.
    """
    code = "import _coverage_pages; print(_coverage_pages.collected(), end='')"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=DOCS, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == (DOCS / "_torch_names.txt").read_text(encoding="utf-8")
