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
    if sorted_sequence.ndim == 1:
        out[...] = _places(sorted_sequence, input, right)
        return
    if not out.size:
        return
    for where in np.ndindex(sorted_sequence.shape[:-1]):
        out[where] = _places(sorted_sequence[where], input[where], right)


def _places(sequence: Array, values: Array, right: bool) -> Any:
    if sequence.dtype.kind != "f" or not np.isnan(sequence).any():
        return sequence.searchsorted(values, "right" if right else "left")
    # a NaN is neither above a value nor equal to it: the search goes on behind it
    low, high = np.zeros(values.shape, np.int64), np.full(values.shape, len(sequence))
    for _ in range(len(sequence).bit_length()):
        middle = (low + high) // 2
        other = sequence[np.minimum(middle, len(sequence) - 1)]
        ends = (low == high) | ((other > values) if right else (other >= values))
        low, high = np.where(ends, low, middle + 1), np.where(ends, np.minimum(middle, high), high)
    return low
