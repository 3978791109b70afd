"""Verify mode on results that are exact, and on results without dimensions."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any

import pytest

import tritonnn as torch
from tritonnn import kernels, nn
from tritonnn.ops._table import OPS

pytest.importorskip("triton")
pytestmark = pytest.mark.skipif(
    os.environ.get("TRITON_INTERPRET") != "1", reason="faults are planted into the simulated device's memory"
)


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """`plant(op)`: from now on its kernel adds one to the first element of the result, or makes False of True."""

    def planted(name: str) -> None:
        op = OPS[name]
        real = kernels.implementation(op.family, name)

        def faulty(out: Any, *given: Any, **options: Any) -> None:
            real(out, *given, **options)
            torch.cuda.synchronize()
            kind: Any = {torch.bool: ctypes.c_bool, torch.int64: ctypes.c_int64}.get(
                out.dtype, ctypes.c_float
            )
            first = kind.from_address(out.ptr)
            first.value = not first.value if kind is ctypes.c_bool else first.value + 1

        faulty.__module__ = real.__module__
        monkeypatch.setitem(kernels._implementations, (op.family, name), faulty)
        monkeypatch.setattr(op, "gpu", None)

    return planted


@pytest.mark.parametrize("name", ("softplus", "erf", "erfc", "exp", "div"))
def test_a_fault_in_a_number_without_dimensions(name: str, plant: Callable) -> None:
    call = {"softplus": nn.functional.softplus, "div": lambda x: x / x}.get(name) or getattr(torch, name)
    x = torch.tensor(0.5, device="cuda")
    with torch.verify() as verification:
        call(x)
    assert not verification.differences
    plant(name)
    message = r"in 1 of 1 elements.*\n.*worst element \(\)"
    with pytest.raises(torch.VerificationError, match=message), torch.verify():
        call(x)


# Where the inputs are moved by one rounding these results change by as much as the fault: it is none the less a fault.
EXACT: dict[str, Callable[[Any], Any]] = {
    "eq": lambda x: x == x.clone(), "ne": lambda x: x != x.clone(), "le": lambda x: x <= 2.0, "lt": lambda x: x < 2.0,
    "ge": lambda x: x >= x.clone(), "gt": lambda x: x > x.clone(), "floor": torch.floor, "trunc": torch.trunc,
    "ceil": torch.ceil, "argmax": lambda x: torch.argmax(torch.cat([x, x])),
}  # fmt: skip


@pytest.mark.parametrize("name", EXACT)
def test_comparisons_and_steps_are_exact(name: str, plant: Callable) -> None:
    x = torch.tensor([2.0, 1.0, 2.0], device="cuda")
    with torch.verify() as verification:
        EXACT[name](x)
    assert not verification.differences
    plant(name)
    with pytest.raises(torch.VerificationError, match=f"kernel of {name} differs"), torch.verify():
        EXACT[name](x)
