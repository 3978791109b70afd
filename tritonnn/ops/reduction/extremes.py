"""Largest and smallest elements: their values and where they stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._return_types import FIELDS, record
from tritonnn._tensor import Tensor
from tritonnn.errors import Invalid, fail
from tritonnn.ops._arguments import not_of_truth, ordered, tensors_only
from tritonnn.ops._table import NUMERIC, OPS, REAL, Bad, Out, Sample, composite, primitive
from tritonnn.ops.elementwise.elementwise import choose, isnan
from tritonnn.ops.elementwise.logic import logical_and, logical_or
from tritonnn.ops.reduction.reduction import _dim_errors, over_count, reduced_shape, restore, sum
from tritonnn.ops.shape.shape import unsqueeze
from tritonnn.shape import Size, wrap_dim, wrap_dims
from tritonnn.table import Make
from tritonnn.table.types import Dims


def _not_empty(input: Tensor, dims: Sequence[int], op: str, given: Any = None) -> None:
    for d in dims:
        if input.shape and input.shape[d] == 0:
            if given in ((), []):
                raise Invalid(
                    f"Expected reduction dim to be specified for input.numel() == 0: {op} has no identity",
                    hint="specify the reduction dim with the 'dim' argument",
                )
            raise Invalid(
                f"Expected reduction dim {d} to have non-zero size: {op} has no identity", kind=IndexError
            )


def shared_equally(g: Tensor, input: Tensor, result: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """The gradient, shared among the elements that are the result, NaN among them."""
    result, g = restore(result, input.shape, dims, keepdim), restore(g, input.shape, dims, keepdim)
    ties = logical_or(input == result, logical_and(isnan(input), isnan(result)))
    return choose(ties, over_count(g, sum(ties, dims, True)), 0.0)  # a product would spread NaN


def _shared_by_equals(g: Tensor, input: Tensor, result: Tensor, dims: Sequence[int], keepdim: bool) -> Tensor:
    """The gradient, shared among the elements that equal the result; none equals NaN, whose gradient is 0 / 0."""
    result, g = restore(result, input.shape, dims, keepdim), restore(g, input.shape, dims, keepdim)
    ties = input == result
    return over_count(choose(ties, g, 0.0), sum(ties, dims, True))


_EXTREME = dict(
    api="torch tensor", dtypes=REAL,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(2, 3, 4), (0, -1), True)],
    errors=lambda make: [*_dim_errors(make), Bad(make(0, 3), 0, error=IndexError, match="non-zero size"),
                         Bad(make(0, 3), match="reduction dim to be specified")],
    grad={"input": lambda g, input, result, dim, keepdim: _shared_by_equals(g, input, result, dim, keepdim)},
)  # fmt: skip


@primitive(
    **_EXTREME,
    reference=lambda input, dim, keepdim: np.max(input, tuple(np.atleast_1d(dim)) or None, keepdims=keepdim),
)
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Any:
    """Largest element over `dim` (all by default); the gradient is shared among ties.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 5], [3, 2]]).amax(1)
    tensor([5, 3])
    """
    return _extreme_out(input, dim, keepdim, "amax")


def _extreme_out(input: Tensor, dim: Dims, keepdim: bool, op: str) -> Any:
    dims = wrap_dims(dim, len(input.shape))
    _not_empty(input, dims, op, dim)
    ordered(input, op)
    return Out(reduced_shape(input.shape, dims, keepdim), input.dtype), (input, dims, bool(keepdim))


@primitive(
    **_EXTREME,
    reference=lambda input, dim, keepdim: np.min(input, tuple(np.atleast_1d(dim)) or None, keepdims=keepdim),
)
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Any:
    """Smallest element over `dim` (all by default); the gradient is shared among ties.

    >>> import tritonnn as torch
    >>> torch.amin(torch.tensor([[1., 2.], [0., 3.]]), 1)
    tensor([1., 0.])
    """
    return _extreme_out(input, dim, keepdim, "amin")


_OF_ALL = dict(
    dtypes=REAL, samples=lambda make: [Sample(make(3, 4)), Sample(make(2, 3, 4), (0, -1), True)],
    grad={"input": lambda g, input, result, dim, keepdim: shared_equally(g, input, result, dim, keepdim)},
)  # fmt: skip


@primitive(**_OF_ALL, public="max")
def max_dims(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Any:
    """`amax` as `max` and norms have it: a NaN that is the result takes the gradient."""
    return _extreme_out(input, dim, keepdim, "max")


@primitive(**_OF_ALL, public="min")
def min_dims(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Any:
    """`amin` as `min` and norms have it: a NaN that is the result takes the gradient."""
    return _extreme_out(input, dim, keepdim, "min")


@composite(
    api="torch tensor",
    out=True,
    dtypes=REAL,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), dim=1)],
    reference=lambda input, dim, keepdim: (
        np.min(input, dim, keepdims=keepdim),
        np.max(input, dim, keepdims=keepdim),
    ),
    errors=lambda make: [
        Bad(make(2, 3), dim=2, error=IndexError, match="Dimension out of range"),
        Bad(make(0, 3), dim=0, error=IndexError, match="non-zero size"),
        Bad(make(0), match="over an empty dimension"),
        Bad("a", error=TypeError, match="'input' .*must be Tensor, not str"),
    ],
)
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """(smallest, largest) element over `dim` (all by default).

    >>> import tritonnn as torch
    >>> low, high = torch.aminmax(torch.tensor([3, 1, 2]))
    >>> low, high
    (tensor(1), tensor(3))
    """
    if dim is None and not input.numel():
        message = "cannot compute aminmax over an empty dimension as the operation has no identity."
        raise fail("aminmax", message, input=input)
    return pair("aminmax")(
        amin(input, () if dim is None else dim, keepdim), amax(input, () if dim is None else dim, keepdim)
    )


# Composites that return two tensors under names of their own, and the names.
PAIRS = {
    name: FIELDS[name]
    for name in ("max", "min", "median", "nanmedian", "aminmax", "histogram", "histogramdd", "frexp")
}


def pair(name: str) -> Any:
    """What makes the named tuple that the composite returns of its two values."""
    kind = record(name)
    return lambda *values: kind(values)


_WITH_INDICES = dict(
    dtypes=REAL, results=("values", "indices"), non_differentiable=("indices",),
    samples=lambda make: [Sample(make(3, 4), 1), Sample(make(3, 4), 0, True), Sample(make(()), 0)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
                         Bad(make(0, 3), 0, error=IndexError, match="non-zero size")],
    grad={"input": lambda g, input_shape, indices, dim, keepdim: _scatter_back(g, input_shape, indices, dim, keepdim)},
)  # fmt: skip


def _scatter_back(g: Tensor, shape: Size, indices: Tensor, dim: int, keepdim: bool) -> Tensor:
    """Zeros with the gradient where the chosen elements stood."""
    from tritonnn.ops.creation.creation import zeros

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
    ordered(input, op)
    shape = reduced_shape(input.shape, (dim,), keepdim)
    return (Out(shape, input.dtype), Out(shape, dtypes.int64)), (input, dim, bool(keepdim))


_EXAMPLES = {
    "max": """>>> import tritonnn as torch
