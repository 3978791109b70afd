"""Reductions over one, several or all dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tritonnn import dtypes
from tritonnn.dtypes import dtype as DType
from tritonnn.errors import Invalid, fail
from tritonnn.ops._table import ANY, FLOATING_AND_COMPLEX, OPS, REAL, Bad, Out, Sample, composite, primitive
from tritonnn.ops.shape import expand_as_size, unsqueeze, view_or_copy
from tritonnn.shape import SCALAR, Size, numel, wrap_dim, wrap_dims
from tritonnn.tensor import Tensor

Dims = int | Sequence[int] | None


def reduced_shape(shape: Size, dims: Sequence[int], keepdim: bool) -> Sequence[int]:
    """The shape after reducing `dims`."""
    if len(dims) == len(shape) and not keepdim:
        return SCALAR
    if keepdim:
        return [1 if d in dims else extent for d, extent in enumerate(shape)]
    return [extent for d, extent in enumerate(shape) if d not in dims]


def restore(g: Tensor, shape: Size, dims: Any, keepdim: bool) -> Tensor:
    """A reduced tensor with its reduced dimensions back (extent 1), so that it broadcasts against the input."""
    if not keepdim and shape:
        for d in (dims,) if isinstance(dims, int) else dims:
            g = unsqueeze(g, d)
    return g


def _spread(g: Tensor, shape: Size, dims: Any, keepdim: bool) -> Tensor:
    return expand_as_size(restore(g, shape, dims, keepdim), tuple(shape))


def _dim_samples(make: Any) -> list[Sample]:
    return [
        Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3, 4), (0, -1)), Sample(make(3, 4), 0, True),
        Sample(make(())), Sample(make(2, 300), 1), Sample(make(600, 3), 0),
    ]  # fmt: skip


def _dim_errors(make: Any) -> list[Bad]:
    return [
        Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
        Bad(make(2, 3), (0, 0), match="appears multiple times"),
    ]


def _sum_dtype(input: Tensor, dtype: DType | None) -> DType:
    if dtype is not None:
        return dtype
    return dtypes.int64 if input.dtype.kind < 2 else input.dtype


@primitive(
    api="torch tensor", dtypes=ANY, samples=_dim_samples, errors=_dim_errors,
    grad={"input": lambda g, input_shape, dim, keepdim: _spread(g, input_shape, dim, keepdim)},
)  # fmt: skip
def sum(input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None) -> Any:
    """Sum over `dim` (all by default); integers add up in int64.

    >>> import tritonnn as torch
    >>> torch.tensor([[1., 2.], [3., 4.]]).sum(0)
    tensor([4., 6.])
    """
    dims = wrap_dims(dim, len(input.shape))
    kind = _sum_dtype(input, dtype)
    if dtype is not None and dtype.kind > input.dtype.kind:
        input = input.to(dtype)
    return Out(reduced_shape(input.shape, dims, keepdim), kind), (input, dims, bool(keepdim), kind)


@primitive(
    api="torch tensor", dtypes=FLOATING_AND_COMPLEX, samples=_dim_samples,
    errors=lambda make: [*_dim_errors(make), Bad(make.int(3), match="could not infer output dtype")],
    grad={"input": lambda g, input_shape, dim, keepdim: _spread(
        g / (_count(input_shape, dim) or 1), input_shape, dim, keepdim)},
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
    g = restore(g, input.shape, dims, keepdim)
    if not input.shape:
        return g
    order = [d for d in range(len(input.shape)) if d not in dims]
    moved = input.permute(*order, *dims).reshape(*[input.shape[d] for d in order], -1)
    from tritonnn.ops.creation import ones_like
    from tritonnn.ops.joining import cat

    one = ones_like(moved.narrow(-1, 0, 1 if moved.shape[-1] else 0))
    before = cat([one, moved.narrow(-1, 0, moved.shape[-1] - 1 if moved.shape[-1] else 0)], -1).cumprod(-1)
    flipped = moved.flip(-1)
    after = (
        cat([one, flipped.narrow(-1, 0, moved.shape[-1] - 1 if moved.shape[-1] else 0)], -1)
        .cumprod(-1)
        .flip(-1)
    )
    others = (before * after).reshape(*[input.shape[d] for d in (*order, *dims)])
    inverse = [0] * len(input.shape)
    for place, d in enumerate((*order, *dims)):
        inverse[d] = place
    return g * others.permute(*inverse)


@composite(
    api="torch tensor",
    dtypes=ANY,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3), 0, True)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range")],
)
def prod(
    input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Product over `dim` (all elements by default).

    >>> import tritonnn as torch
    >>> torch.tensor([2., 3.]).prod()
    tensor(6.)
    """
    if dtype is not None and dtype.kind > input.dtype.kind:
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
        import warnings

        warnings.warn("var(): degrees of freedom is <= 0: the result is NaN or infinite", stacklevel=6)
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


def _correction(unbiased: bool | None, correction: float | None) -> float:
    if correction is not None:
        return correction
    return 1 if unbiased is None else int(unbiased)


