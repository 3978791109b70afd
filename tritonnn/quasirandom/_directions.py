"""The direction numbers of Sobol sequences: S. Joe and F. Y. Kuo, "Constructing Sobol sequences with better
two-dimensional projections", SIAM J. Sci. Comput. 30 (2008), the file new-joe-kuo-6.21201.

`joe_kuo.bin` has for each dimension but the first the coefficients of its primitive polynomial between the first and
the last, which are 1, and its initial numbers m_1, m_2, ... without their lowest bit, which is 1: m_i has i bits.
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import numpy as np

BITS = 30
DIMENSIONS = 21201


def _primitive_polynomials(degree: int) -> int:
    """How many there are over {0, 1}: φ(2**degree - 1) / degree."""
    n = rest = 2**degree - 1
    count = n
    for factor in range(2, math.isqrt(n) + 1):
        if not rest % factor:
            count -= count // factor
            while not rest % factor:
                rest //= factor
    return (count - count // rest if rest > 1 else count) // degree


@cache
def _bits() -> np.ndarray:
    data = (Path(__file__).parent / "joe_kuo.bin").read_bytes()
    return np.unpackbits(np.frombuffer(data, np.uint8))


def _numbers(bits: np.ndarray) -> np.ndarray:
    """Rows of bits, the highest first, as numbers."""
    return bits.astype(np.int64) @ (1 << np.arange(bits.shape[1] - 1, -1, -1, dtype=np.int64))


def direction_numbers(dimension: int) -> np.ndarray:
    """(dimension, 30): what the bits of a point's number add to it, as multiples of 2**-30."""
    v = np.ones((dimension, BITS), np.int64)
    row, place, degree = 1, 0, 1
    while row < dimension:
        width = (degree - 1) + degree * (degree - 1) // 2
        rows = _primitive_polynomials(degree)
        taken = min(rows, dimension - row)
        bits = _bits()[place : place + taken * width].reshape(taken, width)
        v[row : row + taken] = _extended(bits, degree)
        row, place, degree = row + taken, place + rows * width, degree + 1
    return v << np.arange(BITS - 1, -1, -1)


def _extended(bits: np.ndarray, degree: int) -> np.ndarray:
    """The numbers m_1, ..., m_30 of polynomials of one degree, by their recurrence."""
    m = np.ones((len(bits), BITS), np.int64)
    place = degree - 1
    for i in range(1, degree):
        m[:, i] = 2 * _numbers(bits[:, place : place + i]) + 1
        place += i
    for i in range(degree, BITS):
        m[:, i] = m[:, i - degree] ^ (m[:, i - degree] << degree)
        for k in range(1, degree):
            m[:, i] ^= bits[:, k - 1].astype(np.int64) * (m[:, i - k] << k)
    return m
