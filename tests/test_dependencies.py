"""Holds the direction of dependencies by reading every import of the library, run or not."""

from __future__ import annotations

import ast

import pytest
from floors import FLOORS, circles, floor, imports, modules, statements

# What a backend may take from tritonnn beside its own package: it never sees a Tensor or a graph.
BASE = {
    "_families", "dtypes", "shape", "buffer", "coefficients", "bessel_coefficients", "gamma_coefficients", "errors",
    "config", "device", "precision", "determinism", "version", "batch_sizes",
}  # fmt: skip
BACKEND_MAY_IMPORT = {"kernels": BASE | {"kernels", "runtime"}, "cpu_fallback": BASE | {"cpu_fallback"}}
MAY_IMPORT_TRITON = ("kernels", "runtime")


def area(module: str) -> str:
    """The part of tritonnn that a dotted name lies in: 'tritonnn.ops.loss.loss' -> 'ops'."""
    return [*module.split("."), ""][1]


def test_reader_sees_every_form_of_import() -> None:
    lines = ("import a.b", "from . import c", "from ..d import e", "def f():", "    import g")
    lines += ("    importlib.import_module('i.j')", "    import_module(f'k.l.{m}')", "    import_module(m)")
    source = "\n".join((*lines, "if TYPE_CHECKING:", "    import h"))
    assert statements(ast.parse(source), "tritonnn.ops") == [
        (1, "a.b", True),
        (2, "tritonnn.ops.c", True),
        (3, "tritonnn.d.e", True),
        (5, "g", False),
        (6, "i.j", False),
        (7, "k.l", False),
        (10, "h", False),
    ]


def test_every_file_has_a_floor() -> None:
    assert not [name for name in modules() if floor(name) is None]


def test_every_row_of_floors_has_a_file() -> None:
    known = [name.removeprefix("tritonnn.") for name in modules()]
    rows = [prefix for _, names in FLOORS for prefix in names.split()]
    assert not [r for r in rows if not any(k == r or k.startswith(r + ".") for k in known)]


def test_imports_run_down() -> None:
    """Wherever they stand: at the top of a file, in a function, or for the type checker alone."""
    known = modules()
    wrong = []
    for item in imports():
        here, there = floor(item.name), floor(item.module)
        if item.module in known and here is not None and there is not None and there > here:
            wrong.append(f"{item}: from '{FLOORS[here][0]}' up to '{FLOORS[there][0]}'")
    assert not wrong, "\n".join(wrong)


def test_no_circles_when_imported() -> None:
    known = modules()
    packages = {name for name, path in known.items() if path.name == "__init__.py"}
    arrows = {(i.name, i.module) for i in imports() if i.top and i.module in known}
    # A package that re-exports its modules, which take each other's names from their files, is no circle.
    arrows = {(a, b) for a, b in arrows if not (b in packages and a.startswith(b + "."))}
    assert not circles(arrows)


@pytest.mark.parametrize("library", ["torch", "torchvision", "scipy", "jax", "tensorflow", "cupy", "numba"])
def test_no_other_framework_is_imported(library: str) -> None:
    assert not [str(i) for i in imports() if i.module.split(".")[0] == library]


def test_only_kernels_and_runtime_import_triton() -> None:
    wrong = [i for i in imports() if i.module.split(".")[0] == "triton"]
    assert not [str(i) for i in wrong if area(i.name) not in MAY_IMPORT_TRITON]


@pytest.mark.parametrize("backend", BACKEND_MAY_IMPORT)
def test_backend_is_a_leaf(backend: str) -> None:
    own = [i for i in imports() if area(i.name) == backend and i.module.split(".")[0] == "tritonnn"]
    assert own
    assert not [str(i) for i in own if area(i.module) not in BACKEND_MAY_IMPORT[backend]]
