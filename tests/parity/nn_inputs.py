"""What the cases of test_nn_parity.py are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Case(NamedTuple):
    """`build(nn)` makes the layer; `inputs` are arrays or numbers for forward."""

    name: str
    build: Callable[[Any], Any]
    inputs: tuple
    deterministic: bool = True  # whether training mode draws random numbers


_rng = np.random.default_rng(7)


def x(*shape: int) -> np.ndarray:
    """Normal values."""
    return _rng.normal(size=shape).astype(np.float32)


def positive(*shape: int) -> np.ndarray:
    """Values in (0.1, 0.9)."""
    return _rng.uniform(0.1, 0.9, shape).astype(np.float32)


def index(high: int, *shape: int) -> np.ndarray:
    """Integers below `high`."""
    return _rng.integers(0, high, shape)


class Fixed(np.ndarray):
    """An input that no gradient is asked for."""


def signs(*shape: int) -> np.ndarray:
    """1 and -1."""
    return np.where(_rng.uniform(size=shape) > 0.5, 1, -1).astype(np.float32).view(Fixed)
