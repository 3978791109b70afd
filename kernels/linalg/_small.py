"""Factorizations and equations of small matrices, which a program holds in registers, several of them at once.

A tile is of three dimensions: matrices, rows, columns. Triton cannot index one, so that a row is summed out of zeros.
Steps go along the diagonal; what lies beyond the n rows and columns of a matrix is 0, or not used.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.math import INF, divide, sqrt
from tritonnn.kernels.device.strided import offset_of, wide


@triton.jit
def _tile(M: tl.constexpr, ROWS: tl.constexpr, COLUMNS: tl.constexpr, blocks, INT64: tl.constexpr):
    """Numbers of this program's matrices, of rows, and of columns, one block of columns after another."""
    pid = wide(tl.program_id(0), INT64)
    matrix = pid // blocks * M + tl.arange(0, M)
    column = pid % blocks * COLUMNS + tl.arange(0, COLUMNS)
    row = wide(tl.arange(0, ROWS), INT64)
    return matrix[:, None, None], row[None, :, None], column[None, None, :]


@triton.jit
def _row(X, k, rows):
    """Row k of each matrix; k may differ between them."""
    return tl.sum(tl.where(rows == k, X, 0.0), 1, keep_dims=True)


@triton.jit
def _column(X, k, columns):
    """Column k of each matrix."""
    return tl.sum(tl.where(columns == k, X, 0.0), 2, keep_dims=True)


@triton.jit
def _pivot(A, k, n, rows, columns):
    """The pivot of column k, the row that it stands in, and by which multiples row k goes off those below.

    The pivot is the largest element from the diagonal on, the first of equals; NaN in the diagonal, and no other.
    """
    column = _column(A, k, columns)
    size = tl.where(column == column, tl.abs(column), tl.where(rows == k, INF, 0.0))
    size = tl.where((rows >= k) & (rows < n), size, -1.0)
    largest = tl.max(size, 1, keep_dims=True)
    where = tl.min(tl.where(size == largest, rows, n), 1, keep_dims=True)
    pivot = _row(column, where, rows)
    column = tl.where(rows == where, _row(column, k, rows), column)
    return pivot, where, divide(column, tl.where(pivot == 0.0, 1.0, pivot))


@triton.jit
def _eliminate(X, k, where, multiples, rows):
    """X with row k and row `where` exchanged, and multiples of row k taken off those below it."""
    upper, lower = _row(X, where, rows), _row(X, k, rows)
    X = tl.where(rows == k, upper, tl.where(rows == where, lower, X))
    return tl.where(rows > k, X - multiples * upper, X)


