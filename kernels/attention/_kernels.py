"""The kernels of attention, forward and backward; `attention.py` launches them.

Forward, `attention_kernel`: a program holds BLOCK_M queries and walks over the keys with an online softmax,
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

Backward recomputes the probabilities p = exp(qk - lse) from the saved logsumexp instead of reading them: O(L)
memory, and a product costs less than L S reads. It is three kernels:

- `delta_kernel`: delta = sum(out * do) per query, so that ds = p (dp - delta) needs no row sum of p dp.
- `keys_backward_kernel`: a program owns BLOCK_N keys, walks over the queries, gives dk and dv.
- `queries_backward_kernel`: a program owns BLOCK_M queries, walks over the keys, gives dq.

One kernel for all would compute qk and dp once instead of twice, but have to add dq up with atomics, whose
order, and so whose last bits, differ from run to run. Here every sum has one owner.

Dropout draws its words again in each kernel, from the place of a probability in the random stream.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao, "FlashAttention-2",
2023.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from
from tritonnn.kernels.launch.launch import fp64, i64
from tritonnn.kernels.random.random import start, words

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)
LN2: tl.constexpr = tl.constexpr(0.6931471805599453)
MINUS_INFINITY: tl.constexpr = tl.constexpr(float("-inf"))


@triton.jit
def _head_offset(head, heads, strides, INT64: tl.constexpr):
    """Offset of a head, counted over batch and heads."""
    if INT64:
        head = head.to(tl.int64)
    return (head // heads) * strides[0] + (head % heads) * strides[1]


@triton.jit
def _load_tile(ptr, offs_i, offs_j, rows, columns, stride_i, stride_j):
    """Elements [i, j] of a matrix (rows, columns); 0 outside."""
    # features beyond the last add 0 to a product; keys beyond the last are masked as scores
    return tl.load(
        ptr + offs_i * stride_i + offs_j * stride_j, mask=(offs_i < rows) & (offs_j < columns), other=0.0
    )


@triton.jit
def _mask_scores(
    qk, offs_m, offs_n, seqlen_q, seqlen_k, mask_ptr, stride_mm, stride_mn,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, EDGE: tl.constexpr,
):  # fmt: skip
    """Scores with the mask's numbers added, -inf where a query m does not see a key n.

    MASK: 0 none, 1 of bools, 2 of numbers. EDGE: the tile reaches the last key or the diagonal.
    """
    if MASK != 0:
        # 0 beyond the ends: EDGE masks those keys; those queries are not stored, or have a p of 0
        bias = tl.load(
            mask_ptr + offs_m * stride_mm + offs_n * stride_mn,
            mask=(offs_m < seqlen_q) & (offs_n < seqlen_k), other=0,
        )  # fmt: skip
        if MASK == 1:
            qk = tl.where(bias != 0, qk, MINUS_INFINITY)
        else:
            # the scores are in powers of 2
            qk = qk + convert(bias, qk.dtype) * LOG2E
    if EDGE:
        qk = tl.where(offs_n < seqlen_k, qk, MINUS_INFINITY)
        if CAUSAL:
            qk = tl.where(offs_n <= offs_m, qk, MINUS_INFINITY)
    return qk


@triton.jit
def _dropout_keep(
    first_row,
    offs_m,
    start_n,
    seqlen_k,
    threshold,
    seed,
    offset,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    """Which probabilities of a tile dropout keeps; `first_row` counts the queries of the heads before."""
    # Philox gives four words a counter. A row of probabilities takes a whole number of counters, so a tile,
    # which starts at a multiple of four keys, finds its words whatever the sizes of tiles are.
    step = (seqlen_k + 3) // 4
    quarter = start_n // 4 + tl.arange(0, BLOCK_N // 4)
    counter = offset + (first_row + offs_m.to(tl.int64))[:, None] * step + quarter[None, :]
    w0, w1, w2, w3 = words(seed, counter, tl.zeros((BLOCK_M, BLOCK_N // 4), tl.uint32))
    # words 0, 1, 2, 3 of a counter belong to neighbouring keys
    bits = tl.interleave(tl.interleave(w0, w2), tl.interleave(w1, w3))
    # in 64 bits, because a threshold of 2**32 drops everything
    return bits.to(tl.int64) >= threshold


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
        k = _load_tile(
            k_ptr, offs_n[None, :], offs_d[:, None], seqlen_k, head_dim, k_strides[2], k_strides[3]
        )
        qk = tl.dot(q, k, input_precision=PRECISION, out_dtype=ACC) * qk_scale
        qk = _mask_scores(
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
            keep = _dropout_keep(
                first_row, offs_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N
            )
            # after l_i: dropout acts on normalised probabilities, so the normaliser counts them all
            p = tl.where(keep, p * dropout_scale, 0.0)
        v = _load_tile(
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
    q = q_ptr + _head_offset(head, heads, q_strides, INT64)
    q = _load_tile(q, offs_m[:, None], offs_d[None, :], seqlen_q, head_dim, q_strides[2], q_strides[3])
    k_base = k_ptr + _head_offset(kv_head, heads // group, k_strides, INT64)
    v_base = v_ptr + _head_offset(kv_head, heads // group, v_strides, INT64)
    if MASK != 0:
        mask_ptr = mask_ptr + _head_offset(head, heads, mask_strides, INT64)
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
        out_ptr + _head_offset(head, heads, out_strides, INT64) + offs_m[:, None] * out_strides[2]
        + offs_v[None, :] * out_strides[3]
    )  # fmt: skip
    o_mask = (offs_m < seqlen_q)[:, None] & (offs_v < head_dim_v)[None, :]
    tl.store(o_ptrs, convert(o, out_ptr.dtype.element_ty), mask=o_mask)


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
    o = out_ptr + _head_offset(head, heads, out_strides, INT64)
    do = do_ptr + _head_offset(head, heads, do_strides, INT64)
    o = _load_tile(o, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, out_strides[2], out_strides[3])
    do = _load_tile(do, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3])
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
    k = k_ptr + _head_offset(kv_head, heads // group, k_strides, INT64)
    v = v_ptr + _head_offset(kv_head, heads // group, v_strides, INT64)
    k = _load_tile(k, offs_n[:, None], offs_d[None, :], seqlen_k, head_dim, k_strides[2], k_strides[3])
    v = _load_tile(v, offs_n[:, None], offs_v[None, :], seqlen_k, head_dim_v, v_strides[2], v_strides[3])
    dk = tl.zeros((BLOCK_N, BLOCK_D), ACC)
    dv = tl.zeros((BLOCK_N, BLOCK_V), ACC)
    first_m = 0
    if CAUSAL:
        first_m = block_n * BLOCK_N // BLOCK_M * BLOCK_M  # earlier queries see none of these keys
    for i in range(0, group):
        head = kv_head // (heads // group) * heads + kv_head % (heads // group) * group + i
        q_base = q_ptr + _head_offset(head, heads, q_strides, INT64)
        do_base = do_ptr + _head_offset(head, heads, do_strides, INT64)
        first_row = head.to(tl.int64) * seqlen_q
        for start_m in range(first_m, seqlen_q, BLOCK_M):
            offs_m = offsets_from(start_m, BLOCK_M, INT64)
            q_t = _load_tile(
                q_base, offs_m[None, :], offs_d[:, None], seqlen_q, head_dim, q_strides[2], q_strides[3]
            )
            lse, delta = _load_lse_delta(lse_ptr, delta_ptr, first_row, offs_m, seqlen_q, ACC)
            qk = tl.dot(k, q_t, input_precision=PRECISION, out_dtype=ACC) * qk_scale
            if MASK != 0:
                mask_base = mask_ptr + _head_offset(head, heads, mask_strides, INT64)
                qk = _mask_scores(
                    qk, offs_m[None, :], offs_n[:, None], seqlen_q, seqlen_k, mask_base, mask_strides[2],
                    mask_strides[3], CAUSAL, MASK, True,
                )  # fmt: skip
            else:
                qk = _mask_scores(
                    qk, offs_m[None, :], offs_n[:, None], seqlen_q, seqlen_k, mask_ptr, 0, 0, CAUSAL, MASK,
                    True,
                )  # fmt: skip
            p = tl.exp2(qk - lse[None, :])
            p_drop = p
            if DROPOUT:
                # the words lie as in forward, (queries, keys)
                keep = tl.trans(_dropout_keep(
                    first_row, offs_m, block_n * BLOCK_N, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N,
                ))  # fmt: skip
                p_drop = tl.where(keep, p * dropout_scale.to(ACC), 0.0)
            do = _load_tile(
                do_base, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3]
            )
            dv = tl.dot(convert(p_drop, do.dtype), do, dv, input_precision=PRECISION, out_dtype=ACC)
            dp = tl.dot(v, tl.trans(do), input_precision=PRECISION, out_dtype=ACC)
            # delta already is a sum over what dropout kept: it goes with the undropped p
            ds = p_drop * dp - p * delta[None, :]
            dk = tl.dot(convert(ds, k.dtype), tl.trans(q_t), dk, input_precision=PRECISION, out_dtype=ACC)
    # once at the end, not in every ds: the scores' own scale holds log2(e) as well
    dk = convert(dk * scale.to(ACC), dk_ptr.dtype.element_ty)
    ptrs = dk_ptr + _head_offset(kv_head, heads // group, dk_strides, INT64) + offs_n[:, None] * dk_strides[2]
    mask = (offs_n < seqlen_k)[:, None] & (offs_d < head_dim)[None, :]
    tl.store(ptrs + offs_d[None, :] * dk_strides[3], dk, mask=mask)
    ptrs = dv_ptr + _head_offset(kv_head, heads // group, dv_strides, INT64) + offs_n[:, None] * dv_strides[2]
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
    q = q_ptr + _head_offset(head, heads, q_strides, INT64)
    do = do_ptr + _head_offset(head, heads, do_strides, INT64)
    q = _load_tile(q, offs_m[:, None], offs_d[None, :], seqlen_q, head_dim, q_strides[2], q_strides[3])
    do = _load_tile(do, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3])
    k_base = k_ptr + _head_offset(kv_head, heads // group, k_strides, INT64)
    v_base = v_ptr + _head_offset(kv_head, heads // group, v_strides, INT64)
    if MASK != 0:
        mask_ptr = mask_ptr + _head_offset(head, heads, mask_strides, INT64)
    lse, delta = _load_lse_delta(lse_ptr, delta_ptr, first_row, offs_m, seqlen_q, ACC)
    dq = tl.zeros((BLOCK_M, BLOCK_D), ACC)
    end_n = seqlen_k
    if CAUSAL:
        end_n = tl.minimum(seqlen_k, (block_m + 1) * BLOCK_M)
    for start_n in range(0, end_n, BLOCK_N):
        offs_n = offsets_from(start_n, BLOCK_N, INT64)
        k_t = _load_tile(
            k_base, offs_n[None, :], offs_d[:, None], seqlen_k, head_dim, k_strides[2], k_strides[3]
        )
        qk = tl.dot(q, k_t, input_precision=PRECISION, out_dtype=ACC) * qk_scale
        qk = _mask_scores(
            qk, offs_m[:, None], offs_n[None, :], seqlen_q, seqlen_k, mask_ptr, mask_strides[2],
            mask_strides[3], CAUSAL, MASK, True,
        )  # fmt: skip
        p = tl.exp2(qk - lse[:, None])
        v_t = _load_tile(
            v_base, offs_n[None, :], offs_v[:, None], seqlen_k, head_dim_v, v_strides[2], v_strides[3]
        )
        dp = tl.dot(do, v_t, input_precision=PRECISION, out_dtype=ACC)
        p_drop = p
        if DROPOUT:
            keep = _dropout_keep(
                first_row, offs_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N
            )
            p_drop = tl.where(keep, p * dropout_scale.to(ACC), 0.0)
        ds = p_drop * dp - p * delta[:, None]
        dq = tl.dot(convert(ds, k_t.dtype), tl.trans(k_t), dq, input_precision=PRECISION, out_dtype=ACC)
    dq = convert(dq * scale.to(ACC), dq_ptr.dtype.element_ty)
    dq_ptrs = dq_ptr + _head_offset(head, heads, dq_strides, INT64) + offs_m[:, None] * dq_strides[2]
    mask = (offs_m < seqlen_q)[:, None] & (offs_d < head_dim)[None, :]
    tl.store(dq_ptrs + offs_d[None, :] * dq_strides[3], dq, mask=mask)
