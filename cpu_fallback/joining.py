"""Joining and mirroring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tritonnn.cpu_fallback.common.narrow import pairs
from tritonnn.cpu_fallback.shape import copy


def cat(out: np.ndarray, tensors: Sequence[np.ndarray], dim: int) -> None:
    """out = the tensors one after another along `dim`; empty vectors among tensors of higher rank are left out."""
    parts = [tensor for tensor in tensors if tensor.ndim == out.ndim]
    if any([pairs(part.dtype) is not pairs(out.dtype) for part in parts]):  # which NumPy does not convert
        parts = [_converted(part, out.dtype) for part in parts]
    np.concatenate(parts, axis=dim, out=out, casting="unsafe")


def _converted(part: np.ndarray, dtype: np.dtype) -> np.ndarray:
    result = np.empty(part.shape, dtype)
    copy(result, part)
    return result


def stack_contiguous(out: np.ndarray, tensors: Sequence[np.ndarray], dim: int) -> None:
    """out = the tensors, all of one shape, along the dimension `dim` of `out`."""
    if any([pairs(tensor.dtype) is not pairs(out.dtype) for tensor in tensors]):
        tensors = [_converted(tensor, out.dtype) for tensor in tensors]
    np.stack(tensors, axis=dim, out=out, casting="unsafe")


def flip(out: np.ndarray, input: np.ndarray, dims: Sequence[int]) -> None:
    """out = input with the order of elements reversed along `dims`."""
    np.copyto(out, np.flip(input, tuple(dims)) if dims else input)
