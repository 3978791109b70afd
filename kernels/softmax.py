"""Softmax along one dimension, and its gradient.

- A row that fits into registers (ONCE): one pass, several rows a program where they are short. Every element
  is read and written once, which is all that counts: the kernel is bound by memory.
- Longer rows: two reads. The first keeps a maximum and a sum of exponentials up to date on the way (online
  softmax; `device/exponentials.py`), where maximum, sum and result one after the other would read three times.
  Rows of contiguous matrices whose length is no multiple of 16 bytes are walked from the last aligned element
  before them on (SHIFTED), so that all accesses but those of the last step stay 16 bytes wide.
- Along a dimension that is not contiguous the tile is as wide as it takes to read whole lines of memory.

Backward needs only the result: dx = y (dy - sum(dy y)), of log_softmax dx = dy - exp(y) sum(dy).

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.dtypes import bfloat16, float32, float64
from tritonnn.kernels.check.case import Case, by_warp, elements, elements_of_long_rows
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.exponentials import exp_for, exp_in_sum, row_sums
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, offsets_from, positions, wide
from tritonnn.kernels.launch.launch import Plan, Slot, needs_int64, planned, threads_of_a_warp
from tritonnn.kernels.reduction import logsumexp
from tritonnn.kernels.tables.reduction import choose_group, choose_rows, merge, power_of_2
from tritonnn.shape import numel

LONGEST_ROW = 32768
LONGEST_PAIR = 16384  # rows of which two are held
LONG_BLOCK = 8192  # elements of a step over rows that are longer: 32 a thread of 8 warps


@triton.jit
def _normalised(x, row_max, row_sum, LOG: tl.constexpr, dtype: tl.constexpr):
    """Softmax of a tile, of its rows' maxima and 1 / sums; or its logarithm, of the logarithms of sums."""
    x = x - row_max
    if LOG:
        return convert(x - row_sum, dtype)
    else:
        return convert(exp_for(x, dtype) * row_sum, dtype)


@triton.jit
def _normalise_block(
    out_ptrs, in_ptrs, load_mask, store_mask, row_max, row_sum, LOG: tl.constexpr, ACC: tl.constexpr
):  # fmt: skip
    x = convert(tl.load(in_ptrs, mask=load_mask), ACC)
    tl.store(out_ptrs, _normalised(x, row_max, row_sum, LOG, out_ptrs.dtype.element_ty), mask=store_mask)


