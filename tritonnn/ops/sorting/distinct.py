"""Distinct elements, and runs of equal ones."""

from __future__ import annotations

from typing import Any

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._arguments import ordered
from tritonnn.ops._definitions import order as define
from tritonnn.ops._table import REAL, Bad, Sample, composite, primitive
from tritonnn.ops.shape.shape import view_or_copy
from tritonnn.shape import wrap_dim

# The values require grad where the input does, and backward says that there is no derivative.
_GROUPS = dict(
    dtypes=REAL, results=("unique", "inverse", "counts"), non_differentiable=("inverse", "counts"), alloc=True,
    no_derivative=True,
)  # fmt: skip


@primitive(
    public="unique",
    **_GROUPS,
    samples=lambda make: [Sample(make.int(3, 4).to(make.dtype)), Sample(make.int(0).to(make.dtype))],
)
def unique_flat(input: Tensor) -> Any:
    """Sorted distinct elements, the place of each element among them, and how often each occurs."""
    ordered(input, "unique")
    return None


@primitive(public="unique", **_GROUPS, samples=lambda make: [Sample(make.int(6, 2, high=2).to(make.dtype))])
def unique_rows(input: Tensor) -> Any:
    """As `unique_flat`, for slices along the first dimension."""
    ordered(input, "unique")
    return None


@primitive(
    public="unique_consecutive", **_GROUPS,
    samples=lambda make: [Sample(make.int(6, 2, high=2).to(make.dtype))],
)  # fmt: skip
def unique_consecutive_rows(input: Tensor) -> Any:
    """One of each run of equal slices along the first dimension, every slice's run, and the runs' lengths."""
    return None


def _chosen(values: Tensor, inverse: Tensor, counts: Tensor, with_inverse: bool, with_counts: bool) -> Any:
    chosen = [values, *([inverse] if with_inverse else []), *([counts] if with_counts else [])]
    return chosen[0] if len(chosen) == 1 else tuple(chosen)


def _by_slices(function: Any, input: Tensor, dim: int) -> tuple[Tensor, Tensor, Tensor]:
    moved = input.movedim(dim, 0)
    if 0 in moved.shape[1:] and moved.shape[0]:
        raise fail(
            "unique",
            "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied",
            input=input,
        )
    if not moved.shape[0]:
        none = input.new_zeros((0,), dtype=dtypes.int64)
        return input.clone(), none, none.clone()
    values, inverse, counts = function(moved)
    return values.movedim(0, dim), inverse, counts


@composite(
    api="torch tensor", dtypes=REAL, no_derivative=True,
    samples=lambda make: [Sample(make.int(3, 4).to(make.dtype)), Sample(make.int(6).to(make.dtype), True, True, True),
                          Sample(make.int(5, 2, high=2).to(make.dtype), dim=0)],
    reference=define.unique,
    errors=lambda make: [
        Bad(make(2, 3), dim=2, error=IndexError, match="Dimension out of range"),
        Bad(make(0, 3), dim=1, match="0 sized dimensions"),
    ],
)  # fmt: skip
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """The distinct elements in order, or the distinct slices along `dim`.

    Args:
        sorted: kept for compatibility; the result is always in order.
        return_inverse: also where each element of the input stands among the distinct ones.
        return_counts: also how often each occurs.

    >>> import tritonnn as torch
    >>> torch.unique(torch.tensor([3, 1, 3]))
    tensor([1, 3])
    """
    parts: Any = (
        unique_flat(input) if dim is None else _by_slices(unique_rows, input, wrap_dim(dim, len(input.shape)))
    )
    return _chosen(*parts, return_inverse, return_counts)  # type: ignore[call-arg]


@composite(
    api="torch tensor", dtypes=REAL, no_derivative=True,
    samples=lambda make: [Sample(make.int(6, high=2).to(make.dtype)),
                          Sample(make.int(6, high=2).to(make.dtype), True, True),
                          Sample(make.int(7, 1, high=2).to(make.dtype), True, True, 0)],
    reference=define.unique_consecutive,
    errors=lambda make: [
        Bad(make(2, 3), dim=2, error=IndexError, match="Dimension out of range"),
        Bad(make(0, 3), dim=1, match="0 sized dimensions"),
    ],
)  # fmt: skip
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """One of each run of equal elements, or of equal slices along `dim`.

    >>> import tritonnn as torch
    >>> torch.unique_consecutive(torch.tensor([1, 1, 2, 1]))
    tensor([1, 2, 1])
    """
    if dim is None:
        values, inverse, counts = unique_consecutive_rows(view_or_copy(input, (-1,)))
        inverse = inverse.reshape(input.shape)
    else:
        values, inverse, counts = _by_slices(unique_consecutive_rows, input, wrap_dim(dim, len(input.shape)))
    return _chosen(values, inverse, counts, return_inverse, return_counts)
