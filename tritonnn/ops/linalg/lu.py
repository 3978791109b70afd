"""The LU factorization.

The gradient follows from L and U as in S. Walter and L. Lehmann, "Algorithmic differentiation of linear algebra
functions with application in optimum experimental design", 2010.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._levels import every
from tritonnn._return_types import record
from tritonnn._tensor import Tensor, host_array
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.creation import eye
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.triangular import solved
from tritonnn.table import Make

# ---- rows ----------------------------------------------------------------------------------------------------


@primitive(
    host="LAPACK",
    dtypes=(dtypes.int32,),
    samples=lambda make: [Sample(make.int(3, dtype=make.dtype) * 0 + 3, 4)],
)
def rows_of_pivots(pivots: Tensor, rows: int) -> Any:
    """Which row of A is row i of L U: the exchanges of row i with row pivots[i] - 1, one after another."""
    return Out((*pivots.shape[:-1], rows), dtypes.int64)


def taken(X: Tensor, rows: Tensor) -> Tensor:
    """The rows of X in another order."""
    batch = X.shape[:-2] if len(X.shape) >= len(rows.shape) + 1 else rows.shape[:-1]
    index = rows.unsqueeze(-1).expand(*batch, rows.shape[-1], X.shape[-1])
    return X.expand(*batch, *X.shape[-2:]).gather(-2, index)


def put_back(X: Tensor, rows: Tensor) -> Tensor:
    """What `taken` takes apart."""
    return taken(X, rows.argsort(-1))


# ---- the factorization ---------------------------------------------------------------------------------------


def _factor_grad(g: Tensor, LU: Tensor, pivots: Tensor) -> Tensor:
    """P^T L^-H (tril(L^H g_L) + triu(g_U U^H)) U^-H of a square matrix; what is longer or wider adds to it."""
    rows, columns = LU.shape[-2:]
    k = min(rows, columns)
    lower, upper = LU[..., :k, :k], LU[..., :k, :k]
    gL, gU = m.triangle(g[..., :k, :k], False, True), m.triangle(g[..., :k, :k], True)
    L = m.triangle(lower, False, True) + m.eye_like(lower)
    below = m.product(m.adjoint(L), gL)
    above = m.product(gU, m.adjoint(m.triangle(upper, True)))
    if columns > k:
        below = below - m.product(g[..., :, k:], m.adjoint(LU[..., :, k:]))
    if rows > k:
        above = above - m.product(m.adjoint(LU[..., k:, :]), g[..., k:, :])
    inner = m.triangle(below, False, True) + m.triangle(above, True)
    right = solved(m.adjoint(upper), inner, False, left=False)
    if rows > k:
        right = solved(m.adjoint(lower), right, True, unitriangular=True)
        rest = solved(m.adjoint(upper), g[..., k:, :], False, left=False)
        return put_back(cat([right, rest], -2), rows_of_pivots(pivots, rows))
    if columns > k:
        right = cat([right, g[..., :, k:]], -1)
    whole = solved(m.adjoint(lower), right, True, unitriangular=True)
    return put_back(whole, rows_of_pivots(pivots, rows))


def _square_samples(make: Make) -> list[Sample]:
    return [Sample(make(3, 3)), Sample(make(2, 4, 3)), Sample(make(3, 4)), Sample(make(2, 2, 2, 2))]


_NO_PIVOT = "linalg.lu_factor: LU without pivoting is not implemented on the CPU"


def _errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), match="A must have at least 2 dimensions"),
        Bad(make.int(3, 3), match="Expected a floating point or complex tensor"),
        Bad(make(3, 3).half(), error=NotImplementedError, match="not implemented for float16"),
        Bad(make(3, 3), pivot=False, match="LU without pivoting is not implemented"),
    ]


@primitive(
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    results=("LU", "pivots", "info"),
    non_differentiable=("pivots", "info"),
    grad={"A": _factor_grad},
    samples=_square_samples,
)
def linalg_lu_factor_ex(A: Tensor) -> Any:
    """L and U in one matrix, the exchanges of rows, and 0 or the place of the first zero in the diagonal of U."""
    m.matrices(A)
    m.floating(A)
    k = min(A.shape[-2:])
    return (
        Out(A.shape, A.dtype, strides=m.by_columns(A.shape)),
        Out((*A.shape[:-2], k), dtypes.int32),
        Out(A.shape[:-2], dtypes.int32),
    )


def lu_by_rows(A: np.ndarray) -> tuple[Any, Any, Any]:
    """The definition in NumPy (Crout-Doolittle with exchanges), one matrix at a time."""
    lu, k = A.copy(), min(A.shape[-2:])
    pivots = np.zeros((*A.shape[:-2], k), np.int32)
    for at in np.ndindex(*A.shape[:-2]):
        X = lu[at]
        for j in range(k):
            p = j + int(np.argmax(abs(X[j:, j].real) + abs(X[j:, j].imag)))
            pivots[(*at, j)] = p + 1
            X[[j, p]] = X[[p, j]]
            X[j + 1 :, j] /= X[j, j]
            X[j + 1 :, j + 1 :] -= np.outer(X[j + 1 :, j], X[j, j + 1 :])
    return lu, pivots, np.zeros(A.shape[:-2], np.int32)


def _pivoted(pivot: bool) -> None:
    if not pivot:
        raise Invalid(_NO_PIVOT)


_ZERO = (
    "U[{info},{info}] is zero and using it on lu_solve would result in a division by zero. If you still want to "
    "perform the factorization, consider calling linalg.lu(A, pivot) or linalg.lu_factor_ex(A, pivot)"
)


@composite(
    api="linalg", out=True, dtypes=m.DECOMPOSED, samples=_square_samples, errors=_errors,
    reference=lambda A: lu_by_rows(A),
)  # fmt: skip
def lu_factor_ex(
    A: Tensor, *, pivot: bool = True, check_errors: bool = False
) -> tuple[Tensor, Tensor, Tensor]:
    """`linalg.lu_factor` without an error for singular matrices.

    Args:
        A: (*, m, n).
        pivot: must be True.
        check_errors: raise as `linalg.lu_factor` does.

    Returns:
        (LU, pivots, info): info is 0, or the place of the first zero in the diagonal of U.

    >>> import tritonnn as torch
    >>> torch.linalg.lu_factor_ex(torch.zeros(2, 2)).info
    tensor(1, dtype=torch.int32)
    """
    _pivoted(pivot)
    result = linalg_lu_factor_ex(A)
    if check_errors:
        m.check_info("torch.linalg.lu_factor_ex", result.info, _ZERO, kind=RuntimeError, A=A)
    return result


@composite(
    api="linalg", out=True, dtypes=m.DECOMPOSED, samples=_square_samples,
    errors=lambda make: [*_errors(make), Bad(make(3, 3) * 0, match=r"U\[1,1\] is zero and using it on lu_solve")],
    reference=lambda A: lu_by_rows(A)[:2],
)  # fmt: skip
def lu_factor(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor]:
    """A = P L U in the compact form that `lu_solve` takes.

    Args:
        A: (*, m, n).
        pivot: must be True.

    Returns:
        (LU, pivots): U with L below its diagonal of ones; row i was exchanged with row pivots[i] - 1.

    Raises:
        RuntimeError: a zero in the diagonal of U, or no matrices.

    >>> import tritonnn as torch
    >>> torch.linalg.lu_factor(torch.tensor([[2., 1.], [4., 4.]])).LU.tolist()
    [[4.0, 4.0], [0.5, -1.0]]
    """
    _pivoted(pivot)
    LU, pivots, info = linalg_lu_factor_ex(A)
    m.check_info("torch.linalg.lu_factor", info, _ZERO, kind=RuntimeError, A=A)
    return record("linalg_lu_factor")((LU, pivots))


@composite(
    api="torch tensor",
    public="lu",
    dtypes=m.DECOMPOSED,
    samples=lambda make: [*_square_samples(make), Sample(make(3, 3), True, True)],
    errors=_errors,
    reference=lambda A, get_infos: lu_by_rows(A)[: 2 + get_infos],
)
def compact_lu(A: Tensor, pivot: bool = True, get_infos: bool = False, out: Any = None) -> tuple[Tensor, ...]:
    """`linalg.lu_factor`, without an error for singular matrices.

    Args:
        A: (*, m, n).
        pivot: must be True.
        get_infos: return also, for each matrix, 0 or the place of the first zero in the diagonal of U.
        out: as many tensors, of any type: they are given the results' shapes and a copy of each.

    >>> import tritonnn as torch
    >>> torch.lu(torch.tensor([[2., 1.], [4., 4.]]))[0].tolist()
    [[4.0, 4.0], [0.5, -1.0]]
    """
    _pivoted(pivot)
    LU, pivots, info = linalg_lu_factor_ex(A)
    results = record("_lu_with_info")((LU, pivots, info)) if get_infos else (LU, pivots)
    if out is None:
        return results
    if not isinstance(out, (tuple, list)):
        raise TypeError(f"lu(): argument 'out' must be tuple of Tensors, not {type(out).__name__}")
    if len(out) != len(results):
        raise TypeError(f"lu(): expected tuple of {len(results)} elements but got {len(out)}")
    for target, result in zip(out, results, strict=True):
        target.resize_(result.shape).copy_(result)
    return tuple(out)


# ---- taken apart ---------------------------------------------------------------------------------------------


def _parts(LU: Tensor) -> tuple[Tensor, Tensor]:
    k = min(LU.shape[-2:])
    L, U = LU[..., :, :k], LU[..., :k, :]
    return m.triangle(L, False, True) + eye(*L.shape[-2:], dtype=L.dtype, device=L.device), m.triangle(
        U, True
    )


def _permutation(rows: Tensor, like: Tensor) -> Tensor:
    """The matrix P with P[rows[i], i] = 1."""
    places = arange(rows.shape[-1], device=rows.device)
    return (rows.unsqueeze(-2) == places.unsqueeze(-1)).to(like.dtype)


@composite(
    api="linalg",
    public="lu",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=_square_samples,
    errors=_errors,
    reference=lambda A: unpacked(*lu_by_rows(A)[:2]),
)
def linalg_lu(A: Tensor, *, pivot: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """A = P L U: a permutation, a lower triangular matrix with ones in its diagonal, an upper triangular one.

    Args:
        A: (*, m, n).
        pivot: must be True.

    >>> import tritonnn as torch
    >>> torch.linalg.lu(torch.tensor([[2., 1.], [4., 4.]])).P.tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    if not pivot:
        raise Invalid("LU without pivoting is not implemented on the CPU")
    LU, pivots, _ = linalg_lu_factor_ex(A)
    return record("linalg_lu")((_permutation(rows_of_pivots(pivots, A.shape[-2]), A), *_parts(LU)))


