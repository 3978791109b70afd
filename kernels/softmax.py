"""Softmax along one dimension, and its gradient.

- A row that fits into registers (ONCE): one pass, several rows a program where they are short. Every element
  is read and written once, which is all that counts: the kernel is bound by memory.
- Longer rows: two reads. The first keeps a maximum and a sum of exponentials up to date on the way (online
  softmax), where maximum, sum and result one after the other would read three times:

      m_new = max(m_i, x);  l_i = l_i exp(m_i - m_new) + exp(x - m_new)

  m_i and l_i are per lane, so that the loop has no reduction across lanes; one at the end joins them.
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
from tritonnn.dtypes import float64
from tritonnn.kernels.check.case import Case, elements, elements_of_long_rows
from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, offsets_from, positions
from tritonnn.kernels.launch.launch import Plan, Slot, needs_int64, planned
from tritonnn.kernels.reduction import logsumexp
from tritonnn.kernels.tables.reduction import choose_rows, merge, power_of_2
from tritonnn.shape import numel

LONGEST_ROW = 32768
LONGEST_PAIR = 16384  # rows of which two are held
LONG_BLOCK = 8192  # elements of a step over rows that are longer: 16 a thread of 16 warps


@triton.jit
def softmax_kernel(
    out_ptr, in_ptr, row_shape, row_strides_in, row_strides_out, stride_in, stride_out, n_rows, n_cols,
    LOG: tl.constexpr, ACC: tl.constexpr, ONCE: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[i, :] = softmax or log_softmax of in[i, :].

    Args:
        row_shape: extents of the other dimensions; row_strides_in, row_strides_out: their strides.
        stride_in: distance of neighbours along the dimension; stride_out: in the output.
        n_rows: number of rows; n_cols: elements of one.
        LOG: the logarithm is wanted. ACC: the type computed in. ONCE: a row fits into the tile.
    """
    rows = positions(BLOCK_K, INT64)
    row_mask = (rows < n_rows)[:, None]
    in_ptrs = in_ptr + offset_of(rows, row_shape, row_strides_in)[:, None]
    out_ptrs = out_ptr + offset_of(rows, row_shape, row_strides_out)[:, None]
    if ONCE:
        cols = offsets_from(0, BLOCK_R, INT64)[None, :]
        mask = row_mask & (cols < n_cols)
        x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), ACC)
        x = tl.where(mask, x, float("-inf"))
        # the maximum cancels; without it exp would overflow from 89 on in float32
        x = x - tl.max(x, axis=1)[:, None]
        numerator = _math.exp(x)
        denominator = tl.sum(numerator, axis=1)[:, None]
        y = x - tl.log(denominator) if LOG else numerator / denominator
        tl.store(out_ptrs + cols * stride_out, convert(y, out_ptr.dtype.element_ty), mask=mask)
    else:
        m_i = tl.full((BLOCK_K, BLOCK_R), float("-inf"), ACC)
        l_i = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, n_cols, BLOCK_R):
            cols = offsets_from(start, BLOCK_R, INT64)[None, :]
            mask = row_mask & (cols < n_cols)
            x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), ACC)
            x = tl.where(mask, x, float("-inf"))
            m_new = _math.maximum(m_i, x)
            # a lane that has only seen -inf: -inf - -inf would be NaN
            m_safe = tl.where(m_new == float("-inf"), 0.0, m_new)
            l_i = l_i * _math.exp(m_i - m_safe) + _math.exp(x - m_safe)
            m_i = m_new
        row_max = tl.max(m_i, axis=1)[:, None]
        # lanes without any element have m_i = -inf and add 0
        denominator = tl.sum(l_i * _math.exp(m_i - row_max), axis=1)[:, None]
        for start in range(0, n_cols, BLOCK_R):
            cols = offsets_from(start, BLOCK_R, INT64)[None, :]
            mask = row_mask & (cols < n_cols)
            x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), ACC) - row_max
            y = x - tl.log(denominator) if LOG else _math.exp(x) / denominator
            tl.store(out_ptrs + cols * stride_out, convert(y, out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _input_grad(dy, y, row_sum, LOG: tl.constexpr):
    """dx of a tile, from its rows' sums."""
    if LOG:
        return dy - _math.exp(y) * row_sum
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
        dx = convert(_input_grad(dy, y, row_sum, LOG), dx_ptr.dtype.element_ty)
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
            dx = convert(_input_grad(dy, y, row_sum, LOG), dx_ptr.dtype.element_ty)
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
        return Walk(1, LONG_BLOCK, False, 16)
    # 32 rows side by side: in float32 a line of 128 bytes
    block_rows = min(32, power_of_2(rows))
    block = power_of_2(length)
    if block * block_rows <= longest:
        while block_rows > 8 and block * block_rows > LONG_BLOCK:
            block_rows //= 2
        return Walk(block_rows, block, True, 8 if block * block_rows > 4096 else 4)
    return Walk(block_rows, max(1, LONG_BLOCK // block_rows), False, 8)


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
    walk = choose_walk(rows, length, abs(stride_in) <= abs(row_strides_in[-1]) or rows == 1, LONGEST_ROW)
    return Plan(
        softmax_kernel, (-(-rows // walk.rows) if length else 0,), Slot(0), Slot(1), shape, row_strides_in,
        row_strides_out, stride_in, stride_out, rows, length, LOG=log,
        ACC=tl.float64 if input.dtype is float64 else tl.float32,
        ONCE=walk.once, BLOCK_K=walk.rows, BLOCK_R=walk.block,
        INT64=needs_int64(out, input) or rows + walk.rows >= 2**31, num_warps=walk.warps,
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


def _case(kernel: Any, kind: str, length: int, log: bool, contiguous: bool = True) -> Case:
    backward = kernel is softmax_backward_kernel
    walk = choose_walk(8192, length, contiguous, LONGEST_PAIR if backward else LONGEST_ROW)
    buffers = 3 if backward else 2
    size = "i32=1" if length == 1 else "i32" if length % 16 else "i32:16"
    row_strides, stride = (f"({size})", "i32=1") if contiguous else ("(i32:16 i32=1)", "i32:16")
    shape = "(i32:16)" if contiguous else "(i32:16 i32:16)"
    nbytes = buffers * (2 if kind == "bf16" else 4)
    once, long = (
        elements(walk.rows * walk.block, nbytes),
        elements_of_long_rows(nbytes - nbytes / buffers, nbytes, 2),
    )
    return Case(
        kernel,
        " ".join(
            [f"*{kind}"] * buffers + [shape] + [row_strides] * buffers + [stride] * buffers + ["i32:16", size]
        ),
        {"LOG": log, "ACC": tl.float32, "ONCE": walk.once, "BLOCK_K": walk.rows, "BLOCK_R": walk.block,
         "INT64": False},
        label=f"{'log,' if log else ''}{kind},{length}{'' if contiguous else ',channels'}",
        num_warps=walk.warps, wide="both" if length % 16 == 0 else "",
        work=(once if walk.once else long) if contiguous and length >= 512 and not (backward and log) else None,
    )  # fmt: skip


def COMPILE() -> list[Case]:
    """Every tile of rows and of columns, and rows of two passes."""
    cases = []
    for kernel in (softmax_kernel, softmax_backward_kernel):
        longest = LONGEST_ROW if kernel is softmax_kernel else LONGEST_PAIR
        cases += [_case(kernel, "fp32", 1 << k, False) for k in range(longest.bit_length())]
        cases.append(_case(kernel, "fp32", 131072, False))
        cases += [_case(kernel, "bf16", n, False) for n in (1024, longest)]
        cases += [_case(kernel, "fp32", n, True) for n in (1024, 131072)]
        walks = {choose_walk(8192, 1 << k, False, longest): 1 << k for k in range(longest.bit_length())}
        cases += [_case(kernel, "fp32", length, False, contiguous=False) for length in walks.values()]
    return cases
