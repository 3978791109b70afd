"""Decompositions, determinants and equations: matrices are the last two dimensions, and any others are batches."""

from __future__ import annotations

from typing import Any

from tritonnn.batching.calls import Call, again, in_shape, rule
from tritonnn.batching.values import front, raised

_ALONE = (
    "linalg_cholesky_ex", "qr", "linalg_inv_ex", "linalg_eigh", "linalg_eig", "linalg_svd", "linalg_det",
    "linalg_slogdet", "exponential", "geqrf", "linalg_ldl_factor_ex", "linalg_lu_factor_ex", "rows_of_pivots",
)  # fmt: skip


@rule(*_ALONE)
def alone(c: Call) -> Any:
    """Of one matrix."""
    return in_shape(c, again(c.op, c.args))


@rule("linalg_solve_ex", "solve_triangular", "least_squares")
def systems(c: Call) -> Any:
    """Of two whose leading dimensions broadcast."""
    args = list(c.args)
    rank = max(c.rank(0), c.rank(1))
    for i in (0, 1):
        if c.flags[i]:
            args[i] = raised(args[i], rank)
    return in_shape(c, again(c.op, args))


@rule("ldl_solve")
def factored(c: Call) -> Any:
    """The same of factors and their exchanges of rows, whose leading dimensions are alike."""
    factors, pivots, right, hermitian = c.args
    rank = max(c.rank(0), c.rank(2))
    factors, pivots = front(factors, c.flags[0], c.size), front(pivots, c.flags[1], c.size)
    right = raised(right, rank) if c.flags[2] else right
    return again(c.op, (raised(factors, rank), raised(pivots, rank - 1), right, hermitian))


@rule("linalg_pinv")
def inverted(c: Call) -> Any:
    """Pseudo-inverses, each with bounds of its own."""
    matrices, *bounds, hermitian = c.args
    lead = max(c.rank(i) - (0 if i else 2) for i in (0, 1, 2))
    matrices = raised(front(matrices, c.flags[0], c.size), lead + 2)
    bounds = [
        raised(bound, lead) if flag else bound for bound, flag in zip(bounds, c.flags[1:3], strict=True)
    ]
    return again(c.op, (matrices, *bounds, hermitian))
