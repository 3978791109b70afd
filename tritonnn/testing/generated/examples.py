"""Every example in the docstrings of a package runs and prints what it says."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import warnings

import pytest

import tritonnn as torch
from tritonnn._families import OWN
from tritonnn.testing import generated
from tritonnn.testing.generated.inputs import entries

FLAGS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def run(test: doctest.DocTest) -> None:
    output: list[str] = []
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = doctest.DocTestRunner(optionflags=FLAGS, verbose=False).run(test, out=output.append)
    assert not results.failed, "".join(output)


def modules() -> list[str]:
    """The modules of a package; its backends have no functions for users. The library's own has its tests."""
    if generated.package == OWN:
        return []
    found = importlib.import_module(generated.package)
    inner = [module.name for module in pkgutil.walk_packages(found.__path__, f"{generated.package}.")]
    return [
        generated.package,
        *[name for name in inner if not {"kernels", "cpu_fallback"} & {*name.split(".")}],
    ]


@pytest.mark.parametrize("name", modules())
def test_examples(name: str) -> None:
    found = doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name), name)
    for test in [test for test in found if test.examples]:
        run(test)


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in entries()])
def test_example_of_entry(op) -> None:
    if ">>>" not in op.doc:
        pytest.skip("no example")
    run(doctest.DocTestParser().get_doctest(op.doc, {}, op.name, None, None))
