"""Running sums, products and extremes along a dimension."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid
from tritonnn.ops._arguments import ordered
from tritonnn.ops._definitions import order as define
from tritonnn.ops._table import ANY, FLOATING_AND_COMPLEX, REAL, Bad, Out, Sample, composite, primitive
from tritonnn.ops.joining.joining import cat
from tritonnn.ops.joining.repeating import flip
from tritonnn.ops.shape.parts import slice_dim
from tritonnn.recording.grad_mode import state
from tritonnn.shape import Size, wrap_dim
from tritonnn.table import Make


def _samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4), 0),
        Sample(make(2, 5), -1),
        Sample(make(()), 0),
        Sample(make(0, 3), 0),
        Sample(make(2, 70), 1),
    ]


def _errors(make: Make) -> list[Bad]:
    return [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range")]


def _plan(input: Tensor, dim: int, dtype: DType | None) -> Any:
    dim = wrap_dim(dim, len(input.shape))
    kind = dtype or (dtypes.int64 if input.dtype.kind < 2 else input.dtype)
    if kind is dtypes.bool_ and input.shape and input.numel():
        raise Invalid(
            "not implemented for bool: running sums and products are none", kind=NotImplementedError
        )
    if dtype is not None and dtype is not input.dtype:
        input = input.to(dtype)
    return Out(input.shape, kind), (input, dim, dtype)


def reverse_cumsum(g: Tensor, dim: int) -> Tensor:
    """The sum of what follows, inclusive."""
    return flip(cumsum(flip(g, (dim,)), dim), (dim,)) if g.shape else g


@primitive(
    api="torch tensor", dtypes=ANY, samples=_samples, errors=_errors, inplace=True,
    rule_only=("dtype",), typed_by_out=True,
    grad={"input": lambda g, dim: reverse_cumsum(g, dim)},
    reference=define.cumsum,
)  # fmt: skip
def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None) -> Any:
    """Running sum along `dim`; integers add up in int64.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 3.]).cumsum(0)
    tensor([1., 3., 6.])
    """
    return _plan(input, dim, dtype)


def _cumprod_grad(g: Tensor, input: Tensor, dim: int) -> Tensor:
    """Sum over j >= i of g[j] * (product of the others up to j), one column at a time, so that zeros are exact.

    With prefix p[i] = x[0] ... x[i-1], the derivative at i is p[i] * h[i] where h[i] = g[i] + x[i+1] h[i+1].
    """
    count = input.shape[dim] if input.shape else 1
    if count < 2:
        return g
    if input.dtype.is_complex:
        input = input.conj()
    ones = slice_dim(input, dim, 0, 1, 1) * 0 + 1
    prefix = cumprod(cat([ones, slice_dim(input, dim, 0, count - 1, 1)], dim), dim)
    columns = [slice_dim(g, dim, count - 1, 1, 1)]
    for i in range(count - 2, -1, -1):
        columns.append(slice_dim(g, dim, i, 1, 1) + slice_dim(input, dim, i + 1, 1, 1) * columns[-1])
    return prefix * cat(columns[::-1], dim)


@primitive(
    api="torch tensor", dtypes=ANY, samples=_samples, errors=_errors, inplace=True,
    rule_only=("dtype",), typed_by_out=True,
    grad={"input": lambda g, input, dim: _cumprod_grad(g, input, dim)},
    reference=define.cumprod,
)  # fmt: skip
def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None) -> Any:
    """Running product along `dim`.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 3.]).cumprod(0)
    tensor([1., 2., 6.])
    """
    return _plan(input, dim, dtype)


@primitive(
    api="torch tensor", dtypes=FLOATING_AND_COMPLEX, samples=_samples,
    errors=lambda make: [
        *_errors(make), Bad(make.int(3), 0, error=NotImplementedError, match="not implemented for int64"),
    ],
    grad={"input": lambda g, input, result, dim: _logcumsumexp_grad(g, input, result, dim)},
    reference=define.logcumsumexp,
)  # fmt: skip
def logcumsumexp(input: Tensor, dim: int) -> Any:
    """log of the running sum of exponentials along `dim`.

    >>> import tritonnn as torch
    >>> torch.zeros(2).logcumsumexp(0)
    tensor([0.0000, 0.6931])
    """
    dim = wrap_dim(dim, len(input.shape))
    if input.dtype.kind < 2:
        raise Invalid(f"not implemented for {input.dtype.name}", kind=NotImplementedError)
    return Out(input.shape, input.dtype), (input, dim)


def _logcumsumexp_grad(g: Tensor, input: Tensor, result: Tensor, dim: int) -> Tensor:
    """exp(x[i]) * sum over j >= i of g[j] exp(-y[j]), with the sums of both signs in logarithms."""
    if input.numel() == 0 or not input.shape:
        return g
    if input.dtype.is_complex:
        input, result = input.conj(), result.conj()
    if state.enabled:  # differentiable again; the logarithms below are not where the gradient is 0
        top = result.detach().real.amax(dim, True)
        return (input - top).exp() * reverse_cumsum(g * (top - result).exp(), dim)
    low = float("-inf")
    if input.dtype.is_complex:
        total = flip(logcumsumexp(flip(g.log() - result, (dim,)), dim), (dim,))
        return (total + input).exp().masked_fill(total.real == low, 0)
    parts = []
    for sign in (1, -1):
        size = (g * sign).clamp(min=0).log() - result
        total = flip(logcumsumexp(flip(size, (dim,)), dim), (dim,)) if g.shape else size
        parts.append((total + input).masked_fill(total == low, low).exp())
    return parts[0] - parts[1]


_WITH_INDICES: dict[str, Any] = dict(
    api="torch tensor", dtypes=REAL, samples=_samples, errors=_errors, results=("values", "indices"),
    non_differentiable=("indices",),
    grad={"input": lambda g, input_shape, indices, dim: _add_back(g, input_shape, indices, dim)},
)  # fmt: skip


def _add_back(g: Tensor, shape: Size, indices: Tensor, dim: int) -> Tensor:
    from tritonnn.ops.creation.creation import zeros

    return zeros(shape, dtype=g.dtype, device=g.device).scatter_add(dim, indices, g) if shape else g


def _running(input: Tensor, dim: int) -> Any:
    ordered(input, "cummax")
    dim = wrap_dim(dim, len(input.shape))
    return (Out(input.shape, input.dtype), Out(input.shape, dtypes.int64)), (input, dim)


@primitive(**_WITH_INDICES, reference=define.cummax)
def cummax(input: Tensor, dim: int) -> Any:
    """Running maximum along `dim`, and where it was last reached.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 3, 2]).cummax(0)
    torch.return_types.cummax(
    values=tensor([1, 3, 3]),
    indices=tensor([0, 1, 1]))
    """
    return _running(input, dim)


@primitive(**_WITH_INDICES, reference=define.cummin)
def cummin(input: Tensor, dim: int) -> Any:
    """Running minimum along `dim`, and where it was last reached.

    >>> import tritonnn as torch
    >>> torch.tensor([3, 1, 2]).cummin(0)
    torch.return_types.cummin(
    values=tensor([3, 1, 1]),
    indices=tensor([0, 1, 1]))
    """
    return _running(input, dim)


@composite(
    api="torch tensor", out=True, dtypes=ANY,
    samples=lambda make: [Sample(make(5)), Sample(make(2, 4), 2), Sample(make(2, 4), dim=0),
                          Sample(make(2, 4), prepend=make(2, 1), append=make(2, 2))],
    errors=lambda make: [Bad(make(3), -1, match="order")],
    reference=define.diff,
)  # fmt: skip
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """n-th difference of neighbours along `dim`.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 3, 6]).diff()
    tensor([2, 3])
    """
    if n < 0:
        raise RuntimeError(f"diff: order must be non-negative but got {n}")
    if not input.shape:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    try:
        dim = wrap_dim(dim, len(input.shape))
    except Invalid as invalid:
        raise IndexError(f"diff: {invalid}") from None
    if n == 0:  # of what is put before or after nothing is seen then
        return input.clone()
    parts = [part for part in (prepend, input, append) if part is not None]
    differences = cat(parts, dim) if len(parts) > 1 else input
    for _ in range(n):
        count = differences.shape[dim] - 1
        if count <= 0:
            return slice_dim(differences, dim, 0, 0, 1).clone()
        later, earlier = slice_dim(differences, dim, 1, count, 1), slice_dim(differences, dim, 0, count, 1)
        differences = later.logical_xor(earlier) if differences.dtype is dtypes.bool_ else later - earlier
    return differences.clone() if differences is input else differences
