"""`torch.svd_lowrank` and its like by the name of their module."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.ops.linalg.low_rank import pca_lowrank, svd_lowrank

__all__ = ["get_approximate_basis", "pca_lowrank", "svd_lowrank"]


def get_approximate_basis(A: Tensor, q: int, niter: int | None = 2, M: Tensor | None = None) -> Tensor:
    """Orthonormal columns that nearly span what A maps onto (Halko et al., 2009, algorithms 4.4 and 5.3).

    Args:
        A: m x n matrices.
        q: how many columns.
        niter: further products with A, which sharpen the basis.
        M: of the shape of A, subtracted from it.

    >>> import tritonnn as torch
    >>> from tritonnn._lowrank import get_approximate_basis
    >>> get_approximate_basis(torch.eye(4), 2).shape
    torch.Size([4, 2])
    """
    matrix = A if M is None else A - M
    omega = tritonnn.randn(matrix.shape[-1], q, dtype=matrix.dtype, device=matrix.device)
    basis = tritonnn.linalg.qr(matrix @ omega).Q
    for _ in range(2 if niter is None else niter):
        basis = tritonnn.linalg.qr(matrix.mH @ basis).Q
        basis = tritonnn.linalg.qr(matrix @ basis).Q
    return basis
