"""Arithmetic with an operand that is repeated over short rows, as a colour is over the pixels of (H, W, 3).

NumPy's innermost loop has the shortest stride: three elements a turn cost ten times as much as the arithmetic. Several
rows are taken as one, beside so many copies of the operand.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_MANY = 1 << 14  # elements of the result from which on looking at strides pays
_SHORT = 12  # a row of fewer elements
_LONG = 1 << 10  # what rows are joined to


def combine(ufunc: np.ufunc, input: Any, other: Any, out: Array) -> None:
    """`ufunc(input, other, out=out)`."""
    if out.size >= _MANY and (
        1 < getattr(input, "size", 1) < out.size or 1 < getattr(other, "size", 1) < out.size
    ):
        order = [
            d for d in sorted(range(out.ndim), key=out.strides.__getitem__, reverse=True) if out.shape[d] > 1
        ]
        rows, n = (out.shape[d] for d in order[-2:]) if len(order) > 1 else (0, _SHORT)
        if n < _SHORT and out.strides[order[-2]] == n * out.strides[order[-1]]:
            ones = [d for d in range(out.ndim) if out.shape[d] == 1]
            left, right = (np.broadcast_to(x, out.shape).transpose(*ones, *order) for x in (input, other))
            _joined(ufunc, left, right, out.transpose(*ones, *order), rows, n)
            return
    ufunc(input, other, out=out)


def _joined(ufunc: np.ufunc, input: Array, other: Array, out: Array, rows: int, n: int) -> None:
    together = min(rows, _LONG // n)
    turns = rows // together
    whole = turns * together
    parts = [_long_rows(x[..., :whole, :], turns, together) for x in (input, other)]
    if any(part is None for part in parts):
        ufunc(input, other, out=out)
        return
    ufunc(*parts, out=out[..., :whole, :].reshape(*out.shape[:-2], turns, together * n))
    if whole < rows:
        ufunc(input[..., whole:, :], other[..., whole:, :], out=out[..., whole:, :])


def _long_rows(x: Array, turns: int, together: int) -> Array | None:
    """`x` with so many of its rows as one, or None where they lie apart."""
    *outer, _, n = x.shape
    step, inner = x.strides[-2:]
    if step == n * inner:  # also of what is one number for all of them
        return np.lib.stride_tricks.as_strided(
            x, (*outer, turns, together * n), (*x.strides[:-2], together * step, inner), writeable=False
        )
    if step:
        return None
    once = x[tuple([slice(None, None if stride else 1) for stride in x.strides[:-2]])][..., :1, :]
    copies = np.empty((*once.shape[:-2], together, n), x.dtype)
    copies[...] = once
    return copies.reshape(*once.shape[:-2], 1, together * n)
