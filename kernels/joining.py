"""Joining and mirroring."""

from __future__ import annotations

from collections.abc import Sequence

from tritonnn.buffer import Buffer
from tritonnn.kernels._replay import replayed
from tritonnn.kernels.shape import copy, narrow, reverse


@replayed
def cat(out: Buffer, tensors: Sequence[Buffer], dim: int) -> None:
    """out = the tensors one after another along `dim`; empty vectors among higher ranks are left out."""
    start = 0
    for tensor in tensors:
        if tensor.ndim == out.ndim:
            length = tensor.shape[dim]
            copy(narrow(out, dim, start, length), tensor)
            start += length


@replayed
def flip(out: Buffer, input: Buffer, dims: Sequence[int]) -> None:
    """out = input with the order of elements reversed along `dims`."""
    copy(out, reverse(input, dims))
