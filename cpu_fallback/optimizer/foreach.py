"""Lists of arrays: their norms, scaling and clamping them in place."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import pieces


def work_type(dtype: np.dtype) -> np.dtype:
    """What is computed in: single precision at least."""
    return dtype if dtype.kind in "fc" and dtype.itemsize >= 4 else np.dtype(np.float32)


def foreach_norms(out: np.ndarray, tensors: list[np.ndarray], ord: float) -> None:
    """The norm of each array."""
    for i, x in enumerate(tensors):
        work = work_type(x.dtype)
        parts = [
            _part(block.reshape(-1).astype(work, copy=False), ord) for (block,) in pieces((x,)) if block.size
        ]
        # Rounded to the precision of a single sum, which overflows where it does.
        out[i] = work.type(_root(np.array(parts, np.float64), ord))


def _part(x: np.ndarray, ord: float) -> Any:
    """What a block adds to the norm."""
    if ord == 2:
        # one read, and no array of squares
        return np.dot(x, x)
    if ord == 0:
        return np.count_nonzero(x)
    size = np.abs(x)
    if math.isinf(ord):
        return size.max() if ord > 0 else size.min()
    return (size if ord == 1 else size**ord).sum()


def _root(parts: np.ndarray, ord: float) -> Any:
    if math.isinf(ord):
        return parts.max() if ord > 0 else parts.min()
    total = parts.sum()
    return total if ord in (0, 1) else total ** (1 / ord)


def foreach_scale(tensors: list[np.ndarray], factor: np.ndarray | float) -> None:
    """Every array times the factor, in place."""
    for x in tensors:
        work = work_type(x.dtype)
        # in the type computed in: a float64 factor would widen every block
        by = work.type(factor)
        for (block,) in pieces((x,)):
            if block.dtype == work:
                np.multiply(block, by, out=block)
            else:
                block[...] = block.astype(work) * by


def foreach_clamp(tensors: list[np.ndarray], low: float, high: float) -> None:
    """Every element of every array brought into [low, high], in place."""
    for x in tensors:
        work = work_type(x.dtype)
        for (block,) in pieces((x,)):
            if block.dtype == work:
                # NaN stays: np.maximum and np.minimum keep it
                np.minimum(np.maximum(block, work.type(low), out=block), work.type(high), out=block)
            else:
                block[...] = np.minimum(np.maximum(block.astype(work), work.type(low)), work.type(high))
