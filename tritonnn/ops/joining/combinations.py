"""Enumerations and positions: combinations, cartesian_prod, unravel_index, vander, fill_diagonal_."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn import shape as shapes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.memory_format import contiguous_format
from tritonnn.ops._arguments import tensors_only, whole_number
from tritonnn.ops._table import ANY, NUMERIC, Bad, Out, Sample, checked, composite, expose, primitive
from tritonnn.ops.conversion.overwriting import filled
from tritonnn.ops.creation.creation import ones, zeros
from tritonnn.ops.creation.from_data import as_tensor, tensor
from tritonnn.ops.indexing.indexing import nonzero_rows
from tritonnn.ops.joining.joining import cat, meshgrid, stack
from tritonnn.ops.scan.scan import cumprod
from tritonnn.recording.graph import record_refusal
from tritonnn.shape import as_size
from tritonnn.table.formulas import no_derivative
from tritonnn.table.types import Count, Number


def _combinations(input: Any, r: int, with_replacement: bool) -> Any:
    """The definition in NumPy: those of all tuples whose positions increase."""
    places = itertools.product(range(len(input)), repeat=r)
    chosen = [
        p for p in places if all(a < b or (with_replacement and a == b) for a, b in itertools.pairwise(p))
    ]
    return input[np.array(chosen)]


def _tuples(*tensors: Any) -> Any:
    """The definition of cartesian_prod in NumPy."""
    return (
        np.array(list(itertools.product(*tensors))).reshape(-1, len(tensors)) if tensors[1:] else tensors[0]
    )


def _histogram(input: Any, bins: Any, range: Any, weight: Any, density: bool) -> Any:
    """The definition in NumPy."""
    return np.histogram(
        input.reshape(-1), bins, range, density, None if weight is None else weight.reshape(-1)
    )


def _nonzero_static(input: Any, size: int, fill_value: int) -> Any:
    """The definition in NumPy."""
    result = np.full((size, input.ndim), fill_value)
    rows = np.argwhere(input)[:size]
    result[: len(rows)] = rows
    return result


@composite(
    api="torch", dtypes=ANY, samples=lambda make: [Sample(make(4)), Sample(make(3), 3), Sample(make(3), 2, True)],
    errors=lambda make: [Bad("a", error=TypeError, match="'input' .*must be Tensor, not str"),
                         Bad(make(2, 2), match="1D vector"), Bad(make(2), -1, match="non-negative")],
    reference=_combinations,
)  # fmt: skip
def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of `r` elements of a vector, one a row, in the order of `itertools.combinations`.

    >>> import tritonnn as torch
    >>> torch.combinations(torch.tensor([1, 2, 3]))
    tensor([[1, 2],
            [1, 3],
            [2, 3]])
    """
    whole_number("combinations", "r", r)
    if len(input.shape) != 1:
        raise fail("combinations", f"Expect a 1D vector, but got shape {list(input.shape)}", input=input)
    if r < 0:
        raise fail("combinations", f"Expect a non-negative number, but got {r}", input=input)
    if r == 0:
        return zeros(0, dtype=input.dtype, device=input.device)
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(input.shape[0]), r))
    places = (
        tensor(rows, device=input.device) if rows else zeros((0, r), dtype=dtypes.int64, device=input.device)
    )
    return input[places]


@composite(
    api="torch", dtypes=ANY, samples=lambda make: [Sample(make(2), make(3)), Sample(make(2), make(0)), Sample(make(3))],
    errors=lambda make: [
        Bad(make(2, 2), make(2), match="Expect a 1D vector"), Bad(make(2), 1, error=TypeError, match="Tensor, not int"),
    ],
    reference=_tuples,
)  # fmt: skip
def cartesian_prod(*tensors: Tensor) -> Tensor:
    """All tuples of one element of each vector, one a row; of one vector, the vector itself.

    >>> import tritonnn as torch
    >>> torch.cartesian_prod(torch.tensor([1, 2]), torch.tensor([4, 5]))
    tensor([[1, 4],
            [1, 5],
            [2, 4],
            [2, 5]])
    """
    for vector in tensors:
        tensors_only("cartesian_prod", tensors=vector)
    for vector in tensors:
        if len(vector.shape) != 1:
            raise fail(
                "cartesian_prod", f"Expect a 1D vector, but got shape {list(vector.shape)}", input=vector
            )
    if len(tensors) == 1:
        return tensors[0]
    return stack([grid.reshape(-1) for grid in meshgrid(*tensors)], 1)


