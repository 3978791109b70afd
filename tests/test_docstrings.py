"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import types
from typing import Any

import pytest

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import NAMESPACES, OPS
from tritonnn.testing.generated.examples import run

# importing them acts, or needs a library that is an extra (`tests/packages` has it)
SKIPPED_MODULES = ("tritonnn.__main__", "tritonnn._shim", "tritonnn.utils.tensorboard")


def modules() -> list[str]:
    """Every module below tritonnn, the backends left out: they have no public functions."""
    infos = pkgutil.walk_packages(torch.__path__[:1], "tritonnn.", onerror=lambda name: None)
    names = [module.name for module in infos if not module.name.startswith(SKIPPED_MODULES)]
    return [name for name in names if not name.startswith(("tritonnn.kernels", "tritonnn.cpu_fallback"))]


def functions() -> dict[str, Any]:
    """The functions that the op table publishes, by where they appear; each once."""
    documented: dict[int, tuple[str, Any]] = {}
    places = {
        "torch": NAMESPACES["torch"],
        "functional": NAMESPACES["functional"],
        "linalg": NAMESPACES["linalg"],
        "special": NAMESPACES["special"],
        "fft": NAMESPACES["fft"],
        "Tensor": vars(Tensor),
        "entry": {name: op.function for name, op in OPS.items()},
    }
    for place, names in places.items():
        for name, function in names.items():
            doc = getattr(function, "__doc__", None)
            if callable(function) and doc and ">>>" in doc:
                documented.setdefault(hash(doc), (f"{place}.{name}", function))
    return dict(documented.values())


@pytest.mark.parametrize("name", modules())
def test_module(name: str) -> None:
    module = importlib.import_module(name)
    for test in doctest.DocTestFinder(exclude_empty=True).find(module, name):
        if test.examples:
            run(test)


@pytest.mark.parametrize("name", functions())
def test_function(name: str) -> None:
    doc = functions()[name].__doc__
    run(doctest.DocTestParser().get_doctest(doc, {}, name, None, None))


#: public names without an example, and why
NO_EXAMPLE: dict[str, str] = {
    **dict.fromkeys(
        ("tritonnn.lstsq", "tritonnn.solve", "tritonnn.matrix_rank"),
        "calling it only says what to call instead",
    ),
    "tritonnn.serve": "it changes the whole process",
}
LEAST = 0.95


def public(module: str) -> dict[str, Any]:
    """The functions and classes that a module has for users, by name."""
    owner = importlib.import_module(module)
    listed = getattr(owner, "__all__", dir(owner))
    members = {}
    for name in {*listed, *dir(owner)}:
        value = getattr(owner, name)
        if name.startswith("_") or not callable(value) or isinstance(value, types.ModuleType):
            continue
        home = str(getattr(value, "__module__", ""))
        if home.startswith("tritonnn") and (name in listed or home == module):
            members[name] = value
    return members


@pytest.mark.parametrize(
    "module",
    [
        "tritonnn", "tritonnn.nn", "tritonnn.nn.functional", "tritonnn.nn.init", "tritonnn.optim",
        "tritonnn.optim.lr_scheduler", "tritonnn.cuda", "tritonnn.cuda.comm", "tritonnn.cuda.nccl",
        "tritonnn.cuda.nvtx", "tritonnn.linalg", "tritonnn.special", "tritonnn.fft", "tritonnn.utils.data",
        "tritonnn.amp", "tritonnn.amp.autocast_mode", "tritonnn.distributions", "tritonnn.distributions.transforms",
        "tritonnn.amp.switches", "tritonnn.cpu", "tritonnn.cpu.amp", "tritonnn.cuda.amp", "tritonnn.cuda.amp.common",
    ],
)  # fmt: skip
def test_nearly_all_that_is_public_has_an_example(module: str) -> None:
    names = public(module)
    without = [name for name, value in names.items() if ">>>" not in (vars_doc(value) or "")]
    assert not [name for name in without if f"{module}.{name}" not in NO_EXAMPLE]
    assert 1 - len(without) / len(names) >= LEAST


def vars_doc(value: Any) -> str | None:
    """Its own docstring, not that of a class above it."""
    return vars(value).get("__doc__") if isinstance(value, type) else value.__doc__


def test_exceptions_are_needed() -> None:
    modules_of = [name.rpartition(".") for name in NO_EXAMPLE]
    assert not [
        n for m, _, n in modules_of if ">>>" in (vars_doc(getattr(importlib.import_module(m), n)) or "")
    ]
    assert all(NO_EXAMPLE.values())
