"""Running sums, products, extrema and log-sum-exp along a dimension.

The tensor is seen as rows along the scanned dimension.

- Many rows: `scan_kernel` with CARRY, a program carries its rows from chunk to chunk. One read, one write.
- Few long rows would leave most of the machine idle, so they take three phases: `total_kernel` makes the
  total of every chunk, the totals are scanned (by the same code, recursively), and every chunk is scanned
  from the total before it. Two reads, one write. A single pass with look-back (Merrill and Garland, 2016)
  would read once, but programs would wait for each other, which nothing promises to end, and add in varying
  order.
- `extremum_kernel`: cummax and cummin, a position beside every value.

The order of additions is fixed.
"""

from __future__ import annotations

from typing import Any

import triton
from triton import language as tl

from tritonnn import dtypes
from tritonnn.buffer import Buffer
from tritonnn.kernels.check.case import Case
from tritonnn.kernels.complex_scan import complex_scan
from tritonnn.kernels.device.pointwise import compute_type, convert
from tritonnn.kernels.device.strided import last, offset_of, parts, row_geometry
from tritonnn.kernels.launch.launch import empty, launch, needs_int64
from tritonnn.kernels.launch.replay import replayed
from tritonnn.kernels.tables.reduction import power_of_2

SUM, PROD, LOGSUMEXP, MAX, MIN = 0, 1, 2, 3, 4

# A row of more than two chunks is split over programs unless there are rows to fill the machine.
CHUNK = 2048
# Every step of a scan of exponentials is long code: fewer elements a thread keep it in the instruction cache.
# Extrema carry a place beside each value.
SHORTER_CHUNK = {LOGSUMEXP: 512, MAX: 1024, MIN: 1024}
ENOUGH_ROWS = 256


@triton.jit
def _log_add(a, b):
    """log(e**a + e**b)."""
    # the exponent is never positive: no overflow
    high = tl.maximum(a, b)
    # Equal infinities would give inf - inf.
    return tl.where(a == b, a + 0.6931471805599453, high + tl.log(1.0 + tl.exp(-tl.abs(a - b))))


@triton.jit
def _later_max(a, i, b, j):
    """The larger, the later of equals, NaN above all; j < 0 marks padding."""
    take = ((b >= a) | (b != b)) & (j >= 0)
    return tl.where(take, b, a), tl.where(take, j, i)


@triton.jit
def _later_min(a, i, b, j):
    take = ((b <= a) | (b != b)) & (j >= 0)
    return tl.where(take, b, a), tl.where(take, j, i)


@triton.jit
def _multiply(a, b):
    return a * b


@triton.jit
def _combine(a, b, KIND: tl.constexpr):
    """Two results as one, the earlier first."""
    if KIND == 0:
        return a + b
    elif KIND == 1:
        return a * b
    else:
        return _log_add(a, b)


@triton.jit
def _scan(x, KIND: tl.constexpr):
    """The running results along the rows of a tile."""
    if KIND == 0:
        return tl.cumsum(x, 1)
    elif KIND == 1:
        return tl.cumprod(x, 1)
    else:
        return tl.associative_scan(x, 1, _log_add)


@triton.jit
def _total(x, KIND: tl.constexpr):
    """The result of each row of a tile, as a column."""
    if KIND == 0:
        return tl.sum(x, 1, keep_dims=True)
    elif KIND == 1:
        return tl.reduce(x, 1, _multiply, keep_dims=True)
    else:
        return tl.reduce(x, 1, _log_add, keep_dims=True)


@triton.jit
def _identity(KIND: tl.constexpr):
    """What changes no result."""
    if KIND == 0:
        return 0
    elif KIND == 1:
        return 1
    else:
        return float("-inf")


@triton.jit
def _program_rows(pid, n_rows, ROWS: tl.constexpr, INT64: tl.constexpr):
    """The rows of a program, as a column, and which of them there are."""
    if INT64:
        pid = pid.to(tl.int64)
    row = pid * ROWS + tl.arange(0, ROWS)[:, None]
    return row, row < n_rows


