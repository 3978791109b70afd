"""The stable sorting permutation of rows of any length and type.

Every element becomes an int64 of an order-preserving 32-bit key and its position (`pack_kernel`), so no two
are equal and an unstable sort of them is a stable sort of the values; and only one array is moved, not keys
and positions. Tiles are sorted by a bitonic network in registers (`tile_kernel`); sorted runs are then merged
in pairs, each element finding its rank by a binary search in the other run (`merge_kernel`): log2(n / TILE)
launches that read and write everything, where a radix sort would have a fixed number. Types of 64 bits take
two such sorts, by the low and then by the high half of the key.
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.strided import merged, offset_of, positions
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.shape import numel

TILE = 1024  # elements that one network sorts: 4 keys of 64 bits a thread of 8 warps
BLOCK = 512
LOW, HIGH, WHOLE = 0, 1, 2


@triton.jit
def order_key(x):
    """An integer of the element's width (at least 32 bits) that sorts like it; NaN is the largest."""
    if x.dtype.is_floating():
        if x.dtype == tl.float64:
            bits = (x + 0.0).to(tl.int64, bitcast=True)  # -0.0 becomes 0.0: they are equal
            # negative numbers sort backwards by their bits: flip all of them but the sign
            key = bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF)
            return tl.where(x != x, 0x7FFFFFFFFFFFFFFF, key)
        else:
            y = x.to(tl.float32)
            bits = (y + 0.0).to(tl.int32, bitcast=True)
            key = bits ^ ((bits >> 31) & 0x7FFFFFFF)
            return tl.where(y != y, 0x7FFFFFFF, key)
    elif x.dtype == tl.int64:
        return x
    elif x.dtype == tl.uint64:  # the upper half of the range comes last
        return (x ^ 0x8000000000000000).to(tl.int64, bitcast=True)
    elif x.dtype == tl.uint32:
        return (x ^ 0x80000000).to(tl.int32, bitcast=True)
    else:
        return x.to(tl.int32)


