"""Systems of linear equations."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._return_types import record
from tritonnn._tensor import Tensor
from tritonnn.errors import LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.table import Make

_SINGULAR = "The solver failed because the input matrix is singular."


def solved_by(A: Tensor, B: Tensor, left: bool = True) -> Tensor:
    """The solution of A X = B, or X A = B, of matrices."""
    return linalg_solve_ex(A, B, left)[0]


def _matrix_grad(g: Tensor, A: Tensor, result: Tensor, left: bool) -> Tensor:
    """-(A^-H g) X^H, or -X^H (g A^-H)."""
    back = solved_by(m.adjoint(A), g, left)
    return -(m.product(back, m.adjoint(result)) if left else m.product(m.adjoint(result), back))


@primitive(
    host=m.large,
    dtypes=m.DECOMPOSED,
    results=("result", "info"),
    non_differentiable=("info",),
    grad={"A": _matrix_grad, "B": lambda g, A, left: solved_by(m.adjoint(A), g, left)},
    samples=lambda make: [
        Sample(m.regular(make, 3), make(3, 2)),
        Sample(m.regular(make, 3), make(2, 2, 3), False),
    ],
)
def linalg_solve_ex(A: Tensor, B: Tensor, left: bool = True) -> Any:
    """The solution, and for each matrix 0 or the place of the first zero in the diagonal of its LU factor."""
    m.same_type(A, B)
    shape = m.solvable(A, B, left)
    m.floating(A)
    info = Out(A.shape[:-2], dtypes.int32)
    return Out(shape, A.dtype, strides=m.by_columns(shape) if left else None), info


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), make(3, 3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), make(3, 3), match="batches of square matrices, but they are 3 by 2"),
        Bad(make(3, 3), make(2), match="Incompatible shapes of A and B"),
        Bad(make(3, 3), make.int(3, 3), match="to have the same dtype"),
        Bad(make.int(3, 3), make.int(3, 3), match="Expected a floating point or complex tensor"),
        Bad(make(3, 3).half(), make(3, 3).half(), error=NotImplementedError, match="for float16"),
    ]


_SAMPLES = lambda make: [
    Sample(m.regular(make, 3), make(3, 2)),
    Sample(m.regular(make, 3), make(3)),
    Sample(m.regular(make, 2, 3), make(2, 3)),
    Sample(m.regular(make, 2, 3), make(3, 2)),
    Sample(m.regular(make, 3), make(2, 2, 3), left=False),
    Sample(make(0, 0), make(0, 2)),
]


def _by_cramer(A: np.ndarray, B: np.ndarray, left: bool = True) -> Any:
    """The definition in NumPy: Cramer's rule."""
    if not left:
        return np.swapaxes(_by_cramer(np.swapaxes(A, -1, -2), np.swapaxes(B, -1, -2)), -1, -2)
    vector = B.ndim == 1 or B.shape == A.shape[:-1]
    B = B[..., None] if vector else B
    batch = np.broadcast_shapes(A.shape[:-2], B.shape[:-2])
    A, B = (np.broadcast_to(x, batch + x.shape[-2:]) for x in (A, B))
    X = np.empty(B.shape, A.dtype)
    for i in range(A.shape[-1]):
        for j in range(B.shape[-1]):
            other = A.copy()
            other[..., i] = B[..., j]
            X[..., i, j] = np.linalg.det(other) / np.linalg.det(A)
    return X[..., 0] if vector else X


def _solve(A: Tensor, B: Tensor, left: bool) -> tuple[Tensor, Tensor]:
    m.square(A)
    if not m.vectors(A, B):
        return linalg_solve_ex(A, B, left)
    column = B.unsqueeze(-1)
    if not left:
        A = A.mT  # x A = b
    X, info = linalg_solve_ex(A, column, True)
    return record("linalg_solve_ex")((X.squeeze(-1), info))


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=_SAMPLES,
    errors=lambda make: [
        *_errors(make),
        Bad(make(3, 3) * 0, make(3), error=LinAlgError, match="the input matrix is singular"),
        Bad(make(2, 3, 3) * 0, make(3, 2), error=LinAlgError, match=r"\(Batch element 0\): The solver"),
    ],
    reference=_by_cramer,
)
def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """X with A X = B, or X A = B.

    Args:
        A: (*, n, n).
        B: (*, n, k), or (*, k, n) with `left=False`, or vectors, (n,) or the shape of A without its last dimension.
        left: whether A stands on the left of X.

    Raises:
        LinAlgError: a matrix is singular.
        RuntimeError: extents that do not fit, or other types than float32, float64 and complex.

    >>> import tritonnn as torch
    >>> torch.linalg.solve(torch.tensor([[2., 0.], [0., 4.]]), torch.tensor([2., 2.]))
    tensor([1.0000, 0.5000])
    """
    X, info = _solve(A, B, left)
    m.check_info("torch.linalg.solve", info, _SINGULAR, A=A, B=B)
    return X


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=_SAMPLES,
    errors=lambda make: [
        *_errors(make),
        Bad(make(3, 3) * 0, make(3), check_errors=True, error=LinAlgError, match="is singular"),
    ],
    reference=lambda A, B, left: (
        _by_cramer(A, B, left),
        np.zeros(A.shape[:-2], np.int32),
    ),
)
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """`linalg.solve` without an error for singular matrices.

    Args:
        A: (*, n, n).
        B: as `linalg.solve` takes it.
        left: whether A stands on the left of X.
        check_errors: raise as `linalg.solve` does.

    Returns:
        (result, info): info is 0, or the place of the first zero in the diagonal of the LU factor.

    Raises:
        LinAlgError: with `check_errors`, a matrix is singular.

    >>> import tritonnn as torch
    >>> torch.linalg.solve_ex(torch.zeros(2, 2), torch.ones(2)).info
    tensor(1, dtype=torch.int32)
    """
    solved = _solve(A, B, left)
    if check_errors:
        m.check_info("torch.linalg.solve_ex", solved[1], _SINGULAR, A=A, B=B)
    return solved
