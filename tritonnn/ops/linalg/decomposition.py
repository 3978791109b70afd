"""The QR decomposition.

It runs through LAPACK on the host, GPU tensors too where cuSOLVER is not installed. The gradient: S. Walter and
L. Lehmann, "Algorithmic differentiation of linear algebra functions with application in optimum experimental design",
2010; J. Roberts and L. Roberts, "QR and LQ decomposition matrix backpropagation algorithms", 2020.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn._return_types import record
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.ops._table import Bad, Out, Sample, composite, primitive
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.linalg import _matrices as m
from tritonnn.ops.linalg.triangular import solved


def _by_reflections(A: np.ndarray, mode: str) -> Any:
    """The definition in NumPy: reflections that leave nothing below the diagonal (Householder 1958)."""
    rows, columns = A.shape[-2:]
    r = np.array(A)
    q = np.broadcast_to(np.eye(rows), (*A.shape[:-2], rows, rows)).copy()
    for at in np.ndindex(*A.shape[:-2]):
        for k in range(min(rows - 1, columns)):
            v = r[at][k:, k].copy()
            v[0] += np.copysign(np.linalg.norm(v), v[0])
            v /= np.linalg.norm(v)
            r[at][k:] -= 2 * np.outer(v, v @ r[at][k:])
            q[at][:, k:] -= 2 * np.outer(q[at][:, k:] @ v, v)
    count = rows if mode == "complete" else min(rows, columns)
    return np.zeros(0) if mode == "r" else q[..., :count], r[..., :count, :]


def _mirrored(X: Tensor) -> Tensor:
    """The Hermitian matrix whose upper triangle is that of X; the diagonal is made real."""
    above = m.triangle(X, True, True)
    return above + m.hermitian(m.triangle(X, True) - above) + m.adjoint(above)


def _qr_grad(g: Any, Q: Tensor, R: Tensor, mode: str) -> Tensor:
    """(g_Q + Q mirrored(g_R R^H - Q^H g_Q)) R^-H; the columns of R beyond the square add to g_Q."""
    gQ, gR = g
    if mode == "r":
        raise Invalid(
            "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
            "linalg.qr(A, mode='reduced') if you are going to require its derivative"
        )
    k = Q.shape[-1]
    if mode == "complete" and k > R.shape[-1]:
        raise Invalid("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
    gQ = Q * 0 if gQ is None else gQ
    gR = R * 0 if gR is None else gR
    rest = None
    if R.shape[-1] > k:
        R, gR, wide = R[..., :k], gR[..., :k], (R[..., k:], gR[..., k:])
        rest = m.product(Q, wide[1])
        gQ = gQ + m.product(Q, wide[0], m.adjoint(wide[1]))
    inner = _mirrored(m.product(gR, m.adjoint(R)) - m.product(m.adjoint(Q), gQ))
    result = solved(m.adjoint(R), gQ + m.product(Q, inner), False, left=False)
    return result if rest is None else cat([result, rest], -1)


@primitive(
    api="linalg",
    host="LAPACK",
    dtypes=m.DECOMPOSED,
    results=("Q", "R"),
    samples=lambda make: [
        Sample(make(4, 3)),
        Sample(make(2, 3, 4)),
        Sample(make(3, 4), "complete"),
        Sample(make(4, 3).detach(), "complete").constant("A"),
        Sample(make(4, 3), "r").constant("A"),
    ],
    errors=lambda make: [
        Bad(make(3), match="at least 2 dimensions"),
        Bad(make(3, 3), "thin", match="one of 'reduced'"),
    ],
    reference=_by_reflections,
    grad={"A": _qr_grad},
)
def qr(A: Tensor, mode: str = "reduced") -> Any:
    """A = Q R with orthonormal columns of Q and upper triangular R.

    Args:
        A: (*, m, n).
        mode: 'reduced' (Q is m x min(m, n)), 'complete' (Q is m x m), or 'r' (R alone; Q is empty).

    >>> import tritonnn as torch
    >>> Q, R = torch.linalg.qr(torch.eye(2))
    >>> (Q @ R).tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    m.matrices(A)
    if mode not in ("reduced", "complete", "r"):
        raise Invalid(f"mode must be one of 'reduced', 'complete' or 'r', got '{mode}'")
    m.floating(A)
    *batch, rows, columns = A.shape
    k = rows if mode == "complete" else min(rows, columns)
    q = (0,) if mode == "r" else (*batch, rows, k)
    r = (*batch, k, columns)
    if mode == "r":
        return Out(q, A.dtype), Out(r, A.dtype, strides=m.by_columns(r))
    return Out(q, A.dtype, strides=m.by_columns(q)), Out(r, A.dtype, strides=m.by_columns(r))


@composite(
    api="torch tensor",
    public="qr",
    out=True,
    dtypes=m.DECOMPOSED,
    samples=lambda make: [Sample(make(4, 3)), Sample(make(2, 3, 4), False)],
    errors=lambda make: [Bad(make(3), match="at least 2 dimensions")],
    reference=lambda input, some: _by_reflections(input, "reduced" if some else "complete"),
)
def torch_qr(input: Tensor, some: bool = True) -> tuple[Tensor, Tensor]:
    """`linalg.qr`, its predecessor.

    Args:
        input: (*, m, n).
        some: Q is m x min(m, n); else it is square.

    >>> import tritonnn as torch
    >>> torch.qr(torch.eye(2)).R.abs().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    return record("qr")(qr(input, "reduced" if some else "complete"))
