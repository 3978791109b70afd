"""Every kernel of a package is compiled by some case of its compile check."""

from __future__ import annotations

import importlib

import pytest

from tritonnn._families import OWN, find
from tritonnn.kernels.check.compile import cases, modules
from tritonnn.testing import generated
from tritonnn.testing.generated.inputs import entries


def launched() -> list[str]:
    """The modules of a package with kernels; the library's own are held to it by its tests."""
    return [] if generated.package == OWN else list(modules(generated.package))


@pytest.mark.parametrize("name", launched())
def test_every_kernel_has_a_compile_case(name: str) -> None:
    module = importlib.import_module(f"{generated.package}.kernels.{name}")
    declared = cases(name, generated.package)
    compiled = {kernel for case in declared for kernel in (case.kernel, case.constants.get("FN"))}
    named = {op.own_name for op in entries()}  # of scalar functions
    kernels = {
        key: value for key, value in vars(module).items()
        if hasattr(value, "arg_names") and value.fn.__module__ == module.__name__
        and (key.endswith("_kernel") or key in named)
    }  # fmt: skip
    lacking = [key for key, kernel in kernels.items() if kernel not in compiled]
    assert not lacking, f"no Case in COMPILE of {module.__name__}"


def test_every_entry_has_a_kernel() -> None:
    if generated.package == OWN:
        pytest.skip("the library's tests say which have none")
    backend = f"{generated.package}.kernels"
    wanted = [op for op in entries() if op.kind in ("primitive", "writing") and not op.host]
    assert not [op.name for op in wanted if find(backend, op.family, op.own_name) is None]
