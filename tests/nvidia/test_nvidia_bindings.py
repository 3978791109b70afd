"""The doubles of `fake_nvmath` have the functions, parameters and C types of the real bindings.

What the library calls exists in the doubles, or its tests fail; what the doubles have exists in nvmath-python, or these
do. Without the package (the extras cu12 and cu13) the second half is skipped.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest
from fake_nvmath import bindings

MODULES = ("cufft", "cusolverDn", "cublas")
FUNCTIONS = [
    (module, name)
    for module in MODULES
    for name, function in vars(getattr(bindings(), module)).items()
    if hasattr(function, "signature") and not name.startswith("_")
]
SOURCES = Path(__file__).resolve().parents[2] / "kernels" / "libraries"


def test_every_call_is_doubled() -> None:
    """Names that are written out in calls, and those that a type's letter goes before."""
    known = {(module, name) for module, name in FUNCTIONS}
    written, endings = set(), set()
    for path in SOURCES.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        written |= set(re.findall(r'call\(\s*"(\w+)", "(\w+)"', text))
        endings |= set(re.findall(r'LETTERS\[[^]]+\] \+ \(?"(\w+)"', text))
    assert {("cufft", "make_plan_many64"), ("cusolverDn", "xgetrf")} <= written and "trsm" in endings
    assert written <= known
    assert all(any(name[1:] == ending for _, name in known) for ending in endings)


@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[".".join(row) for row in FUNCTIONS])
def test_the_binding_has_these_parameters(module: str, name: str) -> None:
    pytest.importorskip("nvmath", reason="nvmath-python is not installed: pip install 'tritonnn[cu13]'")
    real = getattr(__import__(f"nvmath.bindings.{module}", fromlist=[name]), name)
    signature = getattr(bindings(), module).__dict__[name].signature
    first = real.__doc__.splitlines()[0]
    assert first.partition(" -> ")[0] == f"{name}({signature})"
    names = [part.split()[-1] for part in signature.split(", ") if part]
    assert list(inspect.signature(real).parameters) == names


def test_kinds_of_transforms() -> None:
    pytest.importorskip("nvmath", reason="nvmath-python is not installed: pip install 'tritonnn[cu13]'")
    from nvmath.bindings.cufft import Type

    from tritonnn.kernels.libraries.fft import KINDS

    names = {"exec_" + kind.name.lower(): int(kind) for kind in Type}
    assert {execute: kind for kind, execute in KINDS.values()} == names


def test_enumerations() -> None:
    pytest.importorskip("nvmath", reason="nvmath-python is not installed: pip install 'tritonnn[cu13]'")
    from nvmath.bindings.cublas import DiagType, FillMode, Operation, SideMode
    from nvmath.bindings.cusolver import EigMode

    from tritonnn.kernels.libraries.linalg import _columns as c

    assert (FillMode.LOWER, FillMode.UPPER) == (c.LOWER, c.UPPER)
    assert (Operation.N, Operation.T) == (c.AS_IT_IS, c.TURNED)
    assert (SideMode.LEFT, SideMode.RIGHT) == (c.LEFT, c.RIGHT)
    assert (DiagType.NON_UNIT, DiagType.UNIT) == (c.GIVEN_DIAGONAL, c.ONES)
    assert (EigMode.NOVECTOR, EigMode.VECTOR) == (c.VALUES_ONLY, c.VECTORS)


def test_types_of_numbers() -> None:
    pytest.importorskip("nvmath", reason="nvmath-python is not installed: pip install 'tritonnn[cu13]'")
    from nvmath._utils import CudaDataType as kinds

    from tritonnn import dtypes
    from tritonnn.kernels.libraries.linalg._columns import NUMBERS

    assert {
        dtypes.float32: kinds.CUDA_R_32F, dtypes.float64: kinds.CUDA_R_64F, dtypes.complex64: kinds.CUDA_C_32F,
        dtypes.complex128: kinds.CUDA_C_64F,
    } == NUMBERS  # fmt: skip
