"""Norms, distances, and sums that skip NaN."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dispatch
from tritonnn._tensor import Tensor
from tritonnn.dtypes import counting_dtype, promote_types
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.ops._definitions import order as define
from tritonnn.ops._table import FLOATING, Bad, Out, Sample, attach, composite, named, primitive
from tritonnn.ops.elementwise.elementwise import choose
from tritonnn.ops.reduction.extremes import max_dims, min_dims
from tritonnn.ops.reduction.reduction import _dim_errors, reduced_shape, sum
from tritonnn.recording.grad_mode import state
from tritonnn.shape import wrap_dim, wrap_dims
from tritonnn.table import Make
from tritonnn.table.arguments import is_float
from tritonnn.table.types import Dims, Number


def _vector_norm(input: Tensor, p: float, dims: Sequence[int], keepdim: bool) -> Tensor:
    if (p < 0 or math.isinf(p)) and any(input.shape[d] == 0 for d in dims):
        raise fail(
            "norm",
            f"cannot compute the {p:g} norm over no elements: the operation does not have an identity",
            input=input,
        )
    size = input.abs() if input.dtype.is_complex else input
    if math.isinf(p):
        return (max_dims if p > 0 else min_dims)(size.abs(), dims, keepdim)
    return p_norm(size, p, dims, keepdim)


def _norm_grad(
    g: Tensor, input: Tensor, norm: Tensor, p: float, dims: Sequence[int], keepdim: bool
) -> Tensor | None:
    """g sign(x) (|x| / norm)^(p - 1), and 0 where the norm is 0 or, with p < 1, where x is; of a count nothing."""
    if p == 0:
        return None
    if not keepdim:
        for d in sorted(dims):
            g, norm = g.unsqueeze(d), norm.unsqueeze(d)
    if p == 1:
        return g * input.sign()
    vanishing = norm == 0
    norm = norm.masked_fill(vanishing, 1)
    if p == 2:
        return g * (input / norm)
    g = g.masked_fill(vanishing, 0)
    share = (input.abs() / norm).masked_fill(input == 0, 1)
    return g * input.sign() * share ** (p - 1)


@primitive(
    public="norm", dtypes=FLOATING,
    grad={"input": lambda g, input, result, p, dim, keepdim: _norm_grad(g, input, result, p, dim, keepdim)},
    samples=lambda make: [Sample(make(3, 4), p, dim, keepdim) for p, dim, keepdim in (
        (2.0, (0, 1), False), (2.0, (1,), True), (1.0, (0,), False), (3.0, (1,), False), (0.5, (0, 1), True),
        (0.0, (1,), False))]
    + [Sample(make(3, 700), 2.0, (1,), False), Sample(make(70, 33), 2.5, (0,), False),
       Sample(make(()), 2.0, (), False)],
)  # fmt: skip
def p_norm(input: Tensor, p: float, dim: Sequence[int], keepdim: bool) -> Any:
    """(sum of |x|^p)^(1/p) over `dim`, for finite p, and with p = 0 the number of x that are not 0; in half precision
    the sum is one of float32."""
    return Out(reduced_shape(input.shape, dim, keepdim), input.dtype)


def _nuclear(input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    from tritonnn.ops.linalg.norms import matrix_norm

    if (dim is None and len(input.shape) != 2) or (
        dim is not None and (isinstance(dim, int) or len(dim) != 2)
    ):
        given = f"{len(input.shape)} dimensions" if dim is None else f"dim={dim}"
        raise fail("norm", f"the nuclear norm is of matrices: two dimensions, got {given}", input=input)
    return matrix_norm(input, "nuc", (0, 1) if dim is None else dim, keepdim)


@composite(
    api="torch tensor",
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1, 1), Sample(make(3, 4), 3.0, (0, 1)),
                          Sample(make(3, 4), math.inf, 0, True), Sample(make(3, 4), "fro")],
    errors=lambda make: [Bad(make.int(3), match="floating point"),
                         Bad(make(0), math.inf, match="does not have an identity"),
                         Bad(make(0, 3), -1, 0, match="does not have an identity")],
    reference=define.norm,
)  # fmt: skip
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: DType | None = None,
) -> Tensor:
    """The p-norm (sum |x|^p)^(1/p) over `dim` (all by default); 'fro' is p = 2.

    >>> import tritonnn as torch
    >>> torch.tensor([3., 4.]).norm()
    tensor(5.)
    """
    if isinstance(p, str) and p not in ("fro", "nuc"):
        raise fail("norm", f"Order {p} not supported.", input=input)
    if dtype is not None:
        if input.dtype.kind > 1 and dtype.is_complex != input.dtype.is_complex:
            kind = "complex" if input.dtype.is_complex else "real"
            raise fail("norm", f"dtype should be {kind} for {kind} inputs, but got {dtype.name}", input=input)
        input = input.to(dtype)
    if p == "nuc":
        result = _nuclear(input, dim, keepdim)
        return result if out is None else dispatch.deliver("norm", out, result)
    if p is not None and not isinstance(p, str) and not is_float(p):
        raise TypeError(f"norm(): argument 'p' (position 2) must be Number or str, not {type(p).__name__}")
    if input.dtype.kind < 2:
        text = f"expected a floating point or complex tensor as input. Got {input.dtype.name}"
        raise fail("norm", text, input=input)
    try:
        dims = wrap_dims(dim, len(input.shape))
    except Invalid as invalid:
        raise fail("norm", str(invalid), kind=invalid.kind, input=input) from None
    result = _vector_norm(input, 2.0 if p in ("fro", None) else float(p), dims, keepdim)
    return result if out is None else dispatch.deliver("norm", out, result)


def _norm(
    self: Tensor, p: Any = "fro", dim: Dims = None, keepdim: bool = False, dtype: DType | None = None
) -> Tensor:
    """`norm` as a method, which takes no `out`."""
    return norm(self, p, dim, keepdim, dtype=dtype)


_norm.op = norm.op  # type: ignore[attr-defined]
attach(norm=named("norm", _norm))


@composite(
    api="linalg",
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 3.0, 1), Sample(make(3, 4), 0.5, (0, 1))],
    reference=define.vector_norm,
    errors=lambda make: [
        Bad(make.int(3), match="floating point"),
        Bad(make(2), "fro", error=TypeError, match="must be Number, not str"),
        Bad(make(0), math.inf, match="does not have an identity"),
        Bad(make(2, 3), 2, 2, error=IndexError, match="Dimension out of range"),
    ],
)
def vector_norm(
    input: Tensor,
    ord: Number = 2,
    dim: Dims = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Tensor | None = None,
) -> Tensor:
    """The p-norm of vectors along `dim` (of all elements by default).

    Args:
        ord: the degree p; inf and -inf give the largest and the smallest size, 0 counts what is not zero.
        dim: the dimensions; default: all.
        keepdim: keep them with extent 1.
        dtype: of the result.

    >>> import tritonnn as torch
    >>> torch.linalg.vector_norm(torch.tensor([[3., 4.], [0., 2.]]), dim=1)
    tensor([5., 2.])
    """
    if isinstance(ord, str):
        raise TypeError("vector_norm(): argument 'ord' must be Number, not str")
    if dtype is not None and promote_types(input.dtype, dtype) is not dtype:
        text = f"the dtype of the input ({input.dtype.name}) should be convertible without narrowing to {dtype.name}"
        raise fail("linalg.vector_norm", text, input=input)
    return norm(input, ord, dim, keepdim, out=out, dtype=dtype)


@composite(
    api="torch tensor",
    out=True,
    inplace=True,
    samples=lambda make: [Sample(make(3, 4), 2, 0, 1.0)],
    reference=define.renorm,
    errors=lambda make: [
        Bad(make(2, 3), 0, 0, 1.0, match="non-positive-norm"),
        Bad(make(2, 3), 2, 0, -1.0, match="maxnorm to be >= 0"),
        Bad(make(3), 2, 0, 1.0, match="at least 2 dimensions"),
        Bad(make(2, 3), 2, 2, 1.0, error=IndexError, match="Dimension out of range"),
    ],
)
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """`input` with each slice along `dim` scaled down to a p-norm of at most `maxnorm`.

    >>> import tritonnn as torch
    >>> torch.renorm(torch.tensor([[3., 4.], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    dim = wrap_dim(dim, len(input.shape))
    if not p > 0:
        raise fail("renorm", "non-positive-norm not supported", input=input)
    if not maxnorm >= 0:
        raise fail("renorm", f"expected maxnorm to be >= 0 but got {maxnorm:g}", input=input)
    if len(input.shape) < 2:
        raise fail(
            "renorm", f"input needs at least 2 dimensions, got {len(input.shape)} dimensions", input=input
        )
    others = [d for d in range(len(input.shape)) if d != dim]
    size = norm(input.detach(), p, others, True)
    large = size > maxnorm
    if state.enabled and input.requires_grad:  # a slice that stays, one of NaN among them, has no part in it
        size = norm(choose(large, input, input.detach()), p, others, True)
    scaled = input * (maxnorm / (size + 1e-7)).masked_fill(large.logical_not(), 1.0)
    return scaled.contiguous()


@composite(
    api="torch tensor",
    samples=lambda make: [Sample(make(3, 4), make(3, 4)), Sample(make(3, 4), make(3, 4), 1)],
    reference=define.dist,
    errors=lambda make: [
        Bad(make(2), make(3), match="must match the size"),
        Bad(make.int(2), make.int(2), match="floating"),
    ],
)
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """The p-norm of input - other.

    >>> import tritonnn as torch
    >>> torch.dist(torch.tensor([1., 2.]), torch.tensor([4., 6.]))
    tensor(5.)
    """
    return norm(input - other, p)


def with_nan(make: Make, rows: int, columns: int) -> Tensor:
    """A matrix with NaN in its diagonal, but for the last row."""
    x = make(rows, columns)
    for i in range(rows - 1):
        x[i, i % columns] = math.nan
    return x


@composite(
    api="torch tensor",
    out=True,
    samples=lambda make: [Sample(with_nan(make, 3, 4)), Sample(with_nan(make, 3, 4), 1, True)],
    reference=lambda input, dim, keepdim: np.nansum(input, define.axes(dim), keepdims=keepdim),
    errors=_dim_errors,
)
def nansum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Sum over `dim` with NaN counted as 0.

    >>> import tritonnn as torch
    >>> torch.nansum(torch.tensor([1., float("nan"), 3.]))
    tensor(4.)
    """
    return sum(input.masked_fill(input != input, 0), dim, keepdim, dtype=dtype)


@composite(
    api="torch tensor",
    out=True,
    samples=lambda make: [Sample(with_nan(make, 3, 4)), Sample(with_nan(make, 3, 4), 1, True)],
    reference=lambda input, dim, keepdim: np.nanmean(input, define.axes(dim), keepdims=keepdim),
    errors=lambda make: [*_dim_errors(make), Bad(make.int(3), match="floating point or complex")],
)
def nanmean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Tensor:
    """Mean over `dim` of the elements that are not NaN.

    >>> import tritonnn as torch
    >>> torch.nanmean(torch.tensor([1., float("nan"), 3.]))
    tensor(2.)
    """
    if input.dtype.kind < 2:
        raise fail(
            "nanmean",
            f"expected input to have floating point or complex dtype but got {input.dtype.name}",
            input=input,
        )
    if dtype is not None and dtype.kind < 2:
        text = f"could not infer output dtype: dtype must be floating or complex, got {dtype.name}"
        raise fail("nanmean", text, input=input)
    kind = input.dtype if dtype is None else dtype
    wide = counting_dtype(kind)  # the sum, or the number, of many elements may be beyond half precision
    mean = nansum(input, dim, keepdim, dtype=wide) / sum((input == input).to(wide), dim, keepdim)
    return mean if wide is kind else mean.to(kind)
