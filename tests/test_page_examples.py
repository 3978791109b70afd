"""The examples of the pages of docs/ run, one after another, and print what the page says; those of README.md run."""

from __future__ import annotations

import doctest
import re
import shutil
from pathlib import Path

import pytest

import tritonnn as torch

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").glob("*.md"))
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
#: pages without an example
PLAIN = {"architecture", "counting", "gpu", "performance"}
#: pages that have a test of their own: what they show is more than a session
OWN = {"debugging", "extending"}


def blocks(page: Path) -> list[str]:
    """The blocks of Python on a page."""
    return re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [p for p in PAGES if p.stem not in PLAIN | OWN], ids=lambda page: page.stem)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of their own, with the data of the examples beside them."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples" / "data").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "data" / "digits.npz", tmp_path / "examples" / "data")
    torch.manual_seed(0)
    output: list[str] = []
    test = doctest.DocTestParser().get_doctest("\n".join(blocks(page)), {}, page.name, str(page), 0)
    results = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=output.append)
    assert results.attempted and not results.failed, "".join(output)


def test_pages_without_examples() -> None:
    assert {page.stem for page in PAGES if not blocks(page)} - OWN == PLAIN


def test_the_example_of_the_readme() -> None:
    names: dict = {}
    for block in blocks(ROOT / "README.md"):
        exec(block, names)
    assert torch.isfinite(names["loss"]).item()
