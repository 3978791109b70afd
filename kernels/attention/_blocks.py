"""Attention to listed blocks of keys, as block masks have them; `blocks.py` launches it.

A program holds BLOCK_M queries of one block of rows and walks over the blocks of keys that its lists name: over those
that are seen whole without a mask, over the others with one. What no list names is not read.

Source: Dong et al., "Flex attention", 2024.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import LN2, LOG2E, MINUS_INFINITY, head_offset
from tritonnn.kernels.attention._walk import attend_keys, load_rows
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def _list(counts, indices, count_strides, index_strides, b, h, row):
    """How many blocks a list has, and where it begins."""
    count = tl.load(counts + b * count_strides[0] + h * count_strides[1] + row * count_strides[2])
    return count, indices + b * index_strides[0] + h * index_strides[1] + row * index_strides[2]


@triton.jit
def listed_attention_kernel(
    out_ptr, lse_ptr, q_ptr, k_ptr, v_ptr, mask_ptr, some, whole, q_strides, k_strides, v_strides, out_strides,
    mask_strides, some_strides, whole_strides, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v, scale: fp64,
    ROWS: tl.constexpr, KEYS: tl.constexpr, WHOLE: tl.constexpr, RAGGED: tl.constexpr, FOLD: tl.constexpr,
    EVEN: tl.constexpr, DESCRIBED: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = softmax(q k^T * scale) v over the listed blocks, and logsumexp; arguments as of `attention_kernel`.

    Args:
        mask_ptr: bools, of the blocks of `some`.
        some, whole: (numbers of blocks (batch, head, row of blocks), their indices (..., place)), contiguous in the
            last dimension; whole blocks are seen by all queries of the row.
        some_strides, whole_strides: the strides of the two.
        ROWS, KEYS: of a block: multiples of BLOCK_M and BLOCK_N. WHOLE: there are whole blocks.
        RAGGED: the last block reaches beyond the keys.
    """
    blocks = tl.cdiv(seqlen_q, BLOCK_M)
    head = tl.program_id(0) // blocks
    block_m = tl.program_id(0) % blocks
    b = head // heads
    h = head % heads
    kv_head = h // group
    if DESCRIBED:
        k = k_ptr
        v = v_ptr
    else:
        kv = b * (heads // group) + kv_head
        k = k_ptr + head_offset(kv, heads // group, k_strides, INT64)
        v = v_ptr + head_offset(kv, heads // group, v_strides, INT64)
    offs_m = offsets_from(block_m * BLOCK_M, BLOCK_M, INT64)
    q_base = q_ptr + head_offset(head, heads, q_strides, INT64)
    q = load_rows(
        q_base, None, q_strides, block_m * BLOCK_M, seqlen_q, head_dim, False, True, EVEN, False, BLOCK_M, BLOCK_D,
        INT64,
    )  # fmt: skip
    mask_ptr += head_offset(head, heads, mask_strides, INT64)
    row = block_m * BLOCK_M // ROWS
    place = (b, kv_head, 0)
    strides = (k_strides, v_strides, mask_strides)
    sizes = (seqlen_q, seqlen_k, head_dim, head_dim_v)
    factors = ((scale * LOG2E).to(ACC), None)
    state = (
        tl.zeros((BLOCK_M, BLOCK_V), ACC),
        tl.zeros((BLOCK_M,), ACC),
        tl.full((BLOCK_M,), MINUS_INFINITY, ACC),
    )
    if WHOLE:
        count, indices = _list(whole[0], whole[1], whole_strides[0], whole_strides[1], b, h, row)
        state = attend_keys(
            state, q, k, v, mask_ptr, indices, place, strides, offs_m, 0, count * KEYS, sizes, (0, 0), factors, None,
            RAGGED, False, False, False, 0, False, False, FOLD, EVEN, DESCRIBED, PRECISION, KEYS, BLOCK_N, INT64,
        )  # fmt: skip
    count, indices = _list(some[0], some[1], some_strides[0], some_strides[1], b, h, row)
    state = attend_keys(
        state, q, k, v, mask_ptr, indices, place, strides, offs_m, 0, count * KEYS, sizes, (0, 0), factors, None,
        RAGGED, False, False, False, 1, False, False, FOLD, EVEN, DESCRIBED, PRECISION, KEYS, BLOCK_N, INT64,
    )  # fmt: skip
    acc, l_i, m_i = state
    # A row that sees no key gives zeros and an lse of -inf, not 0 / 0.
    empty = l_i == 0.0
    lse = tl.where(empty, MINUS_INFINITY, (m_i + tl.log2(l_i)) * LN2)
    tl.store(lse_ptr + head.to(tl.int64) * seqlen_q + offs_m, lse, mask=offs_m < seqlen_q)
    offs_v = tl.arange(0, BLOCK_V)
    o_ptrs = (
        out_ptr + head_offset(head, heads, out_strides, INT64) + offs_m[:, None] * out_strides[2]
        + offs_v[None, :] * out_strides[3]
    )  # fmt: skip
    o_mask = (offs_m < seqlen_q)[:, None] & (offs_v < head_dim_v)[None, :]
    o = acc * (1.0 / tl.where(empty, 1.0, l_i))[:, None]
    tl.store(o_ptrs, convert(o, out_ptr.dtype.element_ty), mask=o_mask)
