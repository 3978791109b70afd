"""Eigenpairs that were found by other ops."""

from __future__ import annotations

from tritonnn.buffer import Buffer
from tritonnn.kernels.device.moving import copy


def given_eigenpairs(
    out_values: Buffer, out_vectors: Buffer, A: Buffer, B: Buffer | None, values: Buffer, vectors: Buffer
) -> None:
    """The pairs as they are: what is recorded is where they come from."""
    copy(out_values, values)
    copy(out_vectors, vectors)
