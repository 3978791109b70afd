"""Matrix decompositions.

They run through LAPACK on the host, GPU tensors too: copied there and back, with a warning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid
from tritonnn.memory_format import strides_in_order
from tritonnn.ops._table import Bad, Out, Sample, primitive


def _by_reflections(A: Any, mode: str) -> Any:
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


@primitive(
    api="linalg",
    host="LAPACK",
    dtypes=(dtypes.float32, dtypes.float64, *dtypes.COMPLEX),
    results=("Q", "R"),
    samples=lambda make: [
        Sample(make(4, 3)),
        Sample(make(2, 3, 4)),
        Sample(make(4, 3), "complete"),
        Sample(make(4, 3), "r"),
    ],
    errors=lambda make: [
        Bad(make(3), match="at least 2 dimensions"),
        Bad(make(3, 3), "thin", match="one of 'reduced'"),
    ],
    reference=_by_reflections,
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
    if len(A.shape) < 2:
        raise Invalid(f"The input tensor A must have at least 2 dimensions, got {len(A.shape)}")
    if mode not in ("reduced", "complete", "r"):
        raise Invalid(f"mode must be one of 'reduced', 'complete' or 'r', got '{mode}'")
    if A.dtype not in (dtypes.float32, dtypes.float64, *dtypes.COMPLEX):
        raise Invalid(f"expected a float32, float64 or complex tensor, got {A.dtype.name}")
    *batch, m, n = A.shape
    k = m if mode == "complete" else min(m, n)
    q = (0,) if mode == "r" else (*batch, m, k)
    r = (*batch, k, n)
    if mode == "r":
        return Out(q, A.dtype), Out(r, A.dtype, strides=_by_columns(r))
    return Out(q, A.dtype, strides=_by_columns(q)), Out(r, A.dtype, strides=_by_columns(r))


def _by_columns(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides of matrices whose columns lie together, as LAPACK has them."""
    order = [*range(len(shape) - 2), len(shape) - 1, len(shape) - 2]
    return strides_in_order(shape, order)
