"""What is kept between calls was found out under settings: each that kernels read is part of its key, or drops it."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from buffers import buffer

import tritonnn as torch
from tritonnn import determinism, precision
from tritonnn.kernels import elementwise
from tritonnn.kernels.device.pointwise import pointwise
from tritonnn.kernels.launch import autotune
from tritonnn.kernels.launch.replay import replayed

LIBRARY = Path(torch.__file__).parent
KERNELS = Path(autotune.__file__).resolve().parents[1]

# Settings that kernels' host functions read, and how what is kept follows them.
KEYED = {
    ("precision", "float32_matmul"): ("highest", "high"),
    ("precision", "convolution_tf32"): (False, True),
}
FORGOTTEN = {("determinism", "enabled"): lambda on: torch.use_deterministic_algorithms(on)}
# What is set once, or says nothing of results.
OTHERS = {("runtime.interface", "_chosen"), ("runtime.triton_driver", "_driver")}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def _imports(tree: ast.Module) -> dict[str, str]:
    """Module, without tritonnn., by the name it has in a file."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "tritonnn":
            inside = (node.module or "").partition(".")[2]
            for alias in node.names:
                found[alias.asname or alias.name] = f"{inside}.{alias.name}".strip(".")
    return found


def _imported() -> dict[str, Path]:
    """The modules of the library, other than kernels, that kernels import something from."""
    named = {name for path in KERNELS.rglob("*.py") for name in _imports(_tree(path)).values()}
    named |= {name.rpartition(".")[0] for name in named}
    return {
        name: path
        for name in named
        for path in (LIBRARY.joinpath(*name.split(".")).with_suffix(".py"), LIBRARY / name / "__init__.py")
        if name and not name.startswith("kernels") and path.exists()
    }


def _settings(files: dict[str, Path]) -> set[tuple[str, str]]:
    """(module, name) of every global of these modules that something assigns to after its module was loaded."""
    found = set()
    for module, path in files.items():
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.Global):
                found |= {(module, name) for name in node.names}
    names = "|".join(name.rpartition(".")[2] for name in files)
    assigned = re.compile(rf"^\s+({names})\.\w+ = ", re.MULTILINE)
    for path in LIBRARY.rglob("*.py"):
        if not assigned.search(path.read_text()):
            continue
        known = _imports(_tree(path))
        for node in ast.walk(_tree(path)):
            for target in node.targets if isinstance(node, ast.Assign) else []:
                if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name):
                    other = known.get(target.value.id)
                    if other in files:
                        found.add((other, target.attr))
    return found


def _read_by(tree: ast.AST, names: set[str]) -> set[str]:
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)} & names


def _reads(files: dict[str, Path], settings: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """The settings that a file of kernels reads, by name or through a function of the module that has them."""
    functions = {}
    for module in {module for module, _ in settings}:
        names = {name for m, name in settings if m == module}
        for node in _tree(files[module]).body:
            if isinstance(node, ast.FunctionDef):
                functions[module, node.name] = {(module, name) for name in _read_by(node, names)}
    found: set[tuple[str, str]] = set()
    for path in KERNELS.rglob("*.py"):
        tree = _tree(path)
        known = _imports(tree)
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id in known
            ):
                what = known[node.value.id], node.attr
            elif isinstance(node, ast.Name) and "." in known.get(node.id, ""):
                what = tuple(known[node.id].rsplit(".", 1))
            else:
                continue
            found |= functions.get(what, set())
            if what in settings:
                found.add(what)
    return found


def test_every_setting_that_kernels_read_is_known():
    files = _imported()
    settings = _settings(files)
    assert KEYED.keys() | FORGOTTEN.keys() <= settings
    assert _reads(files, settings) - OTHERS == KEYED.keys() | FORGOTTEN.keys()


def _counted():
    calls: list[int] = []
    exp = pointwise(elementwise.exp)

    @replayed
    def run(out, input):
        calls.append(1)
        exp(out, input, compute=input.dtype)

    x, out = buffer(np.zeros(3, np.float32)), buffer(np.empty(3, np.float32))

    def times():
        run(out, x)
        return len(calls)

    return times


@pytest.mark.parametrize("module, name", KEYED)
def test_another_setting_is_another_combination(module, name, monkeypatch):
    times = _counted()
    values = KEYED[module, name]
    found = []
    for value in (*values, *values):
        monkeypatch.setattr({"precision": precision}[module], name, value)
        found.append(times())
    assert found == [1, 2, 2, 2]


@pytest.mark.parametrize("name", FORGOTTEN)
def test_other_settings_forget_what_is_kept(name):
    times = _counted()
    assert times() == times() == 1
    try:
        FORGOTTEN[name](True)
        assert times() == 2
    finally:
        FORGOTTEN[name](False)
    assert times() == 3


def test_what_was_tuned_is_repeated_afterwards():
    times = _counted()
    with autotune.tuning():
        assert times() == 1
    assert times() == times() == 2


def test_a_convolution_after_allow_tf32_is_taken_back():
    x, w = torch.rand(1, 4, 5, 5, device="cuda") + 0.1, torch.rand(4, 4, 3, 3, device="cuda")
    results = []
    for allowed in (True, False, True):
        torch.backends.cudnn.allow_tf32 = allowed
        results.append(torch.nn.functional.conv2d(x, w))
    assert torch.equal(results[0], results[2]) and not torch.equal(results[0], results[1])
    assert determinism.enabled is False
