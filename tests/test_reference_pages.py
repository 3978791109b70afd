"""The pages that docs/ makes: of every public op and class, in Markdown that means what the docstring says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import tritonnn as torch
from tritonnn.ops._table import NAMESPACES

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture(scope="module", autouse=True)
def _docs_are_importable():
    sys.path.insert(0, str(DOCS))
    yield
    sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def reference() -> dict[str, str]:
    """The pages by their paths."""
    import _reference

    return _reference.pages()


def places(pages: dict[str, str]) -> list[str]:
    """The names that have a heading."""
    return re.findall(r"^#+ .*\{#(\S+)\}$", "\n".join(pages.values()), re.MULTILINE)


def test_every_name_stands_once(reference: dict[str, str]) -> None:
    found = places(reference)
    assert len(found) == len(set(found)) > 1500
    classes = {name: value for name in dir(torch.nn) if isinstance(value := getattr(torch.nn, name), type)}
    wanted = {
        f"torch.nn.{name}" for name, value in classes.items() if value.__module__.startswith("tritonnn")
    }
    assert wanted <= set(found)
    wanted = {f"torch.optim.{n}" for n, v in vars(torch.optim).items() if isinstance(v, type) and n[0] != "_"}
    assert wanted <= set(found)
    for place, prefix in (("torch", "torch"), ("functional", "torch.nn.functional"), ("fft", "torch.fft")):
        for name in NAMESPACES[place]:
            path = f"{prefix}.{name}"
            named = path in found or any(f"`{path}`" in page for page in reference.values())
            assert named or name.startswith("_"), path


def test_an_op_shows_its_signature_example_and_row(reference: dict[str, str]) -> None:
    _, _, text = reference["reference/ops/convolution.md"].partition("## `torch.conv2d`")
    text = text.partition("\n## ")[0]
    assert "    stride: IntOrInts = 1,\n" in text and ">>> torch.conv2d(torch.ones(1, 1, 3, 3)" in text
    assert "Also `torch.nn.functional.conv2d`." in text and "second gradient: yes" in text


DOC = r"""Steps by :math:`p_{t-1}`, or a[i] * b_c < 1.

    More, with `code_here`:

        out = a * b

    Args:
        lr: learning rate; see
            below.
        *rest: others.

    Raises:
        ValueError: ``lr`` is negative. TypeError: no *number*.

    Example:
        >>> 1 + 1
        2

        >>> 2 + 2
        4
    """
MARKDOWN = r"""Steps by `formula:p_{t-1}`, or a\[i\] \* b\_c \< 1.

More, with `code_here`:

```text
out = a * b
```

**Args**

- `lr`: learning rate; see below.
- `*rest`: others.

**Raises**

- `ValueError`: ``lr`` is negative. TypeError: no \*number\*.

```pycon
>>> 1 + 1
2

>>> 2 + 2
4
```"""


def test_every_page_has_a_place_in_the_navigation() -> None:
    text = (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8").partition("\nnav:\n")[2]
    placed = set(re.findall(r"([\w/]+\.md)$", text, re.MULTILINE))
    assert {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")} <= placed, (
        "add it to mkdocs.yml"
    )


def test_docstrings_as_markdown() -> None:
    import _docstrings

    assert _docstrings.markdown(DOC) == MARKDOWN
    assert _docstrings.markdown(None) == ""


def test_signatures() -> None:
    import _docstrings

    def short(a, /, b: int = 1, *, c: float | None = None) -> str: ...
    def long(
        self, first_argument: list[int], *others: int, another_argument: str = "x", call=print, **rest
    ): ...

    shown = _docstrings.signature("short", short).splitlines()
    assert shown[1] == "short(a, /, b: int = 1, *, c: float | None = None) -> str"
    assert _docstrings.signature("long", long, method=True) == (
        "```python\nlong(\n    first_argument: list[int],\n    *others: int,\n    another_argument: str = 'x',\n"
        "    call=print,\n    **rest,\n)\n```"
    )


def test_what_pytorch_has_and_tritonnn_has_not() -> None:
    import _coverage_pages

    page = _coverage_pages.names_page()
    counts = {
        m[0]: (int(m[1]), int(m[2])) for m in re.findall(r"^\| `([\w.]+)` \| (\d+) \| (\d+) \|", page, re.M)
    }
    assert set(counts) == set(_coverage_pages.names_by_module()) - {"version"}
    assert counts["torch.optim"][0] == counts["torch.optim"][1] > 10
    missing = set(re.findall(r"`(\w+)`", page.partition("## Not in `torch` ")[2].partition("\n## ")[0]))
    assert "quantize_per_tensor" in missing and "conv2d" not in missing
    assert len(missing) == counts["torch"][0] - counts["torch"][1]


def test_differences_are_read_from_the_lists() -> None:
    import _differences

    page = _differences.page("2")
    assert "`sort` (value)" in page and "ours is the first" in page  # opdb_known.py
    assert "`linspace`" in page and "steps=100" in page  # a file that imports torch
    assert "`linalg.svd` (value)" in page and "`zeta` (infinite, mixed, largest)" in page