def _dim_or_flag(dim: Any, unbiased: Any) -> tuple[Any, Any]:
    """`var(x, False)` gives `unbiased`, not a dimension."""
    return (None, dim) if isinstance(dim, bool) else (dim, unbiased)


_VAR_SAMPLES = lambda make: [
    Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(3, 4), (0, 1), unbiased=False),
    Sample(make(3, 4), 0, correction=0, keepdim=True),
]  # fmt: skip


@composite(api="torch tensor", samples=_VAR_SAMPLES, errors=_dim_errors)
def var(
    input: Tensor,
    dim: Any = None,
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
    dim, unbiased = _dim_or_flag(dim, unbiased)
    return var_dims(input, dim, _correction(unbiased, correction), keepdim)


@composite(api="torch tensor", samples=_VAR_SAMPLES, errors=_dim_errors)
def std(
    input: Tensor,
    dim: Any = None,
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
    dim, unbiased = _dim_or_flag(dim, unbiased)
    return var_dims(input, dim, _correction(unbiased, correction), keepdim).sqrt()


@composite(api="torch", samples=_VAR_SAMPLES)
def var_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """(variance, mean) over `dim`."""
    dim, unbiased = _dim_or_flag(dim, unbiased)
    return var_dims(input, dim, _correction(unbiased, correction), keepdim), mean(input, dim, keepdim)


@composite(api="torch", samples=_VAR_SAMPLES)
def std_mean(
    input: Tensor,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
) -> tuple[Tensor, Tensor]:
    """(standard deviation, mean) over `dim`."""
    variance, average = var_mean(input, dim, unbiased, keepdim, correction=correction)
    return variance.sqrt(), average


# ---- extremes -------------------------------------------------------------------------------------------


def _not_empty(input: Tensor, dims: Sequence[int], op: str) -> None:
    for d in dims:
        if input.shape and input.shape[d] == 0:
            raise Invalid(
                f"Expected reduction dim {d} to have non-zero size: {op} has no identity", kind=IndexError
            )


def _amax_grad(g: Tensor, input: Tensor, result: Tensor, dims: Any, keepdim: bool) -> Tensor:
    """Shared equally among the elements that tie."""
    ties = input == restore(result, input.shape, dims, keepdim)
    share = ties.to(g.dtype)
    return restore(g, input.shape, dims, keepdim) * share / sum(share, dims, True)


_EXTREME = dict(
    api="torch tensor", dtypes=REAL,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3, 4), (0, -1), True)],
    errors=lambda make: [*_dim_errors(make), Bad(make(0, 3), 0, error=IndexError, match="non-zero size")],
    grad={"input": lambda g, input, result, dim, keepdim: _amax_grad(g, input, result, dim, keepdim)},
)  # fmt: skip


@primitive(**_EXTREME)
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Any:
    """Largest element over `dim` (all by default); the gradient is shared among ties.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 5], [3, 2]]).amax(1)
    tensor([5, 3])
    """
    dims = wrap_dims(dim, len(input.shape))
    _not_empty(input, dims, "amax")
    return Out(reduced_shape(input.shape, dims, keepdim), input.dtype), (input, dims, bool(keepdim))


@primitive(**_EXTREME)
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Any:
    """Smallest element over `dim` (all by default); the gradient is shared among ties."""
    dims = wrap_dims(dim, len(input.shape))
    _not_empty(input, dims, "amin")
    return Out(reduced_shape(input.shape, dims, keepdim), input.dtype), (input, dims, bool(keepdim))


@composite(
    api="torch tensor", dtypes=REAL, samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), dim=1)]
)
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """(smallest, largest) element over `dim` (all by default)."""
    return _pair("aminmax", ("min", "max"))(
        amin(input, () if dim is None else dim, keepdim), amax(input, () if dim is None else dim, keepdim)
    )


_pairs: dict[str, Any] = {}


def _pair(name: str, fields: tuple[str, str]) -> Any:
    if name not in _pairs:
        from collections import namedtuple

        _pairs[name] = namedtuple(name, fields)
    return _pairs[name]


_WITH_INDICES = dict(
    dtypes=REAL, results=("values", "indices"), non_differentiable=("indices",),
    samples=lambda make: [Sample(make(3, 4), 1), Sample(make(3, 4), 0, True), Sample(make(()), 0)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
                         Bad(make(0, 3), 0, error=IndexError, match="non-zero size")],
    grad={"input": lambda g, input_shape, indices, dim, keepdim: _scatter_back(g, input_shape, indices, dim, keepdim)},
)  # fmt: skip


def _scatter_back(g: Tensor, shape: Size, indices: Tensor, dim: int, keepdim: bool) -> Tensor:
    """Zeros with the gradient where the chosen elements stood."""
    from tritonnn.ops.creation import zeros

    if not shape:
        return g
    if not keepdim:
        g, indices = unsqueeze(g, dim), unsqueeze(indices, dim)
    return zeros(shape, dtype=g.dtype, device=g.device).scatter(dim, indices, g)


@primitive(**_WITH_INDICES)
def max_dim(input: Tensor, dim: int, keepdim: bool = False) -> Any:
    """Largest element along one dimension, and where it stands first."""
    return _with_indices(input, dim, keepdim, "max")


