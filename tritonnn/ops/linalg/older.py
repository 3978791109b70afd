"""Names of earlier times: those of LAPACK's routines, and what came before torch.linalg."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tritonnn import dtypes
from tritonnn._return_types import record
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.elementwise.elementwise import choose
from tritonnn.ops.joining.joining import cat, stack
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.cholesky import cholesky, cholesky_inverse, cholesky_solve
from tritonnn.ops.linalg.eigen import linalg_eig, linalg_eigh, wanted
from tritonnn.ops.linalg.equations import solve
from tritonnn.ops.linalg.least_squares import lstsq
from tritonnn.ops.linalg.lu import compact_lu
from tritonnn.ops.linalg.reflections import geqrf, ormqr
from tritonnn.ops.linalg.singular import linalg_svd
from tritonnn.ops.linalg.triangular import triangular_solve

_SQUARE_ERRORS = lambda make: [
    Bad(make(3), match="must have at least 2 dimensions"),
    Bad(make(3, 2), match="batches of square matrices"),
]


@composite(
    api="torch tensor",
    public="svd",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(4, 3)), Sample(make(2, 3, 4)), Sample(make(3, 3), False)],
    errors=lambda make: [
        Bad(make(3), match="must have at least 2 dimensions"),
        Bad(make(3, 3) * float("nan"), error=LinAlgError, match="contained non-finite values"),
    ],
)
def torch_svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """input = U diag(S) V^H; `linalg.svd` is its successor.

    Args:
        input: (*, m, n).
        some: U and V have min(m, n) columns; else they are square.
        compute_uv: make U and V; else they are square and of zeros.

    Returns:
        (U, S, V): the singular values S in descending order.

    >>> import tritonnn as torch
    >>> torch.svd(torch.tensor([[0., 2.], [1., 0.]])).S
    tensor([2., 1.])
    """
    U, S, Vh = linalg_svd(input, not some, True)
    if not compute_uv:
        *batch, rows, columns = input.shape
        return record("svd")(
            (input.new_zeros((*batch, rows, rows)), S, input.new_zeros((*batch, columns, columns)))
        )
    return record("svd")((U, S, m.adjoint(Vh)))


# ---- eigenvalues ---------------------------------------------------------------------------------------------


class Eigen(NamedTuple):
    """What `eig` and `symeig` return."""

    eigenvalues: Tensor
    eigenvectors: Tensor


@composite(
    api="torch tensor",
    public="eig",
    out=True,
    dtypes=(dtypes.float32, dtypes.float64),
    samples=lambda make: [Sample(make(3, 3)), Sample(m.hermitian(make(3, 3)), True)],
    errors=lambda make: [
        *_SQUARE_ERRORS(make),
        Bad(make(2, 3, 3), match="must be a matrix, got 3 dimensions"),
    ],
)
def real_eig(input: Tensor, eigenvectors: bool = False) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of a real matrix, in real numbers; `linalg.eig` is its successor.

    Args:
        input: (n, n).
        eigenvectors: make the vectors; else they are empty.

    Returns:
        (eigenvalues, eigenvectors): (n, 2) with real and imaginary parts; vectors in columns, of a pair of conjugate
        eigenvalues the real part in the first column and the imaginary part in the second.

    >>> import tritonnn as torch
    >>> torch.eig(torch.tensor([[2., 0.], [0., 1.]])).eigenvalues.tolist()
    [[2.0, 0.0], [1.0, 0.0]]
    """
    m.square(input)
    if len(input.shape) != 2:
        raise Invalid(f"input must be a matrix, got {len(input.shape)} dimensions")
    if input.dtype.is_complex:
        raise Invalid(f"expected a real matrix, got {input.dtype.name}")
    values, vectors = linalg_eig(input, eigenvectors or wanted(input))
    pairs = stack([values.real, values.imag], -1)
    if not eigenvectors:
        return Eigen(pairs, input.new_empty(0))
    return Eigen(pairs, choose(values.imag < 0, -vectors.imag, vectors.real))


