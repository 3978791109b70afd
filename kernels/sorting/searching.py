"""Searches in sorted sequences: searchsorted and bucketize."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.bounds import check_bounds
from tritonnn.kernels.device.strided import at_least_1d, expand, merged, offset_of, positions
from tritonnn.kernels.launch.launch import launch, needs_int64
from tritonnn.kernels.launch.replay import replayed

BLOCK = 512


@triton.jit
def search_kernel(
    out, sequence, input, sorter, n, length, steps, shape, out_strides, in_strides, seq_strides,
    sorter_strides, seq_step, sorter_step, RIGHT: tl.constexpr, SORTED: tl.constexpr, BLOCK: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[i] = number of elements of the row's sequence that come before input[i]."""
    i = positions(BLOCK, INT64)
    mask = i < n
    value = tl.load(input + offset_of(i, shape, in_strides), mask=mask)
    row = sequence + offset_of(i, shape, seq_strides)
    order = sorter + offset_of(i, shape, sorter_strides)
    low = tl.zeros((BLOCK,), tl.int64)
    high = tl.zeros((BLOCK,), tl.int64) + length
    for _ in range(steps):
        middle = (low + high) // 2
        open_ = mask & (low < high)
        at = middle
        if not SORTED:
            at = tl.load(order + middle * sorter_step, mask=open_, other=0).to(tl.int64)
        other = tl.load(row + at * seq_step, mask=open_)
        # a NaN is neither above a value nor equal to it: the search goes on behind it
        ends = (other > value) if RIGHT else (other >= value)
        low = tl.where(open_ & ~ends, middle + 1, low)
        high = tl.where(open_ & ends, middle, high)
    tl.store(out + offset_of(i, shape, out_strides), low.to(out.dtype.element_ty), mask=mask)


@replayed
def search(out: Buffer, sorted_sequence: Buffer, input: Buffer, sorter: Buffer | None, right: bool) -> None:
    """Where each value would be inserted along the last dimension to keep it sorted."""
    length = sorted_sequence.shape[-1]
    if sorter is not None:
        check_bounds("searchsorted: sorter", sorter, sorter.ndim - 1, length, RuntimeError)
    n = out.numel
    rows = expand(sorted_sequence.as_strided(
        (*sorted_sequence.shape[:-1], 1), (*sorted_sequence.strides[:-1], 0)
    ), out.shape or (1,))  # fmt: skip
    order = rows if sorter is None else expand(
        sorter.as_strided((*sorter.shape[:-1], 1), (*sorter.strides[:-1], 0)), out.shape or (1,)
    )  # fmt: skip
    out, input = at_least_1d(out), at_least_1d(input)
    shape, *strides = merged(out.shape, out.strides, input.strides, rows.strides, order.strides)
    launch(
        search_kernel, (-(-n // BLOCK),), out, sorted_sequence, input,
        sorted_sequence if sorter is None else sorter, n, length, length.bit_length(), shape, *strides,
        sorted_sequence.strides[-1], 1 if sorter is None else sorter.strides[-1], RIGHT=right,
        SORTED=sorter is None, BLOCK=BLOCK, INT64=needs_int64(out, input, sorted_sequence),
    )  # fmt: skip


COMPILE = [
    *[
        Case(
            search_kernel, f"*i64 *{t} *{t} *i64 i32:16 i32 i32 (i32:16) (i32=1) (i32=1) (i32:16) (i32:16) i32=1 i32=1",
            {"RIGHT": right, "SORTED": in_order, "BLOCK": BLOCK, "INT64": False},
            label=f"{t}-{right}-{in_order}", wide="both",
        )
        for t in ("fp32", "i64", "fp64") for right in (False, True) for in_order in (False, True)
    ],
]  # fmt: skip
