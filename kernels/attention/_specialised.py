"""Attention forward with warps specialised: one loads tiles, the others compute; `attention.py` launches it.

Triton takes loads and products apart only in a loop that is the kernel's only one, with every operand behind a
descriptor that the program makes, two-dimensional, and four warps a program, of which it makes a group that loads and
groups that compute. A second loop for masked tiles, or a branch around the masks, makes its compiler fail or drop the
specialisation without a word. So this is for the calls in which every query sees every key and keys fill whole
tiles; the walk is that of `_walk.py`.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import LN2, LOG2E, MINUS_INFINITY, head_offset
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def specialised_attention_kernel(
    out_ptr, lse_ptr, q_ptr, k_ptr, v_ptr, q_strides, k_strides, v_strides, out_strides, heads, group, seqlen_q,
    seqlen_k, head_dim, head_dim_v, scale: fp64,
    ACC: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
    SPECIALIZE: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """As `attention_kernel` without masks, for a positive scale and seqlen_k a multiple of BLOCK_N."""
    blocks = tl.cdiv(seqlen_q, BLOCK_M)
    head = tl.program_id(0) // blocks
    first_m = tl.program_id(0) % blocks * BLOCK_M
    kv_head = head // heads * (heads // group) + head % heads // group
    q_ptr += head_offset(head, heads, q_strides, INT64)
    k_ptr += head_offset(kv_head, heads // group, k_strides, INT64)
    v_ptr += head_offset(kv_head, heads // group, v_strides, INT64)
    queries = tl.make_tensor_descriptor(q_ptr, [seqlen_q, head_dim], [q_strides[2], 1], [BLOCK_M, BLOCK_D])
    keys = tl.make_tensor_descriptor(k_ptr, [seqlen_k, head_dim], [k_strides[2], 1], [BLOCK_N, BLOCK_D])
    values = tl.make_tensor_descriptor(v_ptr, [seqlen_k, head_dim_v], [v_strides[2], 1], [BLOCK_N, BLOCK_V])
    q = queries.load([first_m, 0])
    factor = (scale * LOG2E).to(ACC)
    acc = tl.zeros((BLOCK_M, BLOCK_V), ACC)
    l_i = tl.zeros((BLOCK_M,), ACC)
    m_i = tl.full((BLOCK_M,), MINUS_INFINITY, ACC)
    for start_n in tl.range(0, seqlen_k, BLOCK_N, warp_specialize=SPECIALIZE):
        s = tl.dot(q, keys.load([start_n, 0]).T, out_dtype=ACC)
        m_new = tl.maximum(m_i, tl.max(s, axis=1) * factor)
        # scores of -inf alone: -inf - -inf would be NaN
        m_safe = tl.where(m_new == MINUS_INFINITY, 0.0, m_new)
        p = tl.exp2(s * factor - m_safe[:, None])
        alpha = tl.exp2(m_i - m_safe)
        l_i = l_i * alpha + tl.sum(p, axis=1)
        value = values.load([start_n, 0])
        acc = acc * alpha[:, None]
        acc = tl.dot(convert(p, value.dtype), value, acc, out_dtype=ACC)
        m_i = m_new
    offs_m = first_m + tl.arange(0, BLOCK_M)
    offs_v = tl.arange(0, BLOCK_V)
    empty = l_i == 0.0
    lse = tl.where(empty, MINUS_INFINITY, (m_i + tl.log2(l_i)) * LN2)
    tl.store(lse_ptr + head.to(tl.int64) * seqlen_q + offs_m, lse, mask=offs_m < seqlen_q)
    if INT64:
        offs_m = offs_m.to(tl.int64)
    o_ptrs = (
        out_ptr + head_offset(head, heads, out_strides, INT64) + offs_m[:, None] * out_strides[2]
        + offs_v[None, :] * out_strides[3]
    )  # fmt: skip
    o_mask = (offs_m < seqlen_q)[:, None] & (offs_v < head_dim_v)[None, :]
    out = acc * (1.0 / tl.where(empty, 1.0, l_i))[:, None]
    tl.store(o_ptrs, convert(out, out_ptr.dtype.element_ty), mask=o_mask)