@primitive(**_WITH_INDICES)
def min_dim(input: Tensor, dim: int, keepdim: bool = False) -> Any:
    """Smallest element along one dimension, and where it stands first."""
    return _with_indices(input, dim, keepdim, "min")


def _with_indices(input: Tensor, dim: int, keepdim: bool, op: str) -> Any:
    dim = wrap_dim(dim, len(input.shape))
    _not_empty(input, (dim,), op)
    shape = reduced_shape(input.shape, (dim,), keepdim)
    return (Out(shape, input.dtype), Out(shape, dtypes.int64)), (input, dim, bool(keepdim))


def _max_or_min(name: str, whole: Any, along: Any, pairwise: str) -> Any:
    def reduce(
        input: Tensor, *args: Any, dim: Any = None, keepdim: bool = False, other: Any = None, out: Any = None
    ) -> Any:
        if args:
            if isinstance(args[0], Tensor) or (args[0] is None and other is not None):
                other = args[0]
            else:
                dim = args[0]
            if len(args) > 1:
                keepdim = args[1]
        if other is not None:
            function = OPS[pairwise].function
            return function(input, other) if out is None else function(input, other, out=out)
        if dim is None:
            if input.numel() == 0:
                raise fail(
                    name,
                    "Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument.",
                    input=input,
                )
            return whole(input) if out is None else whole(input, out=out)
        values, indices = along(input, dim, keepdim) if out is None else along(input, dim, keepdim, out=out)
        return _pair(name, ("values", "indices"))(values, indices)

    reduce.__name__ = name
    word = "Largest" if name == "max" else "Smallest"
    reduce.__doc__ = (
        f"{word} element: of all (`{name}(x)`), along a dimension with its index (`{name}(x, dim)` gives a named tuple "
        f"values, indices), or of two tensors element by element (`{name}(x, y)`)."
    )
    return reduce


_MAX_SAMPLES = lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(3, 4), make(3, 4))]
max = composite(api="torch tensor", dtypes=REAL, samples=_MAX_SAMPLES)(
    _max_or_min("max", amax, max_dim, "maximum")
)
min = composite(api="torch tensor", dtypes=REAL, samples=_MAX_SAMPLES)(
    _max_or_min("min", amin, min_dim, "minimum")
)


_ARG = dict(
    api="torch tensor", dtypes=REAL,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(3, 4), 0, True)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
                         Bad(make(0), error=IndexError, match="non-zero size")],
)  # fmt: skip


def _arg(input: Tensor, dim: int | None, keepdim: bool, op: str) -> Any:
    if dim is None:
        if input.numel() == 0:
            raise Invalid(
                f"Expected reduction dim to be specified for input.numel() == 0 and to have non-zero size ({op})",
                kind=IndexError,
            )
        return Out([1] * len(input.shape) if keepdim else (), dtypes.int64), (input, None, bool(keepdim))
    dim = wrap_dim(dim, len(input.shape))
    _not_empty(input, (dim,), op)
    return Out(reduced_shape(input.shape, (dim,), keepdim), dtypes.int64), (input, dim, bool(keepdim))


@primitive(**_ARG)
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the largest element stands first, along `dim` or counted row-major.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 5], [3, 2]]).argmax(1)
    tensor([1, 0])
    """
    return _arg(input, dim, keepdim, "argmax")


@primitive(**_ARG)
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the smallest element stands first, along `dim` or counted row-major."""
    return _arg(input, dim, keepdim, "argmin")


# ---- truth and counting ---------------------------------------------------------------------------------


@primitive(api="torch tensor", dtypes=ANY, samples=_dim_samples, errors=_dim_errors)
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Any:
    """Whether an element over `dim` (all by default) is not 0.

    >>> import tritonnn as torch
    >>> torch.tensor([0, 2]).any()
    tensor(True)
    """
    return _truth(input, dim, keepdim)


@primitive(api="torch tensor", dtypes=ANY, samples=_dim_samples, errors=_dim_errors)
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Any:
    """Whether no element over `dim` (all by default) is 0.

    >>> import tritonnn as torch
    >>> torch.tensor([0, 2]).all()
    tensor(False)
    """
    return _truth(input, dim, keepdim)


def _truth(input: Tensor, dim: Dims, keepdim: bool) -> Any:
    dims = wrap_dims(dim, len(input.shape))
    kind = dtypes.uint8 if input.dtype is dtypes.uint8 else dtypes.bool_
    return Out(reduced_shape(input.shape, dims, keepdim), kind), (input, dims, bool(keepdim))


@primitive(api="torch tensor", dtypes=ANY, samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1)])
def count_nonzero(input: Tensor, dim: Dims = None) -> Any:
    """Number of elements over `dim` (all by default) that are not 0.

    >>> import tritonnn as torch
    >>> torch.count_nonzero(torch.tensor([0, 1, 2]))
    tensor(2)
    """
    dims = wrap_dims(dim, len(input.shape))
    return Out(reduced_shape(input.shape, dims, False), dtypes.int64), (input, dims)


# ---- norms ----------------------------------------------------------------------------------------------


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


__all__ = ["reduced_shape", "restore", "view_or_copy"]
