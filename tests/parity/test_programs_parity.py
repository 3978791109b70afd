"""Random programs of tests/fuzz against PyTorch: a few hundred; more with tests/fuzz/programs.py."""

from __future__ import annotations

import pytest
import torch as reference
from fuzz.programs import differences

import tritonnn as torch

BLOCK = 25


@pytest.mark.parametrize("block", range(16))
def test_programs(block: int) -> None:
    for seed, lines, text in differences(reference, torch, range(block * BLOCK, (block + 1) * BLOCK)):
        assert text is None, "\n".join([f"seed {seed}", *lines, text])


@pytest.mark.parametrize("block", range(4))
def test_programs_on_a_gpu(block: int) -> None:
    seeds = range(200_000 + 5 * block, 200_000 + 5 * (block + 1))
    for seed, lines, text in differences(reference, torch, seeds, device="cuda"):
        assert text is None, "\n".join([f"seed {seed}", *lines, text])
