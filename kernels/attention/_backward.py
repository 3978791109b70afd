"""The kernels of the gradients of attention; `gradient.py` launches them.

Backward recomputes the probabilities p = exp(qk - lse) from the saved logsumexp instead of reading them: O(L)
memory, and a product costs less than L S reads. It is three kernels:

- `delta_kernel`: delta = sum(out * do) per query, so that ds = p (dp - delta) needs no row sum of p dp.
- `keys_backward_kernel`: a program owns BLOCK_N keys, walks over the queries, gives dk and dv.
- `queries_backward_kernel`: a program owns BLOCK_M queries, walks over the keys, gives dq.

One kernel for all would compute qk and dp once instead of twice, but have to add dq up with atomics, whose
order, and so whose last bits, differ from run to run. Here every sum has one owner.

Source: Dao, "FlashAttention-2", 2023.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import (
    LOG2E,
    MINUS_INFINITY,
    dropout_keep,
    head_offset,
    load_tile,
    mask_scores,
)
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from
from tritonnn.kernels.launch.launch import fp64, i64
from tritonnn.kernels.random.random import start


@triton.jit
def delta_kernel(
    delta_ptr, out_ptr, do_ptr, out_strides, do_strides, heads, seqlen_q, head_dim_v,
    ACC: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """delta[row] = sum of out * do over the features, in the accumulator's type."""
    num_blocks_m = tl.cdiv(seqlen_q, BLOCK_M)
    head = tl.program_id(0) // num_blocks_m
    offs_m = offsets_from(tl.program_id(0) % num_blocks_m * BLOCK_M, BLOCK_M, INT64)
    offs_v = tl.arange(0, BLOCK_V)
    o = out_ptr + head_offset(head, heads, out_strides, INT64)
    do = do_ptr + head_offset(head, heads, do_strides, INT64)
    o = load_tile(o, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, out_strides[2], out_strides[3])
    do = load_tile(do, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3])
    delta = tl.sum(convert(o, ACC) * convert(do, ACC), axis=1)
    tl.store(delta_ptr + head.to(tl.int64) * seqlen_q + offs_m, delta, mask=offs_m < seqlen_q)


@triton.jit
def _load_lse_delta(lse_ptr, delta_ptr, first_row, offs_m, seqlen_q, ACC: tl.constexpr):
    """The logsumexp of rows as a power of 2, +inf where no key is visible (p is 0), and their deltas."""
    # queries beyond the end read -inf as well, so that their p is 0 and adds nothing to dk and dv
    lse = tl.load(lse_ptr + first_row + offs_m, mask=offs_m < seqlen_q, other=MINUS_INFINITY).to(ACC) * LOG2E
    lse = tl.where(lse == MINUS_INFINITY, -MINUS_INFINITY, lse)
    return lse, tl.load(delta_ptr + first_row + offs_m, mask=offs_m < seqlen_q, other=0.0)


