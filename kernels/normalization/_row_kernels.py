"""The kernels of layer and RMS normalisation; `normalization.py` launches them.

With x_hat = (x - mean) rstd and y = x_hat w + b (RMS: no mean and no b):

    dx = rstd (dy w - x_hat c1 - c2),  c1 = mean(dy w x_hat),  c2 = mean(dy w)
    dw = sum over rows of dy x_hat,    db = sum over rows of dy

Forward, `row_norm_kernel`: a program holds whole rows in registers (several of them where they are short)
and reads and writes every element once; longer rows are walked three times. The variance is the mean of
(x - mean)^2 in a second pass, in registers or over the row again: mean(x^2) - mean^2 from one pass cancels
where the mean is large.

Backward, `row_norm_backward_kernel`: a persistent grid, about as many programs as the device keeps busy;
each walks over many rows and keeps its sums for dw and db in registers, which `add_parts_kernel` adds up in
a fixed order. That is one read of dy and x for all three gradients, and no atomics. Rows too long for
registers get dx from `long_row_backward_kernel`, dw and db from `column_sums_kernel`.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from, positions, wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _affine(y, w_ptr, b_ptr, cols, mask):
    """y * weight + bias, each of them if it is there."""
    if w_ptr is not None:
        y = y * convert(tl.load(w_ptr + cols, mask=mask, other=0.0), y.dtype)
    if b_ptr is not None:
        y = y + convert(tl.load(b_ptr + cols, mask=mask, other=0.0), y.dtype)
    return y


@triton.jit
def row_norm_kernel(
    y_ptr, mean_ptr, rstd_ptr, x_ptr, w_ptr, b_ptr, stride_x, M, N, eps: fp64,
    ACC: tl.constexpr, ONCE: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """y[i, :] = (x - mean) / std * weight + bias; without `mean_ptr` x / root mean square * weight.

    Args:
        mean_ptr, rstd_ptr: what is saved of each row; no mean: RMS normalisation.
        M, N: rows and columns. stride_x: distance of the input's rows; those of the output are N apart.
        ONCE: a row fits into the tile. ACC: the type computed in.
    """
    rows = positions(BLOCK_K, INT64)
    row_mask = rows < M
    x_ptrs = x_ptr + rows[:, None] * stride_x
    y_ptrs = y_ptr + rows[:, None] * N
    n = tl.full((BLOCK_K,), N, ACC)
    cols = offsets_from(0, BLOCK_R, INT64)[None, :]
    if ONCE:
        mask = row_mask[:, None] & (cols < N)
        # 0 adds nothing to either sum; only the subtraction of the mean has to be masked again
        x = convert(tl.load(x_ptrs + cols, mask=mask, other=0.0), ACC)
        if mean_ptr is not None:
            mean = tl.sum(x, axis=1) / n
            tl.store(mean_ptr + rows, mean, mask=row_mask)
            x = tl.where(mask, x - mean[:, None], 0.0)
        rstd = 1.0 / _math.sqrt(tl.sum(x * x, axis=1) / n + eps.to(ACC))
        tl.store(rstd_ptr + rows, rstd, mask=row_mask)
        # weight and bias are the same for all rows: their mask has only columns
        y = _affine(x * rstd[:, None], w_ptr, b_ptr, cols, cols < N)
        tl.store(y_ptrs + cols, convert(y, y_ptr.dtype.element_ty), mask=mask)
    else:
        mean = tl.zeros((BLOCK_K,), ACC)
        if mean_ptr is not None:
            # a sum for each lane: one reduction across them, behind the loop
            acc = tl.zeros((BLOCK_K, BLOCK_R), ACC)
            for start in range(0, N, BLOCK_R):
                mask = row_mask[:, None] & (start + cols < N)
                acc += convert(tl.load(x_ptrs + start + cols, mask=mask, other=0.0), ACC)
            mean = tl.sum(acc, axis=1) / n
            tl.store(mean_ptr + rows, mean, mask=row_mask)
        acc_squares = tl.zeros((BLOCK_K, BLOCK_R), ACC)
        for start in range(0, N, BLOCK_R):
            mask = row_mask[:, None] & (start + cols < N)
            x = convert(tl.load(x_ptrs + start + cols, mask=mask, other=0.0), ACC)
            # what lies outside the row became -mean by the subtraction, and would count
            x = tl.where(mask, x - mean[:, None], 0.0)
            acc_squares += x * x
        rstd = 1.0 / _math.sqrt(tl.sum(acc_squares, axis=1) / n + eps.to(ACC))
        tl.store(rstd_ptr + rows, rstd, mask=row_mask)
        for start in range(0, N, BLOCK_R):
            mask = row_mask[:, None] & (start + cols < N)
            x = convert(tl.load(x_ptrs + start + cols, mask=mask, other=0.0), ACC)
            y = _affine((x - mean[:, None]) * rstd[:, None], w_ptr, b_ptr, start + cols, start + cols < N)
            tl.store(y_ptrs + start + cols, convert(y, y_ptr.dtype.element_ty), mask=mask)


@triton.jit
def _load_dy_x_hat(dy_ptrs, x_ptrs, mean, rstd, cols, mask, ACC: tl.constexpr, CENTRED: tl.constexpr):
    """The incoming gradient, and the normalised input computed again: less traffic than saving it."""
    # a gradient of 0 outside: what x_hat is there counts in no sum
    dy = convert(tl.load(dy_ptrs + cols, mask=mask, other=0.0), ACC)
    x = convert(tl.load(x_ptrs + cols, mask=mask, other=0.0), ACC)
    if CENTRED:
        x = x - mean[:, None]
    return dy, x * rstd[:, None]


@triton.jit
def row_norm_backward_kernel(
    dx_ptr, partial_ptr, dy_ptr, x_ptr, mean_ptr, rstd_ptr, w_ptr, stride_dy, stride_x, M, N,
    WANT_INPUT: tl.constexpr, WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, STAGES: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Gradients of rows that fit into the tile, and this program's sums for weight and bias.

    Args:
        partial_ptr: (program, 2, N): sums of dy x_hat and of dy.
        stride_dy, stride_x: distances of the rows of dy and x.
        STAGES: steps whose rows are in shared memory or on their way. Others as of `row_norm_kernel`.
    """
    pid = tl.program_id(0)
    programs = tl.num_programs(0)
    CENTRED: tl.constexpr = mean_ptr is not None
    cols = offsets_from(0, BLOCK_R, INT64)[None, :]
    col_mask_2d = cols < N
    if w_ptr is not None:
        w = convert(tl.load(w_ptr + cols, mask=col_mask_2d, other=0.0), ACC)
    acc_dw = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    acc_db = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    n = tl.full((BLOCK_K,), N, ACC)
    # the sums stay (BLOCK_K, BLOCK_R) in the loop, and are reduced behind it; rows of the next steps are on their way
    for block in tl.range(pid, tl.cdiv(M, BLOCK_K), programs, num_stages=STAGES):
        rows = block * BLOCK_K + tl.arange(0, BLOCK_K)
        if INT64:
            rows = rows.to(tl.int64)
        row_mask = rows < M
        mask = row_mask[:, None] & col_mask_2d
        mean = tl.zeros((BLOCK_K,), ACC)
        if CENTRED:
            mean = tl.load(mean_ptr + rows, mask=row_mask, other=0.0)
        rstd = tl.load(rstd_ptr + rows, mask=row_mask, other=0.0)
        dy, x_hat = _load_dy_x_hat(
            dy_ptr + rows[:, None] * stride_dy, x_ptr + rows[:, None] * stride_x, mean, rstd, cols, mask, ACC,
            CENTRED,
        )  # fmt: skip
        if WANT_WEIGHT:
            acc_dw += dy * x_hat
        if WANT_BIAS:
            acc_db += dy
        if WANT_INPUT:
            if w_ptr is not None:
                dy = dy * w
            scale = rstd / n
            dx = dy * rstd[:, None]
            if CENTRED:
                dx = dx - (tl.sum(dy, axis=1) * scale)[:, None]
            dx = convert(dx - x_hat * (tl.sum(dy * x_hat, axis=1) * scale)[:, None], dx_ptr.dtype.element_ty)
            tl.store(dx_ptr + rows[:, None] * N + cols, dx, mask=mask)
    partial_ptrs = partial_ptr + pid.to(tl.int64) * 2 * N + tl.arange(0, BLOCK_R)
    col_mask = tl.arange(0, BLOCK_R) < N
    if WANT_WEIGHT:
        tl.store(partial_ptrs, tl.sum(acc_dw, axis=0), mask=col_mask)
    if WANT_BIAS:
        tl.store(partial_ptrs + N, tl.sum(acc_db, axis=0), mask=col_mask)


