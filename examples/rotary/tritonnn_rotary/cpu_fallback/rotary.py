"""The NumPy functions, which the kernels are tested against."""

from __future__ import annotations

from typing import Any

import numpy as np


def rotary(out: np.ndarray, input: np.ndarray, cos: np.ndarray, sin: np.ndarray, interleaved: bool) -> None:
    """Turn each pair; half precision is computed in float32."""
    _turn(out, input, cos, sin, interleaved, 1)


def rotary_backward(
    out: np.ndarray, input: np.ndarray, cos: np.ndarray, sin: np.ndarray, interleaved: bool
) -> None:
    """Turn each pair back."""
    _turn(out, input, cos, sin, interleaved, -1)


def _turn(
    out: np.ndarray, input: np.ndarray, cos: np.ndarray, sin: np.ndarray, interleaved: bool, way: int
) -> None:
    kind: Any = np.float64 if input.dtype == np.float64 else np.float32
    half = input.shape[-1] // 2
    first, second = (
        (np.s_[..., ::2], np.s_[..., 1::2]) if interleaved else (np.s_[..., :half], np.s_[..., half:])
    )
    x, y, cos, sin = (a.astype(kind, copy=False) for a in (input[first], input[second], cos, sin))
    out[first] = x * cos - y * sin * way
    out[second] = y * cos + x * sin * way
