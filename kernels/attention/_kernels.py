"""The kernels of attention, forward and backward; `attention.py` launches them.

Forward: a program holds a block of queries and walks over the keys with a running maximum and sum (online
softmax, in powers of 2). Blocks of keys that every query of the program sees are walked without masks; behind
the diagonal of causal attention the walk ends. Backward computes the probabilities again from the saved
logsumexp: one kernel for keys and values, which walks over the queries, one for queries, which walks over the
keys. Every sum has one owner: no atomics.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao, "FlashAttention-2",
2023.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.launch.launch import fp64, i64
from tritonnn.kernels.random.random import start, words

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)
LN2: tl.constexpr = tl.constexpr(0.6931471805599453)
MINUS_INFINITY: tl.constexpr = tl.constexpr(float("-inf"))


@triton.jit
def _head(pid, heads, strides, INT64: tl.constexpr):
    """Offset of a head, counted over batch and heads."""
    if INT64:
        pid = pid.to(tl.int64)
    return (pid // heads) * strides[0] + (pid % heads) * strides[1]


@triton.jit
def _rows(first, BLOCK: tl.constexpr, INT64: tl.constexpr):
    index = first + tl.arange(0, BLOCK)
    if INT64:
        index = index.to(tl.int64)
    return index


@triton.jit
def _load(base, i, j, rows, columns, row_step, column_step):
    """Elements [i, j] of a matrix (rows, columns); 0 outside."""
    return tl.load(base + i * row_step + j * column_step, mask=(i < rows) & (j < columns), other=0.0)


@triton.jit
def _masked(
    s, m, n, queries, keys, mask, mask_row, mask_column,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, EDGE: tl.constexpr,
):  # fmt: skip
    """Scores with the mask's numbers added, -inf where a query m does not see a key n.

    MASK: 0 none, 1 of bools, 2 of numbers. EDGE: the tile reaches the last key or the diagonal.
    """
    if MASK != 0:
        value = tl.load(mask + m * mask_row + n * mask_column, mask=(m < queries) & (n < keys), other=0)
        if MASK == 1:
            s = tl.where(value != 0, s, MINUS_INFINITY)
        else:
            s = s + convert(value, s.dtype) * LOG2E
    if EDGE:
        s = tl.where(n < keys, s, MINUS_INFINITY)
        if CAUSAL:
            s = tl.where(n <= m, s, MINUS_INFINITY)
    return s


@triton.jit
def _kept(row, m, first_key, keys, threshold, seed, first, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    """Which probabilities of a tile dropout keeps, (BLOCK_M, BLOCK_N); `row` counts the queries before."""
    step = (keys + 3) // 4
    quarter = first_key // 4 + tl.arange(0, BLOCK_N // 4)
    counter = first + (row + m.to(tl.int64))[:, None] * step + quarter[None, :]
    w0, w1, w2, w3 = words(seed, counter, tl.zeros((BLOCK_M, BLOCK_N // 4), tl.uint32))
    word = tl.interleave(tl.interleave(w0, w2), tl.interleave(w1, w3))
    return word.to(tl.int64) >= threshold


@triton.jit
def _attend(
    acc, total, top, q, k, v, mask, k_steps, v_steps, mask_steps, m, row, first, last, queries, keys, width,
    value_width, scale, threshold, boost, seed, counter,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, EDGE: tl.constexpr,
    ACC: tl.constexpr, PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    BLOCK_D: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Walk over the keys [first, last) and bring accumulator, sum and maximum up to date."""
    d = tl.arange(0, BLOCK_D)
    e = tl.arange(0, BLOCK_V)
    for at in range(first, last, BLOCK_N):
        n = _rows(at, BLOCK_N, INT64)
        key = _load(k, n[None, :], d[:, None], keys, width, k_steps[2], k_steps[3])
        s = tl.dot(q, key, input_precision=PRECISION, out_dtype=ACC) * scale
        s = _masked(
            s, m[:, None], n[None, :], queries, keys, mask, mask_steps[2], mask_steps[3], CAUSAL, MASK, EDGE
        )
        higher = tl.maximum(top, tl.max(s, axis=1))
        shift = tl.where(higher == MINUS_INFINITY, 0.0, higher)
        p = tl.exp2(s - shift[:, None])
        fade = tl.exp2(top - shift)
        total = total * fade + tl.sum(p, axis=1)
        if DROPOUT:
            keep = _kept(row, m, at, keys, threshold, seed, counter, BLOCK_M, BLOCK_N)
            p = tl.where(keep, p * boost, 0.0)
        value = _load(v, n[:, None], e[None, :], keys, value_width, v_steps[2], v_steps[3])
        acc = acc * fade[:, None]
        acc = tl.dot(convert(p, value.dtype), value, acc, input_precision=PRECISION, out_dtype=ACC)
        top = higher
    return acc, total, top


