"""Reductions over one, several or all dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.dtypes import counting_dtype
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, warn
from tritonnn.ops._definitions import order as define
from tritonnn.ops._table import ANY, FLOATING_AND_COMPLEX, Bad, Out, Sample, composite, primitive
from tritonnn.ops.shape.shape import expand_as_size, unsqueeze, view_or_copy
from tritonnn.shape import SCALAR, Size, as_dims, numel, wrap_dims
from tritonnn.table import Make
from tritonnn.table.types import Dims


def reduced_shape(shape: Size, dims: Sequence[int], keepdim: bool) -> Sequence[int]:
    """The shape after reducing `dims`."""
    if len(dims) == len(shape) and not keepdim:
        return SCALAR
    if keepdim:
        return [1 if d in dims else extent for d, extent in enumerate(shape)]
    return [extent for d, extent in enumerate(shape) if d not in dims]


def restore(g: Tensor, shape: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    """A reduced tensor with its reduced dimensions back (extent 1), so that it broadcasts against the input."""
    if not keepdim and shape:
        for d in as_dims(dims):
            g = unsqueeze(g, d)
    return g


def _spread(g: Tensor, shape: Size, dims: Sequence[int], keepdim: bool) -> Tensor:
    return expand_as_size(restore(g, shape, dims, keepdim), tuple(shape))


def _dim_samples(make: Make) -> list[Sample]:
    return [
        Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3, 4), (0, -1)), Sample(make(3, 4), 0, True),
        Sample(make(())), Sample(make(2, 300), 1), Sample(make(600, 3), 0),
    ]  # fmt: skip


def _dim_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
        Bad(make(2, 3), (0, 0), match="appears multiple times"),
    ]


def over_count(x: Tensor, count: Tensor) -> Tensor:
    """x / count, also where the type of x cannot hold the count."""
    return (x.to(counting_dtype(x.dtype)) / count).to(x.dtype)


def _sum_dtype(input: Tensor, dtype: DType | None) -> DType:
    if dtype is not None:
        return dtype
    own = input._dtype
    return dtypes.int64 if own.kind < 2 else own


@primitive(
    api="torch tensor", dtypes=ANY, samples=_dim_samples, errors=_dim_errors, typed_by_out=True,
    grad={"input": lambda g, input_shape, dim, keepdim: _spread(g, input_shape, dim, keepdim)},
    reference=define.sum,
)  # fmt: skip
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Any:
    """Sum over `dim` (all by default); integers add up in int64.

    >>> import tritonnn as torch
    >>> torch.tensor([[1., 2.], [3., 4.]]).sum(0)
    tensor([4., 6.])
    """
    shape = input._shape
    dims = wrap_dims(dim, len(shape))
    kind = _sum_dtype(input, dtype)
    if dtype is not None and (dtype.kind > input.dtype.kind or input.dtype in dtypes.FLOAT8):
        input = input.to(dtype)
    return Out(reduced_shape(shape, dims, keepdim), kind), (input, dims, bool(keepdim), kind)


@primitive(
    api="torch tensor", dtypes=FLOATING_AND_COMPLEX, samples=_dim_samples,
    errors=lambda make: [*_dim_errors(make), Bad(make.int(3), match="could not infer output dtype")],
    grad={"input": lambda g, input_shape, dim, keepdim: _spread(
        g, input_shape, dim, keepdim) / (_count(input_shape, dim) or 1)},
    reference=define.mean,
)  # fmt: skip
def mean(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Any:
    """Arithmetic mean over `dim` (all by default) of a floating tensor.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 6.]).mean()
    tensor(3.)
    """
    if dtype is not None:
        input = input.to(dtype)
    if input.dtype.kind < 2:
        raise Invalid(
            f"could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: "
            f"{input.dtype.name}",
            hint="convert with .float() or pass dtype=",
        )
    dims = wrap_dims(dim, len(input.shape))
    return Out(reduced_shape(input.shape, dims, keepdim), input.dtype), (
        input,
        dims,
        bool(keepdim),
        input.dtype,
    )


def _count(shape: Size, dims: Sequence[int]) -> int:
    return numel(shape[d] for d in dims)


@primitive(
    public="prod",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4), None), Sample(make(3, 4), 1), Sample(make(2, 3), 0, True)],
    grad={"input": lambda g, input, dim, keepdim: _prod_grad(g, input, dim, keepdim)},
)  # fmt: skip
def prod_dims(input: Tensor, dim: Dims, keepdim: bool = False, dtype: DType | None = None) -> Any:
    """Product over `dim`."""
    dims = wrap_dims(dim, len(input.shape))
    kind = _sum_dtype(input, dtype)
    return Out(reduced_shape(input.shape, dims, keepdim), kind), (input, dims, bool(keepdim), kind)


def _prod_grad(g: Tensor, input: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """g times the product of all other elements, by products from both ends so that zeros are exact."""
    if input.dtype.is_complex:
        input = input.conj()
    g = restore(g, input.shape, dims, keepdim)
    if not input.numel():
        return g * input  # nothing, that depends on both
    if not input.shape:
        return g
    order = [d for d in range(len(input.shape)) if d not in dims]
    moved = input.permute((*order, *dims)).reshape(*[input.shape[d] for d in order], -1)
    from tritonnn.ops.creation.creation import ones_like
    from tritonnn.ops.joining.joining import cat

    one = ones_like(moved.narrow(-1, 0, 1 if moved.shape[-1] else 0))
    before = cat([one, moved.narrow(-1, 0, moved.shape[-1] - 1 if moved.shape[-1] else 0)], -1).cumprod(-1)
    flipped = moved.flip(-1)
    after = (
        cat([one, flipped.narrow(-1, 0, moved.shape[-1] - 1 if moved.shape[-1] else 0)], -1)
        .cumprod(-1)
        .flip(-1)
    )
    others = (before * after).reshape([input.shape[d] for d in (*order, *dims)])
    inverse = [0] * len(input.shape)
    for place, d in enumerate((*order, *dims)):
        inverse[d] = place
    return g * others.permute(inverse)


@composite(
    api="torch tensor",
    out=True,
    typed_by_out=True,
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3), 0, True)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range")],
    reference=define.prod,
)
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Product over `dim` (all elements by default).

    >>> import tritonnn as torch
    >>> torch.tensor([2., 3.]).prod()
    tensor(6.)
    """
    if dtype is not None and (dtype.kind != input.dtype.kind or input.dtype in dtypes.FLOAT8):
        input = input.to(dtype)
    return prod_dims(input, dim, keepdim, dtype)


