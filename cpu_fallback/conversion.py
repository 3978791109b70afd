"""Copies and fills: what `copy_`, `fill_`, `to` and `clone` run."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.narrow import FLOAT8, pairs
from tritonnn.cpu_fallback.shape import copy

copy_values = copy


def to_copy(out: np.ndarray, input: np.ndarray, *target: Any) -> None:
    """out = input, cast; the other arguments have made `out` what it is."""
    copy(out, input)


def fill_values(out: np.ndarray, value: Any) -> None:
    """Every element of out = value, a Python number."""
    if out.dtype in FLOAT8 or pairs(out.dtype):
        copy(out, np.asarray(value, complex if pairs(out.dtype) else np.float64))
    else:
        out.fill(value)
