"""Modes, hooks, edges, in-place rules, options of grad and custom functions: small programs against PyTorch's."""

from __future__ import annotations

import pytest
from twice import hold, programs

FILES = "autograd_programs", "autograd_hook_programs", "autograd_rule_programs"


@pytest.mark.parametrize(("file", "name"), [(file, name) for file in FILES for name in programs(file)])
def test_autograd(file: str, name: str) -> None:
    hold(file, name)
