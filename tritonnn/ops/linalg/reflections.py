"""Products of Householder reflections."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.creation.creation import eye
from tritonnn.ops.linalg import _matrices as m


def _reflected(A: np.ndarray, tau: np.ndarray) -> Any:
    """The definition in NumPy: the product of the square matrices 1 - tau v v^H."""
    rows = A.shape[-2]
    Q = np.broadcast_to(np.eye(rows, dtype=A.dtype), (*A.shape[:-2], rows, rows))
    for i in range(tau.shape[-1]):
        v = A[..., i].copy()
        v[..., : i + 1] = np.arange(i + 1) == i
        Q = Q @ (np.eye(rows) - tau[..., i, None, None] * v[..., :, None] * v[..., None, :].conj())
    return Q


@primitive(
    api="torch tensor",
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    results=("a", "tau"),
    samples=lambda make: [Sample(make(4, 3)), Sample(make(2, 3, 4)), Sample(make(0, 3))],
    errors=lambda make: [
        Bad(make(3), match="input must have at least 2 dimensions"),
        Bad(make.int(3, 3), match="floating point or complex"),
    ],
)
def geqrf(input: Tensor) -> Any:
    """R of a QR decomposition, with the vectors of the reflections that make Q below its diagonal.

    Args:
        input: (*, m, n).

    Returns:
        (a, tau): Q is the product of 1 - tau[i] v v^H, v with zeros, a one in place i, and column i of a below it.

    Raises:
        RuntimeError: no matrices.

    >>> import tritonnn as torch
    >>> a, tau = torch.geqrf(torch.tensor([[3., 1.], [4., 2.]]))
    >>> torch.orgqr(a, tau).abs()
    tensor([[0.6000, 0.8000],
            [0.8000, 0.6000]])
    """
    if len(input.shape) < 2:
        raise Invalid("input must have at least 2 dimensions.")
    m.floating(input)
    *batch, rows, columns = input.shape
    return (
        Out(input.shape, input.dtype, strides=m.by_columns(input.shape)),
        Out((*batch, min(rows, columns)), input.dtype),
    )


def _apply(A: Tensor, tau: Tensor, X: Tensor, adjoint: bool) -> Tensor:
    """The product of the reflections, or its adjoint, times X."""
    k = tau.shape[-1]
    columns = A[..., :k]
    V = m.triangle(columns, False, True) + eye(*columns.shape[-2:], dtype=A.dtype, device=A.device)
    if adjoint and tau.dtype.is_complex:
        tau = tau.conj()
    for i in range(k) if adjoint else reversed(range(k)):
        v = V[..., i : i + 1]
        X = X - m.product(v * tau[..., i : i + 1].unsqueeze(-1), m.product(m.adjoint(v), X))
    return X


def _checked(name: str, A: Tensor, tau: Tensor) -> None:
    if len(A.shape) < 2:
        raise Invalid(f"torch.{name}: input must have at least 2 dimensions.")
    m.same_type(A, tau, "input and tau")
    if len(tau.shape) == 0:
        raise Invalid(f"torch.{name}: tau must have at least 1 dimension, got a 0-d tensor")
    m.floating(A)
    if tau.shape[:-1] != A.shape[:-2]:
        raise Invalid(f"torch.{name}: Expected batch dimensions of tau to be equal to input.shape[:-2], "
                      f"but got {[*tau.shape[:-1]]}")  # fmt: skip


def _product(A: Tensor, tau: Tensor) -> Tensor:
    _checked("linalg.householder_product", A, tau)
    rows, columns = A.shape[-2:]
    if rows < columns:
        raise Invalid(
            "torch.linalg.householder_product: input.shape[-2] must be greater than or equal to input.shape[-1]"
        )
    if columns < tau.shape[-1]:
        raise Invalid(
            "torch.linalg.householder_product: input.shape[-1] must be greater than or equal to tau.shape[-1]"
        )
    start = m.zeros_of(A) + eye(rows, columns, dtype=A.dtype, device=A.device)
    return _apply(A, tau, start, False)


_PRODUCT = dict(
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(4, 3), make(3)),
        Sample(make(2, 3, 3), make(2, 2)),
        Sample(make(4, 2), make(0)),
    ],
    errors=lambda make: [
        Bad(make(3), make(3), match="input must have at least 2 dimensions"),
        Bad(make(2, 3), make(3), match=r"input.shape\[-2\] must be greater"),
        Bad(make(3, 2), make(3), match=r"input.shape\[-1\] must be greater"),
        Bad(make(2, 3, 2), make(2), match="batch dimensions of tau"),
        Bad(make(3, 2), make.int(2), match="to have the same dtype"),
    ],
)


@composite(
    **_PRODUCT, api="linalg", reference=lambda input, tau: _reflected(input, tau)[..., : input.shape[-1]]
)  # fmt: skip
def householder_product(input: Tensor, tau: Tensor) -> Tensor:
    """The first columns of a product of Householder reflections.

    Args:
        input: (*, m, n), n at most m, the vectors below the diagonal, as `geqrf` returns them.
        tau: (*, k), k at most n, their factors.

    Raises:
        RuntimeError: extents or types that do not fit.

    >>> import tritonnn as torch
    >>> torch.linalg.householder_product(torch.zeros(2, 2), torch.tensor([2., 0.])).tolist()
    [[-1.0, 0.0], [0.0, 1.0]]
    """
    return _product(input, tau)


@composite(
    **_PRODUCT, api="torch tensor", reference=lambda input, input2: _reflected(input, input2)[..., : input.shape[-1]]
)  # fmt: skip
def orgqr(input: Tensor, input2: Tensor) -> Tensor:
    """`linalg.householder_product`.

    >>> import tritonnn as torch
    >>> torch.orgqr(torch.zeros(2, 2), torch.tensor([2., 0.])).tolist()
    [[-1.0, 0.0], [0.0, 1.0]]
    """
    return _product(input, input2)


def _times(input: Any, tau: Any, other: Any, left: bool, transpose: bool) -> Any:
    Q = _reflected(input, tau)
    Q = np.swapaxes(Q, -1, -2).conj() if transpose else Q
    return Q @ other if left else other @ Q


@composite(
    api="torch tensor",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [
        Sample(make(4, 3), make(3), make(4, 2)),
        Sample(make(2, 4, 3), make(2, 3), make(2, 4, 2), True, True),
        Sample(make(3, 3), make(3), make(2, 3), False),
        Sample(make(4, 2), make(2), make(2, 4), False, True),
    ],
    errors=lambda make: [
        Bad(make(3), make(3), make(3, 2), match="input must have at least 2 dimensions"),
        Bad(make(3, 2), make(2), make(3), match="other must have at least 2 dimensions"),
        Bad(make(3, 2), make(2), make(2, 2), match=r"other.shape\[-2\] must be equal to input.shape\[-2\]"),
        Bad(
            make(3, 2),
            make(2),
            make(2, 2),
            False,
            match=r"other.shape\[-1\] must be equal to input.shape\[-2\]",
        ),
        Bad(make(3, 2), make(3), make(3, 2), match=r"tau.shape\[-1\] must be equal to min"),
        Bad(make(3, 2), make(2), make.int(3, 2), match="to have the same dtype"),
    ],
    reference=lambda input, input2, input3, left, transpose: _times(input, input2, input3, left, transpose),
)
def ormqr(
    input: Tensor, input2: Tensor, input3: Tensor, left: bool = True, transpose: bool = False
) -> Tensor:
    """A matrix times the square product of Householder reflections.

    Args:
        input: (*, m, k), the vectors below the diagonal, as `geqrf` returns them.
        input2: (*, k), their factors.
        input3: (*, m, n), or (*, n, m) with `left=False`.
        left: whether the product stands on the left of `other`.
        transpose: take its adjoint.

    Raises:
        RuntimeError: extents or types that do not fit.

    >>> import tritonnn as torch
    >>> torch.ormqr(torch.zeros(2, 1), torch.tensor([2.]), torch.ones(2, 1)).tolist()
    [[-1.0], [1.0]]
    """
    if len(input.shape) < 2:
        raise Invalid("torch.ormqr: input must have at least 2 dimensions.")
    if len(input3.shape) < 2:
        raise Invalid("torch.ormqr: other must have at least 2 dimensions.")
    side = -2 if left else -1
    if input3.shape[side] != input.shape[-2]:
        raise Invalid(f"torch.ormqr: other.shape[{side}] must be equal to input.shape[-2]")
    if input2.shape[-1:] != (min(input3.shape[side], input.shape[-1]),):
        raise Invalid(
            f"torch.ormqr: tau.shape[-1] must be equal to min(other.shape[{side}], input.shape[-1])"
        )
    m.same_type(input, input3, "input and other")
    _checked("ormqr", input, input2)
    if left:
        return _apply(input, input2, input3, transpose)
    return m.adjoint(_apply(input, input2, m.adjoint(input3), not transpose))
