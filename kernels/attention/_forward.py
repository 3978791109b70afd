"""The kernel of attention, forward; `attention.py` launches it.

A program holds BLOCK_M queries and walks over the keys with an online softmax,
so that the (L, S) matrix of scores never leaves the registers. With qk the scores of a block of keys, in
powers of 2:

    m_new = max(m_i, max(qk))           running maximum
    alpha = 2^(m_i - m_new)             brings what was summed so far to the new maximum
    l_i   = l_i alpha + sum 2^(qk - m_new)
    acc   = acc alpha + 2^(qk - m_new) v
    out   = acc / l_i, lse = (m_i + log2 l_i) ln 2

exp2 is one instruction where exp is a product and exp2, so log2(e) is folded into the scale. The walk is two
loops: blocks of keys that every query of the program sees have no masks, the rest have; causal programs end
behind their diagonal, which halves the work.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao, "FlashAttention-2",
2023.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import (
    LN2,
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
def _attend_keys(
    acc, l_i, m_i, q, k_ptr, v_ptr, mask_ptr, k_strides, v_strides, mask_strides, offs_m, first_row, start,
    end, seqlen_q, seqlen_k, head_dim, head_dim_v, qk_scale, threshold, dropout_scale, seed, offset,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, EDGE: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Walk over the keys [start, end) and bring accumulator, sum and maximum up to date."""
    offs_d = tl.arange(0, BLOCK_D)
    offs_v = tl.arange(0, BLOCK_V)
    for start_n in range(start, end, BLOCK_N):
        offs_n = offsets_from(start_n, BLOCK_N, INT64)
        k = load_tile(k_ptr, offs_n[None, :], offs_d[:, None], seqlen_k, head_dim, k_strides[2], k_strides[3])
        qk = tl.dot(q, k, input_precision=PRECISION, out_dtype=ACC) * qk_scale
        qk = mask_scores(
            qk, offs_m[:, None], offs_n[None, :], seqlen_q, seqlen_k, mask_ptr, mask_strides[2],
            mask_strides[3], CAUSAL, MASK, EDGE,
        )  # fmt: skip
        m_new = tl.maximum(m_i, tl.max(qk, axis=1))
        # A row that has seen no key yet has a maximum of -inf, and -inf - -inf would be NaN.
        m_safe = tl.where(m_new == MINUS_INFINITY, 0.0, m_new)
        p = tl.exp2(qk - m_safe[:, None])
        alpha = tl.exp2(m_i - m_safe)
        l_i = l_i * alpha + tl.sum(p, axis=1)
        if DROPOUT:
            keep = dropout_keep(
                first_row, offs_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N
            )
            # after l_i: dropout acts on normalised probabilities, so the normaliser counts them all
            p = tl.where(keep, p * dropout_scale, 0.0)
        v = load_tile(
            v_ptr, offs_n[:, None], offs_v[None, :], seqlen_k, head_dim_v, v_strides[2], v_strides[3]
        )
        acc = acc * alpha[:, None]
        # matrix instructions take two operands of one type; the sum stays in ACC
        acc = tl.dot(convert(p, v.dtype), v, acc, input_precision=PRECISION, out_dtype=ACC)
        m_i = m_new
    return acc, l_i, m_i


