"""Running products and log-sum-exps of complex numbers along a dimension, and products over dimensions.

The rows along the dimension are walked from chunk to chunk, in float64 whatever the type is. A log-sum-exp goes element
by element: its imaginary part goes on from that of the larger summand, and which that is depends on the order.
"""

from __future__ import annotations

from collections.abc import Sequence

import triton
from triton import language as tl

from tritonnn.buffer import Buffer
from tritonnn.kernels import complex_functions as _complex
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.device.moving import complex_parts
from tritonnn.kernels.device.strided import contiguous, last, offset_of, permute, reshaped, row_geometry
from tritonnn.kernels.launch.launch import launch, needs_int64
from tritonnn.kernels.tables.reduction import power_of_2
from tritonnn.shape import numel

PROD, LOGSUMEXP = 1, 2
CHUNK = 512


@triton.jit
def _multiply(a, ai, b, bi):
    """A product; with 1 the other factor, whose infinities a product with 0i would turn to NaN."""
    re, im = _complex.product(a, ai, b, bi)
    left, right = (a == 1.0) & (ai == 0.0), (b == 1.0) & (bi == 0.0)
    return tl.where(left, b, tl.where(right, a, re)), tl.where(left, bi, tl.where(right, ai, im))


@triton.jit
def _log_add(a, ai, b, bi):
    """log(e**a + e**b), of equal real parts from b on; of two that are -inf, a."""
    later = a <= b
    high, high_i = tl.where(later, b, a), tl.where(later, bi, ai)
    low, low_i = tl.where(later, a, b), tl.where(later, ai, bi)
    re, im = _complex.exp(low - high, low_i - high_i)
    re, im = _complex.log1p(re, im)
    re, im = high + re, high_i + im
    # equal infinities, whose difference says nothing
    ends = (low == high) & (tl.abs(low) == float("inf"))
    x, xi = _complex.exp(low, low_i)
    y, yi = _complex.exp(high, high_i)
    x, xi = _complex.log(x + y, xi + yi)
    re = tl.where(ends, tl.where(low < 0.0, low, x), re)
    im = tl.where(ends, tl.where(low < 0.0, low_i, xi), im)
    nowhere = (a != a) | (ai != ai) | (b != b) | (bi != bi)
    return tl.where(nowhere, float("nan"), re), tl.where(nowhere, float("nan"), im)


@triton.jit
def complex_scan_kernel(
    out_ptr, in_ptr, n_rows, n_cols, row_shape, out_row_strides, in_row_strides, stride_out, stride_in,
    KIND: tl.constexpr, TOTAL: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out[row, j] = combination of in[row, 0..j].

    Args:
        out_ptr: first real number of the output; strides are in elements, of two numbers each.
        TOTAL: only the combination of the whole row is stored, as out[row, 0].
        COLUMNS: of a chunk; 1 where the order of combinations counts.
    """
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    row = pid * ROWS + tl.arange(0, ROWS)[:, None]
    row_mask = row < n_rows
    in_ptrs = in_ptr + offset_of(row, row_shape, in_row_strides) * 2
    out_ptrs = out_ptr + offset_of(row, row_shape, out_row_strides) * 2
    cols = tl.arange(0, COLUMNS)[None, :]
    if INT64:
        cols = cols.to(tl.int64)
    # what changes no result
    nothing = 1.0 if KIND == 1 else float("-inf")
    carry, carry_i = tl.full((ROWS, 1), nothing, tl.float64), tl.zeros((ROWS, 1), tl.float64)
    for _ in range(0, n_cols, COLUMNS):
        mask = row_mask & (cols < n_cols)
        x = tl.load(in_ptrs + cols * stride_in * 2, mask=mask, other=nothing).to(tl.float64)
        xi = tl.load(in_ptrs + cols * stride_in * 2 + 1, mask=mask, other=0.0).to(tl.float64)
        if KIND == 1:
            x, xi = tl.associative_scan((x, xi), 1, _multiply)
            x, xi = _multiply(carry, carry_i, x, xi)
            # Triton cannot index a register tile: the last column is summed out of zeros
            is_last = (tl.arange(0, COLUMNS)[None, :] == COLUMNS - 1) & row_mask
            carry = tl.sum(tl.where(is_last, x, 0.0), 1, keep_dims=True)
            carry_i = tl.sum(tl.where(is_last, xi, 0.0), 1, keep_dims=True)
        else:
            x, xi = _log_add(carry, carry_i, x, xi)
            carry, carry_i = x, xi
        if not TOTAL:
            kind = out_ptr.dtype.element_ty
            tl.store(out_ptrs + cols * stride_out * 2, x.to(kind), mask=mask)
            tl.store(out_ptrs + cols * stride_out * 2 + 1, xi.to(kind), mask=mask)
        cols += COLUMNS
    if TOTAL:
        tl.store(out_ptrs, carry.to(out_ptr.dtype.element_ty), mask=row_mask)
        tl.store(out_ptrs + 1, carry_i.to(out_ptr.dtype.element_ty), mask=row_mask)


def complex_scan(kind: int, out: Buffer, input: Buffer, dim: int) -> None:
    """Scan along a dimension."""
    _rows(kind, False, last(out, dim), last(input, dim))


def complex_product(out: Buffer, input: Buffer, dims: Sequence[int]) -> None:
    """out = product of input over dims; with or without them."""
    kept = [d for d in range(input.ndim) if d not in dims]
    strides = out.strides if out.ndim == len(kept) else tuple([out.strides[d] for d in kept])
    shape = tuple([input.shape[d] for d in kept])
    rows = permute(input, (*kept, *dims))
    if len(dims) != 1:  # several dimensions as one
        rows = reshaped(contiguous(rows), (*shape, numel([input.shape[d] for d in dims])))
    _rows(PROD, True, out.as_strided((*shape, 1), (*strides, 1)), rows)


def _rows(kind: int, total: bool, out: Buffer, input: Buffer) -> None:
    """Scan the last dimension."""
    n = input.shape[-1]
    like = out.as_strided((*out.shape[:-1], n), (*out.strides[:-1], 0 if total else out.strides[-1]))
    rows, shape, out_rows, in_rows = row_geometry(like, input)
    if not rows or not (n or total):
        return
    columns = 1 if kind == LOGSUMEXP else min(CHUNK, power_of_2(max(n, 1)))
    height = max(1, min(CHUNK // columns, power_of_2(rows), 64))
    first, second = complex_parts(out), complex_parts(input)
    launch(
        complex_scan_kernel, (-(-rows // height),), first, second, rows, n, shape, out_rows, in_rows,
        out.strides[-1], input.strides[-1], KIND=kind, TOTAL=total, ROWS=height, COLUMNS=columns,
        INT64=needs_int64(first, second),
    )  # fmt: skip


def _case(kind: int, total: bool, t: str, rows: int, columns: int, spills: int = 0) -> Case:
    return Case(
        complex_scan_kernel, f"*{t} *{t} i32 i32:16 (i32:16) (i32:16) (i32:16) i32=1 i32=1",
        {"KIND": kind, "TOTAL": total, "ROWS": rows, "COLUMNS": columns, "INT64": False},
        label=f"{kind}-{total}-{t}-{rows}x{columns}", spills=spills,
    )  # fmt: skip


COMPILE = [
    *[_case(PROD, total, t, 1, CHUNK) for total in (False, True) for t in ("fp32", "fp64")],
    _case(PROD, False, "fp32", 16, 32), _case(LOGSUMEXP, False, "fp32", 64, 1, spills=64),
]  # fmt: skip
