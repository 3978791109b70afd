"""The libraries, or on the simulated device their doubles (`fake_nvmath`), and nothing of the host's."""

from __future__ import annotations

import fake_nvmath
import pytest
from fake_nvmath import _binding, cufft

from tritonnn.dispatch import _call
from tritonnn.kernels import libraries
from tritonnn.kernels.libraries import _loading, _plans
from tritonnn.runtime.interface import runtime


@pytest.fixture(autouse=True)
def libraries_alone(monkeypatch):
    """The libraries, or on the simulated device their doubles, and nothing of the host's."""

    def refuse(op, *_):
        raise AssertionError(f"{op.name} on the host")

    if runtime().simulated:
        monkeypatch.setattr(_loading, "_looked", True)
        monkeypatch.setattr(_loading, "_bindings", fake_nvmath.bindings())
        monkeypatch.setattr(_loading, "_idle", {})
        monkeypatch.setattr(_loading, "_options", None)
    elif _loading.bindings() is None:
        pytest.skip(f"no libraries: {_loading.missing()}")
    monkeypatch.setattr(_plans, "_by_device", {})
    monkeypatch.setattr(libraries, "preferred", "default")
    monkeypatch.setattr(_call, "_through_host", refuse)
    yield
    cufft.plans.clear()


@pytest.fixture
def called(monkeypatch):
    """The names of the functions of doubles that were called."""
    if not runtime().simulated:
        pytest.skip("looks at what doubles were asked")
    monkeypatch.setattr(_binding, "calls", calls := [])
    return calls
