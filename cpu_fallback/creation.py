"""Counting."""

from __future__ import annotations

from typing import Any

import numpy as np


def arange_fill(out: np.ndarray, start: Any, step: Any, count: int, dtype: Any, device: Any) -> None:
    """out[i] = start + i * step, in int64 or float64 and rounded once."""
    whole = isinstance(start, int) and isinstance(step, int)
    numbers: np.ndarray = np.arange(count, dtype=np.int64 if whole else np.float64)
    numbers *= step
    numbers += start
    np.copyto(out, numbers, casting="unsafe")


def linspace_fill(
    out: np.ndarray, start: Any, end: Any, steps: int, base: float | None, dtype: Any, device: Any
) -> None:
    """out[i] = start + i * (end - start) / (steps - 1), from the nearer end so that both ends are exact."""
    place = np.arange(steps, dtype=np.float64)
    step = (end - start) / (steps - 1) if steps > 1 else 0.0
    half = steps // 2
    numbers = start + place * step
    if steps > 1:
        numbers[half:] = end - (steps - 1 - place[half:]) * step
    if base is not None:
        numbers = np.power(float(base), numbers)
    np.copyto(out, numbers, casting="unsafe")
