"""Histograms of points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.errors import fail
from tritonnn.ops._table import Bad, Sample, composite
from tritonnn.ops.creation.creation import ones, zeros
from tritonnn.ops.creation.ranges import linspace
from tritonnn.ops.sorting.searching import bucketize

_TYPES = (dtypes.float32, dtypes.float64)


def _edges(points: Tensor, bins: Any, limits: Sequence[float] | None) -> list[Tensor]:
    """Of each coordinate."""
    listed = isinstance(bins, (tuple, list))
    for part in bins if listed else [bins]:
        if isinstance(part, bool) or not isinstance(part, (int, Tensor) if listed else int):
            text = "must be int, tuple of ints or tuple of Tensors"
            raise TypeError(f"histogramdd(): argument 'bins' {text}, not {type(part).__name__}")
    count = points.shape[1]
    counts = [bins] * count if isinstance(bins, int) else [*bins]
    if len(counts) != count:
        raise fail(
            "histogramdd", f"expected {count} sequences of bin edges or numbers of bins, got {len(counts)}"
        )
    if limits is not None and len(limits) != 2 * count:
        raise fail("histogramdd", f"for a {count}-dimensional histogram range should have {2 * count} elements, "
                   f"but got {len(limits)}")  # fmt: skip
    edges = []
    for i, wanted in enumerate(counts):
        if isinstance(wanted, Tensor):
            if wanted.dtype is not points.dtype:
                text = f"bins tensors and input must have one dtype, got {wanted.dtype.name} and {points.dtype.name}"
                raise fail("histogramdd", text, input=points)
            edges.append(wanted.clone())
            continue
        if wanted <= 0:
            raise fail("histogramdd", f"bins must be > 0, but got {wanted} for dimension {i}", input=points)
        if limits is not None:
            low, high = float(limits[2 * i]), float(limits[2 * i + 1])
        elif len(points):
            low, high = float(points[:, i].min()), float(points[:, i].max())
        else:
            low, high = 0.0, 1.0
        if not (abs(low) < float("inf") and abs(high) < float("inf")):
            raise fail("histogramdd", f"dimension {i}'s range [{low}, {high}] is not finite", input=points)
        if low > high:
            raise fail(
                "histogramdd", f"min should not exceed max, but got min {low} max {high} for dimension {i}"
            )
        if low == high:
            low, high = low - 0.5, high + 0.5
        edges.append(linspace(low, high, wanted + 1, dtype=points.dtype, device=points.device))
    return edges


def _numpy(input: Any, bins: Any, range: Any = None, weight: Any = None, density: bool = False) -> Any:
    """The definition in NumPy."""
    bounds: Any = None if range is None else np.reshape(range, (-1, 2))
    counts, edges = np.histogramdd(input, bins, bounds, density, weight)
    return counts, tuple(edges)


@composite(
    api="torch", dtypes=_TYPES, no_derivative=True, reference=_numpy,
    samples=lambda make: [
        Sample(make(20, 2), (3, 4)).constant("input"), Sample(make(9, 1), 4, range=(-1.0, 1.0)).constant("input"),
        Sample(make(9, 2), (2, 2), weight=make(9, positive=True), density=True).constant("input", "weight"),
    ],
    errors=lambda make: [
        Bad(make(3, 2), (3,), match="expected 2 sequences of bin edges"), Bad(make(3, 2), (3, 0), match="must be > 0"),
        Bad(make(()), (3,), match="at least one dimension"),
        Bad(make(3, 1), (3,), range=(1.0, 0.0), match="not exceed"),
        Bad(make.int(3, 1), (3,), error=NotImplementedError, match="not implemented for"),
    ],
)  # fmt: skip
def histogramdd(
    input: Tensor,
    bins: Any,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Counts (or summed weights) of points in the bins of a grid, and the edges of the bins of each coordinate.

    Args:
        input: (*, N): points of N coordinates.
        bins: the number of equal bins of every coordinate, a number for each, or increasing edges for each.
        range: the outer edges, low and high of one coordinate after the other; by default those of the data.
        weight: of each point.
        density: divide by the total and the volumes, so that the integral is 1.

    Raises:
        RuntimeError: numbers, edges or ranges that are not one for each coordinate, or that are empty.

    >>> import tritonnn as torch
    >>> torch.histogramdd(torch.tensor([[0., 0.], [1., 1.], [1., 0.]]), (2, 2))[0]
    tensor([[1., 0.],
            [1., 1.]])
    """
    from tritonnn.ops.reduction.extremes import pair

    if not input.shape:
        raise fail("histogramdd", "input tensor should have at least one dimension, but got 0", input=input)
    if input.dtype not in _TYPES:
        raise fail(
            "histogramdd", f"not implemented for {input.dtype.name}", kind=NotImplementedError, input=input
        )
    points = input.detach().reshape(-1, input.shape[-1])
    edges = _edges(points, bins, range)
    if weight is not None:
        if weight.shape != input.shape[:-1]:
            text = "if weight tensor is provided, it should have the shape of input without its last dimension, got"
            raise fail("histogramdd", f"{text} {list(weight.shape)}", input=input, weight=weight)
        if weight.dtype is not input.dtype:
            raise fail("histogramdd", "weight and input must have one dtype", input=input, weight=weight)
    sizes = [len(edge) - 1 for edge in edges]
    place = zeros(points.shape[:1], dtype=dtypes.int64, device=input.device)
    inside = place == 0
    for i, edge in enumerate(edges):
        x = points[:, i].contiguous()
        at = bucketize(x, edge, right=True) - 1
        at = at - ((x == edge[-1]) & (at == sizes[i])).to(
            dtypes.int64
        )  # the last edge belongs to the last bin
        inside = inside & (at >= 0) & (at < sizes[i])
        place = place * sizes[i] + at.clamp(0, sizes[i] - 1)
    given = (
        ones(place.shape, dtype=input.dtype, device=input.device)
        if weight is None
        else weight.detach().reshape(-1)
    )
    total = zeros((int(np.prod(sizes)),), dtype=input.dtype, device=input.device)
    hist = total.index_add(0, place, given * inside).reshape(sizes)
    if density:
        hist = hist / hist.sum()
        for i, edge in enumerate(edges):
            hist = hist / edge.diff().reshape([-1 if k == i else 1 for k, _ in enumerate(edges)])
    return pair("histogramdd")(hist, tuple(edges))
