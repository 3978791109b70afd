"""The examples of docs/profiling.md run, one after another, and print what the page says."""

from __future__ import annotations

import doctest
from pathlib import Path

import tritonnn as torch

PAGE = Path(__file__).resolve().parent.parent / "docs" / "profiling.md"


def test_examples() -> None:
    torch.manual_seed(0)
    text = PAGE.read_text(encoding="utf-8")
    examples = "\n".join(block.partition("```")[0] for block in text.split("```python\n")[1:])
    output: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    test = doctest.DocTestParser().get_doctest(examples, {}, PAGE.name, str(PAGE), 0)
    results = doctest.DocTestRunner(optionflags=flags, verbose=False).run(test, out=output.append)
    assert results.attempted > 10 and not results.failed, "".join(output)
