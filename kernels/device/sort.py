"""The stable sorting permutation of rows of any length and type.

Every element becomes an int64 of an order-preserving 32-bit key and its position, so no two are equal and an
unstable sort of them is a stable sort of the values. Tiles are sorted by a bitonic network; sorted runs are
then merged in pairs, each element finding its place by a binary search in the other run. Types of 64 bits
take two such sorts, by the low and then by the high half of the key.
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

TILE = 1024
BLOCK = 512
LOW, HIGH, WHOLE = 0, 1, 2


@triton.jit
def order_key(x):
    """An integer of the element's width (at least 32 bits) that sorts like it; NaN is the largest."""
    if x.dtype.is_floating():
        if x.dtype == tl.float64:
            bits = (x + 0.0).to(tl.int64, bitcast=True)  # -0.0 becomes 0.0: they are equal
            key = bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF)
            return tl.where(x != x, 0x7FFFFFFFFFFFFFFF, key)
        else:
            y = x.to(tl.float32)
            bits = (y + 0.0).to(tl.int32, bitcast=True)
            key = bits ^ ((bits >> 31) & 0x7FFFFFFF)
            return tl.where(y != y, 0x7FFFFFFF, key)
    elif x.dtype == tl.int64:
        return x
    else:
        return x.to(tl.int32)


@triton.jit
def pack_kernel(
    packed, input, previous, count, n, row_shape, row_strides, step,
    DESCENDING: tl.constexpr, HALF: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """packed[row, j] = key << 32 | j, of the element at `previous[row, j]` where there was a sort before."""
    i = positions(BLOCK, INT64)
    mask = i < count
    row, j = i // n, i % n
    at = j
    if HALF == 1:
        at = tl.load(previous + i, mask=mask, other=0) & 0xFFFFFFFF
        if not INT64:
            at = at.to(tl.int32)
    x = tl.load(input + offset_of(row, row_shape, row_strides) + at * step, mask=mask)
    key = order_key(x)
    if DESCENDING:
        key = ~key
    if HALF == 0:
        wide = (key.to(tl.int64) & 0xFFFFFFFF) - 0x80000000
    elif HALF == 1:
        wide = key.to(tl.int64) >> 32
    else:
        wide = key.to(tl.int64)
    tl.store(packed + i, (wide << 32) | j.to(tl.int64), mask=mask)


@triton.jit
def tile_kernel(data, rows, n, tiles, ROWS: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr):
    """Sort every run of COLUMNS elements of every row, in place."""
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    row = (pid // tiles) * ROWS + tl.arange(0, ROWS)[:, None]
    j = (pid % tiles) * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    mask = (row < rows) & (j < n)
    x = tl.load(data + row * n + j, mask=mask, other=0x7FFFFFFFFFFFFFFF)
    tl.store(data + row * n + j, tl.sort(x, 1), mask=mask)


@triton.jit
def merge_kernel(out, data, count, n, run, steps, BLOCK: tl.constexpr, INT64: tl.constexpr):
    """Merge neighbouring sorted runs: an element moves by the number of smaller ones in the other run."""
    i = positions(BLOCK, INT64)
    mask = i < count
    j = i % n
    base = i - j
    own = j // run * run
    other = (own // run ^ 1) * run
    x = tl.load(data + i, mask=mask, other=0)
    low = tl.minimum(other, n)
    high = tl.minimum(other + run, n)
    first = low
    for _ in range(steps):
        middle = (low + high) // 2
        open_ = low < high
        less = tl.load(data + base + middle, mask=mask & open_, other=0) < x
        low = tl.where(open_ & less, middle + 1, low)
        high = tl.where(open_ & ~less, middle, high)
    place = tl.minimum(own, other) + (j - own) + (low - first)
    tl.store(out + base + place, x, mask=mask)


@triton.jit
def unpack_kernel(
    order, packed, previous, count, n, CHAINED: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr
):
    """order[row, j] = position in its row of the j-th smallest element."""
    i = positions(BLOCK, INT64)
    mask = i < count
    at = tl.load(packed + i, mask=mask, other=0) & 0xFFFFFFFF
    if CHAINED:
        at = tl.load(previous + (i - i % n) + at, mask=mask, other=0) & 0xFFFFFFFF
    tl.store(order + i, at, mask=mask)


def _power(n: int) -> int:
    return 1 << max(0, n - 1).bit_length()


def _sorted(packed: Buffer, rows: int, n: int) -> Buffer:
    """The rows of distinct int64 sorted; overwrites its input."""
    wide = needs_int64(packed)
    columns = min(TILE, _power(n))
    height = max(1, min(TILE // columns, _power(rows)))
    tiles = -(-n // columns)
    launch(
        tile_kernel, (-(-rows // height) * tiles,), packed, rows, n, tiles, ROWS=height, COLUMNS=columns,
        INT64=wide, num_warps=8,
    )  # fmt: skip
    if tiles == 1:
        return packed
    count, run = rows * n, columns
    data, spare = packed, empty(packed.shape, packed.dtype, packed)
    while run < n:
        launch(
            merge_kernel,
            (-(-count // BLOCK),),
            spare,
            data,
            count,
            n,
            run,
            run.bit_length(),
            BLOCK=BLOCK,
            INT64=wide,
        )
        data, spare = spare, data
        run *= 2
    return data


def order_rows(input: Buffer, descending: bool) -> Buffer:
    """The stable sorting permutation of the last dimension, as a contiguous (rows, n) int64 buffer."""
    n = input.shape[-1]
    shape, strides = merged(input.shape[:-1], input.strides[:-1])
    rows = 1
    for extent in shape:
        rows *= extent
    count = rows * n
    grid = (-(-count // BLOCK),)
    wide = needs_int64(input) or count >= 1 << 31
    previous: Any = None
    halves = (LOW, HIGH) if input.dtype.itemsize == 8 else (WHOLE,)
    order = empty((rows, n), dtypes.int64, input)
    for half in halves:
        packed = empty((rows, n), dtypes.int64, input)
        launch(
            pack_kernel, grid, packed, input, packed if previous is None else previous, count, n, shape,
            strides, input.strides[-1], DESCENDING=descending, HALF=half, BLOCK=BLOCK, INT64=wide,
        )  # fmt: skip
        packed = _sorted(packed, rows, n)
        if half != LOW:
            launch(
                unpack_kernel, grid, order, packed, packed if previous is None else previous, count, n,
                CHAINED=half == HIGH, BLOCK=BLOCK, INT64=wide,
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
        Case(unpack_kernel, "*i64 *i64 *i64 i32:16 i32:16", {"CHAINED": c, "BLOCK": BLOCK, "INT64": False}, wide="both")
        for c in (False, True)
    ],
]  # fmt: skip
