"""The walk over the keys that every forward kernel of attention makes: the online softmax.

With s the scores of a block of keys, f = scale log2(e), and everything in powers of 2:

    m_new = max(m_i, max(s) f)              running maximum
    alpha = 2^(m_i - m_new)                 brings what was summed so far to the new maximum
    l_i   = l_i alpha + sum 2^(s f - m_new)
    acc   = acc alpha + 2^(s f - m_new) v

exp2 is one instruction where exp is a product and exp2. The scores are not scaled by themselves: the factor
enters the exponent's one multiply-add, which takes it to be positive (FOLD), so that the largest score stays
the largest.

Keys and values come through pointers, or through tensor descriptors of (batch, head, position, feature) whose
hardware fetches whole tiles and fills with zeros what lies outside.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018; Dao, "FlashAttention-2",
2023.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import LOG2E, MINUS_INFINITY, dropout_keep
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from


@triton.jit
def load_rows(
    source, place, strides, start, end, width, ACROSS: tl.constexpr, EDGE: tl.constexpr, EVEN: tl.constexpr,
    DESCRIBED: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Rows [start, start + ROWS) of a head, (ROWS, BLOCK) or ACROSS as (BLOCK, ROWS): what lies outside is 0.

    Args:
        source: a descriptor of (batch, head, position, feature); or a pointer to the head's first row.
        place: batch, head and first row of the head, for descriptors.
        end: the head's number of rows. EDGE: whether the tile may reach beyond it.
        width: features. EVEN: they are BLOCK.
    """
    if DESCRIBED:
        tile = source.load([place[0], place[1], place[2] + start, 0]).reshape(ROWS, BLOCK)
        return tile.T if ACROSS else tile
    else:
        rows = offsets_from(start, ROWS, INT64)
        columns = tl.arange(0, BLOCK)
        # the pointers lie across, not what is loaded: float32 products would hold both in registers
        rows = rows[None, :] if ACROSS else rows[:, None]
        columns = columns[:, None] if ACROSS else columns[None, :]
        ptrs = source + rows * strides[2] + columns * strides[3]
        # features beyond the last add 0 to a product; keys beyond the last are masked as scores
        if EDGE and EVEN:
            return tl.load(ptrs, mask=rows < end, other=0.0)
        elif EDGE:
            return tl.load(ptrs, mask=(rows < end) & (columns < width), other=0.0)
        elif EVEN:
            return tl.load(ptrs)
        else:
            return tl.load(ptrs, mask=columns < width, other=0.0)


@triton.jit
def capped(s, sharpness):
    """tanh of s scaled, as 1 - 2 / (1 + e^2x): `sharpness` holds the scale and 2 log2(e)."""
    return 1.0 - 2.0 / (1.0 + tl.exp2(s * sharpness))


@triton.jit
def masked(
    s, mask_ptr, strides, offs_m, offs_n, rows, keys, factor, MASK: tl.constexpr, FOLD: tl.constexpr,
    EDGE: tl.constexpr,
):  # fmt: skip
    """Scores with what a mask of bools hides at -inf, or with a mask of numbers added (not FOLD)."""
    # 0 beyond the ends: edges are masked by themselves, and those queries are not stored
    ptrs = mask_ptr + offs_m[:, None] * strides[2] + offs_n[None, :] * strides[3]
    if EDGE:
        bias = tl.load(ptrs, mask=(offs_m < rows)[:, None] & (offs_n < keys)[None, :], other=0)
    else:
        bias = tl.load(ptrs, mask=(offs_m < rows)[:, None], other=0)
    if MASK == 1:
        return tl.where(bias != 0, s, MINUS_INFINITY)
    else:
        tl.static_assert(not FOLD)
        return s * factor + convert(bias, s.dtype) * LOG2E


@triton.jit
def visible(offs_m, offs_n, keys, ahead, behind, CAUSAL: tl.constexpr, WINDOW: tl.constexpr):
    """Whether a query sees a key: there is one, not after m + ahead (CAUSAL), nor before m - behind (WINDOW)."""
    seen = (offs_n < keys)[None, :]
    if CAUSAL:
        seen = seen & (offs_n[None, :] <= (offs_m + ahead)[:, None])
    if WINDOW:
        seen = seen & (offs_n[None, :] >= (offs_m - behind)[:, None])
    return seen


