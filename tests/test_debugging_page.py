"""The examples of docs/debugging.md run and print what the page says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import tritonnn as torch

PAGE = Path(__file__).resolve().parent.parent / "docs" / "debugging.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_example(block: str) -> None:
    torch.manual_seed(0)
    output: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    names = {"torch": torch, "nn": torch.nn}
    test = doctest.DocTestParser().get_doctest(block, names, PAGE.name, str(PAGE), 0)
    results = doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=output.append)
    assert results.attempted and not results.failed, "".join(output)
