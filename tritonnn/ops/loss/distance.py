"""Distances, similarities and normalisation of vectors."""

from __future__ import annotations

import math
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import layers as definitions
from tritonnn.ops._table import FLOATING, Bad, Sample, composite
from tritonnn.ops.creation.creation import ones
from tritonnn.ops.elementwise.elementwise import choose, isnan
from tritonnn.ops.reduction.norms import norm, vector_norm
from tritonnn.ops.reduction.reduction import safe_sqrt
from tritonnn.shape import broadcast_shapes
from tritonnn.table import Make
from tritonnn.table.types import IntOrInts


def _at_least(x: Any, floor: float) -> Any:
    """max(x, floor) whose gradient is that of x everywhere."""
    value = x.detach()
    return choose(value < floor, x - value + floor, x)


def _vectors(make: Make) -> list[Sample]:
    return [Sample(make(3, 4), make(3, 4)), Sample(make(3, 4), make(4)), Sample(make(4), make(4))]


@composite(
    api="functional torch", dtypes=FLOATING,
    samples=lambda make: [*_vectors(make), Sample(make(2, 3, 4), make(3, 4), 1.0, 1e-6, True)],
    reference=definitions.pairwise_distance,
    errors=lambda make: [
        Bad(make(3, 4), make(3, 5), match="must match the size"),
        Bad(make(3, 4), "a", error=TypeError, match="'x2' .*must be Tensor, not str"),
    ],
)  # fmt: skip
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """‖x1 - x2 + eps‖_p over the last dimension.

    Args:
        x1, x2: (N, D) or (D), or shapes that broadcast.
        p: the norm's degree.
        eps: added to the difference, so that the gradient of equal vectors is defined.
        keepdim: keep the last dimension with extent 1.

    >>> import tritonnn as torch
    >>> torch.nn.functional.pairwise_distance(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.]]))
    tensor([5.0000])
    """
    difference: Any = x1
    return vector_norm(difference - x2 + eps, p, -1, keepdim)


@composite(
    api="functional torch", dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(3, 4), make(3, 4)), Sample(make(3, 4), make(1, 4), 0),
        Sample(make(2, 3, 4), make(2, 3, 4), -1, 1e-6),
    ],
    errors=lambda make: [Bad(make(3, 4), make(3, 5), match="must match"),
        Bad(make(3), make(3), 1, error=IndexError, match="out of range")],
    reference=definitions.cosine_similarity,
)  # fmt: skip
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """x1·x2 / (max(‖x1‖, eps) · max(‖x2‖, eps)) along `dim`.

    Args:
        x1, x2: shapes that broadcast.
        dim: the dimension of the vectors, which the result lacks.
        eps: the least norm that is divided by.

    >>> import tritonnn as torch
    >>> torch.nn.functional.cosine_similarity(torch.tensor([[3., 4.]]), torch.tensor([[4., 3.]]))
    tensor([0.9600])
    """
    try:
        shape = broadcast_shapes(x1.shape, x2.shape)
    except Invalid as invalid:
        raise fail("cosine_similarity", str(invalid), x1=x1, x2=x2) from None
    common = dtypes.promote_types(x1.dtype, x2.dtype)
    a, b = (x.to(common).expand(shape) for x in (x1, x2))
    norms = [_at_least(vector_norm(x, 2, dim, True), eps) for x in (a, b)]
    return ((a / norms[0]) * (b / norms[1])).sum(dim)


@composite(
    api="functional", dtypes=FLOATING,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(2, 3, 4), 1.0, -1),
        Sample(make(3, 4), p=3.0, dim=0)],
    errors=lambda make: [Bad(make(3), error=IndexError, match="out of range")],
    reference=definitions.normalize,
)  # fmt: skip
def normalize(
    input: Tensor, p: float | str = 2.0, dim: IntOrInts = 1, eps: float = 1e-12, out: Tensor | None = None
) -> Tensor:
    """x / max(‖x‖_p, eps) along `dim`.

    >>> import tritonnn as torch
    >>> torch.nn.functional.normalize(torch.tensor([[3., 4.]]))
    tensor([[0.6000, 0.8000]])
    """
    x: Any = input
    divisor = norm(x, p, dim, True).clamp_min(eps)
    return x / divisor if out is None else x.div(divisor, out=out)


