"""Checkpoints against PyTorch's: what is computed again, what policies see, what is refused."""

from __future__ import annotations

import pytest
from twice import hold, programs

FILES = "checkpoint_programs", "checkpoint_option_programs"


@pytest.mark.parametrize(("file", "name"), [(file, name) for file in FILES for name in programs(file)])
def test_checkpoint(file: str, name: str) -> None:
    hold(file, name)
