"""Norms, distances, and sums that skip NaN."""

from __future__ import annotations

import math
from typing import Any

from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.extremes import amax, amin
from tritonnn.ops.reduction import Dims, sum
from tritonnn.shape import wrap_dim, wrap_dims
from tritonnn.tensor import Tensor


def _vector_norm(input: Tensor, p: float, dims: Any, keepdim: bool) -> Tensor:
    if input.dtype.kind < 2:
        raise fail(
            "norm",
            f"expected a floating point or complex tensor as input. Got {input.dtype.name}",
            input=input,
        )
    if p == 2:
        size = input.abs() if input.dtype.is_complex else input
        return _safe_sqrt(sum(size * size, dims, keepdim))
    size = input.abs()
    if p == 1:
        return sum(size, dims, keepdim)
    if p == math.inf:
        return amax(size, dims, keepdim)
    if p == -math.inf:
        return amin(size, dims, keepdim)
    if p == 0:
        return sum((size != 0).to(size.dtype), dims, keepdim)
    total = sum(size**p, dims, keepdim)
    zero = total == 0  # the subgradient 0, where the formula would be 0 * inf
    return total.masked_fill(zero, 1).pow(1.0 / p).masked_fill(zero, 0)


def _safe_sqrt(total: Tensor) -> Tensor:
    """sqrt with gradient 0 at 0."""
    if not total.requires_grad:
        return total.sqrt()
    zero = total == 0
    return total.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)


@composite(
    api="torch tensor",
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1, 1), Sample(make(3, 4), 3.0, (0, 1)),
                          Sample(make(3, 4), math.inf, 0, True), Sample(make(3, 4), "fro")],
    errors=lambda make: [Bad(make.int(3), match="floating point")],
)  # fmt: skip
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: DType | None = None,
) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over `dim` (all by default); 'fro' is p = 2.

    >>> import tritonnn as torch
    >>> torch.tensor([3., 4.]).norm()
    tensor(5.)
    """
    if dtype is not None:
        input = input.to(dtype)
    if p == "nuc":
        made = input.svd()[1].sum(-1, keepdim)
    else:
        try:
            dims = wrap_dims(dim, len(input.shape))
        except Invalid as invalid:
            raise fail("norm", str(invalid), kind=invalid.kind, input=input) from None
        made = _vector_norm(input, 2.0 if p in ("fro", None) else float(p), dims, keepdim)
    return made if out is None else out.copy_(made)


@composite(
    api="linalg",
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 3.0, 1), Sample(make(3, 4), 0.5, (0, 1))],
)
def vector_norm(
    x: Tensor,
    ord: float = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
) -> Tensor:
    """The p-norm of vectors along `dim` (of all elements by default)."""
    return norm(x, ord, dim, keepdim, out, dtype)


@composite(api="torch tensor", samples=lambda make: [Sample(make(3, 4), 2, 0, 1.0)])
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """`input` with each slice along `dim` scaled down to a p-norm of at most `maxnorm`."""
    dim = wrap_dim(dim, len(input.shape))
    others = [d for d in range(len(input.shape)) if d != dim]
    size = norm(input, p, others, True)
    return input * (maxnorm / (size + 1e-7)).masked_fill(size <= maxnorm, 1.0)


@composite(
    api="torch tensor",
    samples=lambda make: [Sample(make(3, 4), make(3, 4)), Sample(make(3, 4), make(3, 4), 1)],
)
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other."""
    return norm(input - other, p)


@composite(api="torch tensor", samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1)])
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Sum over `dim` with NaN counted as 0."""
    return sum(input.masked_fill(input != input, 0), dim, keepdim, dtype=dtype)


@composite(api="torch tensor", samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1)])
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Mean over `dim` of the elements that are not NaN."""
    total = nansum(input, dim, keepdim, dtype=dtype)
    return total / sum((input == input).to(total.dtype), dim, keepdim)
