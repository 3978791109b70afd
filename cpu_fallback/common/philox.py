"""The words of the counter-based generator Philox 4x32-10.

Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FEW = 4  # counters that are faster one by one
# Draws of a few counters, each where the last one ended, after which so many are computed together: 256 cost as
# much as 16 one by one.
STREAK, AHEAD = 8, 256

_MULTIPLIERS = np.array([[0xD2511F53], [0xCD9E8D57]], dtype=np.uint64)
_WORD_BITS = np.array(32, dtype=np.uint64)
_WORD = np.array(0xFFFFFFFF, dtype=np.uint64)


@lru_cache(maxsize=16)
def _round_keys(seed: int) -> tuple[Array, ...]:
    low, high = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
    keys = []
    for _ in range(10):
        keys.append(np.array([[high], [low]], dtype=np.uint64))
        low, high = (low + 0x9E3779B9) & 0xFFFFFFFF, (high + 0xBB67AE85) & 0xFFFFFFFF
    return tuple(keys)


def _philox_few(seed: int, counters: Iterable[int], third: int) -> Array:
    """`philox` in Python's integers: a hundred array operations take longer than a few counters by hand."""
    rows = []
    for counter in counters:
        c0, c1, c2, c3 = counter & 0xFFFFFFFF, counter >> 32, third, 0
        k0, k1 = seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF
        for _ in range(10):
            a, b = c0 * 0xD2511F53, c2 * 0xCD9E8D57
            c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & 0xFFFFFFFF, (a >> 32) ^ c3 ^ k1, a & 0xFFFFFFFF
            k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
        rows.append((c0, c1, c2, c3))
    return np.array(rows, np.uint32)


def philox(seed: int, counters: Array, third: int = 0) -> Array:
    """The four output words of each 64-bit counter, as a (n, 4) uint32 array."""
    n = counters.size
    if 0 < n <= FEW:
        return _philox_few(seed, counters.tolist(), third)
    # Rows: c0 and c2 in `even`, c3 and c1 in `odd`, so that both lanes share every ufunc call.
    even, odd, product = np.empty((2, n), np.uint64), np.empty((2, n), np.uint64), np.empty((2, n), np.uint64)
    np.bitwise_and(counters, _WORD, even[0])
    even[1] = third
    odd[0] = 0
    np.right_shift(counters, _WORD_BITS, odd[1])
    for key in _round_keys(seed):
        # The halves of c0's product become c2 and c3, those of c2's c0 and c1: so `even` is turned round.
        np.multiply(even, _MULTIPLIERS, product)
        np.right_shift(product, _WORD_BITS, even)
        np.bitwise_xor(even, odd, even)
        np.bitwise_xor(even, key, even)
        np.bitwise_and(product, _WORD, odd)
        even = even[::-1]
    words = np.empty((n, 4), np.uint32)
    words[:, 0], words[:, 1], words[:, 2], words[:, 3] = even[0], odd[1], even[1], odd[0]
    return words


_NO_WORDS = np.empty(0, np.uint32)
# Seed, first counter and words of what was computed ahead; the counter after it or after the last draw; the streak.
# One tuple, replaced as a whole: threads that draw at a time cost each other the streak, never a number.
_ahead: tuple[int, int, Array, int, int] = (0, 0, _NO_WORDS, 0, 0)


def _few_words(seed: int, first: int, counters: int) -> Array:
    """The words of a few counters, read-only where a loop that draws number by number has them ahead."""
    global _ahead
    known, start, ready, end, streak = _ahead
    at, count = 4 * (first - start), 4 * counters
    if seed == known and 0 <= at <= ready.size - count:
        return ready[at : at + count]
    streak = streak + 1 if seed == known and first == end else 0
    if streak < STREAK:
        _ahead = (seed, first, _NO_WORDS, first + counters, streak)
        return _philox_few(seed, range(first, first + counters), 0).reshape(-1)
    ready = philox(seed, np.arange(first, first + AHEAD, dtype=np.uint64)).reshape(-1)
    ready.flags.writeable = False
    _ahead = (seed, first, ready, first + AHEAD, streak)
    return ready[:count]


def words(seed: int, offset: int, count: int) -> Array:
    """At least `count` words from `offset` on, whole counters, as a flat uint32 array."""
    first, counters = offset >> 2, (count + 3) // 4
    if 0 < counters <= FEW:
        return _few_words(seed, first, counters)
    return philox(seed, np.arange(first, first + counters, dtype=np.uint64)).reshape(-1)
