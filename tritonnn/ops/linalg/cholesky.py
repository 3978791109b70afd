"""The Cholesky factor of a positive definite matrix, and what it solves.

The gradient: I. Murray, "Differentiation of the Cholesky decomposition", 2016; M. Seeger et al., "Auto-differentiating
linear algebra", 2017.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.triangular import solved
from tritonnn.table import Make

_FAILED = (
    "The factorization could not be completed because the input is not positive-definite "
    "(the leading minor of order {info} is not positive-definite)."
)


def _factor_grad(g: Tensor, L: Tensor, upper: bool) -> Tensor:
    """L^-H P L^-1, P the Hermitian part of the lower triangle of L^H g with its diagonal halved."""
    if upper:
        g, L = m.adjoint(g), m.adjoint(L)
    inner = m.product(m.adjoint(L), g)
    inner = (m.triangle(inner, False) + m.adjoint(m.triangle(inner, False, True))) * 0.5
    right = solved(L, inner, False, left=False)
    return solved(m.adjoint(L), right, True)


def _by_rows(input: np.ndarray, upper: bool = False) -> Any:
    """The definition in NumPy, element by element (Cholesky-Banachiewicz)."""
    A = np.swapaxes(input, -1, -2).conj() if upper else input
    L = np.zeros_like(A)
    for i in range(A.shape[-1]):
        for j in range(i + 1):
            rest = A[..., i, j] - (L[..., i, :j] * L[..., j, :j].conj()).sum(-1)
            L[..., i, j] = np.sqrt(rest.real) if i == j else rest / L[..., j, j].real
    return np.swapaxes(L, -1, -2).conj() if upper else L


_FACTOR = dict(
    dtypes=m.DECOMPOSED,
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), match="batches of square matrices, but they are 3 by 2"),
        Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
        Bad(make(3, 3).half(), error=NotImplementedError, match="not implemented for float16"),
    ],
)


@primitive(
    host=m.large,
    results=("L", "info"),
    non_differentiable=("info",),
    grad={"A": lambda g, L, upper: _factor_grad(g, L, upper)},
    samples=lambda make: [Sample(m.positive(make, 3), False), Sample(m.positive(make, 2, 3), True)],
    **_FACTOR,
)
def linalg_cholesky_ex(A: Tensor, upper: bool = False) -> Any:
    """The factor, and for each matrix 0 or the order of the first leading minor that is not positive definite."""
    m.square(A)
    m.floating(A)
    return Out(A.shape, A.dtype, strides=m.by_columns(A.shape)), Out(A.shape[:-2], dtypes.int32)


@composite(
    api="linalg",
    public="cholesky",
    out=True,
    samples=lambda make: [
        Sample(m.positive(make, 3)),
        Sample(m.positive(make, 2, 3)),
        Sample(m.positive(make, 3), upper=True),
        Sample(m.positive(make, 2, 40)),
        Sample(make(0, 0)),
    ],
    reference=lambda input, upper: _by_rows(input, upper),
    dtypes=m.DECOMPOSED,
    errors=lambda make: [
        *_FACTOR["errors"](make),  # type: ignore[operator]
        Bad(-m.positive(make, 3), error=LinAlgError, match="the leading minor of order 1 is not"),
        Bad(-m.positive(make, 2, 3), error=LinAlgError, match=r"\(Batch element 0\): The factorization"),
    ],
)
def linalg_cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """The lower triangular L with A = L L^H, of a Hermitian positive definite A.

    Args:
        input: (*, n, n); of it the triangle is read that the result has.
        upper: return L^H instead.

    Raises:
        LinAlgError: a matrix is not positive definite.
        RuntimeError: no square matrices, or whole numbers.

    >>> import tritonnn as torch
    >>> torch.linalg.cholesky(torch.tensor([[4., 2.], [2., 5.]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    L, info = linalg_cholesky_ex(input, upper)
    m.check_info("linalg.cholesky", info, _FAILED, A=input)
    return L


@composite(
    api="linalg",
    out=True,
    samples=lambda make: [Sample(m.positive(make, 3)), Sample(m.positive(make, 2, 3), upper=True)],
    reference=lambda input, upper: (_by_rows(input, upper), np.zeros(input.shape[:-2], np.int32)),
    dtypes=m.DECOMPOSED,
    errors=lambda make: [
        *_FACTOR["errors"](make),  # type: ignore[operator]
        Bad(-m.positive(make, 3), check_errors=True, error=LinAlgError, match="minor of order 1"),
    ],
)
def cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> tuple[Tensor, Tensor]:
    """`linalg.cholesky` without an error for each matrix that is not positive definite.

    Args:
        input: (*, n, n); of it the triangle is read that the result has.
        upper: return L^H instead.
        check_errors: raise as `linalg.cholesky` does.

    Returns:
        (L, info): info is 0, or the order of the first leading minor that is not positive definite.

    Raises:
        LinAlgError: with `check_errors`, a matrix is not positive definite.

    >>> import tritonnn as torch
    >>> torch.linalg.cholesky_ex(-torch.eye(2)).info
    tensor(1, dtype=torch.int32)
    """
    factored = linalg_cholesky_ex(input, upper)
    if check_errors:
        m.check_info("linalg.cholesky_ex", factored.info, _FAILED, A=input)
    return factored


@composite(
    api="torch tensor",
    out=True,
    samples=lambda make: [Sample(m.positive(make, 3)), Sample(m.positive(make, 2, 3), True)],
    reference=_by_rows,
    dtypes=m.DECOMPOSED,
    errors=lambda make: [
        *_FACTOR["errors"](make),  # type: ignore[operator]
        Bad(-m.positive(make, 3), error=LinAlgError, match="minor of order 1"),
    ],
)
def cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """The lower triangular factor of a positive definite matrix; `linalg.cholesky` is its successor.

    Args:
        input: (*, n, n).
        upper: read the upper triangle, and return the upper triangular factor.

    Raises:
        LinAlgError: a matrix is not positive definite.

    >>> import tritonnn as torch
    >>> torch.cholesky(torch.tensor([[4., 2.], [2., 5.]]), upper=True).tolist()
    [[2.0, 1.0], [0.0, 2.0]]
    """
    m.square(input)
    L, info = linalg_cholesky_ex(m.adjoint(input) if upper else input, upper)
    m.check_info("cholesky", info, _FAILED, input=input)
    return L


def _a_factor(make: Make, *shape: int, upper: bool = False) -> Tensor:
    return linalg_cholesky_ex(m.positive(make, *shape), upper)[0].detach()


def _full(L: Any, upper: bool) -> Any:
    """The matrix of a factor."""
    T = np.triu(L) if upper else np.tril(L)
    H = np.swapaxes(T, -1, -2).conj()
    return H @ T if upper else T @ H


@composite(
    api="torch tensor",
    out=True,
    samples=lambda make: [
        Sample(make(3, 2), _a_factor(make, 3)),
        Sample(make(3, 2), _a_factor(make, 2, 3, upper=True), True),
    ],
    reference=lambda input, input2, upper: np.linalg.inv(_full(input2, upper)) @ input,
    dtypes=m.DECOMPOSED,
    errors=lambda make: [
        Bad(make(3), make(2, 2), match="b should have at least 2 dimensions, but has 1 dimensions instead"),
        Bad(make(3, 3), make(2), match="u should have at least 2 dimensions"),
        Bad(make(3, 3), make(2, 2), match="Incompatible matrix sizes for cholesky_solve: each A matrix is 2 by 2"),
        Bad(make.int(3, 3), make(3, 3), match="to have the same dtype"),
    ],
)  # fmt: skip
def cholesky_solve(input: Tensor, input2: Tensor, upper: bool = False) -> Tensor:
    """X with A X = input, of the matrix A whose Cholesky factor is given.

    Args:
        input: (*, n, k).
        input2: (*, n, n), the factor: A = L L^H, or with `upper` A = L^H L.
        upper: whether the factor is upper triangular.

    Raises:
        RuntimeError: extents that do not fit, or other types than float32, float64 and complex.

    >>> import tritonnn as torch
    >>> L = torch.tensor([[2., 0.], [1., 2.]])
    >>> torch.cholesky_solve(torch.tensor([[8.], [12.]]), L).tolist()
    [[1.0], [2.0]]
    """
    for name, value in (("b", input), ("u", input2)):
        if len(value.shape) < 2:
            raise Invalid(
                f"{name} should have at least 2 dimensions, but has {len(value.shape)} dimensions instead"
            )
    m.square(input2)
    (rows, columns), n = input.shape[-2:], input2.shape[-1]
    if rows != n:
        raise Invalid(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {n} by {n} but each b matrix is "
            f"{rows} by {columns}"
        )
    if upper:
        return solved(input2, solved(m.adjoint(input2), input, False), True)
    return solved(m.adjoint(input2), solved(input2, input, False), True)


@composite(
    api="torch tensor",
    out=True,
    samples=lambda make: [Sample(_a_factor(make, 3)), Sample(_a_factor(make, 2, 3, upper=True), True)],
    reference=lambda input, upper: np.linalg.inv(_full(input, upper)),
    dtypes=m.DECOMPOSED,
    errors=lambda make: [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), match="batches of square matrices"),
        Bad(make.int(3, 3), match="floating point or complex"),
        Bad(
            make(2, 3, 3) * 0, error=LinAlgError, match=r"\(Batch element 0\): The diagonal element 1 is zero"
        ),
    ],
)
def cholesky_inverse(input: Tensor, upper: bool = False) -> Tensor:
    """The inverse of the matrix whose Cholesky factor is given.

    Args:
        input: (*, n, n), the factor.
        upper: whether it is upper triangular.

    Raises:
        LinAlgError: a factor has zero in its diagonal.
        RuntimeError: no square matrices.

    >>> import tritonnn as torch
    >>> torch.cholesky_inverse(torch.tensor([[2., 0.], [0., 1.]])).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    m.square(input)
    m.floating(input)
    if input.shape[-1]:
        zero = input.detach().diagonal(0, -2, -1) == 0
        first = (zero.byte().argmax(-1) + 1) * zero.any(-1)
        m.check_info("cholesky_inverse", first, m.NO_INVERSE, input=input)
    unit = m.eye_like(input)
    T = solved(input, unit, upper)
    return m.product(T, m.adjoint(T)) if upper else m.product(m.adjoint(T), T)
