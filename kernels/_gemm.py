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

from tritonnn.kernels._pointwise import convert
from tritonnn.kernels._reduce import place


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
def finish(acc, bias, columns, n, bias_stride, BIAS: tl.constexpr, EPILOGUE: tl.constexpr):
    """The result of a tile from its sum: plus the bias, then the activation."""
    if BIAS:
        acc += convert(tl.load(bias + columns * bias_stride, mask=columns < n, other=0.0), acc.dtype)[None, :]
    if EPILOGUE is not None:
        acc = EPILOGUE(acc)
    return acc


@triton.jit
def gemm_kernel(
    a, b, c, bias, batch_shape, a_batch, b_batch, c_batch, m, n, k, chunk, a_row, a_inner, b_inner, b_column,
    c_row, c_column, bias_stride, part_stride,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, BIAS: tl.constexpr, EPILOGUE: tl.constexpr,
    EVEN_K: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """c[p, z] = sum over the p-th chunk of k of a[z] @ b[z] (+ bias, then EPILOGUE).

    Args:
        batch_shape: extents of the batch dimensions; a_batch, b_batch, c_batch: their strides.
        m: rows. n: columns. k: inner dimension. chunk: how much of k a program adds up.
        a_row: stride of a's rows, and so on. part_stride: distance of the chunks' results in c.
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
    a_base = a + place(z, batch_shape, a_batch)
    b_base = b + place(z, batch_shape, b_batch)
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
        acc = tl.dot(x, y, acc, input_precision=PRECISION, out_dtype=ACC)
    acc = finish(acc, bias, columns, n, bias_stride, BIAS, EPILOGUE)
    away = tl.program_id(1).to(tl.int64) * part_stride
    target = c + place(z, batch_shape, c_batch) + away + i[:, None] * c_row + j[None, :] * c_column
    tl.store(target, convert(acc, c.dtype.element_ty), mask=inside_m & inside_n)


@triton.jit
def persistent_gemm_kernel(
    a, b, c, bias, m, n, k, a_row, b_row, c_row, bias_stride,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, BIAS: tl.constexpr, EPILOGUE: tl.constexpr,
    A_ACROSS: tl.constexpr, B_ACROSS: tl.constexpr, SPECIALIZE: tl.constexpr,
):  # fmt: skip
    """c = a @ b (+ bias, then EPILOGUE) of matrices with contiguous rows, 16-byte-aligned.

    Args:
        a_row: distance of a's rows in memory, and so on.
        A_ACROSS: a lies in memory as (k, m), not (m, k). B_ACROSS: b lies as (k, n), not (n, k).
        SPECIALIZE: loads and products by different warps.
    """
    if A_ACROSS:
        a_tiles = tl.make_tensor_descriptor(a, [k, m], [a_row, 1], [BLOCK_K, BLOCK_M])
    else:
        a_tiles = tl.make_tensor_descriptor(a, [m, k], [a_row, 1], [BLOCK_M, BLOCK_K])
    if B_ACROSS:
        b_tiles = tl.make_tensor_descriptor(b, [k, n], [b_row, 1], [BLOCK_K, BLOCK_N])
    else:
        b_tiles = tl.make_tensor_descriptor(b, [n, k], [b_row, 1], [BLOCK_N, BLOCK_K])
    c_tiles = tl.make_tensor_descriptor(c, [m, n], [c_row, 1], [BLOCK_M, BLOCK_N])
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
                x = a_tiles.load([r, i]).T
            else:
                x = a_tiles.load([i, r])
            if B_ACROSS:
                y = b_tiles.load([r, j])
            else:
                y = b_tiles.load([j, r]).T
            acc = tl.dot(x, y, acc, input_precision=PRECISION, out_dtype=ACC)
        acc = finish(acc, bias, j + tl.arange(0, BLOCK_N), n, bias_stride, BIAS, EPILOGUE)
        c_tiles.store([i, j], convert(acc, c.dtype.element_ty))


@triton.jit
def gemm_loop_kernel(
    a, b, c, bias, batch_shape, a_batch, b_batch, c_batch, m, n, k, a_row, a_inner, b_inner, b_column,
    c_row, c_column, bias_stride, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, ACC: tl.constexpr,
    BIAS: tl.constexpr,
):  # fmt: skip
    """c[z] = a[z] @ b[z] (+ bias), one outer product after another. Arguments as of `gemm_kernel`."""
    tiles = tl.cdiv(m, BLOCK_M) * tl.cdiv(n, BLOCK_N)
    z = (tl.program_id(0) // tiles).to(tl.int64)
    row, column = tile_of(tl.program_id(0) % tiles, m, n, BLOCK_M, BLOCK_N, 8)
    i = row * BLOCK_M + tl.arange(0, BLOCK_M)
    j = column * BLOCK_N + tl.arange(0, BLOCK_N)
    a_column = a + place(z, batch_shape, a_batch) + i.to(tl.int64) * a_row
    b_line = b + place(z, batch_shape, b_batch) + j.to(tl.int64) * b_column
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    for _ in range(k):
        x = convert(tl.load(a_column, mask=i < m, other=0), ACC)
        y = convert(tl.load(b_line, mask=j < n, other=0), ACC)
        acc += x[:, None] * y[None, :]
        a_column += a_inner
        b_line += b_inner
    acc = finish(acc, bias, j, n, bias_stride, BIAS, None)
    target = c + place(z, batch_shape, c_batch) + i.to(tl.int64)[:, None] * c_row + j[None, :] * c_column
    tl.store(target, convert(acc, c.dtype.element_ty), mask=(i < m)[:, None] & (j < n)[None, :])


@triton.jit
def sum_parts_kernel(
    c, parts, bias, batch_shape, c_batch, m, n, count, splits, c_row, c_column, bias_stride,
    ACC: tl.constexpr, BIAS: tl.constexpr, EPILOGUE: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """c = sum of the partial results (+ bias, then EPILOGUE).

    Args:
        parts: (splits, batch, m, n), contiguous. count: elements of c.
    """
    pid = tl.program_id(0)
    if INT64:
        pid = pid.to(tl.int64)
    i = pid * BLOCK + tl.arange(0, BLOCK)
    present = i < count
    acc = tl.zeros((BLOCK,), ACC)
    source = parts + i
    for _ in range(splits):
        acc += tl.load(source, mask=present, other=0.0)
        source += count
    column = i % n
    line = i // n
    if BIAS:
        acc += convert(tl.load(bias + column * bias_stride, mask=present, other=0.0), ACC)
    if EPILOGUE is not None:
        acc = EPILOGUE(acc)
    target = c + place(line // m, batch_shape, c_batch) + (line % m) * c_row + column * c_column
    tl.store(target, convert(acc, c.dtype.element_ty), mask=present)
