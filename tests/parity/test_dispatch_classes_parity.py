"""Subclasses with `__torch_dispatch__`, and tensors without memory, against PyTorch's: values, types, errors."""

from __future__ import annotations

import pytest
from twice import hold, programs


@pytest.mark.parametrize("name", programs("dispatch_programs"))
def test_classes_that_answer(name: str) -> None:
    hold("dispatch_programs", name, str)