@triton.jit
def long_row_backward_kernel(
    dx_ptr, dy_ptr, x_ptr, mean_ptr, rstd_ptr, w_ptr, stride_dy, stride_x, N,
    ACC: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dx of one row that does not fit into registers: two walks. Arguments as above."""
    row = tl.program_id(0) + tl.zeros((1,), tl.int32)
    if INT64:
        row = row.to(tl.int64)
    CENTRED: tl.constexpr = mean_ptr is not None
    mean = tl.zeros((1,), ACC)
    if CENTRED:
        mean = tl.load(mean_ptr + row)
    rstd = tl.load(rstd_ptr + row)
    dy_ptrs = dy_ptr + row[:, None] * stride_dy
    x_ptrs = x_ptr + row[:, None] * stride_x
    cols = offsets_from(0, BLOCK_R, INT64)[None, :]
    acc_dy_x_hat = tl.zeros((1, BLOCK_R), ACC)
    acc_dy = tl.zeros((1, BLOCK_R), ACC)
    for start in range(0, N, BLOCK_R):
        dy, x_hat = _load_dy_x_hat(dy_ptrs, x_ptrs, mean, rstd, start + cols, start + cols < N, ACC, CENTRED)
        dy = _affine(dy, w_ptr, None, start + cols, start + cols < N)
        acc_dy_x_hat += dy * x_hat
        acc_dy += dy
    n = tl.full((1,), N, ACC)
    # the means that dx subtracts, over the whole row: hence two walks
    c1 = (tl.sum(acc_dy_x_hat, axis=1) / n)[:, None]
    c2 = (tl.sum(acc_dy, axis=1) / n)[:, None]
    for start in range(0, N, BLOCK_R):
        mask = start + cols < N
        dy, x_hat = _load_dy_x_hat(dy_ptrs, x_ptrs, mean, rstd, start + cols, mask, ACC, CENTRED)
        dx = _affine(dy, w_ptr, None, start + cols, mask) - x_hat * c1
        if CENTRED:
            dx = dx - c2
        dx = convert(dx * rstd[:, None], dx_ptr.dtype.element_ty)
        tl.store(dx_ptr + row[:, None] * N + start + cols, dx, mask=mask)


@triton.jit
def column_sums_kernel(
    partial_ptr, dy_ptr, x_ptr, mean_ptr, rstd_ptr, stride_dy, stride_x, M, N, rows_per_program,
    ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_C: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """partial[rows of a program, 2, column] = sums of dy x_hat and of dy. Arguments as above."""
    CENTRED: tl.constexpr = mean_ptr is not None
    cols = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    if INT64:
        cols = cols.to(tl.int64)
    first_row = wide(tl.program_id(1), INT64) * rows_per_program
    acc_dw = tl.zeros((BLOCK_K, BLOCK_C), ACC)
    acc_db = tl.zeros((BLOCK_K, BLOCK_C), ACC)
    for start in range(first_row, tl.minimum(first_row + rows_per_program, M), BLOCK_K):
        rows = start + tl.arange(0, BLOCK_K)
        if INT64:
            rows = rows.to(tl.int64)
        row_mask = (rows < M) & (rows < first_row + rows_per_program)
        mask = row_mask[:, None] & (cols < N)[None, :]
        mean = tl.zeros((BLOCK_K,), ACC)
        if CENTRED:
            mean = tl.load(mean_ptr + rows, mask=row_mask, other=0.0)
        rstd = tl.load(rstd_ptr + rows, mask=row_mask, other=0.0)
        dy, x_hat = _load_dy_x_hat(
            dy_ptr + rows[:, None] * stride_dy, x_ptr + rows[:, None] * stride_x, mean, rstd, cols[None, :],
            mask, ACC, CENTRED,
        )  # fmt: skip
        acc_dw += dy * x_hat
        acc_db += dy
    partial_ptrs = partial_ptr + tl.program_id(1).to(tl.int64) * 2 * N + cols
    tl.store(partial_ptrs, tl.sum(acc_dw, axis=0), mask=cols < N)
    tl.store(partial_ptrs + N, tl.sum(acc_db, axis=0), mask=cols < N)


@triton.jit
def add_parts_kernel(
    dw_ptr, db_ptr, partial_ptr, n_partials, N,
    WANT_WEIGHT: tl.constexpr, WANT_BIAS: tl.constexpr, ACC: tl.constexpr,
    BLOCK_P: tl.constexpr, BLOCK_C: tl.constexpr,
):  # fmt: skip
    """Add up the programs' sums (n_partials, 2, N)."""
    cols = tl.program_id(0) * BLOCK_C + tl.arange(0, BLOCK_C)
    acc_dw = tl.zeros((BLOCK_P, BLOCK_C), ACC)
    acc_db = tl.zeros((BLOCK_P, BLOCK_C), ACC)
    for start in range(0, n_partials, BLOCK_P):
        # lanes take the programs' sums in the order of their numbers: always the same additions
        p = start + tl.arange(0, BLOCK_P)
        mask = (p < n_partials)[:, None] & (cols < N)[None, :]
        partial_ptrs = partial_ptr + p.to(tl.int64)[:, None] * 2 * N + cols[None, :]
        if WANT_WEIGHT:
            acc_dw += tl.load(partial_ptrs, mask=mask, other=0.0)
        if WANT_BIAS:
            acc_db += tl.load(partial_ptrs + N, mask=mask, other=0.0)
    if WANT_WEIGHT:
        dw = convert(tl.sum(acc_dw, axis=0), dw_ptr.dtype.element_ty)
        tl.store(dw_ptr + cols, dw, mask=cols < N)
    if WANT_BIAS:
        tl.store(db_ptr + cols, convert(tl.sum(acc_db, axis=0), db_ptr.dtype.element_ty), mask=cols < N)
