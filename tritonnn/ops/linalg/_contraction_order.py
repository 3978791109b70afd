"""The order in which einsum contracts three or more operands.

With the package opt_einsum (`pip install opt_einsum`) it is the order that package finds; without, from left to right.
"""

from __future__ import annotations

import importlib
from functools import cache
from types import ModuleType

from tritonnn._tensor import Tensor

__all__ = ["OPTIONS", "Options", "contraction_order", "opt_einsum"]


class Options:
    """What `torch.backends.opt_einsum` sets: whether the package is asked, and how hard it looks."""

    enabled = True
    strategy = "auto"


OPTIONS = Options()


@cache
def opt_einsum() -> ModuleType | None:
    """The package, where it is installed."""
    try:
        return importlib.import_module("opt_einsum")
    except ImportError:
        return None


def contraction_order(pairs: list[tuple[Tensor, str]], result: str) -> list[tuple[int, ...]]:
    """Positions of the operands to contract next, which then leave the list; what they give joins its end.

    Args:
        pairs: the operands and the letters of their dimensions, none twice in one operand.
        result: the letters that stay.
    """
    count, package = len(pairs), opt_einsum() if len(pairs) > 2 and OPTIONS.enabled else None
    if package is None:
        return [(0, 1), *((0, left - 1) for left in range(count - 1, 1, -1))] if count > 1 else []
    equation = ",".join(letters for _, letters in pairs) + "->" + result
    shapes = [tuple(operand.shape) for operand, _ in pairs]
    path, _ = package.contract_path(equation, *shapes, shapes=True, optimize=OPTIONS.strategy)
    return path
