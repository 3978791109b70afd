"""Least squares.

The gradient is that of the pseudo-inverse times the right side: G. Golub and V. Pereyra, "The differentiation of
pseudo-inverses and nonlinear least squares problems whose variables separate", 1973.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._levels import every
from tritonnn._return_types import record
from tritonnn._tensor import Tensor, host_array
from tritonnn.errors import Invalid, LinAlgError
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.singular import pinv, pinv_grad
from tritonnn.shape import broadcast_shapes

DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@primitive(
    host="LAPACK",
    public="lstsq",
    dtypes=m.DECOMPOSED,
    results=("solution", "rank", "singular_values"),
    non_differentiable=("rank", "singular_values"),
    grad={
        "A": lambda g, A, B, rcond: pinv_grad(m.product(g, m.adjoint(B)), A, pinv(A, rcond)),
        "B": lambda g, A, rcond: m.product(m.adjoint(pinv(A, rcond)), g),
    },
    samples=lambda make: [
        Sample(make(4, 3), make(4, 2), 1e-9, False),
        Sample(make(2, 3, 4), make(3, 2), 1e-9, False),
    ],
)
def least_squares(A: Tensor, B: Tensor, rcond: float, full: bool) -> Any:
    """The smallest X that minimises |A X - B|, the rank and the singular values of A; `full`: refuse a lower rank."""
    batch = broadcast_shapes(A.shape[:-2], B.shape[:-2])
    rows, columns = A.shape[-2:]
    shape = (*batch, columns, B.shape[-1])
    return (
        Out(shape, A.dtype, strides=m.by_columns(shape)),
        Out(A.shape[:-2], dtypes.int64),
        Out((*A.shape[:-2], min(rows, columns)), m.real_type(A.dtype)),
    )


def _by_normal_equations(input: np.ndarray, B: np.ndarray, driver: str | None) -> Any:
    """The definition in NumPy, of full rank."""
    A = input
    vector = B.ndim == A.ndim - 1
    B = B[..., None] if vector else B
    H = np.swapaxes(A, -1, -2).conj()
    rows, columns = A.shape[-2:]
    X = np.linalg.inv(H @ A) @ (H @ B) if rows >= columns else H @ (np.linalg.inv(A @ H) @ B)
    told = rows > columns and driver not in (None, "gelsy")
    residuals = (np.abs(A @ X - B) ** 2).sum(-2) if told else np.zeros(0)
    X = X[..., 0] if vector else X
    rank = np.zeros(0) if driver == "gels" else np.full(A.shape[:-2], min(rows, columns))
    values = np.linalg.svd(A, compute_uv=False) if driver in ("gelsd", "gelss") else np.zeros(0)
    return X, residuals, rank, values


def _check(input: Tensor, B: Tensor, driver: str | None) -> bool:
    """Refuse what does not fit; whether B holds vectors."""
    if len(input.shape) < 2:
        raise Invalid("torch.linalg.lstsq: input must have at least 2 dimensions.")
    if not B.shape:
        raise Invalid("torch.linalg.lstsq: other must have at least 1 dimension.")
    if input.dtype is not B.dtype:
        raise Invalid(
            "torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
            f"{input.dtype.name} and other's dtype {B.dtype.name}"
        )
    vector = len(B.shape) == 1 or (len(input.shape) - 1 == len(B.shape) and B.shape == input.shape[:-1])
    if not vector and B.shape[-2] != input.shape[-2]:
        raise Invalid("torch.linalg.lstsq: input.size(-2) should match other.size(-2)")
    if vector and B.shape[-1] != input.shape[-2]:
        raise Invalid("torch.linalg.lstsq: input.size(-2) should match other.size(-1)")
    m.floating(input)
    if driver not in (None, *DRIVERS):
        raise Invalid(
            f"torch.linalg.lstsq: parameter `driver` should be one of ({', '.join(DRIVERS)}), got {driver}"
        )
    return vector


@composite(
    api="linalg",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(4, 3), make(4, 2)),
        Sample(make(2, 3, 4), make(2, 3, 2)),
        Sample(make(2, 4, 3), make(2, 4, 1), driver="gelsd"),
        Sample(make(4, 3), make(4)),
        Sample(make(3, 3), make(3, 2), driver="gels"),
    ],
    errors=lambda make: [
        Bad(make(3), make(3), match="input must have at least 2 dimensions"),
        Bad(make(3, 2), make(2, 2), match=r"input.size\(-2\) should match other.size\(-2\)"),
        Bad(make(3, 2), make.int(3, 2), match="Expected input and other to have the same dtype"),
        Bad(make(3, 2), make(3, 2), driver="x", match="parameter `driver` should be one of"),
        Bad(make(3, 2) * 0, make(3, 2), driver="gels", error=LinAlgError, match="does not have full rank"),
    ],
    reference=lambda input, b, driver: _by_normal_equations(input, b, driver),
)
def lstsq(
    input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The X that minimises the sum of squares of A X - B, the smallest where there are several.

    Args:
        input: (*, m, n), the matrices A.
        b: (*, m, k), or vectors: (m,) or the shape of `input` without its last dimension.
        rcond: singular values up to this times the largest are taken as 0; by default eps max(m, n).
        driver: 'gels' refuses matrices that have not full rank, and tells no rank; 'gelsd' and 'gelss' tell the
            singular values as well, 'gelsy' (the default) does not.

    Returns:
        (solution, residuals, rank, singular_values): residuals are sums of squares, empty unless m > n and every
        matrix has rank n, and with 'gelsy'; what the driver does not tell is empty.

    Raises:
        LinAlgError: with 'gels', a matrix that has not full rank.
        RuntimeError: extents or types that do not fit.

    >>> import tritonnn as torch
    >>> torch.linalg.lstsq(torch.tensor([[1., 0.], [1., 1.], [1., 2.]]), torch.tensor([[1.], [3.], [5.]])).rank
    tensor(2)
    """
    vector = _check(input, b, driver)
    right = b.unsqueeze(-1) if vector else b
    rows, columns = input.shape[-2:]
    bound = float(np.finfo(input.dtype.np).eps) * max(rows, columns) if rcond is None else rcond
    X, rank, values = least_squares(input, right, 0.0 if driver == "gels" else bound, driver == "gels")
    residuals = X[..., :0, :0].abs().reshape(0)
    if rows > columns and driver not in (None, "gelsy") and (host_array(every(rank)) == columns).all():
        rest = (m.product(input, X) - right).abs()
        residuals = (rest * rest).sum(-2)
        residuals = residuals.squeeze(-1) if vector else residuals
    return record("linalg_lstsq")(
        (
            X.squeeze(-1) if vector else X,
            residuals,
            rank.new_empty(0) if driver == "gels" else rank,
            values if driver in ("gelsd", "gelss") else values.new_empty(0),
        )
    )