@triton.jit
def scan_kernel(
    out_ptr, in_ptr, prefix_ptr, n_rows, n_cols, row_shape, out_row_strides, in_row_strides, stride_out,
    stride_in, chunks,
    KIND: tl.constexpr, COMPUTE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, CARRY: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out[row, j] = combination of in[row, 0..j].

    Args:
        out_ptr: the output; element (row, j) lies at offset_of(row, row_shape, out_row_strides) + j *
        stride_out.
        prefix_ptr: inclusive scan of the chunks' totals, (rows, chunks), where each program scans one chunk.
        CARRY: a program walks all chunks of its rows.
    """
    # rows to be split are few, their chunks any number: those go along the longer axis of the grid
    row, row_mask = _program_rows(tl.program_id(0 if CARRY else 1), n_rows, ROWS, INT64)
    in_ptrs = in_ptr + offset_of(row, row_shape, in_row_strides)
    out_ptrs = out_ptr + offset_of(row, row_shape, out_row_strides)
    cols = tl.arange(0, COLUMNS)[None, :]
    if INT64:
        cols = cols.to(tl.int64)
    if CARRY:
        carry = tl.full((ROWS, 1), _identity(KIND), COMPUTE)
        for _ in range(0, n_cols, COLUMNS):
            mask = row_mask & (cols < n_cols)
            x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), COMPUTE)
            # what is beyond the row must not enter the carry
            x = tl.where(mask, x, _identity(KIND))
            x_scan = _combine(carry, _scan(x, KIND), KIND)
            tl.store(out_ptrs + cols * stride_out, convert(x_scan, out_ptr.dtype.element_ty), mask=mask)
            # the total by itself: picking the last column out of x_scan would be a reduction as well
            carry = _combine(carry, _total(x, KIND), KIND)
            cols += COLUMNS
    else:
        chunk = tl.program_id(0)
        if INT64:
            chunk = chunk.to(tl.int64)
        cols += chunk * COLUMNS
        mask = row_mask & (cols < n_cols)
        x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), COMPUTE)
        x = _scan(tl.where(mask, x, _identity(KIND)), KIND)
        if chunk > 0:
            # all before this chunk: the inclusive scan's entry of the chunk before
            x = _combine(tl.load(prefix_ptr + row * chunks + chunk - 1, mask=row_mask), x, KIND)
        tl.store(out_ptrs + cols * stride_out, convert(x, out_ptr.dtype.element_ty), mask=mask)


@triton.jit
def total_kernel(
    totals_ptr, in_ptr, n_rows, n_cols, row_shape, in_row_strides, stride_in, chunks,
    KIND: tl.constexpr, COMPUTE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """totals[row, chunk] = combination of the chunk's elements."""
    row, row_mask = _program_rows(tl.program_id(1), n_rows, ROWS, INT64)
    chunk = tl.program_id(0)
    if INT64:
        chunk = chunk.to(tl.int64)
    cols = chunk * COLUMNS + tl.arange(0, COLUMNS)[None, :]
    mask = row_mask & (cols < n_cols)
    x = convert(
        tl.load(in_ptr + offset_of(row, row_shape, in_row_strides) + cols * stride_in, mask=mask), COMPUTE
    )
    total = _total(tl.where(mask, x, _identity(KIND)), KIND)
    tl.store(totals_ptr + row * chunks + chunk, total, mask=row_mask)


@triton.jit
def extremum_kernel(
    values_ptr, indices_ptr, in_ptr, n_rows, n_cols, row_shape, value_row_strides, index_row_strides,
    in_row_strides, stride_value, stride_index, stride_in,
    MAXIMUM: tl.constexpr, COMPUTE: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """Running maximum (or minimum) of each row and where it last was reached."""
    row, row_mask = _program_rows(tl.program_id(0), n_rows, ROWS, INT64)
    in_ptrs = in_ptr + offset_of(row, row_shape, in_row_strides)
    value_ptrs = values_ptr + offset_of(row, row_shape, value_row_strides)
    index_ptrs = indices_ptr + offset_of(row, row_shape, index_row_strides)
    cols = tl.arange(0, COLUMNS)[None, :].to(tl.int64)
    best = tl.zeros((ROWS, 1), COMPUTE)
    arg = tl.full((ROWS, 1), -1, tl.int64)
    for start in range(0, n_cols, COLUMNS):
        mask = row_mask & (cols < n_cols)
        x = convert(tl.load(in_ptrs + cols * stride_in, mask=mask), COMPUTE)
        # -1 marks padding for the scan, which would else take what a masked load leaves
        positions = tl.where(mask, cols, -1) + tl.zeros((ROWS, 1), tl.int64)
        if MAXIMUM:
            v, i = tl.associative_scan((x, positions), 1, _later_max)
        else:
            v, i = tl.associative_scan((x, positions), 1, _later_min)
        if start > 0:
            if MAXIMUM:
                v, i = _later_max(best, arg, v, i)
            else:
                v, i = _later_min(best, arg, v, i)
        tl.store(value_ptrs + cols * stride_value, convert(v, values_ptr.dtype.element_ty), mask=mask)
        tl.store(index_ptrs + cols * stride_index, i, mask=mask)
        # Triton cannot index a register tile: the last column is summed out of zeros
        is_last = (tl.arange(0, COLUMNS)[None, :] == COLUMNS - 1) & row_mask
        best = tl.sum(tl.where(is_last, v, tl.zeros_like(v)), 1, keep_dims=True).to(COMPUTE)
        arg = tl.sum(tl.where(is_last, i, tl.zeros_like(i)), 1, keep_dims=True)
        cols += COLUMNS


def _tile(kind: int, compute: Any, rows: int, n: int) -> tuple[int, int, int]:
    """Rows, columns and warps of a tile."""
    chunk = SHORTER_CHUNK.get(kind, CHUNK)
    columns = min(chunk, power_of_2(n))
    return (
        max(1, min(chunk // columns, power_of_2(rows), 64)),
        columns,
        8 if compute in (tl.float64, tl.int64) else 4,
    )


def _accumulate(name: str, kind: int, out: Buffer, input: Buffer, dim: int) -> None:
    if out.dtype.is_complex:
        if kind != SUM:
            return complex_scan(kind, out, input, dim)
        out, input = parts(out), parts(input)
        dim = dim if len(out.shape) > 1 else -1
        if out.ndim == 1:
            out, input = out.as_strided((1, 2), (0, 1)), input.as_strided((1, 2), (0, 1))
            dim = 0
    _scan_rows(kind, last(out, dim), last(input, dim), compute_type(name, out.dtype))


def _scan_rows(kind: int, out: Buffer, input: Buffer, compute: Any) -> None:
    """Scan the last dimension."""
    n = out.shape[-1]
    rows, shape, out_rows, in_rows = row_geometry(out, input)
    if not rows * n:
        return
    block_rows, columns, warps = _tile(kind, compute, rows, n)
    strides = (out.strides[-1], input.strides[-1])
    chunks = -(-n // columns)
    constants = {"KIND": kind, "COMPUTE": compute, "ROWS": block_rows, "COLUMNS": columns}
    constants |= {"INT64": needs_int64(out, input), "num_warps": warps}
    grid = -(-rows // block_rows)
    if chunks <= 2 or rows >= ENOUGH_ROWS:
        launch(
            scan_kernel, (grid,), out, input, out, rows, n, shape, out_rows, in_rows, *strides, chunks,
            **constants, CARRY=True,
        )  # fmt: skip
        return
    totals = empty((rows, chunks), _DTYPES[compute], out)
    launch(
        total_kernel, (chunks, grid), totals, input, rows, n, shape, in_rows, strides[1], chunks, **constants
    )
    prefix = empty((rows, chunks), totals.dtype, out)
    _scan_rows(kind, prefix, totals, compute)
    launch(
        scan_kernel, (chunks, grid), out, input, prefix, rows, n, shape, out_rows, in_rows, *strides, chunks,
        **constants, CARRY=False,
    )  # fmt: skip


_DTYPES = {
    tl.float32: dtypes.float32, tl.float64: dtypes.float64, tl.int64: dtypes.int64, tl.int32: dtypes.int32,
    tl.int16: dtypes.int16, tl.int8: dtypes.int8, tl.uint8: dtypes.uint8,
}  # fmt: skip


@replayed
def cumsum(out: Buffer, input: Buffer, dim: int) -> None:
    """Running sum."""
    _accumulate("cumsum", SUM, out, input, dim)


@replayed
def cumprod(out: Buffer, input: Buffer, dim: int) -> None:
    """Running product."""
    _accumulate("cumprod", PROD, out, input, dim)


@replayed
def logcumsumexp(out: Buffer, input: Buffer, dim: int) -> None:
    """log of the running sum of exponentials, stable against overflow."""
    _accumulate("logcumsumexp", LOGSUMEXP, out, input, dim)


def _extremum(name: str, maximum: bool, values: Buffer, indices: Buffer, input: Buffer, dim: int) -> None:
    values, indices, input = last(values, dim), last(indices, dim), last(input, dim)
    n = input.shape[-1]
    rows, shape, *strides = row_geometry(values, indices, input)
    if not rows * n:
        return
    compute = compute_type(name, input.dtype)
    height, columns, warps = _tile(MAX, compute, rows, n)
    launch(
        extremum_kernel, (-(-rows // height),), values, indices, input, rows, n, shape, *strides,
        values.strides[-1], indices.strides[-1], input.strides[-1], MAXIMUM=maximum, COMPUTE=compute,
        ROWS=height, COLUMNS=columns, INT64=needs_int64(values, indices, input), num_warps=warps,
    )  # fmt: skip


@replayed
def cummax(values: Buffer, indices: Buffer, input: Buffer, dim: int) -> None:
    """Running maximum and where it last was reached."""
    _extremum("cummax", True, values, indices, input, dim)


@replayed
def cummin(values: Buffer, indices: Buffer, input: Buffer, dim: int) -> None:
    """Running minimum and where it last was reached."""
    _extremum("cummin", False, values, indices, input, dim)


_ROW_ARGUMENTS = "i32 i32:16 (i32:16) (i32:16) (i32:16) i32=1 i32=1 i32"


def _case(kind: int, t: str, compute: Any, rows: int, n: int, carry: bool) -> Case:
    """A scan of rows of n; `carry` as of the kernel."""
    height, columns, warps = _tile(kind, compute, rows, n)
    constants = {"KIND": kind, "COMPUTE": compute, "ROWS": height, "COLUMNS": columns, "INT64": False}
    return Case(
        scan_kernel, f"*{t} *{t} *{t} {_ROW_ARGUMENTS}", {**constants, "CARRY": carry},
        label=f"{kind}-{t}-{height}x{columns}-{carry}", num_warps=warps, wide="both" if n >= 100 else "",
        spills=8 if kind == LOGSUMEXP and t == "fp64" else 0,  # before Triton 3.9
    )  # fmt: skip


def _total_case(kind: int, t: str, compute: Any) -> Case:
    height, columns, warps = _tile(kind, compute, 1, 1 << 20)
    constants = {"KIND": kind, "COMPUTE": compute, "ROWS": height, "COLUMNS": columns, "INT64": False}
    return Case(
        total_kernel, f"*{t} *{t} i32 i32:16 (i32:16) (i32:16) i32=1 i32", constants, label=f"{kind}-{t}",
        num_warps=warps, wide="loads",
    )  # fmt: skip


def _extremum_case(maximum: bool, t: str, compute: Any) -> Case:
    height, columns, warps = _tile(MAX, compute, 1, 1 << 20)
    constants = {"MAXIMUM": maximum, "COMPUTE": compute, "ROWS": height, "COLUMNS": columns, "INT64": False}
    return Case(
        extremum_kernel, f"*{t} *i64 *{t} i32 i32:16 (i32:16) (i32:16) (i32:16) (i32:16) i32=1 i32=1 i32=1",
        constants,
        label=f"{maximum}-{t}", num_warps=warps, wide="both",
    )  # fmt: skip


_TYPES = (("fp32", tl.float32), ("fp64", tl.float64), ("i64", tl.int64))
COMPILE = [
    *[
        _case(kind, t, c, rows, n, carry)
        for kind in (SUM, PROD, LOGSUMEXP)
        for t, c in _TYPES
        if t != "i64" or kind != LOGSUMEXP
        for rows, n, carry in ((1, 1 << 20, False), (512, 4096, True), (512, 100, True))
    ],
    *[
        _case(kind, "fp32", tl.float32, 512, 1 << k, True)
        for kind, most in ((SUM, CHUNK), (LOGSUMEXP, SHORTER_CHUNK[LOGSUMEXP]))
        for k in range(most.bit_length() - 1) if 1 << k != 128
    ],
    Case(
        scan_kernel, "*bf16 *bf16 *fp32 i32 i32 (i32 i32) (i32 i32) (i32 i32) i32 i32 i32",
        {"KIND": SUM, "COMPUTE": tl.float32, "ROWS": 16, "COLUMNS": 128, "CARRY": True, "INT64": False},
        label="bf16-strided",
    ),
    *[_total_case(kind,
    t, c) for kind in (SUM, PROD, LOGSUMEXP) for t, c in _TYPES[: 3 - (kind == LOGSUMEXP)]],
    *[_extremum_case(m, t, c) for m in (True, False) for t, c in (*_TYPES, ("bf16", tl.float32))],
]  # fmt: skip
