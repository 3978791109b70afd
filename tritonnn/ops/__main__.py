"""Questions to the op table, and what is written from it.

`python -m tritonnn.ops where NAME` prints the places of an op: entry, kernel, NumPy twin, tests, rows of the report.
`python -m tritonnn.ops stubs [--check]` writes the type stubs, or says which of them are stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.table import NAMESPACES, OPS, Op


def entries(name: str) -> list[Op]:
    """The entries that a name leads to: an entry's own, a public one or an alias, also with its module before it."""
    short = name.rpartition(".")[2]
    by_name = {OPS[short].name: OPS[short]} if short in OPS else {}
    functions = [names[short] for names in NAMESPACES.values() if short in names]
    functions.append(getattr(Tensor, short, None))
    for function in functions:
        op = getattr(function, "op", None)
        if op is not None:
            by_name[op.name] = op
    if not by_name:  # a method that stands beside the table, such as view, and the entry that it calls
        by_name = {op.name: op for op in OPS.values() if op.public_name == short}
    return list(by_name.values())


def lines(folder: Path, name: str) -> Iterator[str]:
    """'path:line' of each definition of `name` in a file, or in the files of a folder."""
    definition = re.compile(rf"^(?:def {name}\(|{name}(?:: [^=]+)? = )")
    for path in sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]:
        if path.exists():
            for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
                if definition.match(line):
                    yield f"{path.relative_to(root())}:{number}"


def root() -> Path:
    """The folder that the package stands in."""
    return Path(tritonnn.__path__[0]).parent


def backend(folder: str) -> Path:
    """Where a backend's files are: beside the package in a source tree, in it where it is installed."""
    inside = Path(tritonnn.__path__[0]) / folder
    return inside if inside.is_dir() else root() / folder


def mentions(op: Op, folder: str, pattern: str) -> list[str]:
    """The files in a folder of the source tree that name the op."""
    word = re.compile(rf"\b({re.escape(op.name)}|{re.escape(op.public_name)})\b")
    files = sorted((root() / folder).rglob(pattern))  # none where the package is installed
    return [str(f.relative_to(root())) for f in files if word.search(f.read_text(encoding="utf-8"))]


def components(op: Op) -> list[str]:
    """The entries that the body of a composite names."""
    body = getattr(op.function, "__wrapped__", op.function)
    return sorted({name for name in body.__code__.co_names if name in OPS and name != op.name})


def page(op: Op) -> str:
    """Everything about one entry."""
    module = root() / Path(*op.module.split("."))
    entry = [*lines(module, op.name), f"{module.relative_to(root())}.py"][0]
    rows = [("entry", f"{entry}  ({op.kind})")]
    if op.kind == "composite":
        rows.append(("made of", ", ".join(components(op)) or "what its file shows"))
    elif op.kind == "view":
        rows.append(("kernel, twin", "none: no data moves"))
    else:
        for label, folder in (("kernel", "kernels"), ("twin", "cpu_fallback")):
            places = ", ".join(lines(backend(folder) / op.family, op.name))
            rows.append((label, places or ("on the host" if op.host else "none: copied by dispatch")))
    rows.append(("published as", f"{op.public_name} in {op.api}" if op.api else "not published"))
    rows.append(("tests", f"pytest tests/test_ops.py -k {op.name}"))
    rows += [("", file) for file in mentions(op, "tests", "test_*.py")]
    rows.append(("report", ", ".join(mentions(op, "perf/rows", "*.py")) or "no rows"))
    return "\n".join([op.signature, *[f"  {label:13}{text}" for label, text in rows]])


def main(arguments: list[str]) -> int:
    """Answer, or write the stubs. Returns the exit status."""
    if arguments[:1] == ["stubs"]:
        from tritonnn.ops import _stubs

        return _stubs.main(arguments[1:])
    if len(arguments) < 2 or arguments[0] != "where":
        print("usage: python -m tritonnn.ops where NAME ... | stubs [--check]", file=sys.stderr)
        return 2
    status = 0
    for name in arguments[1:]:
        matches = entries(name)
        if not matches:
            print(f"no entry is called {name}", file=sys.stderr)
            status = 1
        for op in matches:
            print(page(op))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