@triton.jit
def pack_kernel(
    packed_ptr, in_ptr, previous_ptr, numel, n_cols, row_shape, row_strides, stride_in,
    DESCENDING: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """packed[row, j] = key << 32 | j, of the element at `previous[row, j]` where there was a sort before."""
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    row, col = offs // n_cols, offs % n_cols
    source_col = col
    if HALF == 1:
        source_col = tl.load(previous_ptr + offs, mask=mask, other=0) & 0xFFFFFFFF
        if not INT64:
            source_col = source_col.to(tl.int32)
    x = tl.load(in_ptr + offset_of(row, row_shape, row_strides) + source_col * stride_in, mask=mask)
    key = order_key(x)
    if DESCENDING:
        # not the negative: it has no counterpart for the smallest integer
        key = ~key
    if HALF == 0:
        # the low half is unsigned; minus 2**31 it orders the same as a signed number
        key_bits = (key.to(tl.int64) & 0xFFFFFFFF) - 0x80000000
    elif HALF == 1:
        key_bits = key.to(tl.int64) >> 32
    else:
        key_bits = key.to(tl.int64)
    tl.store(packed_ptr + offs, (key_bits << 32) | col.to(tl.int64), mask=mask)


@triton.jit
def tile_kernel(
    data_ptr, n_rows, n_cols, tiles_per_row, ROWS: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr
):
    """Sort every run of COLUMNS elements of every row, in place."""
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    row = (pid // tiles_per_row) * ROWS + tl.arange(0, ROWS)[:, None]
    cols = (pid % tiles_per_row) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    mask = (row < n_rows) & (cols < n_cols)
    # padding sorts behind every element, so the first columns are the row
    x = tl.load(data_ptr + row * n_cols + cols, mask=mask, other=0x7FFFFFFFFFFFFFFF)
    tl.store(data_ptr + row * n_cols + cols, tl.sort(x, 1), mask=mask)


@triton.jit
def merge_kernel(out_ptr, data_ptr, numel, n_cols, run_size, steps, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """Merge neighbouring sorted runs: an element moves by the number of smaller ones in the other run."""
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    col = offs % n_cols
    row_start = offs - col
    own_start = col // run_size * run_size
    other_start = (own_start // run_size ^ 1) * run_size
    x = tl.load(data_ptr + offs, mask=mask, other=0)
    low = tl.minimum(other_start, n_cols)
    high = tl.minimum(other_start + run_size, n_cols)
    other_begin = low
    for _ in range(steps):
        middle = (low + high) // 2
        searching = low < high
        # no two keys are equal, so that < alone puts both runs in one order and every rank is taken once
        is_less = tl.load(data_ptr + row_start + middle, mask=mask & searching, other=0) < x
        low = tl.where(searching & is_less, middle + 1, low)
        high = tl.where(searching & ~is_less, middle, high)
    rank = tl.minimum(own_start, other_start) + (col - own_start) + (low - other_begin)
    tl.store(out_ptr + row_start + rank, x, mask=mask)


@triton.jit
def unpack_kernel(
    order_ptr,
    packed_ptr,
    previous_ptr,
    numel,
    n_cols,
    CHAINED: tl.constexpr,
    BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):
    """order[row, j] = position in its row of the j-th smallest element."""
    offs = positions(BLOCK, INT64)
    mask = offs < numel
    # the low half of a key is where its element came from
    position = tl.load(packed_ptr + offs, mask=mask, other=0) & 0xFFFFFFFF
    if CHAINED:
        position = tl.load(previous_ptr + (offs - offs % n_cols) + position, mask=mask, other=0) & 0xFFFFFFFF
    tl.store(order_ptr + offs, position, mask=mask)


def _sorted(packed: Buffer, rows: int, n: int) -> Buffer:
    """The rows of distinct int64 sorted; overwrites its input."""
    int64 = needs_int64(packed)
    columns = min(TILE, power_of_2(n))
    block_rows = max(1, min(TILE // columns, power_of_2(rows)))
    tiles = -(-n // columns)
    launch(
        tile_kernel, (-(-rows // block_rows) * tiles,), packed, rows, n, tiles, ROWS=block_rows,
        COLUMNS=columns,
        INT64=int64, num_warps=8,
    )  # fmt: skip
    if tiles == 1:
        return packed
    count, run = rows * n, columns
    data, scratch = packed, empty(packed.shape, packed.dtype, packed)
    while run < n:
        launch(
            merge_kernel, (-(-count // BLOCK),), scratch, data, count, n, run, run.bit_length(), BLOCK=BLOCK,
            INT64=int64,
        )  # fmt: skip
        data, scratch = scratch, data
        run *= 2
    return data


def order_rows(input: Buffer, descending: bool) -> Buffer:
    """The stable sorting permutation of the last dimension, as a contiguous (rows, n) int64 buffer."""
    n = input.shape[-1]
    shape, strides = merged(input.shape[:-1], input.strides[:-1])
    rows = numel(shape)
    count = rows * n
    grid = (-(-count // BLOCK),)
    int64 = needs_int64(input) or count >= 1 << 31
    previous: Any = None
    halves = (LOW, HIGH) if input.dtype.itemsize == 8 else (WHOLE,)
    order = empty((rows, n), dtypes.int64, input)
    for half in halves:
        packed = empty((rows, n), dtypes.int64, input)
        launch(
            pack_kernel, grid, packed, input, packed if previous is None else previous, count, n, shape,
            strides, input.strides[-1], DESCENDING=descending, HALF=half, BLOCK=BLOCK, INT64=int64,
        )  # fmt: skip
        packed = _sorted(packed, rows, n)
        # the low half's sort only gives the order in which the high half's takes the elements
        if half != LOW:
            launch(
                unpack_kernel, grid, order, packed, packed if previous is None else previous, count, n,
                CHAINED=half == HIGH, BLOCK=BLOCK, INT64=int64,
            )  # fmt: skip
        previous = packed
    return order


COMPILE = [
    *[
        Case(
            pack_kernel, f"*i64 *{t} *i64 i32:16 i32:16 (i32:16) (i32:16) i32=1",
            {"DESCENDING": d, "HALF": half, "BLOCK": BLOCK, "INT64": False}, label=f"{t}-{d}-{half}",
            wide="stores",
        )
        for t, half in (("fp32", 2), ("bf16", 2), ("i32", 2), ("u8", 2), ("i1", 2), ("fp64", 0), ("fp64", 1),
        ("i64", 1))
        for d in (False, True)
    ],
    *[
        Case(tile_kernel, "*i64 i32:16 i32:16 i32", {"ROWS": r, "COLUMNS": c, "INT64": False}, num_warps=8,
             wide="both" if c > 1 else "")
        for r, c in ((1, 1024), (64, 16), (1024, 1))
    ],
    *[
        Case(merge_kernel, "*i64 *i64 i32:16 i32:16 i32:16 i32", {"BLOCK": BLOCK, "INT64": w}, wide="loads")
        for w in (False, True)
    ],
    *[
        Case(unpack_kernel,
        "*i64 *i64 *i64 i32:16 i32:16", {"CHAINED": c, "BLOCK": BLOCK, "INT64": False}, wide="both")
        for c in (False, True)
    ],
]  # fmt: skip
