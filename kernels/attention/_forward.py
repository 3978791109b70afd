"""The kernel of attention, forward; `attention.py` launches it.

A program holds BLOCK_M queries and walks over the keys with an online softmax (`_walk.py`), so that the (L, S)
matrix of scores never leaves the registers; out = acc / l_i and lse = (m_i + log2 l_i) ln 2. The walk is split:
blocks of keys that every query of the program sees have no masks, those at the end, at the diagonal and at the
far side of a window have. Programs end behind their diagonal, which halves the work of causal attention.

Keys and values come through pointers, or through descriptors from the host where the hardware has them.

Source: Dao, "FlashAttention-2", 2023; Shah et al., "FlashAttention-3", 2024.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import LN2, LOG2E, MINUS_INFINITY, head_offset
from tritonnn.kernels.attention._walk import attend_keys, load_rows
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from, wide
from tritonnn.kernels.launch.launch import fp64, i64
from tritonnn.kernels.random.random import start

POINTERS: tl.constexpr = tl.constexpr(0)
FROM_HOST: tl.constexpr = tl.constexpr(1)


@triton.jit
def place_of(tile, blocks, heads, section, CAUSAL: tl.constexpr):
    """Block of queries and head (counted over batches) of a program.

    Causal blocks go the longest first: programs start in this order, and short ones fill the tail of the grid.
    That is so within a section of heads whose keys and values the cache holds together.
    """
    if CAUSAL:
        first = tile // (blocks * section) * section
        count = tl.minimum(section, heads - first)
        rest = tile - first * blocks
        return blocks - 1 - rest // count, first + rest % count
    else:
        return tile % blocks, tile // blocks


@triton.jit(do_not_specialize=["section", "ahead", "behind", "threshold", "seed", "offset"])
def attention_kernel(
    out_ptr, lse_ptr, q_ptr, k_ptr, v_ptr, mask_ptr, limits, q_strides, k_strides, v_strides, out_strides,
    mask_strides, batch, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v, section, ahead, behind,
    scale: fp64, softcap: fp64, threshold: i64, dropout_scale: fp64, seed: i64, offset: i64, state,
    CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, MASK: tl.constexpr,
    DROPOUT: tl.constexpr, PACKED: tl.constexpr, FOLD: tl.constexpr, EVEN: tl.constexpr,
    DESCRIBED: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """out = softmax(q k^T * scale + mask) v and the logsumexp of every row; a program a block of queries.

    Args:
        q_ptr, k_ptr, v_ptr: pointers, or of k and v descriptors (DESCRIBED). q_strides: strides (batch, head,
            position, feature) of the query, and so on; mask_strides: (batch, head, query, key).
        limits: of PACKED sequences, where queries and keys of each begin and the last ends, and numbers of
            keys or None: memory has one batch, and seqlen_q is the longest sequence's.
        heads: of the query; `group` neighbours share a head of keys. section: see `place_of`.
        ahead, behind: see `visible`; where PACKED, counted from the last query's last key.
        softcap: scores are softcap tanh(score / softcap).
        threshold: words below are dropped; dropout_scale: what the others' probabilities are multiplied by.
        seed, offset, state: the place in the random stream.
    """
    blocks = tl.cdiv(seqlen_q, BLOCK_M)
    block_m, head = place_of(tl.program_id(0), blocks, batch * heads, section, CAUSAL)
    in_batch = head % heads
    sequence = head // heads
    first_q = 0
    first_k = 0
    rows = seqlen_q
    # in 64 bits even without INT64: it counts rows of all batches and heads, and the place in the stream
    first_row = head.to(tl.int64) * seqlen_q
    if PACKED:
        first_q = tl.load(limits[0] + sequence)
        first_k = tl.load(limits[1] + sequence)
        rows = tl.load(limits[0] + sequence + 1) - first_q
        seqlen_k = tl.load(limits[1] + sequence + 1) - first_k
        if limits[2] is not None:
            seqlen_k = tl.minimum(seqlen_k, tl.load(limits[2] + sequence))
        first_row = in_batch.to(tl.int64) * tl.load(limits[0] + batch) + first_q
        ahead += seqlen_k - rows
        behind -= seqlen_k - rows
        sequence = 0
        head = in_batch
        if block_m * BLOCK_M >= rows:
            return
    # grouped queries: within a batch, head h reads the keys of head h // group
    kv_head = in_batch // group
    offs_m = offsets_from(block_m * BLOCK_M, BLOCK_M, INT64)
    place = (sequence, kv_head, first_k)
    if DESCRIBED == FROM_HOST:
        k = k_ptr
        v = v_ptr
    else:
        kv = sequence * (heads // group) + kv_head
        k = k_ptr + head_offset(kv, heads // group, k_strides, INT64) + wide(first_k, INT64) * k_strides[2]
        v = v_ptr + head_offset(kv, heads // group, v_strides, INT64) + wide(first_k, INT64) * v_strides[2]
    q_base = q_ptr + head_offset(head, heads, q_strides, INT64) + wide(first_q, INT64) * q_strides[2]
    q = load_rows(
        q_base,
        None,
        q_strides,
        block_m * BLOCK_M,
        rows,
        head_dim,
        False,
        True,
        EVEN,
        False,
        BLOCK_M,
        BLOCK_D,
        INT64,
    )
    if MASK != 0:
        mask_ptr = mask_ptr + head_offset(head, heads, mask_strides, INT64)
    seed, offset = start(seed, offset, state)
    sizes = (rows, seqlen_k, head_dim, head_dim_v)
    factors = ((scale * LOG2E).to(ACC), None)
    if SOFTCAP:
        factors = ((softcap * LOG2E).to(ACC), (scale / softcap * LOG2E * 2.0).to(ACC))
    strides = (k_strides, v_strides, mask_strides)
    dropout = (first_row, threshold, seed, offset)
    done = (
        tl.zeros((BLOCK_M, BLOCK_V), ACC), tl.zeros((BLOCK_M,), ACC), tl.full((BLOCK_M,), MINUS_INFINITY, ACC)
    )  # fmt: skip
    end = seqlen_k
    whole_end = seqlen_k // BLOCK_N * BLOCK_N
    if CAUSAL:
        end = tl.minimum(seqlen_k, (block_m + 1) * BLOCK_M + ahead)
        # what the first query sees, all after it see
        whole_end = tl.maximum(tl.minimum(seqlen_k, block_m * BLOCK_M + ahead + 1), 0) // BLOCK_N * BLOCK_N
    whole_start = 0
    if WINDOW:
        first = tl.maximum(block_m * BLOCK_M - behind, 0) // BLOCK_N * BLOCK_N
        # what the last query still sees, all before it do
        whole_start = tl.cdiv(tl.maximum((block_m + 1) * BLOCK_M - 1 - behind, 0), BLOCK_N) * BLOCK_N
        whole_start = tl.minimum(whole_start, tl.cdiv(tl.maximum(end, 0), BLOCK_N) * BLOCK_N)
        done = attend_keys(
            done, q, k, v, mask_ptr, None, place, strides, offs_m, first, whole_start, sizes, (ahead, behind), factors,
            dropout, True, CAUSAL, WINDOW, SOFTCAP, MASK, DROPOUT, PACKED, FOLD, EVEN, DESCRIBED,
            PRECISION, 0, BLOCK_N, INT64,
        )  # fmt: skip
    done = attend_keys(
        done, q, k, v, mask_ptr, None, place, strides, offs_m, whole_start, whole_end, sizes, (ahead, behind), factors,
        dropout, False, CAUSAL, WINDOW, SOFTCAP, MASK, DROPOUT, PACKED, FOLD, EVEN, DESCRIBED,
        PRECISION, 0, BLOCK_N, INT64,
    )  # fmt: skip
    done = attend_keys(
        done, q, k, v, mask_ptr, None, place, strides, offs_m, tl.maximum(whole_start, whole_end), end, sizes,
        (ahead, behind), factors, dropout, True, CAUSAL, WINDOW, SOFTCAP, MASK, DROPOUT, PACKED, FOLD, EVEN,
        DESCRIBED, PRECISION, 0, BLOCK_N, INT64,
    )  # fmt: skip
    acc, l_i, m_i = done
    # A row that sees no key gives zeros and an lse of -inf, not 0 / 0.
    empty = l_i == 0.0
    lse = tl.where(empty, MINUS_INFINITY, (m_i + tl.log2(l_i)) * LN2)
    tl.store(lse_ptr + first_row + offs_m, lse, mask=offs_m < rows)
    share = 1.0 / tl.where(empty, 1.0, l_i)
    if DROPOUT:
        share = share * dropout_scale.to(ACC)
    offs_v = tl.arange(0, BLOCK_V)
    o_ptrs = (
        out_ptr + head_offset(head, heads, out_strides, INT64) + wide(first_q, INT64) * out_strides[2]
        + offs_m[:, None] * out_strides[2] + offs_v[None, :] * out_strides[3]
    )  # fmt: skip
    o_mask = (offs_m < rows)[:, None] & (offs_v < head_dim_v)[None, :]
    tl.store(o_ptrs, convert(acc * share[:, None], out_ptr.dtype.element_ty), mask=o_mask)
