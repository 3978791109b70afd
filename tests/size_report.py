"""Files and functions that have grown too long, per package: `python tests/size_report.py`."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("tritonnn", "kernels", "cpu_fallback", "tests", "perf", "examples", "docs")
MAX_FILE = 400
MAX_FUNCTION = 50


class Size(NamedTuple):
    """A file (`name` as its path) or a function (path::name) with its length in lines."""

    name: str
    lines: int


def sources(package: str) -> list[Path]:
    """The Python files of a top-level folder."""
    return sorted((ROOT / package).rglob("*.py"))


def _code_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its docstring, which may be as long as the reader needs."""
    first = node.body[0]
    is_doc = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    doc = first.end_lineno - first.lineno + 1 if is_doc and isinstance(first.value.value, str) else 0
    return node.end_lineno - node.lineno + 1 - doc


def measure(package: str) -> tuple[list[Size], list[Size]]:
    """All files and all functions of a package with their lengths."""
    files, functions = [], []
    for path in sources(package):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT).as_posix()
        files.append(Size(name, text.count("\n")))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                functions.append(Size(f"{name}::{node.name}", _code_lines(node)))
    return files, functions


def main() -> None:
    """Print, for every package, its totals and what is over the limits, longest first."""
    for package in PACKAGES:
        files, functions = measure(package)
        if not files:
            continue
        lines = sorted(size.lines for size in files)
        print(
            f"{package}: {len(files)} files, {sum(lines)} lines, median {lines[len(lines) // 2]}, "
            f"{len(functions)} functions"
        )
        for sizes, limit in ((files, MAX_FILE), (functions, MAX_FUNCTION)):
            for size in sorted(sizes, key=lambda size: -size.lines):
                if size.lines > limit:
                    print(f"  {size.lines:5d}  {size.name}")


if __name__ == "__main__":
    main()
