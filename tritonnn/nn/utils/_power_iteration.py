"""The largest singular value of a matrix by power iteration, as both forms of spectral normalisation take it."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.recording.grad_mode import no_grad


def as_matrix(weight: Tensor, dim: int) -> Any:
    """`weight` with rows for the extent `dim`."""
    tensor: Any = weight
    if dim != 0:
        tensor = tensor.permute(dim, *[d for d in range(tensor.ndim) if d != dim])
    return tensor.reshape(tensor.shape[0], -1)


def start(matrix: Tensor, eps: float) -> tuple[Any, Any]:
    """Random unit vectors of as many elements as the matrix has rows, and columns."""
    rows, columns = matrix.shape
    target: Any = matrix
    with no_grad():
        u = F.normalize(target.new_empty(rows).normal_(0, 1), dim=0, eps=eps)
        v = F.normalize(target.new_empty(columns).normal_(0, 1), dim=0, eps=eps)
    return u, v


def iterate(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float) -> None:
    """Bring `u` and `v` nearer to the singular vectors of the largest value, in place."""
    target: Any = matrix.detach()
    left: Any = u
    right: Any = v
    with no_grad():
        for _ in range(steps):
            right.copy_(F.normalize(target.t().mv(left), dim=0, eps=eps))
            left.copy_(F.normalize(target.mv(right), dim=0, eps=eps))


def largest(matrix: Tensor, u: Tensor, v: Tensor) -> Any:
    """uᵀ M v. Takes copies of the vectors, which the next iteration writes while a graph may still need them."""
    target: Any = matrix
    left: Any = u.detach()
    right: Any = v.detach()
    return left.clone().dot(target.mv(right.clone()))
