"""Joining and mirroring."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cat(out: np.ndarray, tensors: Sequence[np.ndarray], dim: int) -> None:
    """out = the tensors one after another along `dim`; empty vectors among tensors of higher rank are left out."""
    parts = [tensor for tensor in tensors if tensor.ndim == out.ndim]
    np.concatenate(parts, axis=dim, out=out, casting="unsafe")


def stack_contiguous(out: np.ndarray, tensors: Sequence[np.ndarray], dim: int) -> None:
    """out = the tensors, all of one shape, along the dimension `dim` of `out`."""
    np.stack(tensors, axis=dim, out=out, casting="unsafe")


def flip(out: np.ndarray, input: np.ndarray, dims: Sequence[int]) -> None:
    """out = input with the order of elements reversed along `dims`."""
    np.copyto(out, np.flip(input, tuple(dims)) if dims else input)