@primitive(
    public="var",
    dtypes=FLOATING_AND_COMPLEX,
    samples=lambda make: [Sample(make(3, 4), (0, 1), 1, False), Sample(make(3, 4), (1,), 0, True)],
    grad={"input": lambda g, input, dim, correction, keepdim: _var_grad(g, input, dim, correction, keepdim)},
)  # fmt: skip
def var_dims(input: Tensor, dim: Any, correction: float, keepdim: bool) -> Any:
    """Variance over `dim`: sum((x - mean)^2) / max(count - correction, 0)."""
    if input.dtype.kind < 2:
        raise Invalid(f"std and var only support floating point and complex dtypes, got {input.dtype.name}")
    dims = wrap_dims(dim, len(input.shape))
    if _count(input.shape, dims) - correction <= 0 and numel(reduced_shape(input.shape, dims, False)):
        warn("var(): degrees of freedom is <= 0: the result is NaN or infinite")
    return Out(reduced_shape(input.shape, dims, keepdim), input.dtype.to_real()), (
        input,
        dims,
        correction,
        bool(keepdim),
    )


def _var_grad(g: Tensor, input: Tensor, dims: Sequence[int], correction: float, keepdim: bool) -> Tensor:
    centred = input - mean(input, dims, True)
    scale = 2.0 / (_count(input.shape, dims) - correction or math.nan)
    return restore(g, input.shape, dims, keepdim) * (centred * scale)


def safe_sqrt(total: Tensor) -> Tensor:
    """sqrt with gradient 0 at 0."""
    if not total.requires_grad:
        return total.sqrt()
    zero = total == 0
    return total.masked_fill(zero, 1).sqrt().masked_fill(zero, 0)


