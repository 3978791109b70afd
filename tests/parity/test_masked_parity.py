"""torch.masked, and functions on several tensors, on the calls of PyTorch's own table of operators."""

from __future__ import annotations

import pytest
import torch as reference
from function_samples import compare, compare_errors, compare_gradients, entries, label, outcome

import tritonnn as torch

MASKED = entries("masked")
OTHERS = entries(
    "block_diag",
    "cov",
    "corrcoef",
    "hsplit",
    "vsplit",
    "dsplit",
    "frexp",
    "histogramdd",
    "cdist",
    "igamma",
    "igammac",
)
ALL = (*MASKED, *OTHERS)
TYPES = (
    reference.float32,
    reference.float64,
    reference.complex64,
    reference.int64,
    reference.uint8,
    reference.bool,
)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("entry", ALL, ids=label)
def test_values(entry, dtype):
    if not entry.supports_dtype(dtype, "cpu"):
        pytest.skip("PyTorch has it not of this type")
    assert compare(entry, dtype, scale=True, most=60)


@pytest.mark.parametrize("again", [False, True], ids=["first", "second"])
@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.supports_autograd], ids=label)
def test_gradients(entry, again):
    if again and entry.name == "masked.logaddexp":
        pytest.skip("PyTorch's are NaN where a mask leaves out a summand")
    assert compare_gradients(entry, reference.float64, again, rtol=1e-6, most=12)


@pytest.mark.parametrize("entry", ALL, ids=label)
def test_errors(entry):
    compare_errors(entry)


BAD = {
    "mask of more dimensions": lambda lib, x: lib.masked.sum(x, mask=lib.ones(2, 2, 3, dtype=lib.bool)),
    "dims twice": lambda lib, x: lib.masked.sum(x, (0, 0)),
    "dim": lambda lib, x: lib.masked.sum(x, 5),
    "mean of whole numbers": lambda lib, x: lib.masked.mean(x.to(lib.int32)),
    "median of nothing": lambda lib, x: lib.masked.median(x.to(lib.int32), 1, mask=lib.zeros(2, 3) > 0),
    "amax of truth values": lambda lib, x: lib.masked.amax(x > 1, 1, mask=x > 1),
    "both corrections": lambda lib, x: lib.masked.var(x, 1, True, correction=1),
    "softmax of whole numbers": lambda lib, x: lib.masked.softmax(x.to(lib.int32), 1),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_calls(case):
    wanted, got = (outcome(BAD[case], (lib, lib.arange(6.0).reshape(2, 3))) for lib in (reference, torch))
    assert isinstance(wanted, Exception)
    assert isinstance(got, type(wanted)), f"{got!r}, PyTorch {wanted!r}"
