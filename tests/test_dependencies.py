"""Holds the direction of dependencies by reading every import of the library, run or not."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

# The layers, lowest first: a module imports its own layer and lower ones at module level.
LAYERS = (
    ("version", "config", "errors", "dtypes", "device", "shape", "precision"),
    ("buffer", "storage"),
    ("kernels", "cpu_fallback", "cuda"),
    ("dispatch", "tensor", "autograd", "ops", "random"),
    ("nn", "optim", "utils", "vision", "amp", "distributed", "multiprocessing", "cuda._graphed"),
)
# What a backend may take from tritonnn beside its own package: it never sees a Tensor or a graph.
BACKEND_MAY_IMPORT = {
    "kernels": {
        "_families",
        "kernels",
        "dtypes",
        "shape",
        "buffer",
        "errors",
        "config",
        "device",
        "cuda",
        "precision",
        "version",
    },
    "cpu_fallback": {"_families", "cpu_fallback", "dtypes", "shape", "buffer", "errors", "config"},
}
MAY_IMPORT_TRITON = ("kernels", "cuda")


class Import(NamedTuple):
    """`module` is what `file` imports at `line`; `top` where it happens when the file is imported."""

    file: str
    line: int
    module: str
    top: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.line} imports {self.module}"


def module_name(path: Path) -> str:
    """The dotted name that a source file is imported by."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts if parts[0] == "tritonnn" else ("tritonnn", *parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def targets(node: ast.AST, package: str) -> list[str]:
    """The modules that an import statement names; `from a import b` may name a.b."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        parents = package.split(".")
        base = ".".join([*parents[: len(parents) - node.level + 1], *([node.module] if node.module else [])])
    return [f"{base}.{alias.name}" for alias in node.names]


def visit(node: ast.AST, package: str, top: bool, found: list[tuple[int, str, bool]]) -> None:
    """Collect the imports below `node`, leaving out `if TYPE_CHECKING:` blocks."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for other in child.orelse:
                visit(other, package, top, found)
            continue
        found += [(child.lineno, target, top) for target in targets(child, package)]
        inner = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        visit(child, package, top and not inner, found)


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the library's three source folders."""
    result = []
    for folder in ("tritonnn", "kernels", "cpu_fallback"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = module_name(path)
            package = name if path.name == "__init__.py" else name.rpartition(".")[0]
            found: list[tuple[int, str, bool]] = []
            visit(ast.parse(path.read_text(encoding="utf-8")), package, True, found)
            result += [Import(path.relative_to(ROOT).as_posix(), *row) for row in found]
    return tuple(result)


def area(module: str) -> str | None:
    """The part of tritonnn a dotted name lies in: 'tritonnn.ops.loss.loss' -> 'ops'; None outside tritonnn."""
    head, _, rest = module.partition(".")
    return (rest.split(".")[0] or "tritonnn") if head == "tritonnn" else None


def file_area(file: str) -> str:
    """The part of tritonnn a source file belongs to."""
    return area(module_name(ROOT / file)) or "tritonnn"


def layer(module: str) -> int | None:
    """The index of the layer of a dotted name, by its longest known prefix; None where no layer has it."""
    parts = module.split(".")[1:]
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        for index, names in enumerate(LAYERS):
            if name in names:
                return index
    return None


def test_reader_sees_every_form_of_import() -> None:
    lines = ("import a.b", "from . import c", "from ..d import e", "def f():", "    import g")
    source = "\n".join((*lines, "if TYPE_CHECKING:", "    import h"))
    found: list[tuple[int, str, bool]] = []
    visit(ast.parse(source), "tritonnn.ops", True, found)
    assert found == [
        (1, "a.b", True),
        (2, "tritonnn.ops.c", True),
        (3, "tritonnn.d.e", True),
        (5, "g", False),
    ]


@pytest.mark.parametrize("library", ["torch", "torchvision", "scipy", "jax", "tensorflow", "cupy", "numba"])
def test_no_other_framework_is_imported(library: str) -> None:
    assert not [str(i) for i in imports() if i.module.split(".")[0] == library]


def test_only_kernels_and_cuda_import_triton() -> None:
    wrong = [i for i in imports() if i.module.split(".")[0] == "triton"]
    assert not [str(i) for i in wrong if file_area(i.file) not in MAY_IMPORT_TRITON]


@pytest.mark.parametrize("backend", BACKEND_MAY_IMPORT)
def test_backend_is_a_leaf(backend: str) -> None:
    allowed = BACKEND_MAY_IMPORT[backend]
    own = [i for i in imports() if file_area(i.file) == backend and area(i.module) is not None]
    assert not [str(i) for i in own if area(i.module) not in allowed]


def test_layers_import_downwards() -> None:
    wrong = []
    for item in imports():
        upper, lower = layer(module_name(ROOT / item.file)), layer(item.module)
        if not item.module.startswith("tritonnn."):
            continue
        # An import inside a function may point up where a method needs it (Tensor.backward); at module
        # level it would be a cycle.
        if item.top and upper is not None and lower is not None and lower > upper:
            wrong.append(str(item))
    assert not wrong
