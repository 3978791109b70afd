"""Questions to the op table, and what is written from it: `tritonnn ops`, or `python -m tritonnn.ops`.

`python -m tritonnn.ops where NAME` prints the places of an op: entry, kernel, NumPy twin, tests, rows of the report; of
what is public and no op the file and line of its definition, and the tests that name it.
`python -m tritonnn.ops stubs [--check]` writes the type stubs, or says which of them are stale.
`python -m tritonnn.ops --coverage [--package NAME]` prints a table: what each op has.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from functools import cache
from inspect import getattr_static, getsourcefile, getsourcelines, unwrap
from pathlib import Path
from typing import Any

import tritonnn
from tritonnn import _tensor
from tritonnn._tensor import Tensor
from tritonnn.ops import whole
from tritonnn.table import NAMESPACES, OPS, Op


def entries(name: str) -> list[Op]:
    """The entries that a name leads to: an entry's own, a public one or an alias, also with its module before it."""
    whole()
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


# Where public names are looked for, in this order.
PLACES = (
    "", "Tensor", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "linalg", "special",
    "fft", "autograd", "autograd.functional", "autograd.graph", "cuda", "backends", "utils", "utils.data",
    "utils.checkpoint", "utils.dlpack", "random", "multiprocessing", "serialization",
)  # fmt: skip


def public(name: str) -> Iterator[tuple[str, Any, Any]]:
    """(path, owner, object) of what users find by a name: with its module before it, or in any of `PLACES`."""
    parts = re.sub(r"^(torch|tritonnn)\.", "", re.sub(r"^F\.", "nn.functional.", name)).split(".")
    for place in PLACES:
        path = [*place.split("."), *parts] if place else parts
        owner, target = None, tritonnn
        try:
            for part in path:
                owner, target = (
                    target,
                    getattr_static(target, part) if isinstance(target, type) else getattr(target, part),
                )
        except (AttributeError, ImportError):
            continue
        yield ".".join(("torch", *path)), owner, target
        return


def definition(path: str, owner: Any, target: Any) -> str:
    """'path:line' of where a public name is defined."""
    target = target.fget if isinstance(target, property) else getattr(target, "__func__", target)
    target = unwrap(target) if callable(target) else target
    try:
        file, (_, line) = getsourcefile(target), getsourcelines(target)
    except (TypeError, OSError):
        file, line = None, 0
    if not file or root().resolve() not in Path(file).resolve().parents:  # of Python's own, or without code
        file, line = _assigned(path.rpartition(".")[2], owner, target)
    return f"{Path(str(file)).resolve().relative_to(root().resolve())}:{max(line, 1)}"


@cache
def package() -> dict[str, str]:
    """The package's files and what stands in them."""
    files = sorted(Path(tritonnn.__path__[0]).rglob("*.py"))
    return {str(file): file.read_text(encoding="utf-8") for file in files}


def _assigned(name: str, owner: Any, target: Any) -> tuple[str, int]:
    """File and line of a name that holds no code of its own: where it is assigned, imported or listed."""
    home = sys.modules.get(getattr(target, "__module__", "") or "", None)
    owning = _tensor if owner is Tensor else sys.modules.get(getattr(owner, "__module__", "") or "", owner)
    files = [getattr(module, "__file__", None) for module in (home, owning, tritonnn)]
    for pattern in (rf"^\s*{re.escape(name)}(: |(:[^=\n]+)? = )", rf"\b{re.escape(name)}\b"):
        search = re.compile(pattern, re.MULTILINE).search
        for file, text in [(file, package()[file]) for file in files if file in package()] + [
            *package().items()
        ]:
            if place := search(text):
                return file, text.count("\n", 0, place.end()) + 1
    return str(tritonnn.__file__), 1


def elsewhere(name: str) -> str | None:
    """The page of what is public and no entry; None where there is nothing of the name."""
    for path, owner, target in public(name):
        short = path.rpartition(".")[2]
        word = re.compile(rf"\b{re.escape(short)}\b")
        files = sorted((root() / "tests").rglob("test_*.py"))
        tests = [
            str(file.relative_to(root())) for file in files if word.search(file.read_text(encoding="utf-8"))
        ]
        rows = [
            ("defined", definition(path, owner, target)),
            ("tests", tests[0] if tests else "none names it"),
        ]
        rows += [("", test) for test in tests[1:]]
        return "\n".join([path, *[f"  {label:13}{text}" for label, text in rows]])
    return None


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
    if arguments[:1] == ["--coverage"] and (len(arguments) == 1 or arguments[1:-1] == ["--package"]):
        from tritonnn.library import load
        from tritonnn.ops import _coverage

        return _coverage.main(load(arguments[-1]) if len(arguments) > 1 else None)
    if len(arguments) < 2 or arguments[0] != "where":
        usage = "where NAME ... | stubs [--check] | --coverage [--package NAME]"
        print(f"usage: tritonnn ops {usage}", file=sys.stderr)
        return 2
    status = 0
    for name in arguments[1:]:
        matches = entries(name)
        if not matches:
            text = elsewhere(name)
            print(text or f"nothing public is called {name}", file=sys.stdout if text else sys.stderr)
            status = status if text else 1
        for op in matches:
            print(page(op))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