_MODES = (
    "use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist",
)  # fmt: skip


@composite(
    api="torch", dtypes=FLOATING,
    samples=lambda make: [
        Sample(make(3, 4), make(5, 4)), Sample(make(2, 3, 4), make(5, 4), 1.0),
        Sample(make(27, 3), make(4, 3)),
    ],
    errors=lambda make: [Bad(make(3, 4), make(3, 5), match="same number of columns"),
        Bad(make(4), make(3, 4), match="at least two dimensions")],
    reference=definitions.cdist,
)  # fmt: skip
def cdist(
    x1: Tensor, x2: Tensor, p: float = 2.0, compute_mode: str = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """The p-norm distance of every row of x1 (..., P, M) to every row of x2 (..., R, M): (..., P, R).

    Args:
        x1, x2: leading dimensions broadcast.
        p: the norm's degree, at least 0.
        compute_mode: whether Euclidean distances go through a matrix product; by default with more than 25
            rows,
            where it is faster and loses some digits of small distances.

    >>> import tritonnn as torch
    >>> torch.cdist(torch.tensor([[0., 0.]]), torch.tensor([[3., 4.], [6., 8.]]))
    tensor([[ 5., 10.]])
    """
    if len(x1.shape) < 2 or len(x2.shape) < 2:
        raise fail("cdist", "x1 and x2 must have at least two dimensions", x1=x1, x2=x2)
    if x1.shape[-1] != x2.shape[-1]:
        raise fail("cdist", "x1 and x2 must have the same number of columns", x1=x1, x2=x2)
    if not p >= 0:
        raise fail("cdist", f"only supports non-negative p values, got {p}", x1=x1, x2=x2)
    if compute_mode not in _MODES:
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode: use one of {_MODES}")
    # Squares of half precision would lose all digits of the difference.
    half = x1.dtype.itemsize == 2
    a: Any = x1.to(dtypes.float32) if half else x1
    b: Any = x2.to(dtypes.float32) if half else x2
    large = x1.shape[-2] > 25 or x2.shape[-2] > 25
    if p == 2 and (compute_mode == _MODES[1] or (compute_mode == _MODES[0] and large)):
        squares = (a * a).sum(-1, True) + (b * b).sum(-1).unsqueeze(-2)
        result = safe_sqrt((squares - 2 * a.matmul(b.transpose(-2, -1))).clamp_min(0))
    else:
        result = _distances(a.unsqueeze(-2) - b.unsqueeze(-3), p)
    return result.to(x1.dtype) if half else result


@composite(
    api="functional torch", dtypes=FLOATING,
    samples=lambda make: [Sample(make(4, 3)), Sample(make(4, 3), 1.0), Sample(make(1, 3))],
    errors=lambda make: [Bad(make(2, 3, 4), match="2D tensors")],
    reference=definitions.pdist,
)  # fmt: skip
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of all pairs of rows of an (N, M) matrix: (0,1), (0,2), ..., N(N-1)/2 of them.

    >>> import tritonnn as torch
    >>> torch.nn.functional.pdist(torch.tensor([[0., 0.], [3., 4.], [0., 4.]]))
    tensor([5., 4., 3.])
    """
    if len(input.shape) != 2:
        raise fail("pdist", f"only supports 2D tensors, got: {len(input.shape)}D", input=input)
    x: Any = input
    rows = x.shape[0]
    upper = ones((rows, rows), device=x.device).triu(1).nonzero()
    first, second = upper.select(1, 0), upper.select(1, 1)
    return _distances(x.index_select(0, first) - x.index_select(0, second), p)


def _distances(differences: Any, p: float) -> Any:
    """Norms of the last dimension; with p = 0 NaN is no count."""
    result = vector_norm(differences, p, -1)
    return result.masked_fill(isnan(differences).any(-1), math.nan) if p == 0 else result


__all__ = ["cdist", "cosine_similarity", "normalize", "pairwise_distance", "pdist"]