def unpacked(LU: np.ndarray, pivots: np.ndarray) -> tuple[Any, Any, Any]:
    """The definition in NumPy: exchanges of the rows of the unit matrix."""
    rows, k = LU.shape[-2], min(LU.shape[-2:])
    P = np.broadcast_to(np.eye(rows, dtype=LU.dtype), (*LU.shape[:-2], rows, rows)).copy()
    for at in np.ndindex(*LU.shape[:-2]):
        for i, p in reversed([*enumerate(pivots[at])]):
            P[at][[i, p - 1]] = P[at][[p - 1, i]]
    return P, np.tril(LU[..., :k], -1) + np.eye(rows, k, dtype=LU.dtype), np.triu(LU[..., :k, :])


def factored(make: Make, *shape: int) -> list[Tensor]:
    return [part.detach() for part in linalg_lu_factor_ex(make(*shape))[:2]]


@composite(
    api="torch",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(*factored(make, 3, 3)), Sample(*factored(make, 2, 4, 3))],
    errors=lambda make: [
        Bad(make(3), make.int(3, dtype=dtypes.int32), match="at least 2 dimensions"),
        Bad(make(3, 3), make(3), match="LU_pivots is expected to be a contiguous tensor of torch.int32"),
        Bad(
            make(3, 3),
            make.int(3, dtype=dtypes.int32) + 9,
            match="between 1 and LU.size\\(-2\\) inclusive",
        ),
        Bad(make(3, 3), make.int(2, dtype=dtypes.int32) + 1, match="Number of pivots"),
    ],
    reference=lambda LU_data, LU_pivots: unpacked(LU_data, LU_pivots),
)
def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """P, L and U of what `linalg.lu_factor` returns.

    Args:
        LU_data: (*, m, n).
        LU_pivots: (*, min(m, n)), int32.
        unpack_data: make L and U; else they are empty.
        unpack_pivots: make P; else it is empty.

    Raises:
        RuntimeError: pivots of another type, number or range.

    >>> import tritonnn as torch
    >>> P, L, U = torch.lu_unpack(*torch.linalg.lu_factor(torch.tensor([[2., 1.], [4., 4.]])))
    >>> (P @ L @ U).tolist()
    [[2.0, 1.0], [4.0, 4.0]]
    """
    m.matrices(LU_data, "LU_data")
    if unpack_pivots and LU_pivots.dtype is not dtypes.int32:
        raise Invalid(
            "LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
            "Note: this function is intended to be used with the output produced by torch.linalg.lu_factor"
        )
    P = L = U = LU_data.new_empty(0)
    if unpack_pivots:
        _check_pivots(LU_data, LU_pivots)
        P = _permutation(rows_of_pivots(LU_pivots, LU_data.shape[-2]), LU_data)
    if unpack_data:
        L, U = _parts(LU_data)
    return record("lu_unpack")((P, L, U))


def _check_pivots(LU: Tensor, pivots: Tensor) -> None:
    if pivots.shape[-1:] != (min(LU.shape[-2:]),):
        raise Invalid("Number of pivots per batch should be same as the dimension of the matrix")
    values = host_array(every(pivots))
    if values.size and not (values.min() >= 1 and values.max() <= LU.shape[-2]):
        raise Invalid(
            "pivots passed to lu_unpack must be between 1 and LU.size(-2) inclusive. "
            "Did you properly pass the result of lu_factor?"
        )
