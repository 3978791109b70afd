"""Order along a dimension: sort, topk, kthvalue, median, mode, unique. NaN counts as the largest value.

All start from the stable sorting permutation of `device/sort.py`; what is wanted is then picked through it:
ranks (`pick_kernel`), the rank of the median (`median_kernel`) or of the end of the longest run
(`mode_kernel`), or runs of equal slices (`differs_kernel`, a scan, `group_kernel`). The permutation is the
one expensive step, and its results do not depend on how it was made.
"""

from __future__ import annotations

from collections.abc import Callable

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
    row_geometry,
)  # fmt: skip
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.scan import cumsum

BLOCK = 512


@triton.jit
def pick_kernel(
    values_ptr, indices_ptr, in_ptr, order_ptr, rank_ptr, numel, k, n_cols, start, row_shape,
    value_row_strides, index_row_strides, in_row_strides,
    stride_value, stride_index, stride_in, PLACED: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """values[row, c], indices[row, c] = the element of rank start + c of each row, or of rank rank_ptr[row]."""
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    row, col = offs // k, offs % k
    rank = start + col.to(tl.int64)
    if PLACED:
        rank = tl.load(rank_ptr + row, mask=mask, other=0)
    index = tl.load(order_ptr + row * n_cols + rank, mask=mask, other=0)
    x = tl.load(in_ptr + offset_of(row, row_shape, in_row_strides) + index * stride_in, mask=mask)
    tl.store(
        indices_ptr + offset_of(row, row_shape, index_row_strides) + col * stride_index, index, mask=mask
    )
    tl.store(values_ptr + offset_of(row, row_shape, value_row_strides) + col * stride_value, x, mask=mask)


@triton.jit
def median_kernel(
    rank_ptr, in_ptr, n_rows, n_cols, row_shape, in_row_strides, stride_in,
    IGNORE: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """rank_ptr[row] = rank of the lower median; the first NaN where there is one, or leaving NaN out."""
    row = tl.program_id(0)
    if INT64:
        row = row.to(tl.int64)
    in_ptrs = in_ptr + offset_of(row, row_shape, in_row_strides)
    acc_count = tl.zeros((COLUMNS,), tl.int64)
    cols = tl.arange(0, COLUMNS)
    if INT64:
        cols = cols.to(tl.int64)
    for _ in range(0, n_cols, COLUMNS):
        x = comparable(tl.load(in_ptrs + cols * stride_in, mask=cols < n_cols, other=0))
        # NaN, sorted last, does not count: the first one stands at this rank
        acc_count += ((x == x) & (cols < n_cols)).to(tl.int64)
        cols += COLUMNS
    count = tl.sum(acc_count, 0)
    rank = tl.maximum(count - 1, 0) // 2
    if not IGNORE:
        rank = tl.where(count < n_cols, count, rank)
    tl.store(rank_ptr + row, rank)


@triton.jit
def _longer(a, i, b, j):
    """The larger length, the first of equals."""
    take = (b > a) | ((b == a) & (j < i))
    return tl.where(take, b, a), tl.where(take, j, i)


@triton.jit
def mode_kernel(
    rank_ptr,
    in_ptr,
    order_ptr,
    n_cols,
    row_shape,
    in_row_strides,
    stride_in,
    COLUMNS: tl.constexpr,
    INT64: tl.constexpr,
):
    """rank_ptr[row] = rank at which the longest run of equal elements of the sorted row ends."""
    row = tl.program_id(0)
    if INT64:
        row = row.to(tl.int64)
    in_ptrs = in_ptr + offset_of(row, row_shape, in_row_strides)
    order_ptrs = order_ptr + row * n_cols
    cols = tl.arange(0, COLUMNS).to(tl.int64)
    run_start = tl.zeros((1,), tl.int64)
    best_length = tl.full((1,), -1, tl.int64)
    best_rank = tl.zeros((1,), tl.int64)
    for _ in range(0, n_cols, COLUMNS):
        mask = cols < n_cols
        x = comparable(
            tl.load(in_ptrs + tl.load(order_ptrs + cols, mask=mask, other=0) * stride_in, mask=mask)
        )
        has_previous = mask & (cols > 0)
        previous = tl.load(order_ptrs + cols - 1, mask=has_previous, other=0)
        x_previous = comparable(tl.load(in_ptrs + previous * stride_in, mask=has_previous))
        starts = tl.where(mask & ((cols == 0) | (x != x_previous)), cols, 0)
        # a running maximum gives every element the start of its run, that of a run from the block before
        # included
        starts = tl.maximum(tl.associative_scan(starts, 0, _maximum), run_start)
        length, rank = tl.reduce((tl.where(mask, cols - starts, -1), cols), 0, _longer, keep_dims=True)
        best_length, best_rank = _longer(best_length, best_rank, length, rank)
        run_start = tl.max(starts, 0, keep_dims=True)
        cols += COLUMNS
    tl.store(rank_ptr + row + tl.arange(0, 1), best_rank)


@triton.jit
def _maximum(a, b):
    return tl.maximum(a, b)


@triton.jit
def differs_kernel(first_ptr, data_ptr, order_ptr, n_slices, width, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """first_ptr[i] = 1 where slice order[i] of a contiguous array is not slice order[i - 1]."""
    offs = positions(BLOCK, INT64)
    mask = offs < n_slices
    has_previous = mask & (offs > 0)
    offset = tl.load(order_ptr + offs, mask=mask, other=0) * width
    previous_offset = tl.load(order_ptr + offs - 1, mask=has_previous, other=0) * width
    differs = offs == 0
    for c in range(width):
        a = comparable(tl.load(data_ptr + offset + c, mask=mask))
        b = comparable(tl.load(data_ptr + previous_offset + c, mask=has_previous))
        # NaN is not even itself: every one is a group of its own
        differs = differs | (a != b)
    tl.store(first_ptr + offs, differs.to(tl.int64), mask=mask)


@triton.jit
def group_kernel(
    unique_ptr, starts_ptr, inverse_ptr, data_ptr, order_ptr, group_ptr, numel, width, inverse_shape,
    inverse_strides,
    BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Write each slice's group, and each group's first slice and start; `group_ptr` counts from 1."""
    offs = positions(BLOCK, INT64)
    slice_ = offs // width
    col = offs % width
    mask = offs < numel
    group = tl.load(group_ptr + slice_, mask=mask, other=0) - 1
    index = tl.load(order_ptr + slice_, mask=mask, other=0)
    starts_group = mask & (
        (slice_ == 0) | (tl.load(group_ptr + slice_ - 1, mask=mask & (slice_ > 0), other=0) != group + 1)
    )
    tl.store(inverse_ptr + offset_of(index, inverse_shape, inverse_strides), group, mask=mask & (col == 0))
    tl.store(
        unique_ptr + group * width + col,
        tl.load(data_ptr + index * width + col, mask=starts_group),
        mask=starts_group,
    )
    tl.store(starts_ptr + group, slice_.to(tl.int64), mask=starts_group & (col == 0))


@triton.jit
def count_kernel(counts_ptr, starts_ptr, n_groups, n_slices, BLOCK: tl.constexpr):
    """counts[g] = distance from the start of group g to that of the next."""
    group = positions(BLOCK, True)
    mask = group < n_groups
    start = tl.load(starts_ptr + group, mask=mask, other=0)
    end = tl.load(starts_ptr + group + 1, mask=group + 1 < n_groups, other=0)
    tl.store(counts_ptr + group, tl.where(group + 1 < n_groups, end, n_slices) - start, mask=mask)


@triton.jit
def iota_kernel(out, n, BLOCK: tl.constexpr):
    """out[i] = i."""
    i = positions(BLOCK, True)
    tl.store(out + i, i, mask=i < n)


def _pick(
    values: Buffer, indices: Buffer, input: Buffer, order: Buffer, start: int = 0, rank: Buffer | None = None
) -> None:
    """Write the elements of rank `start` on (or `rank` of each row); all have the dimension last."""
    k, n = values.shape[-1], input.shape[-1]
    rows, shape, *strides = row_geometry(values, indices, input)
    launch(
        pick_kernel, (-(-rows * k // BLOCK),), values, indices, input, order,
        order if rank is None else rank, rows * k, k, n, start, shape, *strides, values.strides[-1],
        indices.strides[-1], input.strides[-1], PLACED=rank is not None, BLOCK=BLOCK,
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
    rows, shape, in_rows = row_geometry(source)
    rank = _place(source, rows)
    launch(
        median_kernel, (rows,), rank, source, rows, source.shape[-1], shape, in_rows, source.strides[-1],
        IGNORE=ignore_nan, COLUMNS=min(1024, _power(source.shape[-1])), INT64=needs_int64(source),
    )  # fmt: skip
    _pick(*targets, source, order_rows(source, False), rank=rank)


@replayed
def mode(values: Buffer, indices: Buffer, input: Buffer, dim: int, keepdim: bool) -> None:
    """The most frequent value along `dim`, the smallest of several, and where it occurs last."""
    if not values.numel:
        return
    targets = _kept(values, input, dim, keepdim), _kept(indices, input, dim, keepdim)
    source = last(input, dim)
    rows, shape, in_rows = row_geometry(source)
    rank, order = _place(source, rows), order_rows(source, False)
    launch(
        mode_kernel, (rows,), rank, source, order, source.shape[-1], shape, in_rows, source.strides[-1],
        COLUMNS=min(1024, _power(source.shape[-1])), INT64=needs_int64(source), num_warps=8,
    )  # fmt: skip
    _pick(*targets, source, order, rank=rank)


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
            pick_kernel, f"*{t} *i64 *{t} *i64 *i64 {_PICK.format(k)}",
            {"PLACED": p, "BLOCK": BLOCK, "INT64": False},
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
            mode_kernel, f"*i64 *{t} *i64 i32:16 (i32) (i32:16) i32=1", {"COLUMNS": 1024, "INT64": False},
            label=t,
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
