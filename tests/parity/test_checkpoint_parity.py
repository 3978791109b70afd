"""Checkpoints against PyTorch's: what is computed again, what policies see, what is refused."""

from __future__ import annotations

import pytest
from twice import hold, programs


@pytest.mark.parametrize("name", programs("checkpoint_programs"))
def test_checkpoints(name: str) -> None:
    hold("checkpoint_programs", name)
