"""Searches in sorted sequences: searchsorted and bucketize."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.indexing import check_bounds

Array = np.ndarray[Any, Any]


def search(out: Array, sorted_sequence: Array, input: Array, sorter: Array | None, right: bool) -> None:
    """Where each value would be inserted along the last dimension to keep it sorted."""
    if sorter is not None:
        last = sorted_sequence.ndim - 1
        check_bounds("searchsorted: sorter", sorter, last, sorted_sequence.shape[-1], RuntimeError)
        sorted_sequence = np.take_along_axis(sorted_sequence, sorter, -1)
    if sorted_sequence.dtype.kind == "V" or sorted_sequence.dtype == np.float16:
        sorted_sequence, input = sorted_sequence.astype(np.float32), input.astype(np.float32)
    side = "right" if right else "left"
    if sorted_sequence.ndim == 1:
        out[...] = sorted_sequence.searchsorted(input, side)  # type: ignore[call-overload]
        return
    if not out.size:
        return
    for where in np.ndindex(sorted_sequence.shape[:-1]):
        out[where] = sorted_sequence[where].searchsorted(input[where], side)  # type: ignore[call-overload]
