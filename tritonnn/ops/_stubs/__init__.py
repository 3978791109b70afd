"""`python -m tritonnn.ops stubs`: writes the type stubs of what the op table publishes.

Type checkers cannot see functions that are put into a module, or onto Tensor, while it is imported. The stubs say
what is there: `tritonnn/__init__.pyi`, `linalg.pyi`, `special.pyi`, `fft.pyi`, `return_types.pyi` and
`nn/functional.pyi`, and `_methods.pyi` with the class that is a base of Tensor where types are checked. The names
that `nn/functional.py` imports are written here too.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from tritonnn.ops import whole
from tritonnn.ops._stubs.definitions import folder
from tritonnn.ops._stubs.files import functional, methods, plain, records, torch


def files() -> dict[str, str]:
    """Path below the package -> text, not yet formatted."""
    whole()
    return {
        "__init__.pyi": torch(), "_methods.pyi": methods(), "linalg.pyi": plain("linalg"),
        "special.pyi": plain("special"), "fft.pyi": plain("fft"), "nn/functional.pyi": plain("functional"),
        "nn/functional.py": functional(), "return_types.pyi": records(),
    }  # fmt: skip


def formatted(text: str, path: str) -> str:
    """The text with sorted imports and in the formatter's layout, where the formatter is installed."""
    for step in (["check", "--select", "I", "--fix", "--quiet"], ["format"]):
        command = [sys.executable, "-m", "ruff", *step, "--stdin-filename", path, "-"]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            return text
        text = done.stdout
    return text


def stale() -> list[str]:
    """The files that say something else than the table does, whatever their layout."""
    return [path for path, text in files().items() if _meaning(folder() / path) != _tree(text)]


def _meaning(path: Path) -> list[str]:
    return _tree(path.read_text(encoding="utf-8")) if path.exists() else []


def _tree(text: str) -> list[str]:
    """The statements; imports one name each and in no order, as sorting them changes no meaning."""
    imports, rest = set(), []
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom):
            imports |= {f"{node.module} {alias.name} {alias.asname}" for alias in node.names}
        else:
            rest.append(ast.dump(node))
    return [*sorted(imports), *rest]


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` name those that are not as they would be written."""
    if arguments == ["--check"]:
        wrong = stale()
        print(
            "\n".join(
                f"{path} is stale: run `make format`, or `python -m tritonnn.ops stubs`" for path in wrong
            )
            or "up to date"
        )
        return 1 if wrong else 0
    for path, text in files().items():
        (folder() / path).write_text(formatted(text, str(folder() / path)), encoding="utf-8")
    return 0
