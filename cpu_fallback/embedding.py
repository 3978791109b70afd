"""Embedding tables: rows by index, sums of bags of rows, and their gradients without `np.add.at`.

A gradient of the table is a sum of rows by index. Indices are sorted once; then the first rows of all
segments are gathered together, the second ones are added to them, and so on: a few large operations instead
of one per row.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tritonnn.cpu_fallback.common.blocks import BLOCK, wide
from tritonnn.errors import explained

Array = np.ndarray[Any, Any]

# Longer segments are summed one by one.
_LONG = 32


def embedding_lookup(
    out: Array, weight: Array, indices: Array, padding_idx: int | None, scale_grad_by_freq: bool
) -> None:
    """weight[indices]; the last two arguments concern the gradient only.

    Raises:
        IndexError: an index has no row.
    """
    _check("embedding", indices, weight.shape[0], IndexError)
    if out.flags.c_contiguous:
        np.take(weight, indices, axis=0, out=out, mode="clip")  # "raise" would go through a buffer
    else:
        out[...] = weight[indices]


def embedding_backward(
    out: Array,
    grad: Array,
    indices: Array,
    num_weights: int,
    padding_idx: int | None,
    scale_grad_by_freq: bool,
) -> None:
    """Sum of the rows of `grad` (*indices.shape, D) by index; the row of `padding_idx` stays zero."""
    out[...] = 0
    if not out.size:
        return
    rows = grad.reshape(-1, out.shape[1])
    flat = indices.reshape(-1)
    order = np.argsort(flat, kind="stable")
    if padding_idx is not None:
        order = order[flat[order] != padding_idx]
    if order.size == 0:
        return
    sorted_ = flat[order]
    starts = np.flatnonzero(np.concatenate(([True], sorted_[1:] != sorted_[:-1])))
    counts = np.diff(starts, append=order.size)
    # the longest first: of a block's segments those that have an r-th row are then the first ones
    by_count = np.argsort(-counts, kind="stable")
    starts, counts = starts[by_count], counts[by_count]
    step = max(1, BLOCK // max(out.shape[1], 1))
    long = int(np.count_nonzero(counts > _LONG))
    dtype = wide(grad.dtype)
    for i in range(long):
        # one reduction of a long segment instead of as many steps as it has rows
        total = rows[order[starts[i] : starts[i] + counts[i]]].sum(axis=0, dtype=dtype)
        out[sorted_[starts[i]]] = total / counts[i] if scale_grad_by_freq else total
    for low in range(long, len(starts), step):
        first, count = starts[low : low + step], counts[low : low + step]
        total = _sum_segments(rows, order, first, count, dtype)
        if scale_grad_by_freq:
            total /= count[:, None]
        out[sorted_[first]] = total


def _sum_segments(rows: Array, order: Array, starts: Array, counts: Array, dtype: np.dtype[Any]) -> Array:
    """Sums of rows[order[s : s + c]]; the counts descend, so that those with an r-th row come first."""
    total = rows[order[starts]].astype(dtype, copy=False)
    for r in range(1, counts[0]):
        # counts descend: how many are above r
        alive = int(np.searchsorted(-counts, -r))
        total[:alive] += rows[order[starts[:alive] + r]]
    return total


def embedding_bag_lookup(
    out: Array,
    offset2bag: Array,
    bag_size: Array,
    max_indices: Array,
    weight: Array,
    indices: Array,
    offsets: Array,
    per_sample_weights: Array | None,
    mode: str,
    padding_idx: int | None,
    scale_grad_by_freq: bool,
    include_last_offset: bool,
) -> None:
    """Sum, mean or maximum of the rows of each bag; bag b holds indices[offsets[b] : offsets[b + 1]].

    Also the bag of every index (-1 where it counts in none), how many count in each bag, and for "max" the
    index that gave each element (-1 in an empty bag; else `max_indices` is empty).

    Raises:
        RuntimeError: an index has no row, or the offsets do not start at 0 or reach beyond the indices.
    """
    _check("embedding_bag", indices, weight.shape[0], RuntimeError)
    starts, ends = _bags(offsets, indices.size, include_last_offset)
    offset2bag[...] = -1
    lengths = np.maximum(ends - starts, 0)
    bag = np.repeat(np.arange(len(starts)), lengths)
    # starts[b], starts[b] + 1, ... of every bag, one after another
    place = np.repeat(starts - np.cumsum(lengths) + lengths, lengths) + np.arange(bag.size)
    if padding_idx is not None:
        kept = indices[place] != padding_idx
        bag, place = bag[kept], place[kept]
    offset2bag[place] = bag
    counts = np.bincount(bag, minlength=len(starts))
    bag_size[...] = counts
    if mode == "max":
        max_indices[...] = -1
    _fill_bags(out, max_indices, weight, indices[place], counts, mode,
               None if per_sample_weights is None else per_sample_weights[place])  # fmt: skip


def _bags(offsets: Array, size: int, include_last_offset: bool) -> tuple[Array, Array]:
    if offsets.size and offsets[0] != 0:
        raise RuntimeError(
            "embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to "
            f"start from position 0. However, got {offsets[0]}"
        )
    if offsets.size and offsets[-1] > size:
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length {size}, but got {offsets[-1]}"
        )
    wrong = np.flatnonzero((offsets < 0) | (offsets > size))
    if wrong.size:
        raise RuntimeError(
            f"embedding_bag: offsets[{wrong[0]}] has to be in the range [0, {size}], but got {offsets[wrong[0]]}"
        )
    if include_last_offset:
        return offsets[:-1], offsets[1:]
    return offsets, np.append(offsets[1:], size)


def _fill_bags(
    out: Array,
    max_indices: Array,
    weight: Array,
    indices: Array,
    counts: Array,
    mode: str,
    scale: Array | None,
) -> None:
    """Reduce the rows of bags whose indices lie one after another; largest bags first, as in
    `_sum_segments`.
    """
    dtype = wide(weight.dtype)
    by_count = np.argsort(-counts, kind="stable")
    starts = (np.cumsum(counts) - counts)[by_count]
    counts = counts[by_count]
    step = max(1, BLOCK // max(weight.shape[1], 1))
    # empty bags are the last ones: zero, also for a mean and a maximum
    filled = int(np.searchsorted(-counts, 0))
    out[by_count[filled:]] = 0
    for low in range(0, filled, step):
        first, count = starts[low : min(low + step, filled)], counts[low : min(low + step, filled)]
        total = np.zeros((len(first), weight.shape[1]), dtype)
        arg = np.empty(total.shape, np.int64)
        for r in range(int(count[0])):
            alive = int(np.searchsorted(-count, -r))
            number = first[:alive] + r
            rows = weight[indices[number]].astype(dtype, copy=False)
            if scale is not None:
                rows = rows * scale[number, None].astype(dtype, copy=False)
            if mode != "max":
                total[:alive] += rows
                continue
            # the first row is taken whatever it holds
            better = rows > total[:alive] if r else np.ones(rows.shape, bool)
            np.copyto(total[:alive], rows, where=better)
            np.copyto(arg[:alive], indices[number, None], where=better)
        if mode == "mean":
            total /= count[:, None]
        bags = by_count[low : low + len(first)]
        out[bags] = total
        if mode == "max":
            max_indices[bags] = arg


def _check(op: str, indices: Array, rows: int, kind: type[Exception]) -> None:
    if indices.size and (indices.min() < 0 or indices.max() >= rows):
        place = int(np.flatnonzero((indices < 0) | (indices >= rows))[0])
        raise explained(kind)(
            f"{op}: index out of range in self: index {place} of input takes value "
            f"{indices.reshape(-1)[place]}, which is not in the valid range [0, {rows})"
        )