@triton.jit
def _long_rows(
    out_ptrs, in_ptrs, row_mask, stride_in, stride_out, n_cols, lead, LOG: tl.constexpr, ACC: tl.constexpr,
    REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """Softmax by two reads; in_ptrs and out_ptrs (BLOCK_K, 1) start `lead` elements before the rows."""
    row_max, row_sum, _, _ = row_sums(
        in_ptrs, row_mask, stride_in, n_cols, None, lead, None, False, ACC, REPEATS, NEIGHBOURS, BLOCK_K, BLOCK_R,
        INT64,
    )  # fmt: skip
    # a row with an infinity has no softmax: inf - inf
    row_sum = tl.where(row_max == float("inf"), float("nan"), row_sum)
    row_sum = (tl.log(row_sum) if LOG else 1.0 / row_sum)[:, None]
    row_max = row_max[:, None]
    begin, behind = 0, n_cols
    if lead is not None:
        begin, behind = BLOCK_R, n_cols + lead
        places = offsets_from(0, BLOCK_R, INT64)[None, :]
        _normalise_block(
            out_ptrs + places, in_ptrs + places, None, places >= lead, row_max, row_sum, LOG, ACC
        )
    end = begin + tl.maximum(behind - begin, 0) // BLOCK_R * BLOCK_R
    for start in range(begin, end, BLOCK_R):
        places = offsets_from(start, BLOCK_R, INT64)[None, :]
        mask = None if BLOCK_K == 1 else row_mask
        _normalise_block(
            out_ptrs + places * stride_out,
            in_ptrs + places * stride_in,
            mask,
            mask,
            row_max,
            row_sum,
            LOG,
            ACC,
        )
    if end < behind:
        places = offsets_from(end, BLOCK_R, INT64)[None, :]
        mask = row_mask & (places < behind)
        _normalise_block(
            out_ptrs + places * stride_out,
            in_ptrs + places * stride_in,
            mask,
            mask,
            row_max,
            row_sum,
            LOG,
            ACC,
        )


@triton.jit
def softmax_kernel(
    out_ptr, in_ptr, row_shape, row_strides_in, row_strides_out, stride_in, stride_out, n_rows, n_cols,
    LOG: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr, SHIFTED: tl.constexpr, REPEATS: tl.constexpr,
    NEIGHBOURS: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i, :] = softmax or log_softmax of in[i, :].

    Args:
        row_shape: extents of the other dimensions; row_strides_in, row_strides_out: their strides.
        stride_in: distance of neighbours along the dimension; stride_out: in the output.
        n_rows: number of rows; n_cols: elements of one.
        LOG: the logarithm is wanted. ACC: the type computed in. ONCE: a row fits into the tile.
        SHIFTED: rows start anywhere, and are walked from the last aligned element before them on.
        REPEATS, NEIGHBOURS: which elements of the tile a thread holds.
    """
    rows = positions(BLOCK_K, INT64)
    row_mask = (rows < n_rows)[:, None]
    in_ptrs = in_ptr + offset_of(rows, row_shape, row_strides_in)[:, None]
    out_ptrs = out_ptr + offset_of(rows, row_shape, row_strides_out)[:, None]
    DTYPE: tl.constexpr = out_ptr.dtype.element_ty
    if ONCE:
        cols = offsets_from(0, BLOCK_R, INT64)[None, :]
        mask = row_mask & (cols < n_cols)
        x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), ACC)
        x = tl.where(mask, x, float("-inf"))
        # the maximum cancels; without it exp would overflow from 89 on in float32
        x = x - tl.max(x, axis=1)[:, None]
        if LOG:
            y = x - tl.log(tl.sum(exp_in_sum(x), axis=1))[:, None]
        else:
            numerator = exp_for(x, DTYPE)
            # of the longest rows exponentials are made twice: held beside the row they would take more registers
            row_sum = tl.sum(exp_in_sum(x) if BLOCK_K * BLOCK_R >= 16384 else numerator, axis=1)
            y = numerator * (1.0 / row_sum)[:, None]
        tl.store(out_ptrs + cols * stride_out, convert(y, DTYPE), mask=mask)
    else:
        lead = None
        if SHIFTED:
            # the same for input and output
            offset = wide(tl.program_id(0), INT64) * row_strides_in[0]
            aligned = offset // NEIGHBOURS * NEIGHBOURS
            lead = offset - aligned
            in_ptrs = in_ptr + aligned + tl.zeros((1, 1), tl.int32)
            out_ptrs = out_ptr + aligned + tl.zeros((1, 1), tl.int32)
        _long_rows(
            out_ptrs, in_ptrs, row_mask, stride_in, stride_out, n_cols, lead, LOG, ACC, REPEATS, NEIGHBOURS, BLOCK_K,
            BLOCK_R, INT64,
        )  # fmt: skip


@triton.jit
def _input_grad(dy, y, row_sum, LOG: tl.constexpr, DTYPE: tl.constexpr):
    """dx of a tile, from its rows' sums."""
    if LOG:
        # of any y, as the op may be called with any
        return dy - (exp_in_sum(y) if DTYPE.primitive_bitwidth == 16 else _math.exp(y)) * row_sum
    else:
        return (dy - row_sum) * y


@triton.jit
def softmax_backward_kernel(
    dx_ptr, dy_ptr, y_ptr, row_shape, row_strides_dy, row_strides_y, row_strides_dx, stride_dy, stride_y,
    stride_dx,
    n_rows, n_cols, LOG: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dx = y (dy - sum(dy y)) of softmax or dy - exp(y) sum(dy) of log_softmax, from the result y.

    Arguments as of `softmax_kernel`.
    """
    rows = positions(BLOCK_K, INT64)
    row_mask = (rows < n_rows)[:, None]
    dy_ptrs = dy_ptr + offset_of(rows, row_shape, row_strides_dy)[:, None]
    y_ptrs = y_ptr + offset_of(rows, row_shape, row_strides_y)[:, None]
    dx_ptrs = dx_ptr + offset_of(rows, row_shape, row_strides_dx)[:, None]
    if ONCE:
        cols = offsets_from(0, BLOCK_R, INT64)[None, :]
        mask = row_mask & (cols < n_cols)
        # zeros add nothing to the row's sum
        dy = convert(tl.load(dy_ptrs + cols * stride_dy, mask=mask, other=0.0), ACC)
        y = convert(tl.load(y_ptrs + cols * stride_y, mask=mask, other=0.0), ACC)
        row_sum = tl.sum(dy if LOG else dy * y, axis=1)[:, None]
        dx = convert(_input_grad(dy, y, row_sum, LOG, dx_ptr.dtype.element_ty), dx_ptr.dtype.element_ty)
        tl.store(dx_ptrs + cols * stride_dx, dx, mask=mask)
    else:
        acc = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, n_cols, BLOCK_R):
            cols = offsets_from(start, BLOCK_R, INT64)[None, :]
            mask = row_mask & (cols < n_cols)
            dy = convert(tl.load(dy_ptrs + cols * stride_dy, mask=mask, other=0.0), ACC)
            if LOG:
                acc += dy
            else:
                acc += dy * convert(tl.load(y_ptrs + cols * stride_y, mask=mask, other=0.0), ACC)
        row_sum = tl.sum(acc, axis=1)[:, None]
        for start in range(0, n_cols, BLOCK_R):
            cols = offsets_from(start, BLOCK_R, INT64)[None, :]
            mask = row_mask & (cols < n_cols)
            dy = convert(tl.load(dy_ptrs + cols * stride_dy, mask=mask, other=0.0), ACC)
            y = convert(tl.load(y_ptrs + cols * stride_y, mask=mask, other=0.0), ACC)
            dx = convert(_input_grad(dy, y, row_sum, LOG, dx_ptr.dtype.element_ty), dx_ptr.dtype.element_ty)
            tl.store(dx_ptrs + cols * stride_dx, dx, mask=mask)


class Walk(NamedTuple):
    """A tile of rows by elements, whether a row fits into it, and warps."""

    rows: int
    block: int
    once: bool
    warps: int


def choose_walk(rows: int, length: int, contiguous: bool, longest: int) -> Walk:
    """The tile for `rows` rows of `length` elements.

    Args:
        rows: number of rows.
        length: elements of one.
        contiguous: whether a row's elements are neighbours in memory (else those of neighbouring rows are).
        longest: what a program can hold of one row.
    """
    if contiguous:
        if length <= longest:
            rows_per_program, block, warps = choose_rows(rows, length)
            return Walk(rows_per_program, block, True, warps)
        return Walk(1, LONG_BLOCK, False, 8)
    # 32 rows side by side: in float32 a line of 128 bytes
    block_rows = min(32, power_of_2(rows))
    block = power_of_2(length)
    if block * block_rows <= longest:
        while block_rows > 8 and block * block_rows > LONG_BLOCK:
            block_rows //= 2
        return Walk(block_rows, block, True, 8 if block * block_rows > 4096 else 4)
    return Walk(block_rows, max(1, LONG_BLOCK // block_rows), False, 8)


def shift(
    walk: Walk,
    length: int,
    strides: tuple[int, ...],
    row_strides: Sequence[Sequence[int]],
    dtypes: Sequence[Any],
) -> tuple[Walk, bool]:
    """The walk over rows of which one may not fit, and whether from the last aligned element before each of them on.

    Args:
        walk: how rows that start at multiples of 16 bytes are walked.
        length: elements of one.
        strides: for each operand the distance of neighbours in a row; row_strides: those of rows.
        dtypes: their types.
    """
    block = LONG_BLOCK // 2  # the addresses of its last step, of one element each, take registers
    first = row_strides[0]
    if walk.once or walk.rows > 1 or length < block or len(first) > 1 or set(strides) != {1}:
        return walk, False
    if len({*map(tuple, row_strides)}) > 1 or len({*dtypes}) > 1 or first[0] * dtypes[0].itemsize % 16 == 0:
        return walk, False
    return walk._replace(block=block), True


def read_again(walk: Walk) -> Walk:
    """The walk over rows that are read a second time in any case: in steps that take few registers."""
    long = walk.once and walk.rows == 1 and walk.block > LONG_BLOCK
    return Walk(1, LONG_BLOCK, False, 8) if long else walk


def softmax(out: Buffer, input: Buffer, dim: int) -> None:
    """exp(x) / sum(exp(x)) along `dim`."""
    _forward(out, input, dim, False)


def log_softmax(out: Buffer, input: Buffer, dim: int) -> None:
    """x - log(sum(exp(x))) along `dim`."""
    _forward(out, input, dim, True)


def softmax_backward(out: Buffer, grad: Buffer, result: Buffer, dim: int) -> None:
    """y (g - sum(g y)) along `dim`, from the result y of softmax."""
    _backward(out, grad, result, dim, False)


def log_softmax_backward(out: Buffer, grad: Buffer, result: Buffer, dim: int) -> None:
    """g - exp(y) sum(g) along `dim`, from the result y of log_softmax."""
    _backward(out, grad, result, dim, True)


def logsumexp_dims(out: Buffer, input: Buffer, dim: Sequence[int], keepdim: bool) -> None:
    """log(sum(exp(x))) over dim."""
    logsumexp(out, input, tuple(dim))


def _rows(dim: int, *buffers: Buffer) -> tuple[Any, tuple[int, ...], int]:
    """The other dimensions merged (extents, strides per buffer), the strides along `dim`, its extent."""
    first = buffers[0]
    if not first.shape:
        return ((1,), *[(1,)] * len(buffers)), (1,) * len(buffers), 1
    others = [d for d in range(first.ndim) if d != dim]
    dims = [(first.shape[d], *[b.strides[d] for b in buffers]) for d in others]
    return merge(dims, 1 + len(buffers)), tuple([b.strides[dim] for b in buffers]), first.shape[dim]


@planned
def _forward(out: Buffer, input: Buffer, dim: int, log: bool) -> Callable[..., None]:
    (shape, row_strides_in, row_strides_out), (stride_in, stride_out), length = _rows(dim, input, out)
    rows = numel(shape)
    along_rows = abs(stride_in) <= abs(row_strides_in[-1]) or rows == 1
    walk = choose_walk(rows, length, along_rows, LONGEST_ROW)
    walk, shifted = shift(
        walk, length, (stride_in, stride_out), (row_strides_in, row_strides_out), (input.dtype, out.dtype)
    )
    itemsize = min(input.dtype.itemsize, out.dtype.itemsize)
    group = choose_group(walk.rows, walk.block, walk.warps, along_rows, itemsize, threads_of_a_warp())
    return Plan(
        softmax_kernel, (-(-rows // walk.rows) if length else 0,), Slot(0), Slot(1), shape, row_strides_in,
        row_strides_out, stride_in, stride_out, rows, length, LOG=log,
        ACC=tl.float64 if input.dtype is float64 else tl.float32,
        ONCE=walk.once, SHIFTED=shifted, REPEATS=group[0], NEIGHBOURS=group[1], BLOCK_K=walk.rows,
        BLOCK_R=walk.block, INT64=needs_int64(out, input) or rows + walk.rows >= 2**31, num_warps=walk.warps,
    )  # fmt: skip


@planned
def _backward(out: Buffer, grad: Buffer, result: Buffer, dim: int, log: bool) -> Callable[..., None]:
    (shape, row_strides_dy, row_strides_y, row_strides_dx), strides, length = _rows(dim, grad, result, out)
    rows = numel(shape)
    walk = choose_walk(rows, length, abs(strides[1]) <= abs(row_strides_y[-1]) or rows == 1, LONGEST_PAIR)
    return Plan(
        softmax_backward_kernel, (-(-rows // walk.rows) if length else 0,), Slot(0), Slot(1), Slot(2), shape,
        row_strides_dy, row_strides_y, row_strides_dx, *strides, rows, length, LOG=log,
        ACC=tl.float64 if result.dtype is float64 else tl.float32,
        ONCE=walk.once, BLOCK_K=walk.rows, BLOCK_R=walk.block,
        INT64=needs_int64(out, grad, result) or rows + walk.rows >= 2**31, num_warps=walk.warps,
    )  # fmt: skip


def _case(kernel: Any, kind: str, length: int, log: bool, contiguous: bool = True) -> list[Case]:
    backward = kernel is softmax_backward_kernel
    walk, shifted = choose_walk(8192, length, contiguous, LONGEST_PAIR if backward else LONGEST_ROW), False
    dtype = bfloat16 if kind == "bf16" else float32
    if contiguous and not backward:
        walk, shifted = shift(walk, length, (1,), ((length,),), (dtype,))
    buffers = 3 if backward else 2
    size = "i32=1" if length == 1 else "i32" if length % 16 else "i32:16"
    row_strides, stride = (f"({size})", "i32=1") if contiguous else ("(i32:16 i32=1)", "i32:16")
    shape = "(i32:16)" if contiguous else "(i32:16 i32:16)"
    nbytes = buffers * (2 if kind == "bf16" else 4)
    once, long = (
        elements(walk.rows * walk.block, nbytes),
        elements_of_long_rows(nbytes - nbytes / buffers, nbytes, 2),
    )
    constants = {"LOG": log, "ACC": tl.float32, "ONCE": walk.once, "BLOCK_K": walk.rows, "BLOCK_R": walk.block,
                 "INT64": False}  # fmt: skip
    case = Case(
        kernel,
        " ".join(
            [f"*{kind}"] * buffers + [shape] + [row_strides] * buffers + [stride] * buffers + ["i32:16", size]
        ),
        constants if backward else {"SHIFTED": shifted, **constants},
        label=f"{'log,' if log else ''}{kind},{length}{'' if contiguous else ',channels'}",
        num_warps=walk.warps, wide="both" if length % 16 == 0 or shifted else "",
        work=(once if walk.once else long) if contiguous and length >= 512 and not (backward and log) else None,
    )  # fmt: skip
    return [case] if backward else by_warp(case, contiguous, dtype.itemsize)


def COMPILE() -> list[Case]:
    """Every tile of rows and of columns, and rows of two passes."""
    cases = []
    for kernel in (softmax_kernel, softmax_backward_kernel):
        longest = LONGEST_ROW if kernel is softmax_kernel else LONGEST_PAIR
        for length in (*[1 << k for k in range(longest.bit_length())], 131072):
            cases += _case(kernel, "fp32", length, False)
        for length in (1024, longest, 131072):
            cases += _case(kernel, "bf16", length, False)
        for length in (1024, 131072):
            cases += _case(kernel, "fp32", length, True)
        walks = {choose_walk(8192, 1 << k, False, longest): 1 << k for k in range(longest.bit_length())}
        for length in walks.values():
            cases += _case(kernel, "fp32", length, False, contiguous=False)
    return cases + _case(softmax_kernel, "bf16", 50257, True) + _case(softmax_kernel, "fp32", 50257, False)
