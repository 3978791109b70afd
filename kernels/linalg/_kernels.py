"""Kernels of matrix products, all c = epilogue(a @ b) with a (M, K), b (K, N).

- `gemm_kernel`: any strides. A tile of c a program, the batch along the grid's first dimension. Where tiles
  are too few for the multiprocessors, K is split along the grid's second dimension (split-K): each part
  writes its sum to a workspace, `sum_parts_kernel` adds them in a fixed order and applies the epilogue.
  Atomic additions would save the second launch, but not give the same bits twice.
- `persistent_gemm_kernel`: contiguous rows on hardware that copies whole tiles (tensor descriptors, TMA). As
  many programs as multiprocessors walk over the tiles, so the next tile's loads run under this one's
  epilogue, and a copy of a tile is one instruction instead of an address per element. With SPECIALIZE loads
  and products go to different warps.
- `gemm_loop_kernel`: integers, which matrix instructions do not take at full width: outer products.

Tiles are walked in groups of GROUP rows of tiles, down first (`grouped_tile`): the programs that run at one
time then share a square of operands in the second-level cache instead of a whole row of b.

Sums are kept in ACC, float32 (float64 for float64), whatever the operands are, and rounded once, after the
epilogue. `choose` in `tables/gemm.py` picks kernel, tile and split; `_plan.py` lays out the call.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.float8 import decoded
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of
from tritonnn.kernels.launch.launch import fp64, i64


@triton.jit
def grouped_tile(pid, M, N, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, GROUP: tl.constexpr):
    """Row and column of a tile in grouped order; the last group may be lower than the others."""
    num_pid_n = tl.cdiv(N, BLOCK_N)
    num_pid_m = tl.cdiv(M, BLOCK_M)
    num_pid_in_group = GROUP * num_pid_n
    first_pid_m = pid // num_pid_in_group * GROUP
    group_size_m = tl.minimum(num_pid_m - first_pid_m, GROUP)
    return first_pid_m + pid % num_pid_in_group % group_size_m, pid % num_pid_in_group // group_size_m


@triton.jit
def epilogue(
    acc, extras, offs_m, offs_n, M, N, add_offset, stride_addm, stride_addn, stride_scale_a, stride_scale_b,
    alpha, beta,
    ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr, EPILOGUE: tl.constexpr,
):  # fmt: skip
    """A tile's result from its sum: EPILOGUE(alpha scale_a acc scale_b + beta addend) / scale_result.

    Args:
        extras: pointers to the addend where ADD is not 0, then to the scales as far as there are any.
        offs_m, offs_n: rows and columns of the result; M and N are the numbers of them.
        add_offset: of the addend's matrix from its first one. stride_addm, stride_addn: its strides.
        stride_scale_a, stride_scale_b: distance of the scales of neighbouring rows and columns, 0 for a
        single one.
        ADD: 0 without addend, 1 for a vector over columns, 2 for a matrix.
        AFFINE: there are alpha and beta. SCALED: 0, 1, or 2 with a scale of the result.
    """
    FIRST: tl.constexpr = 1 if ADD != 0 else 0
    if SCALED != 0:
        acc *= tl.load(extras[FIRST] + offs_m * stride_scale_a, mask=offs_m < M, other=0.0)[:, None]
        acc *= tl.load(extras[FIRST + 1] + offs_n * stride_scale_b, mask=offs_n < N, other=0.0)[None, :]
    if AFFINE:
        # alpha and beta come as float64; a product with them must not widen the whole tile
        acc *= alpha.to(acc.dtype)
    if ADD != 0:
        if ADD == 1:
            # a bias needs one row of loads, not a tile of them
            addend = tl.load(extras[0] + offs_n * stride_addn, mask=offs_n < N, other=0.0)[None, :]
        else:
            addend_ptrs = (
                extras[0] + add_offset + offs_m[:, None] * stride_addm + offs_n[None, :] * stride_addn
            )
            addend = tl.load(addend_ptrs, mask=(offs_m < M)[:, None] & (offs_n < N)[None, :], other=0.0)
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
    a_ptr, b_ptr, c_ptr, extras, batch_shape, a_batch, b_batch, c_batch, add_batch, M, N, K, split_k_size,
    stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn, stride_addm, stride_addn,
    stride_scale_a, stride_scale_b, stride_split, alpha: fp64, beta: fp64,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr,
    EPILOGUE: tl.constexpr, A_BITS: tl.constexpr, B_BITS: tl.constexpr, IMPRECISE: tl.constexpr,
    EVEN_K: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """c[p, z] = epilogue(sum over the p-th part of K of a[z] @ b[z]); more at `epilogue`.

    Args:
        batch_shape: extents of the batch dimensions; a_batch, b_batch, c_batch, add_batch: their strides.
        split_k_size: how much of K a program adds up.
        stride_am: stride of a's rows, and so on. stride_split: distance of the parts' results in c.
        A_BITS, B_BITS: name of the float8 type where the operand comes as whole numbers of 8 bits.
        IMPRECISE: products of float8 that may be summed in the hardware's narrower sums, or None for all.
        EVEN_K: every part is full and a multiple of BLOCK_K.
    """
    num_tiles = tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N)
    pid_z = tl.program_id(0) // num_tiles
    pid_m, pid_n = grouped_tile(tl.program_id(0) % num_tiles, M, N, BLOCK_M, BLOCK_N, GROUP)
    offs_m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    k_start = tl.program_id(1) * split_k_size
    # masks stay in 32 bits, offsets may need 64
    row_index, column_index = offs_m, offs_n
    if INT64:
        pid_z, offs_m, offs_n = pid_z.to(tl.int64), offs_m.to(tl.int64), offs_n.to(tl.int64)
    a_base = a_ptr + offset_of(pid_z, batch_shape, a_batch)
    b_base = b_ptr + offset_of(pid_z, batch_shape, b_batch)
    mask_m = (row_index < M)[:, None]
    mask_n = (column_index < N)[None, :]
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    k_end = tl.minimum(k_start + split_k_size, K)
    for k in range(k_start, k_end, BLOCK_K):
        offs_k = k + tl.arange(0, BLOCK_K)
        mask_k = offs_k < k_end
        if INT64:
            offs_k = offs_k.to(tl.int64)
        a_ptrs = a_base + offs_m[:, None] * stride_am + offs_k[None, :] * stride_ak
        b_ptrs = b_base + offs_k[:, None] * stride_bk + offs_n[None, :] * stride_bn
        # without a mask over k the masks are those of the tile, the same in every step
        if EVEN_K:
            a = tl.load(a_ptrs, mask=mask_m, other=0.0)
            b = tl.load(b_ptrs, mask=mask_n, other=0.0)
        else:
            # zeros beyond K add nothing; rows and columns beyond M and N are not stored
            a = tl.load(a_ptrs, mask=mask_m & mask_k[None, :], other=0.0)
            b = tl.load(b_ptrs, mask=mask_n & mask_k[:, None], other=0.0)
        a, b = decoded(a, A_BITS), decoded(b, B_BITS)
        acc = tl.dot(a, b, acc, input_precision=PRECISION, max_num_imprecise_acc=IMPRECISE, out_dtype=ACC)
    acc = epilogue(
        acc, extras, offs_m, offs_n, M, N, offset_of(pid_z, batch_shape, add_batch), stride_addm,
        stride_addn, stride_scale_a, stride_scale_b, alpha, beta, ADD, AFFINE, SCALED, EPILOGUE,
    )  # fmt: skip
    # always in 64 bits: the workspace is as large as all parts together
    split_offset = tl.program_id(1).to(tl.int64) * stride_split
    c_ptrs = (
        c_ptr + offset_of(pid_z, batch_shape, c_batch) + split_offset + offs_m[:, None] * stride_cm
        + offs_n[None, :] * stride_cn
    )  # fmt: skip
    tl.store(c_ptrs, convert(acc, c_ptr.dtype.element_ty), mask=mask_m & mask_n)


@triton.jit
def persistent_gemm_kernel(
    a_desc, b_desc, c_desc, extras, M, N, K, stride_am, stride_bk, stride_cm, stride_addm, stride_addn,
    stride_scale_a, stride_scale_b, alpha: fp64, beta: fp64,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr,
    EPILOGUE: tl.constexpr, IMPRECISE: tl.constexpr, A_ACROSS: tl.constexpr, B_ACROSS: tl.constexpr,
    SPECIALIZE: tl.constexpr, DESCRIBED: tl.constexpr,
):  # fmt: skip
    """c = epilogue(a @ b) of matrices with contiguous rows, 16-byte-aligned. More at `gemm_kernel`.

    Args:
        stride_am: distance of a's rows in memory, and so on; None where there are descriptors.
        A_ACROSS: a lies in memory as (K, M), not (M, K). B_ACROSS: b lies as (K, N), not (N, K).
        SPECIALIZE: loads and products by different warps.
        DESCRIBED: a, b and c are descriptors made on the host, not pointers.
    """
    if not DESCRIBED:
        if A_ACROSS:
            a_desc = tl.make_tensor_descriptor(a_desc, [K, M], [stride_am, 1], [BLOCK_K, BLOCK_M])
        else:
            a_desc = tl.make_tensor_descriptor(a_desc, [M, K], [stride_am, 1], [BLOCK_M, BLOCK_K])
        if B_ACROSS:
            b_desc = tl.make_tensor_descriptor(b_desc, [K, N], [stride_bk, 1], [BLOCK_K, BLOCK_N])
        else:
            b_desc = tl.make_tensor_descriptor(b_desc, [N, K], [stride_bk, 1], [BLOCK_N, BLOCK_K])
        c_desc = tl.make_tensor_descriptor(c_desc, [M, N], [stride_cm, 1], [BLOCK_M, BLOCK_N])
    num_tiles = tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N)
    # Flattening the two loops lets the pipeline run on into the next tile; warp specialisation does that
    # itself, and Triton drops it without a word in a flattened loop.
    for tile in tl.range(
        tl.program_id(0), num_tiles, tl.num_programs(0), flatten=not SPECIALIZE, warp_specialize=SPECIALIZE
    ):
        pid_m, pid_n = grouped_tile(tile, M, N, BLOCK_M, BLOCK_N, GROUP)
        offs_m = pid_m * BLOCK_M
        offs_n = pid_n * BLOCK_N
        acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
        for k in range(tl.cdiv(K, BLOCK_K)):
            offs_k = k * BLOCK_K
            if A_ACROSS:
                a = a_desc.load([offs_k, offs_m]).T
            else:
                a = a_desc.load([offs_m, offs_k])
            if B_ACROSS:
                b = b_desc.load([offs_k, offs_n])
            else:
                b = b_desc.load([offs_n, offs_k]).T
            acc = tl.dot(a, b, acc, input_precision=PRECISION, max_num_imprecise_acc=IMPRECISE, out_dtype=ACC)
        acc = epilogue(
            acc, extras, offs_m + tl.arange(0, BLOCK_M), offs_n + tl.arange(0, BLOCK_N), M, N, 0,
            stride_addm, stride_addn, stride_scale_a, stride_scale_b, alpha, beta, ADD, AFFINE, SCALED,
            EPILOGUE,
        )  # fmt: skip
        # descriptors cut off what lies outside the matrices: no masks on loads or here
        c_desc.store([offs_m, offs_n], convert(acc, c_desc.dtype))


@triton.jit(do_not_specialize=["alpha", "beta"])
def gemm_loop_kernel(
    a_ptr, b_ptr, c_ptr, extras, batch_shape, a_batch, b_batch, c_batch, add_batch, M, N, K, stride_am,
    stride_ak, stride_bk, stride_bn, stride_cm, stride_cn, stride_addm, stride_addn, alpha: i64, beta: i64,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, ACC: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr,
):  # fmt: skip
    """c[z] = epilogue(a[z] @ b[z]), one outer product after another. Arguments as of `gemm_kernel`."""
    num_tiles = tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N)
    pid_z = (tl.program_id(0) // num_tiles).to(tl.int64)
    pid_m, pid_n = grouped_tile(tl.program_id(0) % num_tiles, M, N, BLOCK_M, BLOCK_N, 8)
    offs_m = (pid_m * BLOCK_M + tl.arange(0, BLOCK_M)).to(tl.int64)
    offs_n = (pid_n * BLOCK_N + tl.arange(0, BLOCK_N)).to(tl.int64)
    a_ptrs = a_ptr + offset_of(pid_z, batch_shape, a_batch) + offs_m * stride_am
    b_ptrs = b_ptr + offset_of(pid_z, batch_shape, b_batch) + offs_n * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    for _ in range(K):
        a = convert(tl.load(a_ptrs, mask=offs_m < M, other=0), ACC)
        b = convert(tl.load(b_ptrs, mask=offs_n < N, other=0), ACC)
        # integers wrap around as the type does; no order of K changes that
        acc += a[:, None] * b[None, :]
        a_ptrs += stride_ak
        b_ptrs += stride_bk
    add_offset = offset_of(pid_z, batch_shape, add_batch)
    acc = epilogue(
        acc, extras, offs_m, offs_n, M, N, add_offset, stride_addm, stride_addn, 0, 0, alpha, beta, ADD,
        AFFINE, 0, None
    )  # fmt: skip
    c_ptrs = (
        c_ptr + offset_of(pid_z, batch_shape, c_batch) + offs_m[:, None] * stride_cm
        + offs_n[None, :] * stride_cn
    )  # fmt: skip
    tl.store(c_ptrs, convert(acc, c_ptr.dtype.element_ty), mask=(offs_m < M)[:, None] & (offs_n < N)[None, :])


@triton.jit
def sum_parts_kernel(
    c_ptr, partial_ptr, extras, batch_shape, c_batch, add_batch, M, N, splits, stride_cm, stride_cn,
    stride_addm, stride_addn, stride_scale_a, stride_scale_b, stride_split, alpha: fp64, beta: fp64,
    ACC: tl.constexpr, ADD: tl.constexpr, AFFINE: tl.constexpr, SCALED: tl.constexpr, EPILOGUE: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """c = epilogue(sum of the partial results), always in the same order. More at `gemm_kernel`.

    Args:
        partial_ptr: (splits, batch, M, N), contiguous. stride_split: batch * M * N.
    """
    num_tiles = tl.cdiv(M, BLOCK_M) * tl.cdiv(N, BLOCK_N)
    pid_z = tl.program_id(0) // num_tiles
    tile = tl.program_id(0) % num_tiles
    offs_m = tile // tl.cdiv(N, BLOCK_N) * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = tile % tl.cdiv(N, BLOCK_N) * BLOCK_N + tl.arange(0, BLOCK_N)
    if INT64:
        pid_z, offs_m, offs_n = pid_z.to(tl.int64), offs_m.to(tl.int64), offs_n.to(tl.int64)
    mask = (offs_m < M)[:, None] & (offs_n < N)[None, :]
    partial_ptrs = partial_ptr + pid_z * M * N + offs_m[:, None] * N + offs_n[None, :]
    acc = tl.zeros((BLOCK_M, BLOCK_N), ACC)
    for _ in range(splits):
        acc += tl.load(partial_ptrs, mask=mask, other=0.0)
        partial_ptrs += stride_split
    acc = epilogue(
        acc, extras, offs_m, offs_n, M, N, offset_of(pid_z, batch_shape, add_batch), stride_addm,
        stride_addn, stride_scale_a, stride_scale_b, alpha, beta, ADD, AFFINE, SCALED, EPILOGUE,
    )  # fmt: skip
    c_ptrs = (
        c_ptr + offset_of(pid_z, batch_shape, c_batch) + offs_m[:, None] * stride_cm
        + offs_n[None, :] * stride_cn
    )  # fmt: skip
    tl.store(c_ptrs, convert(acc, c_ptr.dtype.element_ty), mask=mask)
