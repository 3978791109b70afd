"""Definitions in NumPy of sums, norms, running results and orders; `reference=` of their entries."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from tritonnn.table.types import Dims

Array = Any


def axes(dim: Dims) -> Any:
    """NumPy's axis: None for all dimensions."""
    return (
        None
        if dim is None or dim == () or isinstance(dim, bool)
        else dim
        if isinstance(dim, int)
        else tuple(dim)
    )


# ---- reductions -------------------------------------------------------------------------------------------


def sum(input: Array, dim: Dims, keepdim: bool) -> Array:
    """NumPy's sum."""
    return np.sum(input, axes(dim), keepdims=keepdim)


def mean(input: Array, dim: Dims, keepdim: bool) -> Array:
    """The sum over the number."""
    total = np.sum(input, axes(dim), keepdims=keepdim)
    return total / (input.size / total.size)


def prod(input: Array, dim: Dims, keepdim: bool) -> Array:
    """NumPy's prod."""
    return np.prod(input, axes(dim), keepdims=keepdim)


def var(input: Array, dim: Dims, unbiased: Any, keepdim: bool, correction: Any) -> Array:
    """Σ (x - mean)² / (n - correction)."""
    unbiased = dim if isinstance(dim, bool) else unbiased
    less = correction if correction is not None else int(unbiased is None or unbiased)
    centred = input - mean(input, dim, True) if axes(dim) is not None else input - input.mean()
    total = np.sum(centred**2, axes(dim), keepdims=keepdim)
    return total / (input.size / total.size - less)


def std(input: Array, dim: Dims, unbiased: Any, keepdim: bool, correction: Any) -> Array:
    """The root of the variance."""
    return np.sqrt(var(input, dim, unbiased, keepdim, correction))


def var_mean(input: Array, dim: Dims, unbiased: Any, keepdim: bool, correction: Any) -> tuple[Array, Array]:
    """Both."""
    return var(input, dim, unbiased, keepdim, correction), mean(input, dim, keepdim)


def std_mean(input: Array, dim: Dims, unbiased: Any, keepdim: bool, correction: Any) -> tuple[Array, Array]:
    """Both."""
    return std(input, dim, unbiased, keepdim, correction), mean(input, dim, keepdim)


def any(input: Array, dim: Dims, keepdim: bool) -> Array:
    """Whether the number of elements that are not 0 is positive."""
    return np.sum(input != 0, dim if dim == () else axes(dim), keepdims=keepdim) > 0


def all(input: Array, dim: Dims, keepdim: bool) -> Array:
    """Whether the number of elements that are 0 is none."""
    return np.sum(input == 0, dim if dim == () else axes(dim), keepdims=keepdim) == 0


def count_nonzero(input: Array, dim: Dims) -> Array:
    """The number of elements that are not 0."""
    return np.sum(input != 0, axes(dim))


def norm(input: Array, p: Any, dim: Dims, keepdim: bool) -> Array:
    """(Σ |x|^p)^(1/p), for p = 0 the number that are not 0, for infinite p the largest or smallest."""
    if p == "nuc":
        return np.sum(np.linalg.svd(input, compute_uv=False), -1, keepdims=keepdim)
    p, size, over = 2 if p in ("fro", None) else p, np.abs(input), axes(dim)
    if math.isinf(p):
        return (np.max if p > 0 else np.min)(size, over, keepdims=keepdim)
    if p == 0:
        return np.sum(size != 0, over, keepdims=keepdim)
    return np.sum(size**p, over, keepdims=keepdim) ** (1 / p)


def vector_norm(input: Array, ord: Any, dim: Dims, keepdim: bool) -> Array:
    """As `norm`."""
    return norm(input, ord, dim, keepdim)


def renorm(input: Array, p: float, dim: int, maxnorm: float) -> Array:
    """Each slice, times maxnorm / norm where its norm is greater."""
    slices = [
        part * (maxnorm / (norm(part, p, None, False) + 1e-7))
        if norm(part, p, None, False) > maxnorm
        else part
        for part in np.moveaxis(input, dim, 0)
    ]
    return np.stack(slices, dim)


def dist(input: Array, other: Array, p: float) -> Array:
    """The norm of the difference."""
    return norm(input - other, p, None, False)


# ---- running results --------------------------------------------------------------------------------------


def _running(input: Array, dim: int, combine: Any) -> Array:
    """`combine` of all elements up to each."""
    if not input.ndim:
        return combine(input.reshape(1), 0)
    parts = [combine(np.take(input, np.arange(i + 1), dim), dim) for i in range(input.shape[dim])]
    return np.stack(parts, dim) if parts else combine(input, dim)[None][:0].swapaxes(0, dim)


def cumsum(input: Array, dim: int) -> Array:
    """The sum of all elements up to each."""
    return _running(input, dim, np.sum)


def cumprod(input: Array, dim: int) -> Array:
    """The product of all elements up to each."""
    return _running(input, dim, np.prod)


def logcumsumexp(input: Array, dim: int) -> Array:
    """The logarithm of the sum of exponentials of all elements up to each."""
    return np.log(_running(np.exp(input), dim, np.sum))


def cummax(input: Array, dim: int) -> tuple[Array, Array]:
    """The greatest of all elements up to each, and where it stands last."""
    return _running_extreme(input, dim, np.max)


def cummin(input: Array, dim: int) -> tuple[Array, Array]:
    """The least of all elements up to each, and where it stands last."""
    return _running_extreme(input, dim, np.min)


def _running_extreme(input: Array, dim: int, combine: Any) -> tuple[Array, Array]:
    if input.size == 0:
        return input, np.zeros(input.shape, np.int64)

    def last(part: Array, dim: int) -> Array:
        here = part == combine(part, dim, keepdims=True)
        return part.shape[dim] - 1 - np.argmax(np.flip(here, dim), dim)

    return _running(input, dim, combine), _running(input, dim, last)


