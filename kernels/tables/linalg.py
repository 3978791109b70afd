"""How many small matrices a program factors: a pure function of the problem, the same on every architecture."""

from __future__ import annotations

from typing import NamedTuple

from tritonnn.kernels.tables.reduction import power_of_2

LARGEST = 32  # rows of a matrix that a program holds in registers
HELD = 64  # bytes of matrices that a thread holds: what is worked out beside them takes several times as many
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
        columns: right-hand sides of each, 0 where there are none; their tile is no larger than that of the matrices.
        itemsize: of an element, in bytes.
    """
    size = power_of_2(n)
    wide = min(size, power_of_2(columns)) if columns else 0
    held = size * (size + wide) * itemsize
    warps = max(1, held // (32 * HELD))
    together = max(1, min(32 * HELD // held, MOST_MATRICES, power_of_2(count)))
    # a power of 2, as all extents of tiles
    return Matrices(1 << together.bit_length() - 1, size, max(1, wide), 1 << warps.bit_length() - 1)
