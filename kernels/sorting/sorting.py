"""Order along a dimension: sort, topk, kthvalue, median, mode, unique. NaN counts as the largest value.

All start from the stable sorting permutation of `device/sort.py`; what is wanted is then picked through it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import triton
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.sort import order_rows
from tritonnn.kernels.device.strided import (
    at_least_1d,
    comparable,
    contiguous,
    flat,
    last,
    merged,
    offset_of,
    positions,
    read,
    reshaped,
)  # fmt: skip
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.scan import cumsum

BLOCK = 512


@triton.jit
def pick_kernel(
    values, indices, input, order, place, count, k, n, start, row_shape, value_rows, index_rows, in_rows,
    value_step, index_step, in_step, PLACED: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """values[row, c], indices[row, c] = the element of rank start + c of each row, or of rank place[row]."""
    i = positions(BLOCK, INT64)
    mask = i < count
    row, c = i // k, i % k
    rank = start + c.to(tl.int64)
    if PLACED:
        rank = tl.load(place + row, mask=mask, other=0)
    at = tl.load(order + row * n + rank, mask=mask, other=0)
    x = tl.load(input + offset_of(row, row_shape, in_rows) + at * in_step, mask=mask)
    tl.store(indices + offset_of(row, row_shape, index_rows) + c * index_step, at, mask=mask)
    tl.store(values + offset_of(row, row_shape, value_rows) + c * value_step, x, mask=mask)


@triton.jit
def median_kernel(
    place, input, rows, n, row_shape, in_rows, in_step,
    IGNORE: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """place[row] = rank of the lower median; the first NaN where there is one, or leaving NaN out."""
    row = tl.program_id(0)
    if INT64:
        row = row.to(tl.int64)
    source = input + offset_of(row, row_shape, in_rows)
    total = tl.zeros((COLUMNS,), tl.int64)
    j = tl.arange(0, COLUMNS)
    if INT64:
        j = j.to(tl.int64)
    for _ in range(0, n, COLUMNS):
        x = comparable(tl.load(source + j * in_step, mask=j < n, other=0))
        total += ((x == x) & (j < n)).to(tl.int64)
        j += COLUMNS
    count = tl.sum(total, 0)
    middle = tl.maximum(count - 1, 0) // 2
    if not IGNORE:
        middle = tl.where(count < n, count, middle)
    tl.store(place + row, middle)


@triton.jit
def _longer(a, i, b, j):
    """The larger length, the first of equals."""
    take = (b > a) | ((b == a) & (j < i))
    return tl.where(take, b, a), tl.where(take, j, i)


@triton.jit
def mode_kernel(
    place, input, order, n, row_shape, in_rows, in_step, COLUMNS: tl.constexpr, INT64: tl.constexpr
):
    """place[row] = rank at which the longest run of equal elements of the sorted row ends."""
    row = tl.program_id(0)
    if INT64:
        row = row.to(tl.int64)
    source = input + offset_of(row, row_shape, in_rows)
    ranks = order + row * n
    j = tl.arange(0, COLUMNS).to(tl.int64)
    begun = tl.zeros((1,), tl.int64)
    best = tl.full((1,), -1, tl.int64)
    best_at = tl.zeros((1,), tl.int64)
    for _ in range(0, n, COLUMNS):
        mask = j < n
        here = comparable(tl.load(source + tl.load(ranks + j, mask=mask, other=0) * in_step, mask=mask))
        inner = mask & (j > 0)
        previous = tl.load(ranks + j - 1, mask=inner, other=0)
        before = comparable(tl.load(source + previous * in_step, mask=inner))
        begins = tl.where(mask & ((j == 0) | (here != before)), j, 0)
        begins = tl.maximum(tl.associative_scan(begins, 0, _maximum), begun)
        length, at = tl.reduce((tl.where(mask, j - begins, -1), j), 0, _longer, keep_dims=True)
        best, best_at = _longer(best, best_at, length, at)
        begun = tl.max(begins, 0, keep_dims=True)
        j += COLUMNS
    tl.store(place + row + tl.arange(0, 1), best_at)


@triton.jit
def _maximum(a, b):
    return tl.maximum(a, b)


@triton.jit
def differs_kernel(first, data, order, count, width, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """first[i] = 1 where slice order[i] of a contiguous (count, width) array is not slice order[i - 1]."""
    i = positions(BLOCK, INT64)
    mask = i < count
    inner = mask & (i > 0)
    here = tl.load(order + i, mask=mask, other=0) * width
    before = tl.load(order + i - 1, mask=inner, other=0) * width
    differs = i == 0
    for c in range(width):
        a = comparable(tl.load(data + here + c, mask=mask))
        b = comparable(tl.load(data + before + c, mask=inner))
        differs = differs | (a != b)
    tl.store(first + i, differs.to(tl.int64), mask=mask)


@triton.jit
def group_kernel(
    unique, starts, inverse, data, order, group, total, width, inverse_shape, inverse_strides,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Write each slice's group, and each group's first slice and start; `group` counts from 1."""
    i = positions(BLOCK, INT64)
    slice_ = i // width
    c = i % width
    mask = i < total
    mine = tl.load(group + slice_, mask=mask, other=0) - 1
    at = tl.load(order + slice_, mask=mask, other=0)
    begins = mask & (
        (slice_ == 0) | (tl.load(group + slice_ - 1, mask=mask & (slice_ > 0), other=0) != mine + 1)
    )
    tl.store(inverse + offset_of(at, inverse_shape, inverse_strides), mine, mask=mask & (c == 0))
    tl.store(unique + mine * width + c, tl.load(data + at * width + c, mask=begins), mask=begins)
    tl.store(starts + mine, slice_.to(tl.int64), mask=begins & (c == 0))