@composite(
    api="torch", dtypes=dtypes.INTEGRAL, reference=lambda indices, shape: np.unravel_index(indices, shape),
    samples=lambda make: [Sample(make(3, 2, low=0, high=5), (2, 3)), Sample(make(4, low=0, high=5), 6)],
    errors=lambda make: [
        Bad(make(2, dtype=dtypes.float32), (2,), error=TypeError, match="to be integer dtype"),
        Bad(make(2), (2, -1), error=ValueError, match="cannot have negative values"),
        Bad("a", (2,), error=TypeError, match="must be Tensor, not str"),
    ],
)  # fmt: skip
def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """Coordinates, one tensor per dimension, of positions in a row-major array of `shape`.

    >>> import tritonnn as torch
    >>> torch.unravel_index(torch.tensor([4, 1]), (2, 3))
    (tensor([1, 0]), tensor([1, 1]))
    """
    if indices.dtype.kind != 1:
        raise TypeError(f"expected 'indices' to be integer dtype, but got {indices.dtype}")
    extents: Sequence[int] = as_size((shape,) if not isinstance(shape, int) else ((shape,),))
    if any(extent < 0 for extent in extents):
        raise ValueError(f"'shape' cannot have negative values, but got {tuple(extents)}")
    if not extents:
        return ()
    steps = shapes.contiguous_strides(extents)
    factors, sizes = (
        tensor(list(values), dtype=dtypes.int64, device=indices.device) for values in (steps, extents)
    )
    return (indices.to(dtypes.int64).unsqueeze(-1).div(factors, rounding_mode="floor") % sizes).unbind(-1)


@composite(
    api="torch", dtypes=NUMERIC,
    samples=lambda make: [Sample(make(4)), Sample(make(3), 5, increasing=True), Sample(make(3), 0)],
    errors=lambda make: [Bad(make(2, 2), match="one-dimensional"), Bad(make(2), -1, match="non-negative")],
    reference=lambda x, N, increasing: np.vander(x, N, increasing),
)  # fmt: skip
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The Vandermonde matrix of a vector: column j holds the powers N - 1 - j (or j with `increasing`).

    >>> import tritonnn as torch
    >>> torch.vander(torch.tensor([1, 2, 3]))
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if len(x.shape) != 1:
        raise fail("vander", f"x must be a one-dimensional tensor, got {len(x.shape)} dimensions", input=x)
    columns = x.shape[0] if N is None else N
    if columns < 0:
        raise fail("vander", f"N must be non-negative, got {N}", input=x)
    wide = x if x.dtype.kind > 1 else x.to(dtypes.int64)
    if columns == 0:
        return zeros((x.shape[0], 0), dtype=wide.dtype, device=x.device)
    first = ones((x.shape[0], 1), dtype=wide.dtype, device=x.device)
    if columns == 1:
        return first
    powers = cat([first, cumprod(wide.unsqueeze(1).expand(-1, columns - 1), 1)], 1)
    return powers if increasing else powers.flip(1)


@composite(
    api="torch tensor", out=True, dtypes=ANY,
    samples=lambda make: [Sample(make.bool(3, 4), size=3), Sample(make.bool(3, 4), size=20)],
    reference=_nonzero_static,
    errors=lambda make: [
        Bad(make(2), size=-1, match="'size' .*must be a non-negative integer, got -1"),
        Bad(make(2), size=1.5, error=TypeError, match="int"),
    ],
)  # fmt: skip
def nonzero_static(input: Tensor, *, size: Count, fill_value: int = -1) -> Tensor:
    """The first `size` rows of `nonzero(input)`, filled up with `fill_value`.

    >>> import tritonnn as torch
    >>> torch.nonzero_static(torch.tensor([0, 3]), size=2)
    tensor([[ 1],
            [-1]])
    """
    whole_number("nonzero_static", "size", size)
    if size < 0:
        raise fail("nonzero_static", f"'size' must be a non-negative integer, got {size}", input=input)
    rows = nonzero_rows(input)[:size]
    missing = size - rows.shape[0]
    return (
        cat([rows, rows.new_full((missing, len(input.shape)), fill_value)]) if missing else rows.contiguous()
    )