@triton.jit
def attend_keys(
    state, q, k, v, mask_ptr, blocks, place, strides, offs_m, start, end, sizes, bounds, factors, dropout,
    EDGE: tl.constexpr, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, SOFTCAP: tl.constexpr,
    MASK: tl.constexpr, DROPOUT: tl.constexpr, PACKED: tl.constexpr, FOLD: tl.constexpr, EVEN: tl.constexpr,
    DESCRIBED: tl.constexpr, PRECISION: tl.constexpr, LISTED: tl.constexpr, BLOCK_N: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """Bring (accumulator, sum, maximum) up to date with the keys [start, end).

    Args:
        blocks: numbers of blocks of LISTED keys, of which [start, end) are then places; not used where that is 0.
        q: (rows, features). k, v: see `load_rows`, with `place`; strides: of keys, values and mask.
        offs_m: positions of the queries. sizes: queries, keys, features of a key, of a value.
        bounds: ahead and behind, see `visible`. factors: of scores, and the soft cap's.
        dropout: first row in the random stream, threshold, seed and offset.
        EDGE: some queries do not see all of these keys, or keys end within a tile.
        PACKED: other sequences follow in memory.
    """
    acc, l_i, m_i = state
    BLOCK_M: tl.constexpr = acc.shape[0]
    # edges are a tile or two: nothing for the copy engine to load ahead
    STAGES: tl.constexpr = 1 if EDGE and DESCRIBED else None
    for at in tl.range(start, end, BLOCK_N, num_stages=STAGES):
        start_n = at
        if LISTED:
            start_n = tl.load(blocks + at // LISTED) * LISTED + at % LISTED
        key = load_rows(
            k, place, strides[0], start_n, sizes[1], sizes[2], True, EDGE, EVEN, DESCRIBED, BLOCK_N, q.shape[1], INT64,
        )  # fmt: skip
        s = tl.dot(q, key, input_precision=PRECISION, out_dtype=acc.dtype)
        offs_n = offsets_from(start_n, BLOCK_N, INT64)
        if SOFTCAP:
            s = capped(s, factors[1])
        if not FOLD and MASK != 2:
            s = s * factors[0]  # before anything is hidden: -inf times a negative factor would be seen most
        if MASK != 0:
            s = masked(
                s, mask_ptr, strides[2], offs_m, offs_n, sizes[0], sizes[1], factors[0], MASK, FOLD, EDGE
            )
        if EDGE:
            s = tl.where(
                visible(offs_m, offs_n, sizes[1], bounds[0], bounds[1], CAUSAL, WINDOW), s, MINUS_INFINITY
            )
        # A row that has seen no key yet has a maximum of -inf, and -inf - -inf would be NaN.
        if FOLD:
            m_new = tl.maximum(m_i, tl.max(s, axis=1) * factors[0])
            m_safe = tl.where(m_new == MINUS_INFINITY, 0.0, m_new)
            p = tl.exp2(s * factors[0] - m_safe[:, None])
        else:
            m_new = tl.maximum(m_i, tl.max(s, axis=1))
            m_safe = tl.where(m_new == MINUS_INFINITY, 0.0, m_new)
            p = tl.exp2(s - m_safe[:, None])
        alpha = tl.exp2(m_i - m_safe)
        l_i = l_i * alpha + tl.sum(p, axis=1)
        if DROPOUT:
            # after l_i: dropout acts on normalised probabilities, so the normaliser counts them all
            p = tl.where(dropout_keep(
                dropout[0], offs_m, start_n, sizes[1], dropout[1], dropout[2], dropout[3], BLOCK_M, BLOCK_N,
            ), p, 0.0)  # fmt: skip
        value = load_rows(
            v, place, strides[1], start_n, sizes[1], sizes[3], False, EDGE, EVEN, DESCRIBED, BLOCK_N, acc.shape[1],
            INT64,
        )  # fmt: skip
        if PACKED and EDGE and DESCRIBED:
            # a probability of 0 times the NaN of another sequence would be NaN
            value = tl.where((offs_n < sizes[1])[:, None], value, 0.0)
        acc = acc * alpha[:, None]
        # matrix instructions take two operands of one type; the sum stays in the accumulator's
        acc = tl.dot(convert(p, value.dtype), value, acc, input_precision=PRECISION, out_dtype=acc.dtype)
        m_i = m_new
    return acc, l_i, m_i
