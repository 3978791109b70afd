"""Equations with a triangular matrix.

Gradients: M. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation",
2008.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._return_types import record
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m


def solved(A: Tensor, B: Tensor, upper: bool, left: bool = True, unitriangular: bool = False) -> Tensor:
    """`solve_triangular` by position."""
    return solve_triangular(A, B, upper=upper, left=left, unitriangular=unitriangular)


def _matrix_grad(
    g: Tensor, input: Tensor, result: Tensor, upper: bool, left: bool, unitriangular: bool
) -> Tensor:
    """-(A^-H g) X^H, or -X^H (g A^-H), in the triangle that is read."""
    back = solved(m.adjoint(input), g, not upper, left, unitriangular)
    outer = m.product(back, m.adjoint(result)) if left else m.product(m.adjoint(result), back)
    return -m.triangle(outer, upper, unitriangular)


def _by_inverse(A: np.ndarray, B: np.ndarray, upper: bool, left: bool, unitriangular: bool) -> Any:
    """The definition in NumPy: with the inverse of the triangle."""
    T = np.triu(A) if upper else np.tril(A)
    if unitriangular:
        T = T + (1 - np.diagonal(T, 0, -2, -1))[..., None, :] * np.eye(A.shape[-1])
    return np.linalg.inv(T) @ B if left else B @ np.linalg.inv(T)


@primitive(
    api="linalg",
    host=m.large,
    dtypes=m.DECOMPOSED,
    grad={
        "input": _matrix_grad,
        "B": lambda g, input, upper, left, unitriangular: solved(
            m.adjoint(input), g, not upper, left, unitriangular
        ),
    },
    samples=lambda make: [
        Sample(m.regular(make, 3), make(3, 2), upper=False),
        Sample(m.regular(make, 2, 3), make(3, 2), upper=True),
        Sample(m.regular(make, 3), make(2, 2, 3), upper=True, left=False),
        Sample(m.regular(make, 3), make(3, 1), upper=False, unitriangular=True),
        Sample(m.regular(make, 40), make(40, 2), upper=False),
        Sample(make(0, 0), make(0, 2), upper=True),
    ],
    errors=lambda make: [
        Bad(make(3, 3), make(3), upper=True, match="B must have at least 2 dimensions"),
        Bad(make(3), make(3, 3), upper=True, match="A must have at least 2 dimensions"),
        Bad(make(3, 3), make(2, 3), upper=True, match="Incompatible shapes of A and B"),
        Bad(make(3, 2), make(2, 3), upper=True, match="batches of square matrices"),
        Bad(make(3, 3), make.int(3, 3), upper=True, match="to have the same dtype"),
        Bad(make(3, 3), make(3, 3), error=TypeError, match="missing"),
    ],
    reference=lambda input, B, upper, left, unitriangular: _by_inverse(input, B, upper, left, unitriangular),
)
def solve_triangular(
    input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Any:
    """X with A X = B, or X A = B, where A is triangular; its other triangle is not read.

    Args:
        input: (*, n, n); a zero in its diagonal makes the result infinite or NaN.
        B: (*, n, k), or (*, k, n) with `left=False`; leading dimensions broadcast.
        upper: whether A is upper triangular.
        left: whether A stands on the left of X.
        unitriangular: take the diagonal of A as ones, without reading it.

    Raises:
        RuntimeError: extents that do not fit, or other types than float32, float64 and complex.

    >>> import tritonnn as torch
    >>> A, B = torch.tensor([[2., 0.], [1., 4.]]), torch.tensor([[2.], [9.]])
    >>> torch.linalg.solve_triangular(A, B, upper=False).tolist()
    [[1.0], [2.0]]
    """
    m.same_type(input, B)
    shape = m.solvable(input, B, left)
    m.floating(input)
    return Out(shape, input.dtype, strides=m.by_columns(shape) if left else None)


def _older(
    b: np.ndarray, A: np.ndarray, upper: bool, transpose: bool, unitriangular: bool
) -> tuple[Any, Any]:
    T = np.swapaxes(A, -1, -2) if transpose else A
    return _by_inverse(T, b, upper != transpose, True, unitriangular), A + 0 * b[..., :1, :1]


@composite(
    api="torch tensor",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(3, 2), m.regular(make, 3)),
        Sample(make(3, 2), m.regular(make, 2, 3), False),
        Sample(make(3, 2), m.regular(make, 3), True, True),
        Sample(make(3, 2), m.regular(make, 3), False, False, True),
    ],
    errors=lambda make: [
        Bad(make(3), make(3, 3), match="at least 2 dimensions"),
        Bad(make(3, 2), make(2, 2), match="Incompatible matrix sizes for triangular_solve"),
        Bad(make(3, 2), make(3, 2), match="batches of square matrices"),
        Bad(make.int(3, 2), make(3, 3), match="to have the same dtype"),
    ],
    reference=lambda input, A, upper, transpose, unitriangular: _older(input, A, upper, transpose, unitriangular),
)  # fmt: skip
def triangular_solve(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    """The solution of A X = input with a triangular A, and a copy of A; `linalg.solve_triangular` is its successor.

    Args:
        input: (*, n, k).
        A: (*, n, n); leading dimensions broadcast.
        upper: whether A is upper triangular.
        transpose: solve with the transpose of A.
        unitriangular: take the diagonal of A as ones.

    Raises:
        RuntimeError: extents that do not fit, or other types than float32, float64 and complex.

    >>> import tritonnn as torch
    >>> b, A = torch.tensor([[9.], [4.]]), torch.tensor([[2., 1.], [0., 4.]])
    >>> torch.triangular_solve(b, A).solution.tolist()
    [[4.0], [1.0]]
    """
    if input.dtype is not A.dtype:
        raise Invalid(
            f"Expected b and A to have the same dtype, but found b of type {input.dtype.name} and A of type "
            f"{A.dtype.name} instead"
        )
    for name, value in (("b", input), ("A", A)):
        if len(value.shape) < 2:
            raise Invalid(f"Expected {name} to have at least 2 dimensions, but it has {len(value.shape)}")
    m.square(A)
    rows, columns = input.shape[-2:]
    if rows != A.shape[-1]:
        n = A.shape[-1]
        raise Invalid(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {n} by {n} but each b matrix is "
            f"{rows} by {columns}"
        )
    X = solved(A.mT if transpose else A, input, upper != transpose, True, unitriangular)
    return record("triangular_solve")((X, A.expand(*X.shape[:-2], *A.shape[-2:]).clone()))
