"""Attention of few queries to many keys, as in generating text; `_decode_call.py` launches it.

A program a block of queries and a head would leave most multiprocessors idle, and each program's tile nearly empty. So:

- `part_kernel`: a program takes a part of the keys of a head, and the queries of all heads that share these keys as
  the rows of one tile: keys are read once. It writes attention to its part, and the part's logsumexp.
- `merge_parts_kernel`: out = sum of exp(lse_i - lse) out_i over the parts, always in the same order.

Source: Dao et al., "Flash-Decoding for long-context inference", 2023; Ainslie et al., "GQA", 2023 (shared heads).
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import LN2, LOG2E, MINUS_INFINITY, head_offset
from tritonnn.kernels.attention._walk import attend_keys
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def part_kernel(
    out_ptr, lse_ptr, q_ptr, k_ptr, v_ptr, mask_ptr, q_strides, k_strides, v_strides, out_strides, mask_strides,
    batch, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v, parts, part_size, scale: fp64,
    MASK: tl.constexpr, FOLD: tl.constexpr, EVEN: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Attention to a part of the keys; arguments as of `attention_kernel`.

    Args:
        out_ptr, lse_ptr: of shapes (parts, batch, heads, seqlen_q, head_dim_v) and without the last; out_strides: of
            these five dimensions.
        parts, part_size: how many, and keys of a part: whole tiles.
    """
    part = tl.program_id(0) % parts
    rest = tl.program_id(0) // parts
    count = group * seqlen_q
    blocks = tl.cdiv(count, BLOCK_M)
    kv = rest // blocks
    kv_heads = heads // group
    # row r is query r % seqlen_q of the r // seqlen_q-th of the heads that share these keys
    rows = rest % blocks * BLOCK_M + tl.arange(0, BLOCK_M)
    m = rows % seqlen_q
    head = kv % kv_heads * group + rows // seqlen_q
    sequence = wide(kv // kv_heads, INT64)
    m = wide(m, INT64)
    head = wide(head, INT64)
    offs_d = tl.arange(0, BLOCK_D)
    q_rows = q_ptr + sequence * q_strides[0] + head * q_strides[1] + m * q_strides[2]
    q = tl.load(
        q_rows[:, None] + offs_d[None, :] * q_strides[3],
        mask=(rows < count)[:, None] & (offs_d < head_dim)[None, :], other=0.0,
    )  # fmt: skip
    k = k_ptr + head_offset(kv, kv_heads, k_strides, INT64)
    v = v_ptr + head_offset(kv, kv_heads, v_strides, INT64)
    mask_steps = mask_strides
    if MASK != 0:
        mask_ptr = (mask_ptr + sequence * mask_strides[0] + head * mask_strides[1] + m * mask_strides[2])[
            :, None
        ]
        mask_steps = (0, 0, 0, mask_strides[3])  # every row has its own pointer
    first = part * part_size
    end = tl.minimum(first + part_size, seqlen_k)
    whole_end = first + (end - first) // BLOCK_N * BLOCK_N
    state = (
        tl.zeros((BLOCK_M, BLOCK_V), ACC),
        tl.zeros((BLOCK_M,), ACC),
        tl.full((BLOCK_M,), MINUS_INFINITY, ACC),
    )
    strides = (k_strides, v_strides, mask_steps)
    sizes = (count, seqlen_k, head_dim, head_dim_v)
    factors = ((scale * LOG2E).to(ACC), None)
    state = attend_keys(
        state, q, k, v, mask_ptr, None, None, strides, rows, first, whole_end, sizes, (0, 0), factors, None,
        False, False, False, False, MASK, False, False, FOLD, EVEN, False, PRECISION, 0, BLOCK_N, INT64,
    )  # fmt: skip
    state = attend_keys(
        state, q, k, v, mask_ptr, None, None, strides, rows, whole_end, end, sizes, (0, 0), factors, None,
        True, False, False, False, MASK, False, False, FOLD, EVEN, False, PRECISION, 0, BLOCK_N, INT64,
    )  # fmt: skip
    acc, l_i, m_i = state
    empty = l_i == 0.0
    lse = tl.where(empty, MINUS_INFINITY, (m_i + tl.log2(l_i)) * LN2)
    # in 64 bits even without INT64: the parts together may be larger than any operand
    place = (part.to(tl.int64) * batch + sequence) * heads + head
    tl.store(lse_ptr + place * seqlen_q + m, lse, mask=rows < count)
    offs_v = tl.arange(0, BLOCK_V)
    o_rows = (
        out_ptr + part.to(tl.int64) * out_strides[0] + sequence * out_strides[1] + head * out_strides[2]
        + m * out_strides[3]
    )  # fmt: skip
    tl.store(
        o_rows[:, None] + offs_v[None, :] * out_strides[4],
        convert(acc * (1.0 / tl.where(empty, 1.0, l_i))[:, None], out_ptr.dtype.element_ty),
        mask=(rows < count)[:, None] & (offs_v < head_dim_v)[None, :],
    )


@triton.jit
def merge_parts_kernel(
    out_ptr, lse_ptr, parts_ptr, part_lse_ptr, out_strides, rows, heads, seqlen_q, head_dim_v, parts,
    BLOCK_P: tl.constexpr, BLOCK_V: tl.constexpr,
):  # fmt: skip
    """One row of the result and its logsumexp, from those of BLOCK_P or fewer parts."""
    row = tl.program_id(0).to(tl.int64)
    offs_p = tl.arange(0, BLOCK_P)
    lses = tl.load(part_lse_ptr + offs_p * rows.to(tl.int64) + row, mask=offs_p < parts, other=MINUS_INFINITY)
    top = tl.max(lses)
    # no part sees a key: -inf - -inf would be NaN
    top = tl.where(top == MINUS_INFINITY, 0.0, top)
    total = tl.sum(tl.exp2((lses - top) * LOG2E))
    offs_v = tl.arange(0, BLOCK_V)
    acc = tl.zeros((BLOCK_V,), tl.float32)
    for part in range(parts):
        weight = tl.exp2((tl.load(part_lse_ptr + part * rows.to(tl.int64) + row) - top) * LOG2E)
        ptrs = parts_ptr + (part * rows.to(tl.int64) + row) * head_dim_v + offs_v
        acc += weight * tl.load(ptrs, mask=offs_v < head_dim_v, other=0.0)
    empty = total == 0.0
    tl.store(lse_ptr + row, tl.where(empty, MINUS_INFINITY, top + tl.log2(total) * LN2))
    o_ptrs = (
        out_ptr + row // (heads * seqlen_q) * out_strides[0] + row // seqlen_q % heads * out_strides[1]
        + row % seqlen_q * out_strides[2] + offs_v * out_strides[3]
    )  # fmt: skip
    acc = acc / tl.where(empty, 1.0, total)
    tl.store(o_ptrs, convert(acc, out_ptr.dtype.element_ty), mask=offs_v < head_dim_v)
