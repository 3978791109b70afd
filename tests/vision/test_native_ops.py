"""torchvision's native operators: what they gave on the calls of `native_cases.py`, on both devices."""

from __future__ import annotations

import json

import numpy as np
import pytest
from native_cases import FILE, cases, outcome

import tritonnn as torch
from tritonnn.vision import ops

EXPECTED = json.loads(FILE.read_text())
CASES = cases()
# one call of each kernel; the tests that entries make hold all that they do to the NumPy functions
ON_KERNELS = (
    "nms 0.3",
    "batched_nms",
    "roi_align True -1",
    "roi_pool 1.0",
    "ps_roi_align 2",
    "ps_roi_pool 1.0",
)


def test_every_case_is_recorded():
    assert CASES.keys() == EXPECTED.keys()


@pytest.mark.parametrize(("name", "device"), [
    *[(name, "cpu") for name in CASES], *[pytest.param(name, "cuda", marks=pytest.mark.kernels) for name in ON_KERNELS],
])  # fmt: skip
def test_as_torchvision(name, device):
    function, args, wanted = CASES[name]
    results = outcome(torch, ops, (function, args, wanted if device == "cpu" else []), device)
    for result, wanted in zip(results, EXPECTED[name], strict=device == "cpu"):
        assert list(result.shape) == wanted["shape"]
        got = result.cpu().double().numpy().reshape(-1)
        np.testing.assert_allclose(got, np.array(wanted["values"]), rtol=2e-5, atol=5e-6)