@triton.jit
def count_kernel(counts, starts, groups, total, BLOCK: tl.constexpr):
    """counts[g] = distance from the start of group g to that of the next."""
    g = positions(BLOCK, True)
    mask = g < groups
    begin = tl.load(starts + g, mask=mask, other=0)
    end = tl.load(starts + g + 1, mask=g + 1 < groups, other=0)
    tl.store(counts + g, tl.where(g + 1 < groups, end, total) - begin, mask=mask)


@triton.jit
def iota_kernel(out, n, BLOCK: tl.constexpr):
    """out[i] = i."""
    i = positions(BLOCK, True)
    tl.store(out + i, i, mask=i < n)


def _rows(*buffers: Buffer) -> tuple[Any, ...]:
    """Of buffers seen as rows: number of rows, merged row extents, strides per buffer."""
    shape, *strides = merged(buffers[0].shape[:-1], *(b.strides[:-1] for b in buffers))
    rows = 1
    for extent in shape:
        rows *= extent
    return rows, shape, *strides


def _pick(
    values: Buffer, indices: Buffer, input: Buffer, order: Buffer, start: int = 0, place: Buffer | None = None
) -> None:
    """Write the elements of rank `start` on (or `place` of each row); all have the dimension last."""
    k, n = values.shape[-1], input.shape[-1]
    rows, shape, *strides = _rows(values, indices, input)
    launch(
        pick_kernel, (-(-rows * k // BLOCK),), values, indices, input, order,
        order if place is None else place, rows * k, k, n, start, shape, *strides, values.strides[-1],
        indices.strides[-1], input.strides[-1], PLACED=place is not None, BLOCK=BLOCK,
        INT64=needs_int64(values, indices, input, order),
    )  # fmt: skip


@replayed
def sort(values: Buffer, indices: Buffer, input: Buffer, dim: int, descending: bool, stable: bool) -> None:
    """Values in order along `dim` and the permutation that sorts them."""
    if input.numel:
        input = last(input, dim)
        _pick(last(values, dim), last(indices, dim), input, order_rows(input, descending))


@replayed
def topk(
    values: Buffer, indices: Buffer, input: Buffer, k: int, dim: int, largest: bool, sorted: bool
) -> None:
    """The k largest or smallest along `dim`, in order."""
    sort(values, indices, input, dim, largest, True) if values.numel else None


def _kept(buffer: Buffer, input: Buffer, dim: int, keepdim: bool) -> Buffer:
    """A result with one element per row, with that element as the last dimension."""
    if keepdim or not input.ndim:
        return last(buffer, dim)
    return buffer.as_strided((*buffer.shape, 1), (*buffer.strides, 1))


@replayed
def kthvalue(values: Buffer, indices: Buffer, input: Buffer, k: int, dim: int, keepdim: bool) -> None:
    """The k-th smallest element (k from 1) along `dim`."""
    if values.numel:
        rows = last(input, dim)
        targets = _kept(values, input, dim, keepdim), _kept(indices, input, dim, keepdim)
        _pick(*targets, rows, order_rows(rows, False), start=k - 1)


def _place(like: Buffer, rows: int) -> Buffer:
    return empty((rows,), dtypes.int64, like)


@replayed
def median_dim(
    values: Buffer, indices: Buffer, input: Buffer, dim: int, keepdim: bool, ignore_nan: bool
) -> None:
    """The lower median along `dim`; NaN wherever there is one, or left out with `ignore_nan`."""
    if not values.numel:
        return
    targets = _kept(values, input, dim, keepdim), _kept(indices, input, dim, keepdim)
    source = last(input, dim)
    rows, shape, in_rows = _rows(source)
    place = _place(source, rows)
    launch(
        median_kernel, (rows,), place, source, rows, source.shape[-1], shape, in_rows, source.strides[-1],
        IGNORE=ignore_nan, COLUMNS=min(1024, _power(source.shape[-1])), INT64=needs_int64(source),
    )  # fmt: skip
    _pick(*targets, source, order_rows(source, False), place=place)


@replayed
def mode(values: Buffer, indices: Buffer, input: Buffer, dim: int, keepdim: bool) -> None:
    """The most frequent value along `dim`, the smallest of several, and where it occurs last."""
    if not values.numel:
        return
    targets = _kept(values, input, dim, keepdim), _kept(indices, input, dim, keepdim)
    source = last(input, dim)
    rows, shape, in_rows = _rows(source)
    place, order = _place(source, rows), order_rows(source, False)
    launch(
        mode_kernel, (rows,), place, source, order, source.shape[-1], shape, in_rows, source.strides[-1],
        COLUMNS=min(1024, _power(source.shape[-1])), INT64=needs_int64(source), num_warps=8,
    )  # fmt: skip
    _pick(*targets, source, order, place=place)


def _power(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


Alloc = Callable[..., Buffer]


def _grouped(
    alloc: Alloc, data: Buffer, order: Buffer, shape: tuple[int, ...], inverse: Buffer
) -> tuple[Buffer, Buffer, Buffer]:
    """Of a contiguous (count, width) array in an order: a slice of each group of equals, groups, sizes.

    `shape` is that of a slice.
    """
    count, width = data.shape
    wide = needs_int64(data)
    first, group = empty((count,), dtypes.int64, data), empty((count,), dtypes.int64, data)
    launch(differs_kernel, (-(-count // BLOCK),), first, data, order, count, width, BLOCK=BLOCK, INT64=wide)
    cumsum(group, first, 0)
    groups = int(read(group.as_strided((1,), (1,), count - 1))[0]) if count else 0
    unique, counts = alloc((groups, *shape), data.dtype), alloc((groups,), dtypes.int64)
    starts = empty((groups,), dtypes.int64, data)
    inverse_shape, inverse_strides = merged(inverse.shape, inverse.strides)
    launch(
        group_kernel, (-(-count * width // BLOCK),), unique, starts, inverse, data, order, group,
        count * width, width, inverse_shape, inverse_strides, BLOCK=BLOCK, INT64=wide,
    )  # fmt: skip
    launch(count_kernel, (-(-groups // BLOCK),), counts, starts, groups, count, BLOCK=BLOCK)
    return unique, inverse, counts


def unique_flat(alloc: Alloc, input: Buffer) -> tuple[Buffer, Buffer, Buffer]:
    """Sorted distinct elements, the place of each element among them, and how often each occurs."""
    inverse, data = alloc(input.shape, dtypes.int64), flat(input)
    order = order_rows(data, False) if data.numel else data
    return _grouped(alloc, reshaped(data, (data.numel, 1)), order, (), inverse)


def _slices(input: Buffer) -> Buffer:
    """Slices along the first dimension as the rows of a contiguous matrix."""
    count = input.shape[0]
    return reshaped(contiguous(input), (count, input.numel // count if count else 0))


def _iota(count: int, like: Buffer) -> Buffer:
    order = empty((count,), dtypes.int64, like)
    launch(iota_kernel, (-(-count // BLOCK),), order, count, BLOCK=BLOCK)
    return order


def unique_rows(alloc: Alloc, input: Buffer) -> tuple[Buffer, Buffer, Buffer]:
    """As `unique_flat`, for slices along the first dimension in lexicographic order."""
    data = _slices(input)
    count, width = data.shape
    order = _iota(count, input)
    if count:
        # Stable sorts from the last column to the first make the order lexicographic.
        for column in range(width - 1, -1, -1):
            keys, ordered = empty((count,), data.dtype, data), empty((count,), dtypes.int64, data)
            chosen = at_least_1d(data.as_strided((count,), (width,), column))
            _follow(keys, chosen, order)
            _follow(ordered, order, flat(order_rows(keys, False)))
            order = ordered
    return _grouped(alloc, data, order, input.shape[1:], alloc((count,), dtypes.int64))


def _follow(out: Buffer, input: Buffer, order: Buffer) -> None:
    """out[i] = input[order[i]]."""
    from tritonnn.kernels.indexing import read_through

    read_through(out, input, [order], (0,))


def unique_consecutive_rows(alloc: Alloc, input: Buffer) -> tuple[Buffer, Buffer, Buffer]:
    """One of each run of equal slices along the first dimension, every slice's run, and the runs' lengths."""
    count = input.shape[0]
    return _grouped(
        alloc, _slices(input), _iota(count, input), input.shape[1:], alloc((count,), dtypes.int64)
    )


_PICK = "i32:16 {} i32:16 i32:16 (i32:16) (i32:16) (i32:16) (i32:16) i32=1 i32=1 i32=1"
COMPILE = [
    *[
        Case(
            pick_kernel, f"*{t} *i64 *{t} *i64 *i64 {_PICK.format(k)}", {"PLACED": p, "BLOCK": BLOCK, "INT64": False},
            label=f"{t}-{p}", wide="" if p else "both",
        )
        for t in ("fp32", "bf16", "i64", "i1") for p, k in ((False, "i32:16"), (True, "i32=1"))
    ],
    *[
        Case(
            median_kernel, f"*i64 *{t} i32 i32:16 (i32) (i32:16) i32=1",
            {"IGNORE": ignore, "COLUMNS": 1024, "INT64": False}, label=f"{t}-{ignore}",
            wide="loads" if t == "fp32" else "",  # no integer is NaN: nothing is read
        )
        for t in ("fp32", "i64") for ignore in (False, True)
    ],
    *[
        Case(
            mode_kernel, f"*i64 *{t} *i64 i32:16 (i32) (i32:16) i32=1", {"COLUMNS": 1024, "INT64": False}, label=t,
            num_warps=8, wide="loads",
        )
        for t in ("fp32", "i64", "bf16")
    ],
    Case(differs_kernel, "*i64 *fp32 *i64 i32:16 i32", {"BLOCK": BLOCK, "INT64": False}, wide="both"),
    Case(
        group_kernel, "*fp32 *i64 *i64 *fp32 *i64 *i64 i32:16 i32 (i32) (i32=1)",
        {"BLOCK": BLOCK, "INT64": False}
    ),
    Case(count_kernel, "*i64 *i64 i32:16 i32", {"BLOCK": BLOCK}, wide="both"),
    Case(iota_kernel, "*i64 i32:16", {"BLOCK": BLOCK}, wide="stores"),
]  # fmt: skip
