"""The page of differences from PyTorch, op by op: what the tests that compare with it are told to expect.

The lists stand as data in `tests/parity`, beside the comparisons that use them. Those files import PyTorch, which the
documentation is built without: of such a file only the statements that assign to names are run.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent / "tests"
HEAD = """# Differences, op by op

What the tests that compare with PyTorch {version} are told to expect, with its reason. What they compare beyond these
lists agrees: to rounding in results and gradients, exactly in dtypes, shapes and classes of exceptions.
"""


def data(file: str) -> dict[str, Any]:
    """The names that a file of `tests/parity` assigns, where that needs no other module."""
    names: dict[str, Any] = {}
    for node in ast.parse((TESTS / "parity" / file).read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
            value = compile(ast.Expression(node.value), file, "eval")
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            with contextlib.suppress(NameError):  # of another module
                names[ast.unparse(target)] = eval(value, names)
    return names


def unspecified() -> Any:
    """The module with what PyTorch leaves open."""
    sys.path[:0] = [str(TESTS), str(TESTS / "parity")]
    try:
        return importlib.import_module("unspecified")
    finally:
        del sys.path[:2]


def table(rows: Iterable[tuple[str, str]], first: str) -> str:
    """One row for each reason, with all that it explains."""
    by_reason: dict[str, list[str]] = {}
    for name, why in rows:
        by_reason.setdefault(why, []).append(name)
    lines = [f"| {first} | why |", "|---|---|"]
    for why, names in by_reason.items():
        texts = []
        for name in names:
            op, _, kind = name.partition(": ")
            texts.append(f"`{op}`" + (f" ({kind})" if kind else ""))
        lines.append(f"| {', '.join(texts)} | {why.replace('|', chr(92) + '|')} |")
    return "\n".join(lines)


def page(version: str) -> str:
    """The Markdown."""
    results = data("opdb_known.py")["KNOWN"]
    open_ = unspecified()
    special = {f"{op}: {', '.join(kinds)}": why for op, (kinds, why) in open_.SPECIAL.items()}
    larger = {
        op: f"{why} ({times:g} times the error of the precision)"
        for op, (times, why) in open_.LARGER_ERROR.items()
    }
    undefined = {op: why for op, (_, why) in open_.UNDEFINED.items()}
    parts = [
        HEAD.format(version=version),
        "## Results, gradients and `out=`\n",
        table(results.items(), "op"),
        "\n## Arguments\n",
        table(data("test_call_parity.py")["EXCEPTIONS"].items(), "function"),
        "\n## Signatures of classes\n",
        table(data("test_signature_parity.py")["EXCEPTIONS"].items(), "class"),
        "\n## Classes of exceptions\n",
        table(data("test_refusal_parity.py")["REASONS"].items(), "op"),
        "\n## Special numbers\n\nNaN, infinities, signed zeros, the smallest and the largest numbers, ties.\n",
        table(special.items(), "op"),
        "\n## Either sign of zero\n",
        table(open_.SIGN_OF_ZERO.items(), "op or family"),
        "\n## Larger errors\n\nElsewhere a result may be off by twice the error that its precision has of its own.\n",
        table(larger.items(), "op"),
        "\n## Not compared by value\n",
        table(undefined.items(), "op"),
        "\n## Under vmap\n",
        table(data("vmap_known.py")["KNOWN"].items(), "op"),
    ]
    return "\n".join(parts) + "\n"
