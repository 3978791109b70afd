"""Subclasses with `__torch_dispatch__`, and tensors without memory, against PyTorch's: values, types, errors."""

from __future__ import annotations

import pytest
from twice import hold, programs

FILES = "dispatch_programs", "dispatch_logged_programs"


@pytest.mark.parametrize(("file", "name"), [(file, name) for file in FILES for name in programs(file)])
def test_dispatch(file: str, name: str) -> None:
    hold(file, name, str)
