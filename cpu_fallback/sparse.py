"""Products with sparse matrices, whose rows are given by where in the list of values each begins (CSR)."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, wide

Array = np.ndarray[Any, Any]


def _accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype(np.int64) if dtype.kind in "iu" else wide(dtype)


def spmm(out: Array, values: Array, dense: Array, starts: Array, places: Array) -> None:
    """out[r] = sum of values[e] * dense[places[e]] over the entries e of row r.

    Rows are taken in blocks of as many entries as fit the cache; the sums of a block are one call.
    """
    out[...] = 0
    # reduceat would give an empty row its neighbour's first term
    filled = np.flatnonzero(starts[1:] > starts[:-1])
    if not out.size or not filled.size or not dense.size:
        return
    dtype = _accumulator(out.dtype)
    begins, ends = starts[filled], starts[filled + 1]
    step = max(1, BLOCK // out.shape[1])
    low = 0
    while low < len(filled):
        high = max(low + 1, int(np.searchsorted(ends, begins[low] + step, side="right")))
        first, last = begins[low], ends[high - 1]
        terms = dense[places[first:last]].astype(dtype, copy=False)
        terms *= values[first:last, None]
        sums = np.add.reduceat(terms, begins[low:high] - first, axis=0)
        out[filled[low:high]] = sums + dtype.type(0)  # a sum of nothing but -0 is 0
        low = high


def sddmm(out: Array, a: Array, b: Array, lines: Array, places: Array, starts: Array) -> None:
    """out[e] = a[lines[e]] . b[places[e]]; the last argument concerns the gradient only."""
    dtype = _accumulator(out.dtype)
    step = max(1, BLOCK // max(a.shape[1], 1))
    for low in range(0, len(out), step):
        part = slice(low, low + step)
        x, y = a[lines[part]].astype(dtype, copy=False), b[places[part]].astype(dtype, copy=False)
        out[part] = np.einsum("ek,ek->e", x, y)