def logsumexp(input: Array, dim: Dims, keepdim: bool) -> Array:
    """log Σ exp(x)."""
    return np.log(np.sum(np.exp(input), axes(dim) if input.ndim else None, keepdims=keepdim))


def softmax(input: Array, dim: int) -> Array:
    """exp(x) / Σ exp(x)."""
    e = np.exp(input)
    return e / np.sum(e, dim, keepdims=True)


def log_softmax(input: Array, dim: int) -> Array:
    """x - log Σ exp(x)."""
    return input - np.log(np.sum(np.exp(input), dim, keepdims=True))


def softmin(input: Array, dim: int) -> Array:
    """exp(-x) / Σ exp(-x)."""
    return softmax(-input, dim)


def diff(input: Array, n: int, dim: int, prepend: Array | None, append: Array | None) -> Array:
    """The differences of neighbours, n times over."""
    parts = [part for part in (prepend, input, append) if part is not None]
    differences = np.concatenate(parts, dim)
    for _ in range(n):
        differences = np.stack([b - a for a, b in itertools.pairwise(np.moveaxis(differences, dim, 0))], dim)
    return differences


# ---- order ------------------------------------------------------------------------------------------------


def sort(input: Array, dim: int, descending: bool) -> tuple[Array, Array]:
    """In order; of equal elements the first comes first."""
    if not input.ndim:
        return input, np.zeros((), np.int64)
    values, indices = input.copy(), np.zeros(input.shape, np.int64)
    for line in np.ndindex(*np.delete(input.shape, dim)):
        at = (*line[: dim % input.ndim], slice(None), *line[dim % input.ndim :])
        numbered = sorted(enumerate(input[at]), key=lambda pair: -pair[1] if descending else pair[1])
        indices[at], values[at] = [i for i, _ in numbered], [x for _, x in numbered]
    return values, indices


def argsort(input: Array, dim: int, descending: bool) -> Array:
    """The places that `sort` takes its elements from."""
    return sort(input, dim, descending)[1]


def topk(input: Array, k: int, dim: int, largest: bool) -> tuple[Array, Array]:
    """The first of `sort`."""
    values, indices = sort(input, dim, largest)
    return np.take(values, np.arange(k), dim), np.take(indices, np.arange(k), dim)


def _nth(input: Array, place: int, dim: int, keepdim: bool) -> tuple[Array, Array]:
    values, indices = (np.take(x, [place], dim) for x in sort(input, dim, False))
    return (values, indices) if keepdim else (np.squeeze(values, dim), np.squeeze(indices, dim))


def kthvalue(input: Array, k: int, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The k-th of `sort`."""
    return _nth(input, k - 1, dim, keepdim)


def median(input: Array, dim: int | None, keepdim: bool) -> Any:
    """The middle of `sort`, the lower of two."""
    if dim is None:
        return np.sort(input, None)[(input.size - 1) // 2]
    return _nth(input, (input.shape[dim] - 1) // 2, dim, keepdim)


def mode(input: Array, dim: int, keepdim: bool) -> tuple[Array, Array]:
    """The least of the most frequent values, and where it stands last."""
    lines = np.moveaxis(input, dim, -1)
    values, indices = np.empty(lines.shape[:-1], input.dtype), np.empty(lines.shape[:-1], np.int64)
    for place in np.ndindex(values.shape):
        line = list(lines[place])
        values[place] = max(sorted(set(line)), key=line.count)
        indices[place] = len(line) - 1 - line[::-1].index(values[place])
    return (np.expand_dims(values, dim), np.expand_dims(indices, dim)) if keepdim else (values, indices)


def quantile(input: Array, q: Any, dim: int | None, keepdim: bool, interpolation: Any) -> Array:
    """NumPy's quantile."""
    return np.quantile(input, q, dim, method=interpolation, keepdims=keepdim)


def nanquantile(input: Array, q: Any, dim: int | None, keepdim: bool, interpolation: Any) -> Array:
    """NumPy's nanquantile."""
    return np.nanquantile(input, q, dim, method=interpolation, keepdims=keepdim)


# ---- distinct elements ------------------------------------------------------------------------------------


def _grouped(input: Array, dim: int | None, order: Any, inverse: bool, counts: bool) -> Any:
    """The items that `order` leaves of the elements (or slices), the place of each item in it, and their numbers."""
    slices = (
        [input.ravel()[i] for i in range(input.size)] if dim is None else list(np.moveaxis(input, dim, 0))
    )
    keys = [tuple(np.ravel(part)) for part in slices]
    groups = order(keys)
    values = np.array([slices[group[0]] for group in groups], input.dtype)
    places = np.empty(len(keys), np.int64)
    for i, group in enumerate(groups):
        places[group] = i
    results = [values if dim is None else np.moveaxis(values, 0, dim)]
    results += [places.reshape(input.shape) if dim is None else places] if inverse else []
    results += [np.array([len(group) for group in groups])] if counts else []
    return tuple(results)


def unique(input: Array, return_inverse: bool, return_counts: bool, dim: int | None) -> Any:
    """The distinct elements in order."""
    order = lambda keys: [[i for i, k in enumerate(keys) if k == key] for key in sorted(set(keys))]
    return _grouped(input, dim, order, return_inverse, return_counts)


def unique_consecutive(input: Array, return_inverse: bool, return_counts: bool, dim: int | None) -> Any:
    """The runs of equal elements."""
    order = lambda keys: [list(run) for _, run in itertools.groupby(range(len(keys)), key=keys.__getitem__)]
    return _grouped(input, dim, order, return_inverse, return_counts)
