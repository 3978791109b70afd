"""Which library runs an op, and what is said where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from matrices import close, gpu, on_host, positive

import tritonnn as torch
from tritonnn.kernels import libraries
from tritonnn.kernels.libraries import _loading

L = torch.linalg


def test_small_matrices_have_kernels(called):
    A = gpu(positive(4, kind=torch.float64))
    L.cholesky(A)
    assert not called
    assert torch.backends.cuda.preferred_linalg_library() == "default"
    assert torch.backends.cuda.preferred_linalg_library("cusolver") == "cusolver"
    close(L.cholesky(A), np.linalg.cholesky(on_host(A)))
    assert "xpotrf" in called
    assert torch.backends.cuda.preferred_linalg_library("default") == "default"


def test_handles_are_kept(called):
    A = gpu(positive(40, kind=torch.float64))
    L.cholesky(A)
    L.cholesky(A)
    assert called.count("create") == 1 and called.count("xpotrf") == 2


def test_what_cannot_be_preferred(monkeypatch, called):
    prefer = torch.backends.cuda.preferred_linalg_library
    with pytest.raises(RuntimeError, match="there is no MAGMA"):
        prefer("magma")
    with pytest.raises(RuntimeError, match="unknown backend 'foo'"):
        prefer("foo")
    monkeypatch.setattr(_loading, "_bindings", None)
    with pytest.raises(RuntimeError, match="Cannot set preferred backend to cuSOLVER: there is no GPU"):
        prefer("cusolver")
    assert prefer() == "default"


def _looked_at(monkeypatch, load):
    """What is found on a GPU where `load` is what loading does."""

    class Gpu:
        simulated = False

    monkeypatch.setattr(_loading, "runtime", Gpu)
    monkeypatch.setattr(_loading, "_load", load)
    monkeypatch.setattr(_loading, "_looked", False)
    monkeypatch.setattr(_loading, "_bindings", None)
    monkeypatch.setattr(_loading, "_why", "")
    return _loading.bindings()


def test_without_the_package(monkeypatch):
    def load():
        raise ModuleNotFoundError("No module named 'nvmath'")

    assert _looked_at(monkeypatch, load) is None
    assert "pip install 'tritonnn[cu12]' or 'tritonnn[cu13]'" in libraries.hint("linalg", "qr")
    assert libraries.hint("linalg", "exponential") == ""  # no library has it
    assert libraries.implementation("linalg", "qr") is None


def test_without_the_libraries(monkeypatch):
    def load():
        raise RuntimeError("libcufft.so is not found")

    assert _looked_at(monkeypatch, load) is None
    assert libraries.hint("fft", "fft_c2c").endswith("nvmath-python cannot: libcufft.so is not found)")


def test_the_simulated_device_has_none(monkeypatch, called):
    monkeypatch.setattr(_loading, "_looked", False)
    monkeypatch.setattr(_loading, "_bindings", None)
    assert _loading.bindings() is None and libraries.hint("linalg", "qr") == ""
