"""Products with matrices that may be None, which then is the identity."""

from __future__ import annotations

import tritonnn
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.dtypes import float32

__all__ = ["basis", "bform", "get_floating_dtype", "is_sparse", "matmul", "qform"]


def is_sparse(A: object) -> bool:
    """Whether it is a sparse tensor of COO layout.

    >>> import tritonnn as torch
    >>> from tritonnn._linalg_utils import is_sparse
    >>> is_sparse(torch.eye(2)), is_sparse(torch.eye(2).to_sparse())
    (False, True)
    """
    if isinstance(A, Tensor):
        return A.layout is tritonnn.sparse_coo
    raise TypeError(f"expected Tensor but got {type(A).__name__}")


def get_floating_dtype(A: Tensor) -> DType:
    """The dtype to compute with: A's where it is a floating one, else float32."""
    return A.dtype if A.dtype.is_floating_point or A.dtype.is_complex else float32


def matmul(A: Tensor | None, B: Tensor) -> Tensor:
    """A @ B; B where A is None."""
    if A is None:
        return B
    return tritonnn.sparse.mm(A, B) if is_sparse(A) else tritonnn.matmul(A, B)


def bform(X: Tensor, A: Tensor | None, Y: Tensor) -> Tensor:
    """X^T A Y"""
    return matmul(X.mT, matmul(A, Y))


def qform(A: Tensor | None, S: Tensor) -> Tensor:
    """S^T A S"""
    return bform(S, A, S)


def basis(A: Tensor) -> Tensor:
    """Orthonormal columns that span what those of A span."""
    return tritonnn.linalg.qr(A).Q
