"""The kernel of the gradient of attention's queries; `_backward.py` explains the algorithm."""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._backward import (
    differences,
    dropped,
    kept,
    load_rows,
    place,
    probabilities,
    score_gradients,
    span,
    store_rows,
    walk,
)
from tritonnn.kernels.attention._common import LOG2E, head_offset
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from, wide
from tritonnn.kernels.launch.launch import fp64, i64
from tritonnn.kernels.random.random import start


@triton.jit
def _add_keys(
    dq, q, do, k, v, batch, kv_head, first, end, start_m, lse2, delta, k_strides, v_strides, mask_ptr, stride_mm,
    stride_mn, first_row, seqlen_q, seqlen_k, head_dim, head_dim_v, lowest, highest, qk_scale, cap, threshold,
    dropout_scale, seed, offset,
    EDGE: tl.constexpr, CUT: tl.constexpr, SOFTCAP: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr,
    DESCRIBED: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Walk over the keys [first, end) of a head and add their share to dq."""
    offs_m = offsets_from(start_m, BLOCK_M, INT64)
    for start_n in range(first, end, BLOCK_N):
        offs_n = offsets_from(start_n, BLOCK_N, INT64)
        k_tile = load_rows(
            k,
            batch,
            kv_head,
            start_n,
            k_strides,
            seqlen_k,
            head_dim,
            EDGE,
            DESCRIBED,
            BLOCK_N,
            BLOCK_D,
            INT64,
        )
        qk = tl.dot(q, tl.trans(k_tile), input_precision=PRECISION, out_dtype=ACC)
        p, slope = probabilities(
            qk, lse2[:, None], offs_m[:, None], offs_n[None, :], mask_ptr, stride_mm, stride_mn, seqlen_q, seqlen_k,
            lowest, highest, qk_scale, cap, EDGE, CUT, SOFTCAP, MASK,
        )  # fmt: skip
        v_tile = load_rows(
            v,
            batch,
            kv_head,
            start_n,
            v_strides,
            seqlen_k,
            head_dim_v,
            EDGE,
            DESCRIBED,
            BLOCK_N,
            BLOCK_V,
            INT64,
        )
        dp = tl.dot(do, tl.trans(v_tile), input_precision=PRECISION, out_dtype=ACC)
        keep = kept(first_row, start_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N, DROPOUT)
        p_drop = dropped(p, keep, dropout_scale, DROPOUT)
        ds = score_gradients(p, p_drop, dp, delta[:, None], slope, SOFTCAP, DROPOUT)
        dq = tl.dot(convert(ds, k_tile.dtype), k_tile, dq, input_precision=PRECISION, out_dtype=ACC)
    return dq


@triton.jit(do_not_specialize=["threshold", "seed", "offset"])
def queries_backward_kernel(
    dq_ptr, do_ptr, q_ptr, k, v, mask_ptr, lse2_ptr, delta_ptr, first_query, first_key, dq_strides, do_strides,
    q_strides, k_strides, v_strides, mask_strides, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v, padded,
    all_heads, together, behind, ahead, scale: fp64, softcap: fp64, threshold: i64, dropout_scale: fp64, seed: i64,
    offset: i64, state,
    CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr,
    PACKED: tl.constexpr, DESCRIBED: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dq = scale ds k of a block of queries, with ds as in `keys_backward_kernel`: a sum over the keys.

    The arguments are those of `keys_backward_kernel`, but that k and v are the descriptors where DESCRIBED, and
    `all_heads` counts the query's.
    """
    num_blocks_m = tl.cdiv(seqlen_q, BLOCK_M)
    block_m, row = place(num_blocks_m, all_heads, together)
    if CAUSAL:  # the last queries see most keys
        block_m = num_blocks_m - 1 - block_m
    seed, offset = start(seed, offset, state)
    qk_scale = (scale / softcap if SOFTCAP else scale * LOG2E).to(ACC)
    cap = (softcap * LOG2E).to(ACC)
    dropout_scale = dropout_scale.to(ACC)
    start_m = block_m * BLOCK_M
    if PACKED:
        first_m, seqlen_q = span(first_query, row // heads)
        first_n, seqlen_k = span(first_key, row // heads)
        if start_m >= seqlen_q:
            return
        row = row % heads
        q_ptr += wide(first_m, INT64) * q_strides[2]
        do_ptr += wide(first_m, INT64) * do_strides[2]
        dq_ptr += wide(first_m, INT64) * dq_strides[2]
        k += wide(first_n, INT64) * k_strides[2]
        v += wide(first_n, INT64) * v_strides[2]
        lse2_ptr += first_m
        delta_ptr += first_m
    batch = row // heads
    kv_head = row % heads // group
    q_ptr += head_offset(row, heads, q_strides, INT64)
    do_ptr += head_offset(row, heads, do_strides, INT64)
    q = load_rows(q_ptr, 0, 0, start_m, q_strides, seqlen_q, head_dim, True, False, BLOCK_M, BLOCK_D, INT64)
    do = load_rows(
        do_ptr, 0, 0, start_m, do_strides, seqlen_q, head_dim_v, True, False, BLOCK_M, BLOCK_V, INT64
    )
    if not DESCRIBED:
        k += head_offset(batch * (heads // group) + kv_head, heads // group, k_strides, INT64)
        v += head_offset(batch * (heads // group) + kv_head, heads // group, v_strides, INT64)
    if MASK != 0:
        mask_ptr += head_offset(row, heads, mask_strides, INT64)
    offs_m = offsets_from(start_m, BLOCK_M, INT64)
    # in 64 bits even without INT64: it counts rows of all batches and heads, and the place in the stream
    first_row = row.to(tl.int64) * seqlen_q
    # beyond the last query of all there may be nothing to read; what is read of other sequences is not stored
    inside = offs_m < (seqlen_q if PACKED else padded)
    lse2 = tl.load(lse2_ptr + row.to(tl.int64) * padded + offs_m, mask=inside, other=0.0)
    delta = tl.load(delta_ptr + row.to(tl.int64) * padded + offs_m, mask=inside, other=0.0)
    dq = tl.zeros((BLOCK_M, BLOCK_D), ACC)
    # in terms of m - n, as for the keys' kernel; the walk here goes by n - m
    lowest, highest = differences(seqlen_q, seqlen_k, behind, ahead, CAUSAL, WINDOW, PACKED, BLOCK_M, BLOCK_N)
    CUT: tl.constexpr = CAUSAL or WINDOW
    first, whole, rest, end = walk(start_m, -highest, -lowest, seqlen_k, BLOCK_M, BLOCK_N, False)
    if MASK != 0 and start_m + BLOCK_M > seqlen_q:  # the mask ends with the queries
        rest = whole
    for part in tl.static_range(3):
        # the last keys are an edge always: the p of those beyond the end could be infinite
        if part != 0 or WINDOW:
            dq = _add_keys(
                dq, q, do, k, v, batch, kv_head, first if part == 0 else whole if part == 1 else rest,
                tl.minimum(whole, end) if part == 0 else rest if part == 1 else end, start_m, lse2, delta,
                k_strides, v_strides, mask_ptr, mask_strides[2], mask_strides[3], first_row, seqlen_q, seqlen_k,
                head_dim, head_dim_v, lowest, highest, qk_scale, cap, threshold, dropout_scale, seed, offset,
                part != 1, CUT, SOFTCAP, MASK, DROPOUT, DESCRIBED, ACC, PRECISION, BLOCK_M, BLOCK_N, BLOCK_D,
                BLOCK_V, INT64,
            )  # fmt: skip
    dq_ptr += head_offset(row, heads, dq_strides, INT64)
    store_rows(dq * scale.to(ACC), dq_ptr, start_m, dq_strides, seqlen_q, head_dim, BLOCK_M, BLOCK_D, INT64)
