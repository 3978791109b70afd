"""Kernels of matrix products.

- `gemm_kernel`: any strides, one tile a program, batches and parts of a split inner dimension along the grid.
- `persistent_gemm_kernel`: contiguous rows on hardware that copies whole tiles (tensor descriptors): as many
  programs as multiprocessors walk over the tiles, so the next tile's loads run under this one's epilogue.
- `gemm_loop_kernel`: integers, which matrix instructions do not take at full width.
- `sum_parts_kernel`: adds the partial results of a split inner dimension, in a fixed order.

Tiles are walked in groups of rows, so that neighbours in time share operands in the second-level cache.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.float8 import decoded
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of
from tritonnn.kernels.launch.launch import fp64, i64


@triton.jit
def tile_of(pid, m, n, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, GROUP: tl.constexpr):
    """Row and column of a tile in grouped order."""
    across = tl.cdiv(n, BLOCK_N)
    down = tl.cdiv(m, BLOCK_M)
    in_group = GROUP * across
    first = pid // in_group * GROUP
    height = tl.minimum(down - first, GROUP)
    return first + pid % in_group % height, pid % in_group // height


@triton.jit
def finish(
    acc, extras, rows, columns, m, n, away, add_row, add_column, a_step, b_step, alpha, beta,
    ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr, EPILOGUE: tl.constexpr,
):  # fmt: skip
    """A tile's result from its sum: EPILOGUE(alpha scale_a acc scale_b + beta addend) / scale_result.

    Args:
        extras: pointers to the addend where ADD is not 0, then to the scales as far as there are any.
        rows: of the result, and columns; m and n are the numbers of them.
        away: of the addend's matrix from its first one. add_row, add_column: its strides.
        a_step: distance of the scales of neighbouring rows, 0 for a single one; b_step: of columns.
        ADD: 0 without addend, 1 for a vector over columns, 2 for a matrix.
        AFFINE: there are alpha and beta. SCALED: 0, 1, or 2 with a scale of the result.
    """
    FIRST: tl.constexpr = 1 if ADD != 0 else 0
    if SCALED != 0:
        acc *= tl.load(extras[FIRST] + rows * a_step, mask=rows < m, other=0.0)[:, None]
        acc *= tl.load(extras[FIRST + 1] + columns * b_step, mask=columns < n, other=0.0)[None, :]
    if AFFINE:
        acc *= alpha.to(acc.dtype)
    if ADD != 0:
        if ADD == 1:
            addend = tl.load(extras[0] + columns * add_column, mask=columns < n, other=0.0)[None, :]
        else:
            source = extras[0] + away + rows[:, None] * add_row + columns[None, :] * add_column
            addend = tl.load(source, mask=(rows < m)[:, None] & (columns < n)[None, :], other=0.0)
        addend = convert(addend, acc.dtype)
        if AFFINE:
            addend *= beta.to(acc.dtype)
        acc += addend
    if EPILOGUE is not None:
        acc = EPILOGUE(acc)
    if SCALED == 2:
        acc *= 1.0 / tl.load(extras[FIRST + 2])
    return acc


@triton.jit
def gemm_kernel(
    a, b, c, extras, batch_shape, a_batch, b_batch, c_batch, add_batch, m, n, k, chunk, a_row, a_inner, b_inner,
    b_column, c_row, c_column, add_row, add_column, a_step, b_step, part_stride, alpha: fp64, beta: fp64,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr,
    EPILOGUE: tl.constexpr, A_BITS: tl.constexpr, B_BITS: tl.constexpr, IMPRECISE: tl.constexpr,
    EVEN_K: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """c[p, z] = finish(sum over the p-th chunk of k of a[z] @ b[z]), see `finish` for what is not said here.

    Args:
        batch_shape: extents of the batch dimensions; a_batch, b_batch, c_batch, add_batch: their strides.
        m: rows. n: columns. k: inner dimension. chunk: how much of k a program adds up.
        a_row: stride of a's rows, and so on. part_stride: distance of the chunks' results in c.
        A_BITS, B_BITS: name of the float8 type where the operand comes as whole numbers of 8 bits.
        IMPRECISE: products of float8 that may be summed in the hardware's narrower sums, or None for all.
        EVEN_K: every chunk is full and a multiple of BLOCK_K.
    """
    tiles = tl.cdiv(m, BLOCK_M) * tl.cdiv(n, BLOCK_N)
    z = tl.program_id(0) // tiles
    row, column = tile_of(tl.program_id(0) % tiles, m, n, BLOCK_M, BLOCK_N, GROUP)
    i = row * BLOCK_M + tl.arange(0, BLOCK_M)
    j = column * BLOCK_N + tl.arange(0, BLOCK_N)
    first = tl.program_id(1) * chunk
    rows, columns = i, j
    if INT64:
        z, i, j = z.to(tl.int64), i.to(tl.int64), j.to(tl.int64)
    a_base = a + offset_of(z, batch_shape, a_batch)
    b_base = b + offset_of(z, batch_shape, b_batch)
    inside_m = (rows < m)[:, None]
    inside_n = (columns < n)[None, :]
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    last = tl.minimum(first + chunk, k)
    for start in range(first, last, BLOCK_K):
        r = start + tl.arange(0, BLOCK_K)
        present = r < last
        if INT64:
            r = r.to(tl.int64)
        a_tile = a_base + i[:, None] * a_row + r[None, :] * a_inner
        b_tile = b_base + r[:, None] * b_inner + j[None, :] * b_column
        if EVEN_K:
            x = tl.load(a_tile, mask=inside_m, other=0.0)
            y = tl.load(b_tile, mask=inside_n, other=0.0)
        else:
            x = tl.load(a_tile, mask=inside_m & present[None, :], other=0.0)
            y = tl.load(b_tile, mask=inside_n & present[:, None], other=0.0)
        x, y = decoded(x, A_BITS), decoded(y, B_BITS)
        acc = tl.dot(x, y, acc, input_precision=PRECISION, max_num_imprecise_acc=IMPRECISE, out_dtype=ACC)
    acc = finish(
        acc, extras, i, j, m, n, offset_of(z, batch_shape, add_batch), add_row, add_column, a_step, b_step, alpha, beta,
        ADD, AFFINE, SCALED, EPILOGUE,
    )  # fmt: skip
    away = tl.program_id(1).to(tl.int64) * part_stride
    target = c + offset_of(z, batch_shape, c_batch) + away + i[:, None] * c_row + j[None, :] * c_column
    tl.store(target, convert(acc, c.dtype.element_ty), mask=inside_m & inside_n)


@triton.jit
def persistent_gemm_kernel(
    a, b, c, extras, m, n, k, a_row, b_row, c_row, add_row, add_column, a_step, b_step, alpha: fp64, beta: fp64,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr,
    EPILOGUE: tl.constexpr, IMPRECISE: tl.constexpr, A_ACROSS: tl.constexpr, B_ACROSS: tl.constexpr,
    SPECIALIZE: tl.constexpr, DESCRIBED: tl.constexpr,
):  # fmt: skip
    """c = finish(a @ b) of matrices with contiguous rows, 16-byte-aligned. Other arguments as of `gemm_kernel`.

    Args:
        a_row: distance of a's rows in memory, and so on; None where there are descriptors.
        A_ACROSS: a lies in memory as (k, m), not (m, k). B_ACROSS: b lies as (k, n), not (n, k).
        SPECIALIZE: loads and products by different warps.
        DESCRIBED: a, b and c are descriptors made on the host, not pointers.
    """
    if not DESCRIBED:
        if A_ACROSS:
            a = tl.make_tensor_descriptor(a, [k, m], [a_row, 1], [BLOCK_K, BLOCK_M])
        else:
            a = tl.make_tensor_descriptor(a, [m, k], [a_row, 1], [BLOCK_M, BLOCK_K])
        if B_ACROSS:
            b = tl.make_tensor_descriptor(b, [k, n], [b_row, 1], [BLOCK_K, BLOCK_N])
        else:
            b = tl.make_tensor_descriptor(b, [n, k], [b_row, 1], [BLOCK_N, BLOCK_K])
        c = tl.make_tensor_descriptor(c, [m, n], [c_row, 1], [BLOCK_M, BLOCK_N])
    tiles = tl.cdiv(m, BLOCK_M) * tl.cdiv(n, BLOCK_N)
    for tile in tl.range(
        tl.program_id(0), tiles, tl.num_programs(0), flatten=not SPECIALIZE, warp_specialize=SPECIALIZE
    ):
        row, column = tile_of(tile, m, n, BLOCK_M, BLOCK_N, GROUP)
        i = row * BLOCK_M
        j = column * BLOCK_N
        acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
        for step in range(tl.cdiv(k, BLOCK_K)):
            r = step * BLOCK_K
            if A_ACROSS:
                x = a.load([r, i]).T
            else:
                x = a.load([i, r])
            if B_ACROSS:
                y = b.load([r, j])
            else:
                y = b.load([j, r]).T
            acc = tl.dot(x, y, acc, input_precision=PRECISION, max_num_imprecise_acc=IMPRECISE, out_dtype=ACC)
        acc = finish(
            acc, extras, i + tl.arange(0, BLOCK_M), j + tl.arange(0, BLOCK_N), m, n, 0, add_row, add_column,
            a_step, b_step, alpha, beta, ADD, AFFINE, SCALED, EPILOGUE,
        )  # fmt: skip
        c.store([i, j], convert(acc, c.dtype))


@triton.jit
def gemm_loop_kernel(
    a, b, c, extras, batch_shape, a_batch, b_batch, c_batch, add_batch, m, n, k, a_row, a_inner, b_inner,
    b_column, c_row, c_column, add_row, add_column, alpha: i64, beta: i64,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, ACC: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr,
):  # fmt: skip
    """c[z] = finish(a[z] @ b[z]), one outer product after another. Arguments as of `gemm_kernel`."""
    tiles = tl.cdiv(m, BLOCK_M) * tl.cdiv(n, BLOCK_N)
    z = (tl.program_id(0) // tiles).to(tl.int64)
    row, column = tile_of(tl.program_id(0) % tiles, m, n, BLOCK_M, BLOCK_N, 8)
    i = (row * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    j = (column * BLOCK_N + tl.arange(0, BLOCK_N)).to(tl.int64)
    a_column = a + offset_of(z, batch_shape, a_batch) + i * a_row
    b_line = b + offset_of(z, batch_shape, b_batch) + j * b_column
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    for _ in range(k):
        x = convert(tl.load(a_column, mask=i < m, other=0), ACC)
        y = convert(tl.load(b_line, mask=j < n, other=0), ACC)
        acc += x[:, None] * y[None, :]
        a_column += a_inner
        b_line += b_inner
    away = offset_of(z, batch_shape, add_batch)
    acc = finish(
        acc, extras, i, j, m, n, away, add_row, add_column, 0, 0, alpha, beta, ADD, AFFINE, 0, None
    )  # fmt: skip
    target = c + offset_of(z, batch_shape, c_batch) + i[:, None] * c_row + j[None, :] * c_column
    tl.store(target, convert(acc, c.dtype.element_ty), mask=(i < m)[:, None] & (j < n)[None, :])


@triton.jit
def sum_parts_kernel(
    c, parts, extras, batch_shape, c_batch, add_batch, m, n, splits, c_row, c_column, add_row, add_column,
    a_step, b_step, part_stride, alpha: fp64, beta: fp64,
    ACC: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr, EPILOGUE: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """c = finish(sum of the partial results), always in the same order. Other arguments as of `gemm_kernel`.

    Args:
        parts: (splits, batch, m, n), contiguous. part_stride: batch * m * n.
    """
    tiles = tl.cdiv(m, BLOCK_M) * tl.cdiv(n, BLOCK_N)
    z = tl.program_id(0) // tiles
    tile = tl.program_id(0) % tiles
    i = tile // tl.cdiv(n, BLOCK_N) * BLOCK_M + tl.arange(0, BLOCK_M)
    j = tile % tl.cdiv(n, BLOCK_N) * BLOCK_N + tl.arange(0, BLOCK_N)
    if INT64:
        z, i, j = z.to(tl.int64), i.to(tl.int64), j.to(tl.int64)
    present = (i < m)[:, None] & (j < n)[None, :]
    source = parts + z * m * n + i[:, None] * n + j[None, :]
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    for _ in range(splits):
        acc += tl.load(source, mask=present, other=0.0)
        source += part_stride
    acc = finish(
        acc, extras, i, j, m, n, offset_of(z, batch_shape, add_batch), add_row, add_column, a_step, b_step, alpha, beta,
        ADD, AFFINE, SCALED, EPILOGUE,
    )  # fmt: skip
    target = c + offset_of(z, batch_shape, c_batch) + i[:, None] * c_row + j[None, :] * c_column
    tl.store(target, convert(acc, c.dtype.element_ty), mask=present)