>>> x = torch.tensor([[1, 4], [3, 2]])
>>> torch.max(x), torch.max(x, 1).indices
(tensor(4), tensor([1, 0]))
>>> torch.max(x, torch.tensor(2))
tensor([[2, 4],
        [3, 2]])""",
    "min": """>>> import tritonnn as torch
>>> x = torch.tensor([[1, 4], [3, 2]])
>>> torch.min(x), torch.min(x, 1).values
(tensor(1), tensor([1, 2]))
>>> torch.min(x, torch.tensor(2))
tensor([[1, 2],
        [2, 2]])""",
}


def _max_or_min(name: str, whole: Any, along: Any, pairwise: str) -> Any:
    def reduce(
        input: Tensor, *args: Any, dim: Any = None, keepdim: bool = False, other: Any = None, out: Any = None
    ) -> Any:
        if len(args) > 2:
            raise TypeError(
                f"{name}() takes a tensor, or dim and keepdim, but {len(args)} arguments were given"
            )
        if args:
            if isinstance(args[0], Tensor) or (args[0] is None and other is not None):
                other = args[0]
            else:
                dim = args[0]
            if len(args) > 1:
                keepdim = args[1]
        if dim is not None and (isinstance(dim, bool) or not hasattr(dim, "__index__")):
            raise TypeError(f"{name}(): argument 'dim' (position 2) must be int, not {type(dim).__name__}")
        if other is not None:
            function = OPS[pairwise].function
            return function(input, other) if out is None else function(input, other, out=out)
        if dim is None:
            tensors_only(name, input=input)
            if input.numel() == 0:
                raise fail(
                    name,
                    "Expected reduction dim to be specified for input.numel() == 0. "
                    "Specify the reduction dim with the 'dim' argument.",
                    input=input,
                )
            return whole(input) if out is None else whole(input, out=out)
        values, indices = along(input, dim, keepdim) if out is None else along(input, dim, keepdim, out=out)
        return pair(name)(values, indices)

    reduce.__name__ = name
    word = "Largest" if name == "max" else "Smallest"
    reduce.__doc__ = (
        f"{word} element: of all (`{name}(x)`), along a dimension with its index (`{name}(x, dim)` gives a named tuple "
        f"values, indices), or of two tensors element by element (`{name}(x, y)`).\n\n{_EXAMPLES[name]}"
    )
    return reduce


_MAX_SAMPLES = lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(3, 4), make(3, 4))]


def _max_errors(make: Make) -> list[Bad]:
    return [
        Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
        Bad(make(0, 3), 0, error=IndexError, match="non-zero size"),
        Bad(make(0), match="Specify the reduction dim"), Bad(make(2), make(3), match="must match the size"),
    ]  # fmt: skip


def _defined(whole: Any, position: Any, pairwise: Any) -> Any:
    def definition(input: Any, other: Any = None, keepdim: bool = False) -> Any:
        if other is None:
            return whole(input)
        if isinstance(other, np.ndarray):
            return pairwise(input, other)
        return whole(input, other, keepdims=keepdim), position(input, other, keepdims=keepdim)

    return definition


_MAX_OPTIONS: Any = dict(api="torch tensor", dtypes=REAL, samples=_MAX_SAMPLES, errors=_max_errors)
max = composite(**_MAX_OPTIONS, reference=_defined(np.max, np.argmax, np.maximum))(
    _max_or_min("max", max_dims, max_dim, "maximum")
)
min = composite(**_MAX_OPTIONS, reference=_defined(np.min, np.argmin, np.minimum))(
    _max_or_min("min", min_dims, min_dim, "minimum")
)


_ARG = dict(
    api="torch tensor", dtypes=NUMERIC,
    samples=lambda make: [Sample(make(3, 4)), Sample(make(3, 4), 1), Sample(make(3, 4), 0, True)],
    errors=lambda make: [Bad(make(2, 3), 2, error=IndexError, match="Dimension out of range"),
                         Bad(make(0), error=IndexError, match="non-zero size")],
)  # fmt: skip


def _arg(input: Tensor, dim: int | None, keepdim: bool, op: str) -> Any:
    ordered(input, op)
    not_of_truth(input, op, RuntimeError)
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


@primitive(**_ARG, reference=lambda input, dim, keepdim: np.argmax(input, dim, keepdims=keepdim))
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the largest element stands first, along `dim` or counted row-major.

    >>> import tritonnn as torch
    >>> torch.tensor([[1, 5], [3, 2]]).argmax(1)
    tensor([1, 0])
    """
    return _arg(input, dim, keepdim, "argmax")


@primitive(**_ARG, reference=lambda input, dim, keepdim: np.argmin(input, dim, keepdims=keepdim))
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """Where the smallest element stands first, along `dim` or counted row-major.

    >>> import tritonnn as torch
    >>> torch.argmin(torch.tensor([[4, 1], [2, 3]]), 1)
    tensor([1, 0])
    """
    return _arg(input, dim, keepdim, "argmin")
