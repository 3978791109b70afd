"""Programs that mix transforms, inference mode, indices, distributions and libraries, beside PyTorch's."""

from __future__ import annotations

import warnings

import pytest
import torch
from twice import hold, programs

with warnings.catch_warnings():  # PyTorch's first use of forward mode warns of what it is made of
    warnings.simplefilter("ignore")
    torch.func.jvp(torch.sin, (torch.ones(1),), (torch.ones(1),))


@pytest.mark.parametrize("name", programs("outside_tensor_programs"))
def test_program(name: str) -> None:
    hold("outside_tensor_programs", name)
