"""How many small matrices a program factors: a pure function of the problem, the same on every architecture."""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.reduction import power_of_2

LARGEST = 32  # rows of a matrix that a program holds in registers
HELD = 64  # bytes of a matrix that a thread holds: what is worked out beside it takes several times as many
MOST_MATRICES = 64  # tiny ones: with more of them a program would take the others' work


class Matrices(NamedTuple):
    """A tile of `matrices` of `size` rows and columns, and as many rows of `columns` right-hand sides."""

    matrices: int
    size: int
    columns: int
    warps: int


def choose_matrices(count: int, n: int, columns: int, itemsize: int) -> Matrices:
    """The tile for matrices of n rows.

    Args:
        count: number of matrices.
        n: rows and columns of each, at most `LARGEST`.
        columns: right-hand sides of each; their tile is no larger than that of the matrices.
        itemsize: of an element, in bytes.
    """
    size = power_of_2(n)
    square = size * size * itemsize
    warps = max(1, square // (32 * HELD))
    together = max(1, min(32 * HELD // square, MOST_MATRICES, power_of_2(count)))
    return Matrices(together, size, min(size, power_of_2(columns)), warps)