@triton.jit
def attention_kernel(
    out_ptr, lse_ptr, q_ptr, k_ptr, v_ptr, mask_ptr, q_strides, k_strides, v_strides, out_strides,
    mask_strides, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v, scale: fp64, threshold: i64,
    dropout_scale: fp64, seed: i64, offset: i64, state,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, ACC: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = softmax(q k^T * scale + mask) v and the logsumexp of every row; a program a block of queries.

    Args:
        q_strides: strides (batch, head, position, feature) of the query, and so on; mask_strides: (batch,
        head, query, key). heads: of the query; `group` neighbours share a head of keys.
        threshold: words below are dropped; dropout_scale: what the others' probabilities are multiplied by.
        seed, offset, state: the place in the random stream.
    """
    num_blocks_m = tl.cdiv(seqlen_q, BLOCK_M)
    head = tl.program_id(0) // num_blocks_m
    block_m = tl.program_id(0) % num_blocks_m
    if CAUSAL:  # the longest first: programs start in this order, and short ones fill the tail of the grid
        block_m = num_blocks_m - 1 - block_m
    seed, offset = start(seed, offset, state)
    qk_scale = (scale * LOG2E).to(ACC)
    offs_m = offsets_from(block_m * BLOCK_M, BLOCK_M, INT64)
    # grouped queries: within a batch, head h reads the keys of head h // group
    kv_head = head // heads * (heads // group) + head % heads // group
    offs_d = tl.arange(0, BLOCK_D)
    q = q_ptr + head_offset(head, heads, q_strides, INT64)
    q = load_tile(q, offs_m[:, None], offs_d[None, :], seqlen_q, head_dim, q_strides[2], q_strides[3])
    k_base = k_ptr + head_offset(kv_head, heads // group, k_strides, INT64)
    v_base = v_ptr + head_offset(kv_head, heads // group, v_strides, INT64)
    if MASK != 0:
        mask_ptr = mask_ptr + head_offset(head, heads, mask_strides, INT64)
    # in 64 bits even without INT64: it counts rows of all batches and heads, and the place in the stream
    first_row = head.to(tl.int64) * seqlen_q
    acc = tl.zeros((BLOCK_M, BLOCK_V), ACC)
    l_i = tl.zeros((BLOCK_M,), ACC)
    m_i = tl.full((BLOCK_M,), MINUS_INFINITY, ACC)
    end_n = seqlen_k
    if CAUSAL:
        end_n = tl.minimum(seqlen_k, (block_m + 1) * BLOCK_M)
        # the first query of the block sees the keys before block_m * BLOCK_M, and so do all after it
        full_end = tl.minimum(seqlen_k, block_m * BLOCK_M) // BLOCK_N * BLOCK_N
    else:
        full_end = seqlen_k // BLOCK_N * BLOCK_N
    acc, l_i, m_i = _attend_keys(
        acc, l_i, m_i, q, k_base, v_base, mask_ptr, k_strides, v_strides, mask_strides, offs_m, first_row, 0,
        full_end, seqlen_q, seqlen_k, head_dim, head_dim_v, qk_scale, threshold, dropout_scale.to(ACC), seed,
        offset, CAUSAL, MASK, DROPOUT, False, ACC, PRECISION, BLOCK_M, BLOCK_N, BLOCK_D, BLOCK_V, INT64,
    )  # fmt: skip
    acc, l_i, m_i = _attend_keys(
        acc, l_i, m_i, q, k_base, v_base, mask_ptr, k_strides, v_strides, mask_strides, offs_m, first_row,
        full_end, end_n, seqlen_q, seqlen_k, head_dim, head_dim_v, qk_scale, threshold,
        dropout_scale.to(ACC), seed, offset, CAUSAL, MASK, DROPOUT, True, ACC, PRECISION, BLOCK_M, BLOCK_N,
        BLOCK_D, BLOCK_V, INT64,
    )  # fmt: skip
    # A row that sees no key gives zeros and an lse of -inf, not 0 / 0.
    empty = l_i == 0.0
    lse = tl.where(empty, MINUS_INFINITY, (m_i + tl.log2(l_i)) * LN2)
    tl.store(lse_ptr + first_row + offs_m, lse, mask=offs_m < seqlen_q)
    o = acc / tl.where(empty, 1.0, l_i)[:, None]
    offs_v = tl.arange(0, BLOCK_V)
    o_ptrs = (
        out_ptr + head_offset(head, heads, out_strides, INT64) + offs_m[:, None] * out_strides[2]
        + offs_v[None, :] * out_strides[3]
    )  # fmt: skip
    o_mask = (offs_m < seqlen_q)[:, None] & (offs_v < head_dim_v)[None, :]
    tl.store(o_ptrs, convert(o, out_ptr.dtype.element_ty), mask=o_mask)