def _dim_and_correction(dim: Any, unbiased: bool | None, correction: float | None) -> tuple[Any, float]:
    """What the count is lessened by, which `unbiased` may say; `var(x, False)` gives that, not a dimension."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 1 if unbiased is None else int(unbiased)
    return dim, correction


_VAR_SAMPLES = lambda make: [
    Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(3, 4), (0, 1), unbiased=False),
    Sample(make(3, 4), 0, correction=0, keepdim=True),
]  # fmt: skip


@composite(api="torch tensor", out=True, samples=_VAR_SAMPLES, errors=_dim_errors, reference=define.var)
def var(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Variance over `dim` (all by default), divided by count - 1 unless `unbiased=False` or another `correction`.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 3.]).var()
    tensor(1.)
    """
    dim, correction = _dim_and_correction(dim, unbiased, correction)
    return var_dims(input, dim, correction, keepdim)


@composite(api="torch tensor", out=True, samples=_VAR_SAMPLES, errors=_dim_errors, reference=define.std)
def std(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> Tensor:
    """Standard deviation over `dim`: the square root of `var`.

    >>> import tritonnn as torch
    >>> torch.tensor([1., 2., 3.]).std()
    tensor(1.)
    """
    dim, correction = _dim_and_correction(dim, unbiased, correction)
    return safe_sqrt(var_dims(input, dim, correction, keepdim))


@composite(api="torch", samples=_VAR_SAMPLES, reference=define.var_mean, errors=_dim_errors)
def var_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """(variance, mean) over `dim`.

    >>> import tritonnn as torch
    >>> torch.var_mean(torch.tensor([1., 3., 5.]))
    (tensor(4.), tensor(3.))
    """
    dim, correction = _dim_and_correction(dim, unbiased, correction)
    return var_dims(input, dim, correction, keepdim), mean(input, dim, keepdim)


@composite(api="torch", samples=_VAR_SAMPLES, reference=define.std_mean, errors=_dim_errors)
def std_mean(
    input: Tensor,
    dim: Dims | bool = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean) over `dim`.

    >>> import tritonnn as torch
    >>> torch.std_mean(torch.tensor([1., 2., 3.]))
    (tensor(1.), tensor(2.))
    """
    variance, average = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return safe_sqrt(variance), average


# ---- truth and counting ---------------------------------------------------------------------------------


def _truth_samples(make: Make) -> list[Sample]:
    return [
        *_dim_samples(make), Sample(make(2, 3), ()), Sample(make(0, 3), [], True), Sample(make(0, 3)),
        Sample(make(0, 3), 0, True),
    ]  # fmt: skip


@primitive(
    float8=True,
    api="torch tensor",
    dtypes=ANY,
    samples=_truth_samples,
    errors=_dim_errors,
    reference=define.any,
)
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Any:
    """Whether an element over `dim` (all by default; none where it is empty) is not 0.

    >>> import tritonnn as torch
    >>> torch.tensor([0, 2]).any()
    tensor(True)
    """
    return _truth(input, dim, keepdim)


@primitive(
    float8=True,
    api="torch tensor",
    dtypes=ANY,
    samples=_truth_samples,
    errors=_dim_errors,
    reference=define.all,
)
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Any:
    """Whether no element over `dim` (all by default; none where it is empty) is 0.

    >>> import tritonnn as torch
    >>> torch.tensor([0, 2]).all()
    tensor(False)
    """
    return _truth(input, dim, keepdim)


def _truth(input: Tensor, dim: Dims, keepdim: bool) -> Any:
    # Of all reductions these two alone take no dimensions to be none instead of all.
    none = dim is not None and dim.__class__ is not int and not as_dims(dim)
    dims = () if none else wrap_dims(dim, len(input.shape))
    kind = dtypes.uint8 if input.dtype is dtypes.uint8 else dtypes.bool_
    return Out(reduced_shape(input.shape, dims, keepdim), kind), (input, dims, bool(keepdim))


@primitive(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1)],
    reference=define.count_nonzero,
    errors=_dim_errors,
)
def count_nonzero(input: Tensor, dim: Dims = None) -> Any:
    """Number of elements over `dim` (all by default) that are not 0.

    >>> import tritonnn as torch
    >>> torch.count_nonzero(torch.tensor([0, 1, 2]))
    tensor(2)
    """
    dims = wrap_dims(dim, len(input.shape))
    return Out(reduced_shape(input.shape, dims, False), dtypes.int64), (input, dims)


__all__ = ["reduced_shape", "restore", "view_or_copy"]
