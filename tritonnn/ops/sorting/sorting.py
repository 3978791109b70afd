"""Order: sort, topk, medians, quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._levels import Batched
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.memory_format import strides_as
from tritonnn.ops._arguments import not_a_tensor, not_of_truth, ordered
from tritonnn.ops._definitions import order as define
from tritonnn.ops._table import NUMERIC, REAL, Bad, Out, Sample, composite, primitive
from tritonnn.ops.elementwise.comparison import where
from tritonnn.ops.elementwise.three_operands import lerp
from tritonnn.ops.reduction.extremes import _scatter_back, pair, shared_equally
from tritonnn.ops.reduction.norms import with_nan
from tritonnn.ops.reduction.reduction import reduced_shape
from tritonnn.ops.shape.parts import select_dim, slice_dim
from tritonnn.ops.shape.shape import view_or_copy
from tritonnn.recording.grad_mode import state
from tritonnn.recording.graph import edge_of, record
from tritonnn.shape import Size, wrap_dim
from tritonnn.table import Make
from tritonnn.table.types import Count


def _scatter_all(g: Tensor, shape: Size, indices: Tensor, dim: int) -> Tensor:
    return _scatter_back(g, shape, indices, dim, True)


def _dim_error(make: Make) -> list[Bad]:
    return [Bad(make(2, 3), dim=2, error=IndexError, match="Dimension out of range")]


@primitive(
    api="torch tensor", dtypes=REAL, results=("values", "indices"), non_differentiable=("indices",),
    grad={"input": lambda g, input_shape, indices, dim: _scatter_all(g, input_shape, indices, dim)},
    samples=lambda make: [Sample(make(3, 5)), Sample(make(3, 5), 0, True), Sample(make(4), descending=True),
                          Sample(make(()))],
    errors=_dim_error,
    reference=define.sort,
)  # fmt: skip
def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    """The elements along `dim` in order, and the permutation; NaN is the largest. Always stable.

    >>> import tritonnn as torch
    >>> torch.tensor([3, 1, 2]).sort()
    torch.return_types.sort(
    values=tensor([1, 2, 3]),
    indices=tensor([1, 2, 0]))
    """
    dim = wrap_dim(dim, len(input.shape))
    ordered(input, "sort")
    strides = strides_as(input)
    outs = Out(input.shape, input.dtype, strides=strides), Out(input.shape, dtypes.int64, strides=strides)
    return outs, (
        input,
        dim,
        bool(descending),
        bool(stable),
    )


@composite(
    api="torch tensor",
    out=True,
    dtypes=REAL,
    samples=lambda make: [Sample(make(3, 5)), Sample(make(3, 5), 0, True)],
    reference=define.argsort,
    errors=_dim_error,
)
def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = False) -> Tensor:
    """The permutation that sorts along `dim`.

    >>> import tritonnn as torch
    >>> torch.tensor([3, 1, 2]).argsort()
    tensor([1, 2, 0])
    """
    return sort(input, dim, descending, stable)[1]


@composite(
    api="torch tensor",
    out=True,
    dtypes=REAL,
    samples=lambda make: [Sample(make(3, 5))],
    reference=lambda input: np.sort(input, 0),
    errors=lambda make: [Bad([1], error=TypeError, match="must be Tensor, not list")],
)
def msort(input: Tensor) -> Tensor:
    """The elements along the first dimension in order.

    >>> import tritonnn as torch
    >>> torch.msort(torch.tensor([[3, 0], [1, 2]]))
    tensor([[1, 0],
            [3, 2]])
    """
    return sort(input, 0)[0]


@primitive(
    api="torch tensor", dtypes=NUMERIC, results=("values", "indices"), non_differentiable=("indices",),
    grad={"input": lambda g, input_shape, indices, dim: _scatter_all(g, input_shape, indices, dim)},
    samples=lambda make: [Sample(make(3, 5), 2), Sample(make(5, 3), 2, 0, False), Sample(make(4), 4),
                          Sample(make(4), 0)],
    errors=lambda make: [Bad(make(3), 4, match="selected index k out of range"),
                         Bad(make(3), -1, match="out of range")],
    reference=define.topk,
)  # fmt: skip
def topk(input: Tensor, k: Count, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    """The k largest (or smallest) elements along `dim` in order, and where they stand; NaN is the largest.

    >>> import tritonnn as torch
    >>> torch.tensor([3, 1, 2]).topk(2)
    torch.return_types.topk(
    values=tensor([3, 2]),
    indices=tensor([0, 2]))
    """
    dim = wrap_dim(dim, len(input.shape))
    ordered(input, "topk")
    if input.dtype is dtypes.bool_:
        raise Invalid("topk does not support bool dtype")
    extent = input.shape[dim] if input.shape else 1
    if not 0 <= k <= extent:
        raise Invalid(f"selected index k out of range: k is {k} but dimension {dim} has {extent} elements")
    shape = (*input.shape[:dim], k, *input.shape[dim + 1 :]) if input.shape else ()
    return (Out(shape, input.dtype), Out(shape, dtypes.int64)), (
        input,
        int(k),
        dim,
        bool(largest),
        bool(sorted),
    )


_PICKED = dict(
    results=("values", "indices"), non_differentiable=("indices",),
    grad={"input": lambda g, input_shape, indices, dim, keepdim: _scatter_back(g, input_shape, indices, dim, keepdim)},
)  # fmt: skip


def _one_along(input: Tensor, dim: int, keepdim: bool, op: str) -> tuple[int, Any]:
    dim = wrap_dim(dim, len(input.shape))
    if input.shape and input.shape[dim] == 0:
        raise Invalid(f"{op}(): Expected reduction dim {dim} to have non-zero size.", kind=IndexError)
    ordered(input, op)
    shape = reduced_shape(input.shape, (dim,), keepdim)
    return dim, (Out(shape, input.dtype), Out(shape, dtypes.int64))


@primitive(
    api="torch tensor", dtypes=NUMERIC, **_PICKED,
    samples=lambda make: [Sample(make(3, 5), 2), Sample(make(5, 3), 1, 0, True)],
    errors=lambda make: [Bad(make(3), 4, match="selected number k out of range")],
    reference=define.kthvalue,
)  # fmt: skip
def kthvalue(input: Tensor, k: Count, dim: int = -1, keepdim: bool = False) -> Any:
    """The k-th smallest element along `dim` (counted from 1), and where it stands.

    >>> import tritonnn as torch
    >>> torch.tensor([5, 3, 4]).kthvalue(2)
    torch.return_types.kthvalue(
    values=tensor(4),
    indices=tensor(2))
    """
    dim, outs = _one_along(input, dim, keepdim, "kthvalue")
    extent = input.shape[dim] if input.shape else 1
    if not 1 <= k <= extent:
        raise Invalid(
            f"selected number k out of range for dimension {dim}: k is {k}, the dimension has {extent} elements"
        )
    if input.shape:  # of a single one there is nothing to order
        not_of_truth(input, "kthvalue")
    return outs, (input, int(k), dim, bool(keepdim))


@primitive(
    dtypes=NUMERIC,
    **_PICKED,
    samples=lambda make: [Sample(make(3, 5), 1, False, False), Sample(make(4, 3), 0, True, True)],
)
def median_dim(input: Tensor, dim: int, keepdim: bool, ignore_nan: bool) -> Any:
    """The lower median along `dim`, and where it stands."""
    dim, outs = _one_along(input, dim, keepdim, "median")
    not_of_truth(input, "median")
    return outs, (input, dim, bool(keepdim), ignore_nan)


@primitive(
    api="torch tensor", dtypes=REAL, **_PICKED,
    samples=lambda make: [Sample(make.int(3, 6).to(make.dtype)), Sample(make.int(3, 6).to(make.dtype), 0, True)],
    reference=define.mode,
    errors=lambda make: [*_dim_error(make), Bad(make(0, 3), 0, error=IndexError, match="non-zero size")],
)  # fmt: skip
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> Any:
    """The most frequent value along `dim` (the smallest of several), and where it occurs last.

    >>> import tritonnn as torch
    >>> torch.tensor([1, 2, 2]).mode()
    torch.return_types.mode(
    values=tensor(2),
    indices=tensor(2))
    """
    dim, outs = _one_along(input, dim, keepdim, "mode")
    return outs, (input, dim, bool(keepdim))


def _median(name: str, ignore_nan: bool) -> Any:
    def function(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
        if not isinstance(input, Tensor):
            raise not_a_tensor(name, "input", input)
        if dim is None:
            whole = input.dtype.kind == 1
            value = input.new_zeros(()) if whole else input.new_full((), float("nan"))
            if (
                input.__class__ is Batched and input.numel()
            ):  # what is recorded is what the batch is computed with
                return median_dim(view_or_copy(input, (-1,)), 0, False, ignore_nan)[0]
            if input.numel():
                value = median_dim(view_or_copy(input.detach(), (-1,)), 0, False, ignore_nan)[0]
            if state.enabled and (edge := edge_of(input)) is not None:
                record(median_of_all.op, (input,), (value,), [edge])
            return value
        return pair(name)(*median_dim(input, dim, keepdim, ignore_nan))

    function.__name__ = name
    skip = ", NaN left out" if ignore_nan else "; NaN if there is one"
    call = f"torch.{name}(torch.tensor([3., 1., float('nan')]))"
    function.__doc__ = (
        f"The lower median of all elements, or along `dim` with its index{skip}.\n\n"
        f">>> import tritonnn as torch\n>>> {call}\ntensor({'1.' if ignore_nan else 'nan'})"
    )
    return composite(
        api="torch tensor", out=True, dtypes=NUMERIC,
        samples=lambda make: [Sample(make(3, 5)), Sample(make(3, 5), 1), Sample(make(4, 5), 0, True)],
        reference=define.median,  # samples have no NaN
        errors=lambda make: [*_dim_error(make), Bad(make(0, 3), 0, error=IndexError, match="non-zero size")],
    )(function)  # fmt: skip


@primitive(
    public="median", dtypes=NUMERIC, recorded=True,
    grad={"input": lambda g, input, result: shared_equally(g, input, result, tuple(range(len(input.shape))), False)},
)  # fmt: skip
def median_of_all(input: Tensor) -> Out:
    """History of the median of all elements; recorded, never run."""
    return Out(Size(()), input.dtype)


median = _median("median", False)
nanmedian = _median("nanmedian", True)


# ---- quantiles --------------------------------------------------------------------------------------------


def _fractions(name: str, input: Tensor, q: Any) -> tuple[list[float], bool]:
    """The quantiles that are asked for, and whether it is a list of them."""
    if isinstance(q, Tensor):
        if len(q.shape) > 1:
            raise fail(name, f"q must be a scalar or 1D tensor, got {len(q.shape)}D", q=q)
        if q.dtype is not input.dtype:
            raise fail(name, "q tensor must be same dtype as the input tensor", input=input, q=q)
    fractions = q.tolist() if isinstance(q, Tensor) else q
    many = isinstance(fractions, (list, tuple))
    fractions = list(fractions) if many else [fractions]
    if any(not 0 <= f <= 1 for f in fractions):
        raise fail(name, f"q values must be in the range [0, 1], got {fractions}")
    return fractions, many


def _quantile(
    name: str, input: Tensor, q: Tensor | float | Sequence[float], dim: int | None, keepdim: bool,
    interpolation: str, skip_nan: bool,
) -> Tensor:  # fmt: skip
    if interpolation not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise fail(
            name,
            f"interpolation must be one of linear, lower, higher, midpoint or nearest, but got {interpolation}",
        )
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise fail(
            name, f"input tensor must be either float or double dtype, got {input.dtype.name}", input=input
        )
    fractions, many = _fractions(name, input, q)
    if input.numel() == 0:
        raise fail(name, "input tensor must be non-empty", input=input)
    if dim is not None:
        wrap_dim(dim, len(input.shape))
    flat = dim is None or not input.shape
    if flat:
        keep_shape = (1,) * len(input.shape)
        input, dim = view_or_copy(input, (-1,)), 0
    dim = wrap_dim(dim, len(input.shape))  # type: ignore[arg-type]
    ordered = sort(input, dim)[0]
    extent = ordered.shape[dim]
    invalid = (input != input).sum(dim, True)
    results = []
    for number, fraction in enumerate(fractions):
        # a tensor where its gradient is wanted
        exact = (q[number] if many else q) if isinstance(q, Tensor) and q.requires_grad else fraction
        if skip_nan:
            place = (extent - invalid - 1).clamp(min=0).to(input.dtype) * exact
            low, high = place.detach().floor().to(dtypes.int64), place.detach().ceil().to(dtypes.int64)
            first, last, weight = ordered.gather(dim, low), ordered.gather(dim, high), place - low
            value = _between(first, last, weight, interpolation)
        else:
            at = (extent - 1) * fraction
            below = int(at)
            above = min(below + (at > below), extent - 1)
            first, last = slice_dim(ordered, dim, below, 1, 1), slice_dim(ordered, dim, above, 1, 1)
            value = _between(first, last, (extent - 1) * exact - below, interpolation)
            # NaN comes last, and takes the gradient of a result that is one
            value = where(invalid > 0, slice_dim(ordered, dim, extent - 1, 1, 1), value)
        if flat:
            value = value.reshape(keep_shape if keepdim else ())
        elif not keepdim:
            value = select_dim(value, dim, 0)
        results.append(value)
    return _first_of_all(results) if many else results[0]


def _first_of_all(results: list[Tensor]) -> Tensor:
    """The results along a new first dimension, which is the fastest one in memory, as in PyTorch."""
    from tritonnn.ops.joining.joining import stack

    return stack(results, -1).movedim(-1, 0)


def _between(first: Tensor, last: Tensor, weight: Tensor, interpolation: str) -> Any:
    if interpolation == "lower":
        return first
    if interpolation == "higher":
        return last
    if interpolation == "midpoint":
        return lerp(first, last, 0.5)
    if interpolation == "nearest":  # a choice, not a sum: an infinity beside the chosen one does not matter
        if isinstance(weight, Tensor):
            return where(weight.round() > 0, last, first)
        return last if round(weight) > 0 else first
    return lerp(first, last, weight)


def _quantile_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(3), 1.5, match="in the range"), Bad(make(0), 0.5, match="non-empty"),
        Bad(make(3), 0.5, interpolation="cubic", match="interpolation must be one of"),
        Bad(make(3), make(1, 1), match="scalar or 1D tensor"),
        Bad(make.int(3), 0.5, match="float or double dtype"),
        Bad(make(2, 3), 0.5, 2, error=IndexError, match="Dimension out of range"),
    ]  # fmt: skip


@composite(
    api="torch tensor", out=True, dtypes=(dtypes.float32, dtypes.float64),
    samples=lambda make: [Sample(make(3, 5), 0.3), Sample(make(3, 5), 0.5, 1, True),
                          Sample(make(6), 0.9, interpolation="nearest"),
                          *[Sample(make(3, 6), make(3, low=0, high=1), 1, interpolation=way).constant("q")
                            for way in ("linear", "lower", "higher", "midpoint")]],
    errors=lambda make: _quantile_errors(make),
    reference=define.quantile,
)  # fmt: skip
def quantile(
    input: Tensor, q: Tensor | float | Sequence[float], dim: int | None = None, keepdim: bool = False, *,
    interpolation: str = "linear",
) -> Tensor:  # fmt: skip
    """The q-th quantiles of all elements or along `dim`; a list of q adds a first dimension.

    >>> import tritonnn as torch
    >>> torch.arange(5.).quantile(0.5)
    tensor(2.)
    """
    return _quantile("quantile", input, q, dim, keepdim, interpolation, False)


@composite(
    api="torch tensor", out=True, dtypes=(dtypes.float32, dtypes.float64),
    samples=lambda make: [Sample(make(3, 5), 0.3), Sample(make(3, 5), 0.5, 1),
                          Sample(with_nan(make, 4, 5), 0.7, 0),
                          Sample(with_nan(make, 3, 5), 0.4, 1, True, interpolation="midpoint")],
    reference=define.nanquantile,
    errors=_quantile_errors,
)  # fmt: skip
def nanquantile(
    input: Tensor, q: Tensor | float | Sequence[float], dim: int | None = None, keepdim: bool = False, *,
    interpolation: str = "linear",
) -> Tensor:  # fmt: skip
    """`quantile` with NaN left out.

    >>> import tritonnn as torch
    >>> torch.tensor([1., float("nan"), 3.]).nanquantile(0.5)
    tensor(2.)
    """
    return _quantile("nanquantile", input, q, dim, keepdim, interpolation, True)
