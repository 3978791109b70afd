"""The largest singular value of a matrix by power iteration, as both forms of spectral normalisation take it."""

from __future__ import annotations

from typing import Any

from tritonnn._tensor import Tensor
from tritonnn.nn import functional as F
from tritonnn.ops.random.random import randn
from tritonnn.recording.grad_mode import no_grad


def as_matrix(weight: Tensor, dim: int) -> Any:
    """`weight` with rows for the extent `dim`."""
    tensor: Any = weight
    if dim != 0:
        tensor = tensor.permute(dim, *[d for d in range(tensor.ndim) if d != dim])
    return tensor.reshape(tensor.shape[0], -1)


def start(matrix: Tensor, eps: float) -> tuple[Any, Any]:
    """Random unit vectors of as many elements as the matrix has rows, and columns."""
    with no_grad():
        drawn = [randn(extent, dtype=matrix.dtype, device=matrix.device) for extent in matrix.shape]
        u, v = [F.normalize(vector, dim=0, eps=eps) for vector in drawn]
    return u, v


def iterate(matrix: Tensor, u: Tensor, v: Tensor, steps: int, eps: float, rows_first: bool = False) -> None:
    """Bring `u` and `v` nearer to the singular vectors of the largest value, in place.

    Args:
        rows_first: whether a step computes `u` from `v` and then `v` from that, or the other way round.
    """
    target: Any = matrix.detach()
    turns = [(v, target.mH, u), (u, target, v)]
    if rows_first:
        turns.reverse()
    with no_grad():
        for _ in range(steps):
            for vector, product, other in turns:
                vector.copy_(F.normalize(product.mv(other), dim=0, eps=eps))


def largest(matrix: Tensor, u: Tensor, v: Tensor) -> Any:
    """uᴴ M v. Takes copies of the vectors, which the next iteration writes while a graph may still need them."""
    return u.detach().clone().vdot(matrix.mv(v.detach().clone()))
