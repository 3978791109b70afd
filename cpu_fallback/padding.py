"""Constant padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def constant_pad_nd(out: np.ndarray, input: np.ndarray, pad: Sequence[int], value: Any) -> None:
    """out = value, with input (less what negative margins cut off) inside."""
    inside: list[slice] = [slice(None)] * out.ndim
    part: list[slice] = [slice(None)] * out.ndim
    for i in range(len(pad) // 2):
        # `pad` begins with the last dimension
        dim = out.ndim - 1 - i
        before, after = pad[2 * i], pad[2 * i + 1]
        inside[dim] = slice(max(before, 0), out.shape[dim] - max(after, 0))
        part[dim] = slice(max(-before, 0), input.shape[dim] - max(-after, 0))
    out.fill(value)
    out[tuple(inside)] = input[tuple(part)]
