"""The two products that all others are made of: sparse times dense, and the elements of dense times dense."""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn import dtypes
from tritonnn._tensor import Tensor
from tritonnn.ops._table import REAL, Make, Out, Sample, primitive
from tritonnn.ops.creation.ranges import arange
from tritonnn.ops.sorting.searching import searchsorted
from tritonnn.ops.sorting.sorting import argsort


def starts_of(lines: Tensor, count: int) -> Tensor:
    """Where in sorted line numbers (*batch, nnz) each of `count` lines begins, and the last ends."""
    wanted = arange(count + 1, device=lines.device, dtype=lines.dtype)
    if len(lines.shape) > 1:
        wanted = wanted.expand(*lines.shape[:-1], count + 1).contiguous()
    return searchsorted(lines.contiguous(), wanted).to(lines.dtype)


def lines_of(starts: Tensor, nnz: int) -> Tensor:
    """The line (*batch, nnz) of each entry: the inverse of `starts_of`."""
    entries = arange(nnz, device=starts.device, dtype=starts.dtype)
    if len(starts.shape) > 1:
        entries = entries.expand(*starts.shape[:-1], nnz).contiguous()
    return searchsorted(starts[..., 1:].contiguous(), entries, right=True).to(starts.dtype)


def turned(starts: Tensor, places: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The same entries by their `places`, of which there are `count`: starts, places, and in which order they stand."""
    order = argsort(places, stable=True)
    return starts_of(places[order], count), lines_of(starts, len(places))[order], order


def _dense_grad(
    g: Tensor, values: Tensor, dense_shape: tuple[int, ...], starts: Tensor, places: Tensor
) -> Tensor:
    begins, lines, order = turned(starts, places, dense_shape[0])
    return spmm(values[order], g, begins, lines)


def _matrix(make: Make, rows: int, columns: int, lines: list[int], places: list[int]) -> dict[str, Tensor]:
    from tritonnn.ops.creation.from_data import tensor

    starts = np.searchsorted(lines, np.arange(rows + 1)).tolist()
    named = {"lines": lines, "starts": starts, "places": places}
    return {name: tensor(numbers, dtype=dtypes.int64, device=make.device) for name, numbers in named.items()}


_PATTERNS: tuple[tuple[int, int, list[int], list[int]], ...] = (
    (3, 4, [0, 0, 2], [3, 1, 0]),
    (5, 3, [0, 1, 1, 1, 3, 3, 4, 4, 4], [2, 0, 1, 2, 0, 1, 0, 1, 2]),
    (2, 3, [], []),
    (1, 40, [0] * 40, list(range(40))),
)


def _spmm_samples(make: Make) -> list[Sample]:
    samples = []
    for (rows, columns, lines, places), width in zip(_PATTERNS, (2, 17, 3, 1), strict=True):
        m = _matrix(make, rows, columns, lines, places)
        samples.append(Sample(make(len(lines)), make(columns, width), m["starts"], m["places"]))
    return samples


def _sddmm_samples(make: Make) -> list[Sample]:
    samples = []
    for (rows, columns, lines, places), width in zip(_PATTERNS, (2, 19, 3, 1), strict=True):
        m = _matrix(make, rows, columns, lines, places)
        samples.append(Sample(make(rows, width), make(columns, width), m["lines"], m["places"], m["starts"]))
    return samples


@primitive(
    public="sparse.mm",
    dtypes=REAL,
    samples=_spmm_samples,
    grad={
        "values": lambda g, dense, starts, places: sddmm(
            g, dense, lines_of(starts, len(places)), places, starts),
        "dense": lambda g, values, dense_shape, starts, places: _dense_grad(g, values, dense_shape, starts, places),
    },
)  # fmt: skip
def spmm(values: Tensor, dense: Tensor, starts: Tensor, places: Tensor) -> Any:
    """A sparse matrix, as its values, their columns, and where its rows begin, times a dense one; real numbers."""
    return Out((len(starts) - 1, dense.shape[1]), values.dtype)


@primitive(
    public="sparse.sampled_addmm",
    dtypes=REAL,
    samples=_sddmm_samples,
    grad={
        "a": lambda g, b, starts, places: spmm(g, b, starts, places),
        "b": lambda g, a, b_shape, starts, places: _dense_grad(a, g, b_shape, starts, places),
    },
)  # fmt: skip
def sddmm(a: Tensor, b: Tensor, lines: Tensor, places: Tensor, starts: Tensor) -> Any:
    """The elements (lines, places) of a @ b^T; `starts` says where in the sorted lines each begins."""
    return Out(lines.shape, a.dtype)