@triton.jit
def attention_kernel(
    out, logsumexp, query, key, value, mask, q_steps, k_steps, v_steps, out_steps, mask_steps, heads, group,
    queries, keys, width, value_width, scale: fp64, threshold: i64, boost: fp64, seed: i64, first: i64, state,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, ACC: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """out = softmax(q k^T * scale + mask) v and the logsumexp of every row; a program a block of queries.

    Args:
        q_steps: strides (batch, head, position, feature) of the query, and so on; mask_steps: (batch, head,
        query, key). heads: of the query; `group` neighbours share a head of keys.
        threshold: words below are dropped; boost: what the others' probabilities are multiplied by.
        seed, first, state: the place in the random stream.
    """
    blocks = tl.cdiv(queries, BLOCK_M)
    head = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    if CAUSAL:  # the longest first
        block = blocks - 1 - block
    seed, first = start(seed, first, state)
    factor = (scale * LOG2E).to(ACC)
    m = _rows(block * BLOCK_M, BLOCK_M, INT64)
    shared = head // heads * (heads // group) + head % heads // group
    d = tl.arange(0, BLOCK_D)
    q = query + _head(head, heads, q_steps, INT64)
    q = _load(q, m[:, None], d[None, :], queries, width, q_steps[2], q_steps[3])
    k = key + _head(shared, heads // group, k_steps, INT64)
    v = value + _head(shared, heads // group, v_steps, INT64)
    if MASK != 0:
        mask = mask + _head(head, heads, mask_steps, INT64)
    row = head.to(tl.int64) * queries
    acc = tl.zeros((BLOCK_M, BLOCK_V), ACC)
    total = tl.zeros((BLOCK_M,), ACC)
    top = tl.full((BLOCK_M,), MINUS_INFINITY, ACC)
    last = keys
    if CAUSAL:
        last = tl.minimum(keys, (block + 1) * BLOCK_M)
        whole = tl.minimum(keys, block * BLOCK_M) // BLOCK_N * BLOCK_N
    else:
        whole = keys // BLOCK_N * BLOCK_N
    acc, total, top = _attend(
        acc, total, top, q, k, v, mask, k_steps, v_steps, mask_steps, m, row, 0, whole, queries, keys, width,
        value_width, factor, threshold, boost.to(ACC), seed, first, CAUSAL, MASK, DROPOUT, False, ACC, PRECISION,
        BLOCK_M, BLOCK_N, BLOCK_D, BLOCK_V, INT64,
    )  # fmt: skip
    acc, total, top = _attend(
        acc, total, top, q, k, v, mask, k_steps, v_steps, mask_steps, m, row, whole, last, queries, keys, width,
        value_width, factor, threshold, boost.to(ACC), seed, first, CAUSAL, MASK, DROPOUT, True, ACC, PRECISION,
        BLOCK_M, BLOCK_N, BLOCK_D, BLOCK_V, INT64,
    )  # fmt: skip
    blind = total == 0.0
    log = tl.where(blind, MINUS_INFINITY, (top + tl.log2(total)) * LN2)
    tl.store(logsumexp + row + m, log, mask=m < queries)
    result = acc / tl.where(blind, 1.0, total)[:, None]
    e = tl.arange(0, BLOCK_V)
    target = (
        out + _head(head, heads, out_steps, INT64) + m[:, None] * out_steps[2] + e[None, :] * out_steps[3]
    )
    inside = (m < queries)[:, None] & (e < value_width)[None, :]
    tl.store(target, convert(result, out.dtype.element_ty), mask=inside)


@triton.jit
def delta_kernel(
    delta, out, grad, out_steps, grad_steps, heads, queries, value_width,
    ACC: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """delta[row] = sum of out * grad over the features: what every gradient of a probability loses."""
    blocks = tl.cdiv(queries, BLOCK_M)
    head = tl.program_id(0) // blocks
    m = _rows(tl.program_id(0) % blocks * BLOCK_M, BLOCK_M, INT64)
    e = tl.arange(0, BLOCK_V)
    o = out + _head(head, heads, out_steps, INT64)
    g = grad + _head(head, heads, grad_steps, INT64)
    o = _load(o, m[:, None], e[None, :], queries, value_width, out_steps[2], out_steps[3])
    g = _load(g, m[:, None], e[None, :], queries, value_width, grad_steps[2], grad_steps[3])
    product = tl.sum(convert(o, ACC) * convert(g, ACC), axis=1)
    tl.store(delta + head.to(tl.int64) * queries + m, product, mask=m < queries)


@triton.jit
def _row_terms(logsumexp, delta, row, m, queries, ACC: tl.constexpr):
    """The logsumexp of rows as a power of 2, +inf where there are no probabilities, and their deltas."""
    log = tl.load(logsumexp + row + m, mask=m < queries, other=MINUS_INFINITY).to(ACC) * LOG2E
    log = tl.where(log == MINUS_INFINITY, -MINUS_INFINITY, log)
    return log, tl.load(delta + row + m, mask=m < queries, other=0.0)


@triton.jit
def keys_backward_kernel(
    grad_key, grad_value, grad, query, key, value, mask, logsumexp, delta, gk_steps, gv_steps, grad_steps,
    q_steps, k_steps, v_steps, mask_steps, heads, group, queries, keys, width, value_width, scale: fp64,
    threshold: i64, boost: fp64, seed: i64, first: i64, state,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, ACC: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Gradients of a block of keys and values: sums over the queries of all heads that share them."""
    blocks = tl.cdiv(keys, BLOCK_N)
    shared = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    seed, first = start(seed, first, state)
    factor = (scale * LOG2E).to(ACC)
    n = _rows(block * BLOCK_N, BLOCK_N, INT64)
    d = tl.arange(0, BLOCK_D)
    e = tl.arange(0, BLOCK_V)
    k = key + _head(shared, heads // group, k_steps, INT64)
    v = value + _head(shared, heads // group, v_steps, INT64)
    k = _load(k, n[:, None], d[None, :], keys, width, k_steps[2], k_steps[3])
    v = _load(v, n[:, None], e[None, :], keys, value_width, v_steps[2], v_steps[3])
    gk = tl.zeros((BLOCK_N, BLOCK_D), ACC)
    gv = tl.zeros((BLOCK_N, BLOCK_V), ACC)
    lowest = 0
    if CAUSAL:
        lowest = block * BLOCK_N // BLOCK_M * BLOCK_M
    for member in range(0, group):
        head = shared // (heads // group) * heads + shared % (heads // group) * group + member
        q = query + _head(head, heads, q_steps, INT64)
        g = grad + _head(head, heads, grad_steps, INT64)
        row = head.to(tl.int64) * queries
        for at in range(lowest, queries, BLOCK_M):
            m = _rows(at, BLOCK_M, INT64)
            across = _load(q, m[None, :], d[:, None], queries, width, q_steps[2], q_steps[3])
            log, lost = _row_terms(logsumexp, delta, row, m, queries, ACC)
            s = tl.dot(k, across, input_precision=PRECISION, out_dtype=ACC) * factor
            if MASK != 0:
                base = mask + _head(head, heads, mask_steps, INT64)
                s = _masked(
                    s,
                    m[None, :],
                    n[:, None],
                    queries,
                    keys,
                    base,
                    mask_steps[2],
                    mask_steps[3],
                    CAUSAL,
                    MASK,
                    True,
                )
            else:
                s = _masked(s, m[None, :], n[:, None], queries, keys, mask, 0, 0, CAUSAL, MASK, True)
            p = tl.exp2(s - log[None, :])
            dropped = p
            if DROPOUT:
                keep = tl.trans(
                    _kept(row, m, block * BLOCK_N, keys, threshold, seed, first, BLOCK_M, BLOCK_N)
                )
                dropped = tl.where(keep, p * boost.to(ACC), 0.0)
            go = _load(g, m[:, None], e[None, :], queries, value_width, grad_steps[2], grad_steps[3])
            gv = tl.dot(convert(dropped, go.dtype), go, gv, input_precision=PRECISION, out_dtype=ACC)
            gp = tl.dot(v, tl.trans(go), input_precision=PRECISION, out_dtype=ACC)
            gs = dropped * gp - p * lost[None, :]
            gk = tl.dot(convert(gs, k.dtype), tl.trans(across), gk, input_precision=PRECISION, out_dtype=ACC)
    gk = convert(gk * scale.to(ACC), grad_key.dtype.element_ty)
    target = grad_key + _head(shared, heads // group, gk_steps, INT64) + n[:, None] * gk_steps[2]
    tl.store(target + d[None, :] * gk_steps[3], gk, mask=(n < keys)[:, None] & (d < width)[None, :])
    target = grad_value + _head(shared, heads // group, gv_steps, INT64) + n[:, None] * gv_steps[2]
    inside = (n < keys)[:, None] & (e < value_width)[None, :]
    tl.store(target + e[None, :] * gv_steps[3], convert(gv, grad_value.dtype.element_ty), mask=inside)


@triton.jit
def queries_backward_kernel(
    grad_query, grad, query, key, value, mask, logsumexp, delta, gq_steps, grad_steps, q_steps, k_steps,
    v_steps, mask_steps, heads, group, queries, keys, width, value_width, scale: fp64, threshold: i64,
    boost: fp64, seed: i64, first: i64, state,
    CAUSAL: tl.constexpr, MASK: tl.constexpr, DROPOUT: tl.constexpr, ACC: tl.constexpr,
    PRECISION: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_D: tl.constexpr,
    BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Gradient of a block of queries: a sum over the keys."""
    blocks = tl.cdiv(queries, BLOCK_M)
    head = tl.program_id(0) // blocks
    block = tl.program_id(0) % blocks
    seed, first = start(seed, first, state)
    factor = (scale * LOG2E).to(ACC)
    m = _rows(block * BLOCK_M, BLOCK_M, INT64)
    d = tl.arange(0, BLOCK_D)
    e = tl.arange(0, BLOCK_V)
    shared = head // heads * (heads // group) + head % heads // group
    row = head.to(tl.int64) * queries
    q = query + _head(head, heads, q_steps, INT64)
    g = grad + _head(head, heads, grad_steps, INT64)
    q = _load(q, m[:, None], d[None, :], queries, width, q_steps[2], q_steps[3])
    g = _load(g, m[:, None], e[None, :], queries, value_width, grad_steps[2], grad_steps[3])
    k = key + _head(shared, heads // group, k_steps, INT64)
    v = value + _head(shared, heads // group, v_steps, INT64)
    if MASK != 0:
        mask = mask + _head(head, heads, mask_steps, INT64)
    log, lost = _row_terms(logsumexp, delta, row, m, queries, ACC)
    gq = tl.zeros((BLOCK_M, BLOCK_D), ACC)
    last = keys
    if CAUSAL:
        last = tl.minimum(keys, (block + 1) * BLOCK_M)
    for at in range(0, last, BLOCK_N):
        n = _rows(at, BLOCK_N, INT64)
        across = _load(k, n[None, :], d[:, None], keys, width, k_steps[2], k_steps[3])
        s = tl.dot(q, across, input_precision=PRECISION, out_dtype=ACC) * factor
        s = _masked(
            s, m[:, None], n[None, :], queries, keys, mask, mask_steps[2], mask_steps[3], CAUSAL, MASK, True
        )
        p = tl.exp2(s - log[:, None])
        value_across = _load(v, n[None, :], e[:, None], keys, value_width, v_steps[2], v_steps[3])
        gp = tl.dot(g, value_across, input_precision=PRECISION, out_dtype=ACC)
        dropped = p
        if DROPOUT:
            keep = _kept(row, m, at, keys, threshold, seed, first, BLOCK_M, BLOCK_N)
            dropped = tl.where(keep, p * boost.to(ACC), 0.0)
        gs = dropped * gp - p * lost[:, None]
        gq = tl.dot(convert(gs, across.dtype), tl.trans(across), gq, input_precision=PRECISION, out_dtype=ACC)
    gq = convert(gq * scale.to(ACC), grad_query.dtype.element_ty)
    target = grad_query + _head(head, heads, gq_steps, INT64) + m[:, None] * gq_steps[2]
    tl.store(target + d[None, :] * gq_steps[3], gq, mask=(m < queries)[:, None] & (d < width)[None, :])
