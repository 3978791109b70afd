"""The inverse of a matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.table import Make


def _by_adjugate(A: np.ndarray) -> Any:
    """The definition in NumPy: cofactors over the determinant."""
    n = A.shape[-1]
    inverse = np.empty_like(A)
    for i in range(n):
        for j in range(n):
            minor = np.delete(np.delete(A, i, -2), j, -1)
            inverse[..., j, i] = (-1) ** (i + j) * np.linalg.det(minor)
    return inverse / np.linalg.det(A)[..., None, None]


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), match="batches of square matrices, but they are 3 by 2"),
        Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
        Bad(make(3, 3).half(), error=NotImplementedError, match="not implemented for float16"),
    ]


def _singular(make: Make) -> list[Bad]:
    return [
        *_errors(make),
        Bad(make(2, 2) * 0, error=LinAlgError, match="The diagonal element 1 is zero"),
        Bad(make(3, 2, 2) * 0, error=LinAlgError, match=r"\(Batch element 0\): The diagonal element 1"),
    ]


_SAMPLES = lambda make: [
    Sample(m.regular(make, 3)),
    Sample(m.regular(make, 2, 3)),
    Sample(m.regular(make, 2, 2, 2)),
    Sample(make(2, 0, 0)),
]


@primitive(
    host=m.large,
    dtypes=m.DECOMPOSED,
    results=("inverse", "info"),
    non_differentiable=("info",),
    grad={"A": lambda g, inverse: -m.product(m.adjoint(inverse), g, m.adjoint(inverse))},
    samples=_SAMPLES,
    errors=_errors,
)
def linalg_inv_ex(A: Tensor) -> Any:
    """The inverse, and for each matrix 0 or the place of the first zero in the diagonal of its LU factor."""
    m.square(A)
    m.floating(A)
    return Out(A.shape, A.dtype, strides=m.by_columns(A.shape)), Out(A.shape[:-2], dtypes.int32)


_INVERSE = dict(dtypes=m.DECOMPOSED, out=True, samples=_SAMPLES, errors=_singular)


@composite(**_INVERSE, api="linalg", reference=_by_adjugate)
def inv(A: Tensor) -> Tensor:
    """The inverse of a square matrix.

    Args:
        A: (*, n, n).

    Raises:
        LinAlgError: a matrix is singular.
        RuntimeError: no square matrices.

    >>> import tritonnn as torch
    >>> torch.linalg.inv(torch.tensor([[2., 0.], [0., 4.]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    inverse, info = linalg_inv_ex(A)
    m.check_info("linalg.inv", info, m.NO_INVERSE, A=A)
    return inverse


@composite(**_INVERSE, api="torch tensor", reference=lambda input: _by_adjugate(input))
def inverse(input: Tensor) -> Tensor:
    """`linalg.inv`.

    Raises:
        LinAlgError: a matrix is singular.

    >>> import tritonnn as torch
    >>> torch.inverse(torch.tensor([[2., 0.], [0., 4.]])).tolist()
    [[0.5, 0.0], [0.0, 0.25]]
    """
    return inv(input)


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=_SAMPLES,
    errors=lambda make: [
        *_errors(make),
        Bad(make(2, 2) * 0, check_errors=True, error=LinAlgError, match="The diagonal element 1 is zero"),
    ],
    reference=lambda A: (_by_adjugate(A), np.zeros(A.shape[:-2], np.int32)),
)
def inv_ex(A: Tensor, *, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """`linalg.inv` without an error for singular matrices.

    Args:
        A: (*, n, n).
        check_errors: raise as `linalg.inv` does.

    Returns:
        (inverse, info): info is 0, or the place of the first zero in the diagonal of the LU factor.

    Raises:
        LinAlgError: with `check_errors`, a matrix is singular.

    >>> import tritonnn as torch
    >>> torch.linalg.inv_ex(torch.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    result = linalg_inv_ex(A)
    if check_errors:
        m.check_info("linalg.inv_ex", result.info, m.NO_INVERSE, A=A)
    return result
