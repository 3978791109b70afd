"""Conjugates, and negatives, that are recorded views: values, gradients, names of nodes and errors as PyTorch's."""

from __future__ import annotations

import pytest
from twice import hold, programs


@pytest.mark.parametrize("name", programs("conjugate_programs"))
def test_conjugates_in_graphs(name: str) -> None:
    hold("conjugate_programs", name)
