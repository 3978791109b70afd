"""The kernel of the gradients of attention's keys and values; `_backward.py` explains the algorithm."""

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
from tritonnn.kernels.attention._common import LOG2E, MINUS_INFINITY, head_offset
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from, wide
from tritonnn.kernels.launch.launch import fp64, i64
from tritonnn.kernels.random.random import start


@triton.jit
def _add_queries(
    dk, dv, k, v, q, do, batch, head, first, end, start_n, q_strides, do_strides, mask_ptr, stride_mm, stride_mn,
    lse2_ptr, delta_ptr, first_row, seqlen_q, seqlen_k, head_dim, head_dim_v, lowest, highest, qk_scale, cap,
    threshold, dropout_scale, seed, offset,
    EDGE: tl.constexpr, CUT: tl.constexpr, SOFTCAP: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr,
    PACKED: tl.constexpr, DESCRIBED: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Walk over the queries [first, end) of a head and add their share to dk and dv."""
    offs_n = offsets_from(start_n, BLOCK_N, INT64)
    for start_m in range(first, end, BLOCK_M):
        offs_m = offsets_from(start_m, BLOCK_M, INT64)
        q_tile = load_rows(
            q, batch, head, start_m, q_strides, seqlen_q, head_dim, True, DESCRIBED, BLOCK_M, BLOCK_D, INT64
        )
        if PACKED:  # beyond the last query lies another sequence
            lse2 = tl.load(lse2_ptr + offs_m, mask=offs_m < seqlen_q, other=-MINUS_INFINITY)
            delta = tl.load(delta_ptr + offs_m, mask=offs_m < seqlen_q, other=0.0)
        else:
            lse2 = tl.load(lse2_ptr + offs_m)
            delta = tl.load(delta_ptr + offs_m)
        qk = tl.dot(k, tl.trans(q_tile), input_precision=PRECISION, out_dtype=ACC)
        p, slope = probabilities(
            qk, lse2[None, :], offs_m[None, :], offs_n[:, None], mask_ptr, stride_mm, stride_mn, seqlen_q, seqlen_k,
            lowest, highest, qk_scale, cap, EDGE, CUT, SOFTCAP, MASK,
        )  # fmt: skip
        keep = kept(first_row, start_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M, BLOCK_N, DROPOUT)
        if DROPOUT:  # the words lie as in forward, (queries, keys)
            keep = tl.trans(keep)
        p_drop = dropped(p, keep, dropout_scale, DROPOUT)
        do_tile = load_rows(
            do, batch, head, start_m, do_strides, seqlen_q, head_dim_v, True, DESCRIBED, BLOCK_M, BLOCK_V, INT64
        )  # fmt: skip
        dv = tl.dot(convert(p_drop, do_tile.dtype), do_tile, dv, input_precision=PRECISION, out_dtype=ACC)
        dp = tl.dot(v, tl.trans(do_tile), input_precision=PRECISION, out_dtype=ACC)
        ds = score_gradients(p, p_drop, dp, delta[None, :], slope, SOFTCAP, DROPOUT)
        dk = tl.dot(convert(ds, q_tile.dtype), q_tile, dk, input_precision=PRECISION, out_dtype=ACC)
    return dk, dv


@triton.jit(do_not_specialize=["threshold", "seed", "offset"])
def keys_backward_kernel(
    dk_ptr, dv_ptr, do, q, k_ptr, v_ptr, mask_ptr, lse2_ptr, delta_ptr, first_query, first_key, dk_strides, dv_strides,
    do_strides, q_strides, k_strides, v_strides, mask_strides, heads, group, seqlen_q, seqlen_k, head_dim, head_dim_v,
    padded, all_heads, together, behind, ahead, scale: fp64, softcap: fp64, threshold: i64, dropout_scale: fp64,
    seed: i64, offset: i64, state,
    CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SOFTCAP: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr,
    PACKED: tl.constexpr, DESCRIBED: tl.constexpr, ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """dk and dv of a block of keys: sums over the queries of all heads that share them (`group`).

    With dp = do v^T and ds = p (dp - delta): dv = p^T do and dk = scale ds^T q. Tiles are (keys, queries),
    forward's transposed, so that p and ds enter their products as they are. Keys beyond the end are computed like
    others and not stored: nothing else depends on them.

    Args:
        do, q: descriptors over (batch, head, position, feature) where DESCRIBED, else pointers with strides.
        heads: of the query; `all_heads` counts those of the keys over all batches.
        padded: rows a head of lse2 and delta.
        together: heads whose programs start block by block.
        first_query, first_key: where PACKED, first row of each sequence and of one after the last; memory is one batch,
            seqlen_q and seqlen_k are those of the longest.
        behind, ahead: keys seen before and after a query's own, where WINDOW.
        softcap: scores become softcap tanh(score / softcap), where SOFTCAP.
    """
    block_n, kv_head = place(tl.cdiv(seqlen_k, BLOCK_N), all_heads, together)
    seed, offset = start(seed, offset, state)
    qk_scale = (scale / softcap if SOFTCAP else scale * LOG2E).to(ACC)
    cap = (softcap * LOG2E).to(ACC)
    dropout_scale = dropout_scale.to(ACC)
    kv_heads = heads // group
    start_n = block_n * BLOCK_N
    if PACKED:
        first_m, seqlen_q = span(first_query, kv_head // kv_heads)
        first_n, seqlen_k = span(first_key, kv_head // kv_heads)
        if start_n >= seqlen_k:
            return
        kv_head = kv_head % kv_heads
        k_ptr += wide(first_n, INT64) * k_strides[2]
        v_ptr += wide(first_n, INT64) * v_strides[2]
        dk_ptr += wide(first_n, INT64) * dk_strides[2]
        dv_ptr += wide(first_n, INT64) * dv_strides[2]
        q += wide(first_m, INT64) * q_strides[2]
        do += wide(first_m, INT64) * do_strides[2]
        lse2_ptr += first_m
        delta_ptr += first_m
    k_ptr += head_offset(kv_head, kv_heads, k_strides, INT64)
    v_ptr += head_offset(kv_head, kv_heads, v_strides, INT64)
    k = load_rows(k_ptr, 0, 0, start_n, k_strides, seqlen_k, head_dim, True, False, BLOCK_N, BLOCK_D, INT64)
    v = load_rows(v_ptr, 0, 0, start_n, v_strides, seqlen_k, head_dim_v, True, False, BLOCK_N, BLOCK_V, INT64)
    dk = tl.zeros((BLOCK_N, BLOCK_D), ACC)
    dv = tl.zeros((BLOCK_N, BLOCK_V), ACC)
    lowest, highest = differences(seqlen_q, seqlen_k, behind, ahead, CAUSAL, WINDOW, PACKED, BLOCK_M, BLOCK_N)
    CUT: tl.constexpr = CAUSAL or WINDOW
    # queries beyond the end have a p of 0 and read 0: they are like others, but that a mask ends before them
    OPEN: tl.constexpr = MASK == 0
    first, whole, rest, end = walk(start_n, lowest, highest, seqlen_q, BLOCK_N, BLOCK_M, OPEN)
    if MASK != 0 and start_n + BLOCK_N > seqlen_k:  # the mask ends with the keys
        rest = whole
    for i in range(0, group):
        batch = kv_head // kv_heads
        head = kv_head % kv_heads * group + i
        row = (batch * heads + head).to(tl.int64)
        q_head, do_head, mask_head = q, do, mask_ptr
        if not DESCRIBED:
            q_head = q + head_offset(batch * heads + head, heads, q_strides, INT64)
            do_head = do + head_offset(batch * heads + head, heads, do_strides, INT64)
        if MASK != 0:
            mask_head = mask_ptr + head_offset(batch * heads + head, heads, mask_strides, INT64)
        for part in tl.static_range(3):
            # 0 and 2: tiles seen in part
            if part == 1 or (part == 0 and CUT) or (part == 2 and (WINDOW or not OPEN)):
                dk, dv = _add_queries(
                    dk, dv, k, v, q_head, do_head, batch, head,
                    first if part == 0 else whole if part == 1 else rest,
                    tl.minimum(whole, end) if part == 0 else rest if part == 1 else end,
                    start_n, q_strides, do_strides, mask_head, mask_strides[2], mask_strides[3],
                    lse2_ptr + row * padded, delta_ptr + row * padded, row * seqlen_q, seqlen_q, seqlen_k,
                    head_dim, head_dim_v, lowest, highest, qk_scale, cap, threshold, dropout_scale, seed, offset,
                    part != 1, CUT, SOFTCAP, MASK, DROPOUT, PACKED, DESCRIBED, ACC, PRECISION, BLOCK_M, BLOCK_N,
                    BLOCK_D, BLOCK_V, INT64,
                )  # fmt: skip
    dk_ptr += head_offset(kv_head, kv_heads, dk_strides, INT64)
    dv_ptr += head_offset(kv_head, kv_heads, dv_strides, INT64)
    # scaled once at the end, not in every ds
    store_rows(dk * scale.to(ACC), dk_ptr, start_n, dk_strides, seqlen_k, head_dim, BLOCK_N, BLOCK_D, INT64)
    store_rows(dv, dv_ptr, start_n, dv_strides, seqlen_k, head_dim_v, BLOCK_N, BLOCK_V, INT64)