@triton.jit
def solve_kernel(
    x_ptr, info_ptr, a_ptr, b_ptr, count, n, n_columns, blocks, shape, x_strides, info_strides, a_strides, b_strides,
    x_row, x_column, a_row, a_column, b_row, b_column,
    M: tl.constexpr, SIZE: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A X = B: P A = L U by elimination with pivots, which makes L^-1 P B of B; then U X = L^-1 P B row by row.

    Args:
        info_ptr: for each matrix 0, or one more than the place of the first zero in the diagonal of U.
        b_ptr: None for the unit matrix.
        blocks: of COLUMNS columns; a program takes one, and factors A anew.
    """
    matrix, rows, columns = _tile(M, SIZE, COLUMNS, blocks, INT64)
    inner = wide(tl.arange(0, SIZE), INT64)[None, None, :]
    there = (matrix < count) & (rows < n)
    a_ptrs = a_ptr + offset_of(matrix, shape, a_strides) + rows * a_row + inner * a_column
    A = tl.load(a_ptrs, mask=there & (inner < n), other=0.0)
    written = there & (columns < n_columns)
    if b_ptr is None:
        B = tl.where(written & (rows == columns), 1.0, 0.0).to(A.dtype)
    else:
        b_ptrs = b_ptr + offset_of(matrix, shape, b_strides) + rows * b_row + columns * b_column
        B = tl.load(b_ptrs, mask=written, other=0.0)
    info = tl.zeros((M, 1, 1), tl.int32)
    for k in range(n):
        pivot, where, multiples = _pivot(A, k, n, rows, inner)
        A = _eliminate(A, k, where, multiples, rows)
        B = _eliminate(B, k, where, multiples, rows)
        info = tl.where((info == 0) & (pivot == 0.0), k + 1, info)
    for step in range(n):
        k = n - 1 - step
        column = _column(A, k, inner)
        x = divide(_row(B, k, rows), _row(column, k, rows))
        B = tl.where(rows == k, x, tl.where(rows < k, B - column * x, B))
    tl.store(x_ptr + offset_of(matrix, shape, x_strides) + rows * x_row + columns * x_column, B, mask=written)
    if tl.program_id(0) % blocks == 0:
        tl.store(info_ptr + offset_of(matrix, shape, info_strides), info, mask=matrix < count)


@triton.jit
def triangular_kernel(
    x_ptr, a_ptr, b_ptr, count, n, n_columns, blocks, shape, x_strides, a_strides, b_strides,
    x_row, x_column, a_row, a_column, b_row, b_column,
    UPPER: tl.constexpr, UNIT: tl.constexpr,
    M: tl.constexpr, SIZE: tl.constexpr, COLUMNS: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A X = B with one triangle of A: x[k] = (b[k] - sum over known i of a[k, i] x[i]) / a[k, k].

    Args:
        blocks: of COLUMNS columns; a program takes one.
        UPPER: from the last row to the first.
        UNIT: the diagonal is of ones, and not read.
    """
    matrix, rows, columns = _tile(M, SIZE, COLUMNS, blocks, INT64)
    there = (matrix < count) & (rows < n)
    written = there & (columns < n_columns)
    b_ptrs = b_ptr + offset_of(matrix, shape, b_strides) + rows * b_row + columns * b_column
    B = tl.load(b_ptrs, mask=written, other=0.0)
    a_start = a_ptr + offset_of(matrix, shape, a_strides)
    for step in range(n):
        if UPPER:
            k = n - 1 - step
            left = rows < k
        else:
            k = step
            left = rows > k
        across = wide(k, INT64) * a_column
        x = _row(B, k, rows)
        if not UNIT:
            x = divide(x, tl.load(a_start + wide(k, INT64) * a_row + across, mask=matrix < count, other=1.0))
        column = tl.load(a_start + rows * a_row + across, mask=there & left, other=0.0)
        B = tl.where(rows == k, x, tl.where(left, B - column * x, B))
    tl.store(x_ptr + offset_of(matrix, shape, x_strides) + rows * x_row + columns * x_column, B, mask=written)


@triton.jit
def cholesky_kernel(
    l_ptr, info_ptr, a_ptr, count, n, shape, l_strides, info_strides, a_strides, l_row, l_column, a_row, a_column,
    M: tl.constexpr, SIZE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """A = L L^T: column k of L is that of A over the root of a[k, k]; its products go off the columns after it.

    Args:
        info_ptr: for each matrix 0, or k + 1 of the first a[k, k] that is not positive. From column k on the triangle
            of A itself is written then.
    """
    matrix, rows, columns = _tile(M, SIZE, SIZE, 1, INT64)
    there = (matrix < count) & (rows < n) & (columns < n)
    # the lower triangle as both, so that a row is at hand as well as the column
    low, high = tl.maximum(rows, columns), tl.minimum(rows, columns)
    a_start = a_ptr + offset_of(matrix, shape, a_strides)
    L = tl.load(a_start + low * a_row + high * a_column, mask=there, other=0.0)
    info = tl.zeros((M, 1, 1), tl.int32)
    for k in range(n):
        column, row = _column(L, k, columns), _row(L, k, rows)
        size = _row(column, k, rows)
        positive = size > 0.0
        info = tl.where((info == 0) & (positive == 0), k + 1, info)
        root = sqrt(tl.where(positive, size, 1.0))
        column, row = divide(column, root), divide(row, root)
        column = tl.where(rows > k, column, tl.where(rows == k, root, 0.0))
        L = tl.where(columns == k, column, tl.where((rows > k) & (columns > k), L - column * row, L))
    failed = (info != 0) & (columns >= info - 1)
    A = tl.load(
        a_start + rows * a_row + columns * a_column, mask=there & failed & (rows >= columns), other=0.0
    )
    L = tl.where(failed, A, L)
    tl.store(l_ptr + offset_of(matrix, shape, l_strides) + rows * l_row + columns * l_column, L, mask=there)
    tl.store(info_ptr + offset_of(matrix, shape, info_strides), info, mask=matrix < count)


@triton.jit
def determinant_kernel(
    det_ptr, log_ptr, a_ptr, count, n, shape, det_strides, log_strides, a_strides, a_row, a_column,
    M: tl.constexpr, SIZE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """det(A) = (-1)^exchanges product of the pivots; or its sign and sum of log |pivot|.

    Args:
        det_ptr: the determinant, or its sign where there is `log_ptr`.
        log_ptr: None, or the logarithm of the determinant's size.
    """
    matrix, rows, columns = _tile(M, SIZE, SIZE, 1, INT64)
    there = (matrix < count) & (rows < n) & (columns < n)
    a_ptrs = a_ptr + offset_of(matrix, shape, a_strides) + rows * a_row + columns * a_column
    A = tl.load(a_ptrs, mask=there, other=0.0)
    det = tl.full((M, 1, 1), 1.0, A.dtype)
    log = tl.zeros((M, 1, 1), A.dtype)
    for k in range(n):
        pivot, where, multiples = _pivot(A, k, n, rows, columns)
        A = _eliminate(A, k, where, multiples, rows)
        if log_ptr is not None:
            log += tl.log(tl.abs(pivot))
            # a NaN has no sign
            pivot = tl.where(pivot > 0.0, 1.0, tl.where(pivot < 0.0, -1.0, 0.0)).to(A.dtype)
        det *= tl.where(where == k, pivot, 0.0 - pivot)
    tl.store(det_ptr + offset_of(matrix, shape, det_strides), det, mask=matrix < count)
    if log_ptr is not None:
        tl.store(log_ptr + offset_of(matrix, shape, log_strides), log, mask=matrix < count)