@triton.jit
def keys_backward_kernel(
    dk_ptr, dv_ptr, do_ptr, q_ptr, k_ptr, v_ptr, mask_ptr, lse_ptr, delta_ptr, dk_strides, dv_strides,
    do_strides, q_strides, k_strides, v_strides, mask_strides, heads, group, seqlen_q, seqlen_k, head_dim,
    head_dim_v, scale: fp64, threshold: i64, dropout_scale: fp64, seed: i64, offset: i64, state,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, ACC: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dk and dv of a block of keys: sums over the queries of all heads that share them (`group`).

    With dp = do v^T and ds = p (dp - delta): dv = p^T do and dk = scale ds^T q. Tiles are (keys, queries),
    forward's transposed, so that p and ds enter their products as they are.
    """
    num_blocks_n = tl.cdiv(seqlen_k, BLOCK_N)
    kv_head = tl.program_id(0) // num_blocks_n
    block_n = tl.program_id(0) % num_blocks_n
    seed, offset = start(seed, offset, state)
    qk_scale = (scale * LOG2E).to(ACC)
    offs_n = offsets_from(block_n * BLOCK_N, BLOCK_N, INT64)
    offs_d = tl.arange(0, BLOCK_D)
    offs_v = tl.arange(0, BLOCK_V)
    k = k_ptr + head_offset(kv_head, heads // group, k_strides, INT64)
    v = v_ptr + head_offset(kv_head, heads // group, v_strides, INT64)
    k = load_tile(k, offs_n[:, None], offs_d[None, :], seqlen_k, head_dim, k_strides[2], k_strides[3])
    v = load_tile(v, offs_n[:, None], offs_v[None, :], seqlen_k, head_dim_v, v_strides[2], v_strides[3])
    dk = tl.zeros((BLOCK_N, BLOCK_D), ACC)
    dv = tl.zeros((BLOCK_N, BLOCK_V), ACC)
    first_m = 0
    if CAUSAL:
        first_m = block_n * BLOCK_N // BLOCK_M * BLOCK_M  # earlier queries see none of these keys
    for i in range(0, group):
        head = kv_head // (heads // group) * heads + kv_head % (heads // group) * group + i
        q_base = q_ptr + head_offset(head, heads, q_strides, INT64)
        do_base = do_ptr + head_offset(head, heads, do_strides, INT64)
        first_row = head.to(tl.int64) * seqlen_q
        for start_m in range(first_m, seqlen_q, BLOCK_M):
            offs_m = offsets_from(start_m, BLOCK_M, INT64)
            q_t = load_tile(
                q_base, offs_m[None, :], offs_d[:, None], seqlen_q, head_dim, q_strides[2], q_strides[3]
            )
            lse, delta = _load_lse_delta(lse_ptr, delta_ptr, first_row, offs_m, seqlen_q, ACC)
            qk = tl.dot(k, q_t, input_precision=PRECISION, out_dtype=ACC) * qk_scale
            if MASK != 0:
                mask_base = mask_ptr + head_offset(head, heads, mask_strides, INT64)
                qk = mask_scores(
                    qk, offs_m[None, :], offs_n[:, None], seqlen_q, seqlen_k, mask_base, mask_strides[2],
                    mask_strides[3], CAUSAL, MASK, True,
                )  # fmt: skip
            else:
                qk = mask_scores(
                    qk, offs_m[None, :], offs_n[:, None], seqlen_q, seqlen_k, mask_ptr, 0, 0, CAUSAL, MASK,
                    True,
                )  # fmt: skip
            p = tl.exp2(qk - lse[None, :])
            p_drop = p
            if DROPOUT:
                # the words lie as in forward, (queries, keys)
                keep = tl.trans(dropout_keep(
                    first_row, offs_m, block_n * BLOCK_N, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N,
                ))  # fmt: skip
                p_drop = tl.where(keep, p * dropout_scale.to(ACC), 0.0)
            do = load_tile(
                do_base, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3]
            )
            dv = tl.dot(convert(p_drop, do.dtype), do, dv, input_precision=PRECISION, out_dtype=ACC)
            dp = tl.dot(v, tl.trans(do), input_precision=PRECISION, out_dtype=ACC)
            # delta already is a sum over what dropout kept: it goes with the undropped p
            ds = p_drop * dp - p * delta[None, :]
            dk = tl.dot(convert(ds, k.dtype), tl.trans(q_t), dk, input_precision=PRECISION, out_dtype=ACC)
    # once at the end, not in every ds: the scores' own scale holds log2(e) as well
    dk = convert(dk * scale.to(ACC), dk_ptr.dtype.element_ty)
    ptrs = dk_ptr + head_offset(kv_head, heads // group, dk_strides, INT64) + offs_n[:, None] * dk_strides[2]
    mask = (offs_n < seqlen_k)[:, None] & (offs_d < head_dim)[None, :]
    tl.store(ptrs + offs_d[None, :] * dk_strides[3], dk, mask=mask)
    ptrs = dv_ptr + head_offset(kv_head, heads // group, dv_strides, INT64) + offs_n[:, None] * dv_strides[2]
    mask = (offs_n < seqlen_k)[:, None] & (offs_v < head_dim_v)[None, :]
    tl.store(ptrs + offs_v[None, :] * dv_strides[3], convert(dv, dv_ptr.dtype.element_ty), mask=mask)


@triton.jit
def queries_backward_kernel(
    dq_ptr, do_ptr, q_ptr, k_ptr, v_ptr, mask_ptr, lse_ptr, delta_ptr, dq_strides, do_strides, q_strides,
    k_strides, v_strides, mask_strides, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v, scale: fp64,
    threshold: i64, dropout_scale: fp64, seed: i64, offset: i64, state,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, ACC: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dq = scale ds k of a block of queries, with ds as in `keys_backward_kernel`: a sum over the keys."""
    num_blocks_m = tl.cdiv(seqlen_q, BLOCK_M)
    head = tl.program_id(0) // num_blocks_m
    block_m = tl.program_id(0) % num_blocks_m
    seed, offset = start(seed, offset, state)
    qk_scale = (scale * LOG2E).to(ACC)
    offs_m = offsets_from(block_m * BLOCK_M, BLOCK_M, INT64)
    offs_d = tl.arange(0, BLOCK_D)
    offs_v = tl.arange(0, BLOCK_V)
    kv_head = head // heads * (heads // group) + head % heads // group
    first_row = head.to(tl.int64) * seqlen_q
    q = q_ptr + head_offset(head, heads, q_strides, INT64)
    do = do_ptr + head_offset(head, heads, do_strides, INT64)
    q = load_tile(q, offs_m[:, None], offs_d[None, :], seqlen_q, head_dim, q_strides[2], q_strides[3])
    do = load_tile(do, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3])
    k_base = k_ptr + head_offset(kv_head, heads // group, k_strides, INT64)
    v_base = v_ptr + head_offset(kv_head, heads // group, v_strides, INT64)
    if MASK != 0:
        mask_ptr = mask_ptr + head_offset(head, heads, mask_strides, INT64)
    lse, delta = _load_lse_delta(lse_ptr, delta_ptr, first_row, offs_m, seqlen_q, ACC)
    dq = tl.zeros((BLOCK_M, BLOCK_D), ACC)
    end_n = seqlen_k
    if CAUSAL:
        end_n = tl.minimum(seqlen_k, (block_m + 1) * BLOCK_M)
    for start_n in range(0, end_n, BLOCK_N):
        offs_n = offsets_from(start_n, BLOCK_N, INT64)
        k_t = load_tile(
            k_base, offs_n[None, :], offs_d[:, None], seqlen_k, head_dim, k_strides[2], k_strides[3]
        )
        qk = tl.dot(q, k_t, input_precision=PRECISION, out_dtype=ACC) * qk_scale
        qk = mask_scores(
            qk, offs_m[:, None], offs_n[None, :], seqlen_q, seqlen_k, mask_ptr, mask_strides[2],
            mask_strides[3], CAUSAL, MASK, True,
        )  # fmt: skip
        p = tl.exp2(qk - lse[:, None])
        v_t = load_tile(
            v_base, offs_n[None, :], offs_v[:, None], seqlen_k, head_dim_v, v_strides[2], v_strides[3]
        )
        dp = tl.dot(do, v_t, input_precision=PRECISION, out_dtype=ACC)
        p_drop = p
        if DROPOUT:
            keep = dropout_keep(
                first_row, offs_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N
            )
            p_drop = tl.where(keep, p * dropout_scale.to(ACC), 0.0)
        ds = p_drop * dp - p * delta[:, None]
        dq = tl.dot(convert(ds, k_t.dtype), tl.trans(k_t), dq, input_precision=PRECISION, out_dtype=ACC)
    dq = convert(dq * scale.to(ACC), dq_ptr.dtype.element_ty)
    dq_ptrs = dq_ptr + head_offset(head, heads, dq_strides, INT64) + offs_m[:, None] * dq_strides[2]
    mask = (offs_m < seqlen_q)[:, None] & (offs_d < head_dim)[None, :]
    tl.store(dq_ptrs + offs_d[None, :] * dq_strides[3], dq, mask=mask)
