"""Equations with a matrix whose LU factorization is known."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.lu import factored, put_back, rows_of_pivots, taken, unpacked
from tritonnn.ops.linalg.triangular import solved


def _solve(LU: Tensor, pivots: Tensor, B: Tensor, left: bool, adjoint: bool) -> Tensor:
    if not left:  # X A = B, which is A^H X^H = B^H
        return m.adjoint(_solve(LU, pivots, m.adjoint(B), True, not adjoint))
    rows = rows_of_pivots(pivots, LU.shape[-2])
    if adjoint:
        H = m.adjoint(LU)
        return put_back(solved(H, solved(H, B, False), True, unitriangular=True), rows)
    return solved(LU, solved(LU, taken(B, rows), False, unitriangular=True), True)


def _lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, left: bool = True, adjoint: bool = False) -> Tensor:
    if pivots.dtype is not dtypes.int32:
        raise Invalid("linalg.lu_solve: pivots should be a Tensor of scalar type torch.int32")
    m.same_type(LU, B, "LU and B")
    m.solvable(LU, B, left)
    m.floating(LU)
    if pivots.shape[-1:] != LU.shape[-1:]:
        raise Invalid(
            "linalg.lu_solve: Number of pivots per batch should be same as the dimension of the matrix"
        )
    if pivots.shape[:-1] != LU.shape[:-2]:
        raise Invalid(
            "linalg.lu_solve: Expected LU.shape[:-1] and pivots.shape to be the same, but got pivots with shape "
            f"{[*pivots.shape]} instead"
        )
    return _solve(LU, pivots, B, left, adjoint)


def of_factors(
    LU: np.ndarray, pivots: np.ndarray, B: np.ndarray, left: bool = True, adjoint: bool = False
) -> Any:
    """The definition in NumPy: with the inverse of the product."""
    P, L, U = unpacked(LU, pivots)
    A = P @ L @ U
    A = np.linalg.inv(np.swapaxes(A, -1, -2).conj() if adjoint else A)
    return A @ B if left else B @ A


_PIVOTS = dict(dtype=dtypes.int32)


@composite(
    api="linalg",
    public="lu_solve",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(*factored(make, 3, 3), make(3, 2)),
        Sample(*factored(make, 2, 3, 3), make(3, 2), adjoint=True),
        Sample(*factored(make, 3, 3), make(2, 2, 3), left=False),
        Sample(*factored(make, 3, 3), make(2, 3), left=False, adjoint=True),
    ],
    errors=lambda make: [
        Bad(make(3, 3), make(3), make(3, 3), match="pivots should be a Tensor of scalar type torch.int32"),
        Bad(make(3, 3), make.int(3, **_PIVOTS), make(2, 3), match="Incompatible shapes of A and B"),
        Bad(make(3, 3), make.int(2, **_PIVOTS), make(3, 3), match="Number of pivots per batch"),
        Bad(make(3, 3), make.int(2, 3, **_PIVOTS), make(3, 3), match="pivots with shape"),
    ],
    reference=of_factors,
)
def linalg_lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False
) -> Tensor:
    """X with A X = B, or X A = B, of the matrix A whose LU factorization is given.

    Args:
        LU: (*, n, n), of `linalg.lu_factor`.
        pivots: (*, n), of the same.
        B: (*, n, k), or (*, k, n) with `left=False`.
        left: whether A stands on the left of X.
        adjoint: solve with A^H.

    Raises:
        RuntimeError: extents or types that do not fit.

    >>> import tritonnn as torch
    >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[2., 1.], [4., 4.]]))
    >>> torch.linalg.lu_solve(LU, pivots, torch.tensor([[3.], [8.]])).tolist()
    [[1.0], [1.0]]
    """
    return _lu_solve(LU, pivots, B, left, adjoint)


@composite(
    api="torch tensor",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(3, 2), *factored(make, 3, 3)),
        Sample(make(3, 2), *factored(make, 2, 3, 3)),
    ],
    errors=lambda make: [
        Bad(make(3, 3), make(3, 3), make(3), match="pivots should be a Tensor of scalar type torch.int32"),
        Bad(make(2, 3), make(3, 3), make.int(3, **_PIVOTS), match="Incompatible shapes of A and B"),
        Bad(make(3, 3), make(3, 3), make.int(2, **_PIVOTS), match="Number of pivots per batch"),
    ],
    reference=lambda input, LU_data, LU_pivots: of_factors(LU_data, LU_pivots, input),
)
def lu_solve(input: Tensor, LU_data: Tensor, LU_pivots: Tensor) -> Tensor:
    """X with A X = input, of the matrix A whose LU factorization is given; `linalg.lu_solve` is its successor.

    Args:
        input: (*, n, k).
        LU_data: (*, n, n), of `linalg.lu_factor`.
        LU_pivots: (*, n), of the same.

    Raises:
        RuntimeError: extents or types that do not fit.

    >>> import tritonnn as torch
    >>> LU, pivots = torch.linalg.lu_factor(torch.tensor([[2., 1.], [4., 4.]]))
    >>> torch.lu_solve(torch.tensor([[3.], [8.]]), LU, pivots).tolist()
    [[1.0], [1.0]]
    """
    return _lu_solve(LU_data, LU_pivots, input)
