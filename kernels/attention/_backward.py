"""What the kernels of attention's gradients share, and the one that comes before them; `gradient.py` launches them.

Backward recomputes the probabilities p = exp(qk - lse) from the saved logsumexp instead of reading them: O(L)
memory, and a product costs less than L S reads. It is three kernels:

- `delta_kernel`: delta = sum(out * do) per query, so that ds = p (dp - delta) needs no row sum of p dp; and the
  logsumexp as a power of 2, so that p = exp2(qk scale log2(e) - lse) is one multiply-add and one exp2.
- `keys_backward_kernel` (`_backward_keys.py`): a program owns BLOCK_N keys, walks over the queries, gives dk and dv.
- `queries_backward_kernel` (`_backward_queries.py`): a program owns BLOCK_M queries, walks over the keys, gives dq.

One kernel for all would compute qk and dp once instead of twice, but have to add dq up with atomics, whose
order, and so whose last bits, differ from run to run. Here every sum has one owner.

A walk is up to three loops (`walk`): tiles that are hidden in part (EDGE), tiles that are seen whole, and again
tiles hidden in part; only EDGE tiles compare positions. Where the layout allows it (`_layout.py`) the tiles of a walk
come through tensor descriptors (DESCRIBED), which the hardware fills with 0 beyond the ends.

Which keys a query m sees is one rule: ahead = n - m - shift lies in [-left, right]. CAUSAL is right = 0 without a
left limit; WINDOW has both. The shift is 0; where sequences lie one after another in memory (PACKED) it is that of
their lengths, keys - queries: the last query's own key is the last one.

Source: Dao, "FlashAttention-2", 2023.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.attention._common import LOG2E, MINUS_INFINITY, dropout_keep, head_offset, load_tile
from tritonnn.kernels.device.math import tanh
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from


@triton.jit
def delta_kernel(
    lse2_ptr, delta_ptr, lse_ptr, out_ptr, do_ptr, out_strides, do_strides, heads, seqlen_q, head_dim_v, padded,
    ACC: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_V: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """delta[row] = sum of out * do over the features, and lse2[row] = lse log2(e), in the accumulator's type.

    Both have `padded` rows a head, a multiple of every tile's queries: rows beyond the last query, and rows that see
    no key, get an lse2 of +inf, so that their p is 0 without a comparison.
    """
    num_blocks_m = padded // BLOCK_M
    head = tl.program_id(0) // num_blocks_m
    offs_m = offsets_from(tl.program_id(0) % num_blocks_m * BLOCK_M, BLOCK_M, INT64)
    offs_v = tl.arange(0, BLOCK_V)
    o = out_ptr + head_offset(head, heads, out_strides, INT64)
    do = do_ptr + head_offset(head, heads, do_strides, INT64)
    o = load_tile(o, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, out_strides[2], out_strides[3])
    do = load_tile(do, offs_m[:, None], offs_v[None, :], seqlen_q, head_dim_v, do_strides[2], do_strides[3])
    delta = tl.sum(convert(o, ACC) * convert(do, ACC), axis=1)
    lse = tl.load(
        lse_ptr + head.to(tl.int64) * seqlen_q + offs_m, mask=offs_m < seqlen_q, other=MINUS_INFINITY
    ).to(ACC)
    lse2 = tl.where(lse == MINUS_INFINITY, -MINUS_INFINITY, lse * LOG2E)
    tl.store(delta_ptr + head.to(tl.int64) * padded + offs_m, delta)
    tl.store(lse2_ptr + head.to(tl.int64) * padded + offs_m, lse2)


@triton.jit
def place(blocks, heads, together):
    """Block and head of a program: in groups of `together` heads, block after block of all heads of the group.

    Block 0 is to be the longest: then programs start longest first within a group, and short ones fill the tail of
    the grid. A group is as many heads as the second-level cache holds.
    """
    group = tl.program_id(0) // (together * blocks)
    within = tl.program_id(0) % (together * blocks)
    members = tl.minimum(together, heads - group * together)
    return within // members, group * together + within % members


@triton.jit
def walk(start, lowest, highest, length, BLOCK: tl.constexpr, STEP: tl.constexpr, OPEN: tl.constexpr):
    """Where the loops of a block at `start` begin and end: first, whole, rest, end.

    Position i of the block and position x of the other side, of `length`, see each other where lowest <= x - i <=
    highest. Tiles of STEP from `whole` to `rest` see each other whole, those before and after in part, others not.
    OPEN: the last tile is whole even if it reaches beyond the end.
    """
    first = tl.maximum(start + lowest, 0) // STEP * STEP
    end = tl.maximum(tl.minimum(start + (BLOCK - 1) + highest + 1, length), first)
    whole = tl.cdiv(tl.maximum(start + (BLOCK - 1) + lowest, 0), STEP) * STEP
    whole = tl.minimum(whole, tl.cdiv(end, STEP) * STEP)
    rest = tl.minimum(start + highest + 1, tl.cdiv(length, STEP) * STEP if OPEN else length)
    return first, whole, tl.maximum(rest // STEP * STEP, whole), end


@triton.jit
def span(first_ptr, sequence):
    """First row and number of rows of a packed sequence."""
    first = tl.load(first_ptr + sequence)
    return first, tl.load(first_ptr + sequence + 1) - first


@triton.jit
def differences(
    seqlen_q, seqlen_k, behind, ahead, CAUSAL: tl.constexpr, WINDOW: tl.constexpr, PACKED: tl.constexpr,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
):  # fmt: skip
    """Smallest and largest query - key of what sees each other; beyond all tiles where nothing limits."""
    lowest, highest = -seqlen_k - BLOCK_N, seqlen_q + BLOCK_M
    if CAUSAL:
        lowest = 0
    if WINDOW:
        shift = seqlen_k - seqlen_q if PACKED else 0
        lowest = -shift - ahead
        highest = behind - shift
    return lowest, highest


@triton.jit
def load_rows(x, batch, head, start, strides, length, width, EDGE: tl.constexpr, DESCRIBED: tl.constexpr,
              BLOCK: tl.constexpr, WIDTH: tl.constexpr, INT64: tl.constexpr):  # fmt: skip
    """BLOCK rows of a head from `start` on; x is a descriptor over (batch, head, row, feature), or a head's pointer."""
    if DESCRIBED:
        return x.load([batch, head, start, 0]).reshape(BLOCK, WIDTH)
    else:
        rows = offsets_from(start, BLOCK, INT64)[:, None]
        columns = tl.arange(0, WIDTH)[None, :]
        ptrs = x + rows * strides[2] + columns * strides[3]
        if EDGE:
            return tl.load(ptrs, mask=(rows < length) & (columns < width), other=0.0)
        else:
            return tl.load(ptrs, mask=columns < width, other=0.0)


