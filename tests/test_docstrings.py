"""Every example in a docstring runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import warnings
from typing import Any

import pytest

import tritonnn as torch
from tritonnn._tensor import Tensor
from tritonnn.ops._table import NAMESPACES, OPS

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
SKIPPED_MODULES = ("tritonnn.__main__", "tritonnn._shim")  # importing them acts


def modules() -> list[str]:
    """Every module below tritonnn, the backends left out: they have no public functions."""
    found = pkgutil.walk_packages(torch.__path__[:1], "tritonnn.", onerror=lambda name: None)
    names = [module.name for module in found if not module.name.startswith(SKIPPED_MODULES)]
    return [name for name in names if not name.startswith(("tritonnn.kernels", "tritonnn.cpu_fallback"))]


def functions() -> dict[str, Any]:
    """The functions that the op table publishes, by where they appear; each once."""
    found: dict[int, tuple[str, Any]] = {}
    places = {
        "torch": NAMESPACES["torch"],
        "functional": NAMESPACES["functional"],
        "linalg": NAMESPACES["linalg"],
        "special": NAMESPACES["special"],
        "Tensor": vars(Tensor),
        "entry": {name: op.function for name, op in OPS.items()},
    }
    for place, names in places.items():
        for name, function in names.items():
            doc = getattr(function, "__doc__", None)
            if callable(function) and doc and ">>>" in doc:
                found.setdefault(hash(doc), (f"{place}.{name}", function))
    return dict(found.values())


def run(test: doctest.DocTest) -> None:
    output: list[str] = []
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=output.append)
    assert not results.failed, "".join(output)


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
