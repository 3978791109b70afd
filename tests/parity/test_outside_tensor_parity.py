"""Programs that mix transforms, inference mode, indices, distributions and libraries, beside PyTorch's."""

from __future__ import annotations

import pytest
from twice import hold, programs


@pytest.mark.parametrize("name", programs("outside_tensor_programs"))
def test_program(name: str) -> None:
    hold("outside_tensor_programs", name)