@triton.jit
def store_rows(
    x, ptr, start, strides, length, width, BLOCK: tl.constexpr, WIDTH: tl.constexpr, INT64: tl.constexpr
):
    """Write BLOCK rows of a head, whose pointer is given, from `start` on."""
    rows = offsets_from(start, BLOCK, INT64)[:, None]
    columns = tl.arange(0, WIDTH)[None, :]
    tl.store(
        ptr + rows * strides[2] + columns * strides[3], convert(x, ptr.dtype.element_ty),
        mask=(rows < length) & (columns < width),
    )  # fmt: skip


@triton.jit
def _tanh(x):
    """tanh(x) to an absolute error of 2**-23 in float32, which the cap multiplies: two special functions."""
    if x.dtype == tl.float32:
        return 1.0 - 2.0 / (tl.exp2(x * (2.0 * LOG2E)) + 1.0)
    else:
        return tanh(x)


@triton.jit
def probabilities(
    qk, lse2, offs_m, offs_n, mask_ptr, stride_mm, stride_mn, seqlen_q, seqlen_k, lowest, highest, qk_scale, cap,
    EDGE: tl.constexpr, CUT: tl.constexpr, SOFTCAP: tl.constexpr, MASK: tl.constexpr,
):  # fmt: skip
    """p of a tile, and the derivative of what caps its scores (1 without a cap).

    Args:
        offs_m, offs_n: queries and keys, shaped along their side of the tile.
        lowest, highest: key n sees the queries m with lowest <= m - n <= highest; compared where CUT and EDGE.
        qk_scale: from scores to powers of 2; with SOFTCAP to arguments of tanh.
        cap: the largest score, as a power of 2.
    """
    slope = 1.0
    if SOFTCAP:
        tanhs = _tanh(qk * qk_scale)
        slope = 1.0 - tanhs * tanhs
        scores = tanhs * cap
    else:
        scores = qk * qk_scale
    if MASK != 0:
        # 0 beyond the ends: p of those queries is 0, those keys are not stored or have zeros for features
        ptrs = mask_ptr + offs_m * stride_mm + offs_n * stride_mn
        if EDGE:
            bias = tl.load(ptrs, mask=(offs_m < seqlen_q) & (offs_n < seqlen_k), other=0)
        else:
            bias = tl.load(ptrs)
        if MASK == 1:
            p = tl.where(bias != 0, tl.exp2(scores - lse2), 0.0)
        else:
            p = tl.exp2(scores + (convert(bias, qk.dtype) * LOG2E - lse2))
    else:
        p = tl.exp2(scores - lse2)
    if EDGE:
        seen = (offs_n < seqlen_k) & (offs_m < seqlen_q)
        if CUT:
            seen = seen & (offs_m - offs_n >= lowest) & (offs_m - offs_n <= highest)
        p = tl.where(seen, p, 0.0)
    return p, slope


@triton.jit
def dropped(p, keep, dropout_scale, DROPOUT: tl.constexpr):
    """p as the values saw it."""
    if DROPOUT:
        return tl.where(keep, p * dropout_scale, 0.0)
    else:
        return p


@triton.jit
def score_gradients(p, p_drop, dp, delta, slope, SOFTCAP: tl.constexpr, DROPOUT: tl.constexpr):
    """ds = p (dp - delta), the gradient of the scores."""
    if DROPOUT:
        # delta already is a sum over what dropout kept: it goes with the undropped p
        ds = p_drop * dp - p * delta
    else:
        ds = p * (dp - delta)
    if SOFTCAP:
        ds = ds * slope
    return ds


@triton.jit
def kept(
    first_row, start_m, start_n, seqlen_k, threshold, seed, offset, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr,
    DROPOUT: tl.constexpr,
):  # fmt: skip
    """Which probabilities of a tile (queries, keys) dropout keeps."""
    if DROPOUT:
        return dropout_keep(
            first_row, start_m + tl.arange(0, BLOCK_M), start_n, seqlen_k, threshold, seed, offset, BLOCK_M,
            BLOCK_N,
        )  # fmt: skip
    else:
        return True