@composite(
    api="torch tensor",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(m.hermitian(make(3, 3)), True),
        Sample(m.hermitian(make(2, 3, 3)), True, False),
        Sample(m.hermitian(make(3, 3))),
    ],
    errors=_SQUARE_ERRORS,
)
def symeig(input: Tensor, eigenvectors: bool = False, upper: bool = True) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of Hermitian matrices; `linalg.eigh` is its successor.

    Args:
        input: (*, n, n).
        eigenvectors: make the vectors; else they are empty.
        upper: which triangle is read.

    Returns:
        (eigenvalues, eigenvectors): in ascending order; vectors in columns.

    >>> import tritonnn as torch
    >>> torch.symeig(torch.tensor([[2., 0.], [0., 1.]])).eigenvalues
    tensor([1., 2.])
    """
    values, vectors = linalg_eigh(input, "U" if upper else "L", True)
    return Eigen(values, vectors if eigenvectors else input.new_empty(0))


# ---- Cholesky ------------------------------------------------------------------------------------------------


def _factor(A: Any, upper: bool) -> Any:
    L = np.linalg.cholesky(A)
    return np.swapaxes(L, -1, -2).conj() if upper else L


@composite(
    api="torch tensor",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(m.positive(make, 3)), Sample(m.positive(make, 3), False)],
    errors=lambda make: [
        *_SQUARE_ERRORS(make),
        Bad(-m.positive(make, 3), error=LinAlgError, match="not positive-definite"),
    ],
    reference=lambda input, upper: _factor(input, upper),
)
def potrf(input: Tensor, upper: bool = True) -> Tensor:
    """`torch.cholesky`, by default the upper triangular factor.

    >>> import tritonnn as torch
    >>> torch.potrf(torch.tensor([[4., 2.], [2., 5.]])).tolist()
    [[2.0, 1.0], [0.0, 2.0]]
    """
    return cholesky(input, upper)


def _of_factor(L: Any, upper: bool) -> Any:
    T = np.triu(L) if upper else np.tril(L)
    H = np.swapaxes(T, -1, -2).conj()
    return np.linalg.inv(H @ T if upper else T @ H)


@composite(
    api="torch tensor",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(m.regular(make, 3)), Sample(m.regular(make, 3), False)],
    errors=_SQUARE_ERRORS,
    reference=lambda input, upper: _of_factor(input, upper),
)
def potri(input: Tensor, upper: bool = True) -> Tensor:
    """`torch.cholesky_inverse`, by default of an upper triangular factor.

    >>> import tritonnn as torch
    >>> torch.potri(torch.tensor([[2., 0.], [0., 1.]])).tolist()
    [[0.25, 0.0], [0.0, 1.0]]
    """
    return cholesky_inverse(input, upper)


@composite(
    api="torch tensor",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(3, 2), m.regular(make, 3)),
        Sample(make(3, 2), m.regular(make, 3), False),
    ],
    errors=lambda make: [Bad(make(3, 3), make(2, 2), match="Incompatible matrix sizes for cholesky_solve")],
    reference=lambda input, input2, upper: _of_factor(input2, upper) @ input,
)
def potrs(input: Tensor, input2: Tensor, upper: bool = True) -> Tensor:
    """`torch.cholesky_solve`, by default with an upper triangular factor.

    >>> import tritonnn as torch
    >>> torch.potrs(torch.ones(2, 1), torch.tensor([[2., 0.], [0., 1.]])).tolist()
    [[0.25], [1.0]]
    """
    return cholesky_solve(input, input2, upper)


def _pivoted(input: np.ndarray, upper: bool) -> Any:
    """The definition in NumPy: the factor of the matrix in the order that leaves the largest diagonal first."""
    A = input.copy()
    order: list[int] = []
    rest = A.copy()
    for _ in range(len(A)):
        free = np.where(np.isin(np.arange(len(A)), order), -np.inf, rest.diagonal())
        k = int(free.argmax())
        order.append(k)
        rest = rest - np.outer(rest[:, k], rest[k]) / rest[k, k]
    return _factor(A[np.ix_(order, order)], upper), np.array(order, np.int32)


@primitive(
    api="torch tensor",
    host="LAPACK",
    dtypes=(dtypes.float32, dtypes.float64),
    results=("u", "piv"),
    non_differentiable=("piv",),
    samples=lambda make: [Sample(m.positive(make, 4)), Sample(m.positive(make, 3), False)],
    errors=lambda make: [
        *_SQUARE_ERRORS(make),
        Bad(make(2, 3, 3), match="must be a matrix, got 3 dimensions"),
    ],
    reference=_pivoted,
)
def pstrf(input: Tensor, upper: bool = True, tol: float = -1) -> Any:
    """The Cholesky factor of a positive semidefinite matrix, the largest element of its diagonal first.

    Args:
        input: (n, n), real.
        upper: read the upper triangle, and return the upper triangular factor.
        tol: elements of the diagonal up to this are taken as 0; by default n eps times the largest.

    Returns:
        (u, piv): input[piv][:, piv] = u^T u, or u u^T of a lower triangular factor.

    Raises:
        RuntimeError: no square matrix.

    >>> import tritonnn as torch
    >>> torch.pstrf(torch.tensor([[1., 0.], [0., 4.]])).piv
    tensor([1, 0], dtype=torch.int32)
    """
    m.square(input)
    if len(input.shape) != 2:
        raise Invalid(f"input must be a matrix, got {len(input.shape)} dimensions")
    if input.dtype.is_complex:
        raise Invalid(f"expected a real matrix, got {input.dtype.name}")
    m.floating(input)
    return Out(input.shape, input.dtype), Out(input.shape[:1], dtypes.int32)


# ---- equations -----------------------------------------------------------------------------------------------


class Solution(NamedTuple):
    """What `gesv` returns."""

    solution: Tensor
    LU: Tensor


@composite(
    api="torch tensor",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(3, 2), m.regular(make, 3)),
        Sample(make(2, 3, 2), m.regular(make, 2, 3)),
    ],
    errors=lambda make: [
        Bad(make(3), make(3, 3), match="must have at least 2 dimensions"),
        Bad(make(3, 2), make(3, 3) * 0, error=LinAlgError, match="singular"),
        Bad(make(2, 2), make(3, 3), match="Incompatible shapes"),
    ],
)
def gesv(input: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """X with A X = input, and the LU factorization of A; `linalg.solve` is its successor.

    Args:
        input: (*, n, k).
        A: (*, n, n).

    Raises:
        LinAlgError: a singular matrix.

    >>> import tritonnn as torch
    >>> torch.gesv(torch.tensor([[2.], [2.]]), torch.tensor([[2., 0.], [0., 4.]]))[0].tolist()
    [[1.0], [0.5]]
    """
    m.matrices(input, "input")
    return Solution(solve(A, input), compact_lu(A)[0])


class LeastSquares(NamedTuple):
    """What `gels` returns."""

    solution: Tensor
    QR: Tensor


@composite(
    api="torch tensor",
    no_derivative=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(4, 2), make(4, 3)), Sample(make(3, 2), make(3, 4))],
    errors=lambda make: [
        Bad(make(3), make(3, 2), match="must be a matrix, got 1 dimensions"),
        Bad(make(2, 1), make(3, 2), match="should match"),
    ],
)
def gels(input: Tensor, A: Tensor) -> tuple[Tensor, Tensor]:
    """The least squares solution of A X = input, and the QR decomposition of A; `linalg.lstsq` is its successor.

    Args:
        input: (m, k).
        A: (m, n), of full rank.

    Returns:
        (solution, QR): the solution in the first n of max(m, n) rows; the sum of squares of the others is that of the
        residuals.

    Raises:
        LinAlgError: A has not full rank.

    >>> import tritonnn as torch
    >>> torch.gels(torch.tensor([[1.], [3.], [5.]]), torch.tensor([[1.], [1.], [1.]]))[0][:1].round()
    tensor([[3.]])
    """
    for name, value in (("input", input), ("A", A)):
        if len(value.shape) != 2:
            raise Invalid(f"{name} must be a matrix, got {len(value.shape)} dimensions")
    X = lstsq(A, input, driver="gels")[0]
    a, tau = geqrf(A)
    rows, columns = A.shape
    if rows > columns:
        X = cat([X, ormqr(a, tau, input, True, True)[columns:]], 0)
    return LeastSquares(X, a)


@composite(
    api="torch tensor",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(3, 2), m.regular(make, 3)),
        Sample(make(3, 2), m.regular(make, 3), False, True),
    ],
    errors=lambda make: [Bad(make(3, 2), make(2, 2), match="Incompatible matrix sizes for triangular_solve")],
)
def trtrs(
    input: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> tuple[Tensor, Tensor]:
    """`torch.triangular_solve`.

    >>> import tritonnn as torch
    >>> torch.trtrs(torch.tensor([[9.], [4.]]), torch.tensor([[2., 1.], [0., 4.]]))[0].tolist()
    [[4.0], [1.0]]
    """
    return triangular_solve(input, A, upper, transpose, unitriangular)
