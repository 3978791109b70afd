"""What the kernels of attention share, forward and backward.

Dropout draws its words again in each kernel, from the place of a probability in the random stream.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.random.random import words

LOG2E: tl.constexpr = tl.constexpr(1.4426950408889634)
LN2: tl.constexpr = tl.constexpr(0.6931471805599453)
MINUS_INFINITY: tl.constexpr = tl.constexpr(float("-inf"))


@triton.jit
def head_offset(head, heads, strides, INT64: tl.constexpr):
    """Offset of a head, counted over batch and heads."""
    if INT64:
        head = head.to(tl.int64)
    return (head // heads) * strides[0] + (head % heads) * strides[1]


@triton.jit
def load_tile(ptr, offs_i, offs_j, rows, columns, stride_i, stride_j):
    """Elements [i, j] of a matrix (rows, columns); 0 outside."""
    # features beyond the last add 0 to a product; keys beyond the last are masked as scores
    return tl.load(
        ptr + offs_i * stride_i + offs_j * stride_j, mask=(offs_i < rows) & (offs_j < columns), other=0.0
    )


@triton.jit
def mask_scores(
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
def dropout_keep(
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