@expose("tensor")
@checked
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Overwrite the main diagonal; with `wrap` it goes on below a tall matrix's square, one row apart.

    >>> import tritonnn as torch
    >>> torch.zeros(2, 2).fill_diagonal_(5)
    tensor([[5., 0.],
            [0., 5.]])
    """
    if len(self.shape) < 2:
        raise fail("fill_diagonal_", "dimensions must larger than 1", input=self)
    if len(self.shape) > 2:
        if len(set(self.shape)) != 1:
            raise fail("fill_diagonal_", "all dimensions of input must be of equal length", input=self)
        diagonal = self.as_strided(self.shape[:1], (sum(self.stride()),), self.storage_offset())
        filled(diagonal, fill_value, "fill_diagonal_")
        return self
    rows, columns = self.shape
    for start in range(0, rows if wrap and columns else 1, columns + 1):
        filled(self[start : start + columns].diagonal(), fill_value, "fill_diagonal_")
    return self


def _edges(input: Tensor, values: Tensor, bins: Tensor | int, range: tuple[float, float] | None) -> Tensor:
    """The edges of a histogram's bins: given, or of as many equal ones within the range of the data."""
    from tritonnn.ops.creation.ranges import linspace

    if range is not None and isinstance(bins, Tensor):  # then it is a number, as edges have their own range
        if bins.shape or bins.dtype.kind != 1:
            raise fail("histogram", "bins must be int where range is given", kind=TypeError, bins=bins)
        bins = bins.__index__()
    if isinstance(bins, Tensor):
        edges = bins.detach().clone(memory_format=contiguous_format)
        if len(edges.shape) != 1:
            reason = f"bins tensor should have one dimension, but got {len(edges.shape)}"
            raise fail("histogram", reason, bins=bins)
        count = edges.shape[0] - 1
    else:
        whole_number("histogram", "bins", bins)
        count = int(bins)
    if count <= 0:
        raise fail("histogram", f"bins must be > 0, but got {count}", input=input)
    if isinstance(bins, Tensor):
        return edges
    if range is not None and (not isinstance(range, (list, tuple)) or len(range) != 2):
        kind = RuntimeError if isinstance(range, (list, tuple)) else TypeError
        raise fail("histogram", f"range should be 2 numbers, got {range!r}", kind=kind, input=input)
    low, high = range or (((float(values.min()), float(values.max()))) if values.numel() else (0.0, 1.0))
    if not (math.isfinite(low) and math.isfinite(high)):
        raise fail("histogram", f"the range [{low}, {high}] is not finite", input=input)
    if not (low <= high):
        raise fail("histogram", f"max must be larger than min, got [{low}, {high}]", input=input)
    low, high = (low - 0.5, high + 0.5) if low == high else (low, high)
    return linspace(low, high, count + 1, dtype=input.dtype, device=input.device)


@composite(
    api="torch tensor", out=True, dtypes=(dtypes.float32, dtypes.float64), reference=_histogram,
    samples=lambda make: [
        sample.constant("input", "bins", "weight")
        for sample in (
            Sample(make(20), 5), Sample(make(4, 5), 3, range=(-1.0, 1.5)), Sample(make(3, 4), 3, weight=make(3, 4)),
            Sample(make(9), make(4).sort()[0]), Sample(make(12), 4, density=True), Sample(make(0), 3),
        )
    ],
    errors=lambda make: [
        Bad(make.int(3), 4, error=NotImplementedError, match="not implemented for int64"),
        Bad(make(3), 0, match="bins must be > 0"),
        Bad(make(3), 2, range=(2.0, 1.0), match="max must be larger than min"),
        Bad(make(3), 2, range=(0.0, math.inf), match=r"the range .0.0, inf. is not finite"),
        Bad(make(3), make(1), match="bins must be > 0, but got 0"),
        Bad(make(3), make(2, 2), match="should have one dimension, but got 2"),
        Bad("a", 2, error=TypeError, match="must be Tensor, not str"),
    ],
)  # fmt: skip
def histogram(
    input: Tensor,
    bins: Tensor | int = 100,
    *,
    range: tuple[float, float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Counts (or summed weights) of the elements in bins, and the edges of the bins.

    Args:
        bins: a number of equal bins, or the increasing edges.
        range: the outer edges of equal bins; default: the range of the data.
        density: divide by the total and the widths, so that the integral is 1.

    >>> import tritonnn as torch
    >>> torch.histogram(torch.tensor([1., 2., 1.]), bins=4, range=(0., 3.))[0]
    tensor([0., 2., 1., 0.])
    """
    from tritonnn.ops.reduction.extremes import pair
    from tritonnn.ops.sorting.searching import search

    if not input.dtype.is_floating_point:
        raise fail(
            "histogram", f"not implemented for {input.dtype.name}", kind=NotImplementedError, input=input
        )
    values = input.detach().reshape(-1)
    edges = _edges(input, values, bins, range)
    weights = (
        ones(values.shape, dtype=input.dtype, device=input.device)
        if weight is None
        else weight.detach().reshape(-1)
    )
    place = search(edges, values, None, True, False) - 1
    place = place.masked_fill(values == edges[-1], edges.shape[0] - 2)
    inside = (values >= edges[0]).logical_and(values <= edges[-1])
    counts = zeros(edges.shape[0] - 1, dtype=input.dtype, device=input.device)
    counts = counts.index_add(0, place.masked_select(inside), weights.masked_select(inside))
    if density:
        counts = counts / counts.sum() / (edges[1:] - edges[:-1])
    outs = (counts, as_tensor(edges))
    record_refusal(histogram_of.op, (input, bins if isinstance(bins, Tensor) else None, weight), outs)
    return pair("histogram")(*outs)


_UNKNOWN = no_derivative("histogram")


@primitive(
    public="histogram", recorded=True, results=("hist", "bin_edges"),
    grad={"input": _UNKNOWN, "bins": _UNKNOWN, "weight": _UNKNOWN},
)  # fmt: skip
def histogram_of(input: Tensor, bins: Tensor | None, weight: Tensor | None) -> Any:
    """History of a histogram, which has no derivative; recorded, never run."""
    return Out((), input.dtype), Out((), input.dtype)
