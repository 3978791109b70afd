"""Comparison with PyTorch, where it is installed: a development extra, never a dependency."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")
sys.path.insert(0, str(Path(__file__).parents[1]))  # for support.py

import torch

torch.set_num_threads(1)  # the test workers already use every core


@pytest.fixture(autouse=True)
def distributions_check_their_arguments():
    """PyTorch's compiler switches the checks of all later distributions off when it is first used in a process."""
    torch.distributions.Distribution.set_default_validate_args(True)
