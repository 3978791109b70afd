"""Symmetric indefinite matrices: A = P L D L^T P^T (Bunch and Kaufman, 1977)."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._return_types import record
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.table import Make

_ZERO = "D[{info},{info}] is zero: the factor cannot be used to solve equations."


def _symmetric(make: Make, *shape: int, hermitian: bool = False) -> Tensor:
    x = make(*shape, shape[-1])
    return m.hermitian(x) if hermitian else (x + x.mT) * 0.5


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make(3, 2), match="batches of square matrices"),
        Bad(make.int(3, 3), match="floating point or complex"),
    ]


_SAMPLES = lambda make: [
    Sample(_symmetric(make, 4)),
    Sample(_symmetric(make, 2, 5)),
    Sample(_symmetric(make, 5, hermitian=True), hermitian=True),
    Sample(make(0, 0)),
]


@primitive(host="LAPACK", dtypes=m.DECOMPOSED, results=("LD", "pivots", "info"), samples=lambda make: [
    Sample(_symmetric(make, 4), False), Sample(_symmetric(make, 2, 5, hermitian=True), True)])  # fmt: skip
def linalg_ldl_factor_ex(A: Tensor, hermitian: bool = False) -> Any:
    """L and D in one matrix, the exchanges of rows, and 0 or the place of the first column that was 0."""
    m.square(A)
    m.floating(A)
    return (
        Out(A.shape, A.dtype, strides=m.by_columns(A.shape)),
        Out(A.shape[:-1], dtypes.int32),
        Out(A.shape[:-2], dtypes.int32),
    )


@composite(api="linalg", out=True, no_derivative=True, dtypes=m.DECOMPOSED, samples=_SAMPLES, errors=_errors)
def ldl_factor_ex(
    input: Tensor, *, hermitian: bool = False, check_errors: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """`linalg.ldl_factor` without an error for singular matrices.

    Args:
        input: (*, n, n); the lower triangle is read.
        hermitian: A is Hermitian, not symmetric, where it is complex.
        check_errors: raise where a column is 0.

    Returns:
        (LD, pivots, info): info is 0, or the place of the first block of D that is 0.

    >>> import tritonnn as torch
    >>> torch.linalg.ldl_factor_ex(torch.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    result = linalg_ldl_factor_ex(input, hermitian)
    if check_errors:
        m.check_info("torch.linalg.ldl_factor_ex", result.info, _ZERO, A=input)
    return result


@composite(
    api="linalg", out=True, no_derivative=True, dtypes=m.DECOMPOSED, samples=_SAMPLES,
    errors=lambda make: [*_errors(make), Bad(make(3, 3) * 0, match=r"D\[1,1\] is zero")],
)  # fmt: skip
def ldl_factor(input: Tensor, *, hermitian: bool = False) -> tuple[Tensor, Tensor]:
    """A = P L D L^T P^T in the compact form that `ldl_solve` takes.

    Args:
        input: (*, n, n); the lower triangle is read.
        hermitian: A is Hermitian, not symmetric, where it is complex.

    Returns:
        (LD, pivots): blocks of one or two rows in the diagonal, L below them; row i was exchanged with row
        pivots[i] - 1, of a block of two rows the second with row -pivots[i] - 1.

    Raises:
        LinAlgError: a block of D is 0.

    >>> import tritonnn as torch
    >>> torch.linalg.ldl_factor(torch.tensor([[2., 1.], [1., 3.]])).pivots
    tensor([1, 2], dtype=torch.int32)
    """
    LD, pivots, info = linalg_ldl_factor_ex(input, hermitian)
    m.check_info("torch.linalg.ldl_factor", info, _ZERO, A=input)
    return record("linalg_ldl_factor")((LD, pivots))


def _factored(make: Make, *shape: int, hermitian: bool = False) -> list[Tensor]:
    return [*linalg_ldl_factor_ex(_symmetric(make, *shape, hermitian=hermitian), hermitian)[:2]]


@primitive(
    api="linalg",
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(*_factored(make, 4), make(4, 2)),
        Sample(*_factored(make, 2, 5), make(5, 2)),
        Sample(*_factored(make, 5, hermitian=True), make(5, 1), hermitian=True),
    ],
    errors=lambda make: [
        Bad(make(3, 3), make(3), make(3, 2), match="Expected pivots to be integers"),
        Bad(make(3, 3), make.int(3, dtype=dtypes.int32), make(2, 2), match="Incompatible shapes"),
        Bad(make(3, 3), make.int(2, dtype=dtypes.int32), make(3, 2), match="Expected LD.shape"),
    ],
)
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False) -> Any:
    """X with A X = B, of the matrix A whose factors `ldl_factor` made.

    Args:
        LD: (*, n, n).
        pivots: (*, n).
        B: (*, n, k).
        hermitian: A is Hermitian, not symmetric, where it is complex.

    Raises:
        RuntimeError: extents or types that do not fit.

    >>> import tritonnn as torch
    >>> LD, pivots = torch.linalg.ldl_factor(torch.tensor([[2., 1.], [1., 3.]]))
    >>> torch.linalg.ldl_solve(LD, pivots, torch.tensor([[3.], [4.]])).tolist()
    [[1.0], [1.0]]
    """
    if pivots.dtype.kind != dtypes.int32.kind:
        raise Invalid(f"torch.linalg.ldl_solve: Expected pivots to be integers. Got {pivots.dtype.name}")
    shape = m.solvable(LD, B, True)
    if pivots.shape != LD.shape[:-1]:
        raise Invalid(
            "torch.linalg.ldl_solve: Expected LD.shape[:-1] and pivots.shape to be the same, but got pivots with "
            f"shape {[*pivots.shape]} instead"
        )
    m.same_type(LD, B, "LD and B")
    m.floating(LD)
    return Out(shape, B.dtype, strides=m.by_columns(shape))
