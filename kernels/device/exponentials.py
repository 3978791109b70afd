"""Sums of exponentials of long rows, with one exponential an element.

A running maximum for every element of a tile would cost two exponentials an element: one for the element, one to
bring the sum so far to the new maximum. Here the elements that a thread holds of a step, `REPEATS` times
`NEIGHBOURS` of them, share a maximum and a sum:

    m_new = max(m, x_1, ..., x_g);  l = l exp(m - m_new) + exp(x_1 - m_new) + ... + exp(x_g - m_new)

A tile (K, R) is seen as (K, REPEATS, lanes, NEIGHBOURS), so that a maximum over the second and the last dimension
stays within a thread; `choose_group` in `tables/reduction.py` says how a tile lies in threads. m and l are (K, lanes),
and the loop has no reduction across threads; `join` makes one number a row of them.

An infinite m counts as 0 in exponents: inf - inf would be NaN where logsumexp is infinite. NaN comes through by
l alone.

Source: Milakov and Gimelshein, "Online normalizer calculation for softmax", 2018.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offsets_from


@triton.jit
def exp_in_sum(x):
    """e**x by one product and one instruction: in float32 off by 1e-7 |x|, which a sum of shares of 1 does not see."""
    if x.dtype == tl.float32:
        return tl.exp2(x * 1.4426950408889634)
    else:
        return tl.exp(x)


@triton.jit
def exp_for(x, dtype: tl.constexpr):
    """e**x of x <= 0 for a result that is stored as `dtype`: a 16-bit one rounds off what `exp_in_sum` is wrong by."""
    if dtype.primitive_bitwidth == 16 or x.dtype != tl.float32:
        return exp_in_sum(x)
    else:
        # x = k ln(2) + rest; adding 1.5 * 2**23 + 127 rounds to whole numbers and leaves k + 127 in the last bits
        u = tl.maximum(x * 1.4426950408889634 + 12583039.0, 12582913.0)
        k = u - 12583039.0
        rest = (x - k * 0.693359375) + k * 2.12194440e-4  # the first factor has 9 bits: its product is exact
        power_of_2 = (u.to(tl.int32, bitcast=True) << 23).to(tl.float32, bitcast=True)
        return tl.exp2(rest * 1.4426950408889634) * power_of_2


@triton.jit
def finite_or_0(m):
    """m, and 0 where it is infinite."""
    return tl.where(tl.abs(m) == float("inf"), 0.0, m)


@triton.jit
def grouped(x, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr):
    """A tile (K, R) as (K, REPEATS, lanes, NEIGHBOURS)."""
    LANES: tl.constexpr = x.shape[1] // (REPEATS * NEIGHBOURS)
    return tl.reshape(x, (x.shape[0], REPEATS, LANES, NEIGHBOURS))


@triton.jit
def add_up(x, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr):
    """The elements of a tile that share a lane as their sum: (K, lanes)."""
    return tl.sum(tl.sum(grouped(x, REPEATS, NEIGHBOURS), axis=3), axis=1)


@triton.jit
def add_exponentials(m, l, x, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr):
    """Maxima m and sums of exponentials l (K, lanes) with the tile x taken into account; -inf adds nothing."""
    x = grouped(x, REPEATS, NEIGHBOURS)
    m_new = tl.maximum(m, tl.max(tl.max(x, axis=3), axis=1))
    shift = finite_or_0(m_new)
    exponentials = exp_in_sum(x - shift[:, None, :, None])
    # a lane that has only seen -inf so far has l = 0 and the factor exp(-inf)
    l = l * exp_in_sum(m - shift) + tl.sum(tl.sum(exponentials, axis=3), axis=1)
    return m_new, l


@triton.jit
def join(m, l):
    """Of each row the maximum, and the sum of exponentials below it; below 0 where the maximum is infinite."""
    row_max = tl.max(m, axis=1)
    return row_max, tl.sum(l * exp_in_sum(m - finite_or_0(row_max)[:, None]), axis=1)


@triton.jit
def class_weights(w_ptr, cols, n_classes, ACC: tl.constexpr):
    """The weights of the classes `cols`, 0 outside."""
    mask = (cols >= 0) & (cols < n_classes)
    if w_ptr is not None:
        return convert(tl.load(w_ptr + cols, mask=mask, other=0.0), ACC)
    else:
        return mask.to(ACC)


@triton.jit
def _add_block(
    m, l, sum_wx, sum_w, x_ptrs, cols, load_mask, row_mask, length, w_ptr, WHOLE: tl.constexpr, SMOOTH: tl.constexpr,
    ACC: tl.constexpr, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr,
):  # fmt: skip
    """The sums of `row_sums` after a block; of a WHOLE one all are elements of the rows."""
    x = convert(tl.load(x_ptrs, mask=load_mask), ACC)
    inside = (cols >= 0) & (cols < length)
    if SMOOTH:
        wx = x
        if w_ptr is not None:
            w = class_weights(w_ptr, cols, length, ACC)
            wx = x * w
            sum_w += add_up(w, REPEATS, NEIGHBOURS)
        sum_wx += add_up(wx if WHOLE else tl.where(row_mask & inside, wx, 0.0), REPEATS, NEIGHBOURS)
    if not WHOLE:
        x = tl.where(row_mask & inside, x, float("-inf"))
    m, l = add_exponentials(m, l, x, REPEATS, NEIGHBOURS)
    return m, l, sum_wx, sum_w


@triton.jit
def row_sums(
    x_ptrs, row_mask, stride, length, extent, lead, w_ptr, SMOOTH: tl.constexpr, ACC: tl.constexpr,
    REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
    INT64: tl.constexpr,
):  # fmt: skip
    """Of long rows: m, sum(exp(x - m)), and if SMOOTH sum(w x) and sum(w), all (BLOCK_K,).

    Args:
        x_ptrs: (BLOCK_K, 1), where the rows start.
        row_mask: (BLOCK_K, 1), which rows there are; of BLOCK_K = 1 the one.
        stride: distance of neighbours in a row; length: elements of one.
        extent: None, or how many elements from `x_ptrs` on may be read, where more than the row's.
        lead: None, or how many elements of the row before `x_ptrs` starts at, so that accesses are aligned; with
            BLOCK_K = 1, stride 1 and at least BLOCK_R elements.
        w_ptr: the classes' weights, or None where all are 1.
    """
    LANES: tl.constexpr = BLOCK_R // (REPEATS * NEIGHBOURS)
    m = tl.full((BLOCK_K, LANES), float("-inf"), ACC)
    l = tl.zeros((BLOCK_K, LANES), ACC)
    sum_wx = tl.zeros((BLOCK_K, LANES), ACC)
    sum_w = tl.zeros((1, LANES), ACC)
    begin, skipped, behind = 0, 0, length
    if lead is not None:
        skipped, behind = lead, length + lead
        places = offsets_from(0, BLOCK_R, INT64)[None, :]
        m, l, sum_wx, sum_w = _add_block(
            m, l, sum_wx, sum_w, x_ptrs + places, places - lead, None, row_mask, length, w_ptr, False, SMOOTH, ACC,
            REPEATS, NEIGHBOURS,
        )  # fmt: skip
        begin = BLOCK_R
    # whole blocks go without masks over the elements, and one row without any
    end = begin + tl.maximum(behind - begin, 0) // BLOCK_R * BLOCK_R
    for start in range(begin, end, BLOCK_R):
        places = offsets_from(start, BLOCK_R, INT64)[None, :]
        m, l, sum_wx, sum_w = _add_block(
            m, l, sum_wx, sum_w, x_ptrs + places * stride, places - skipped, None if BLOCK_K == 1 else row_mask,
            row_mask, length, w_ptr, True, SMOOTH, ACC, REPEATS, NEIGHBOURS,
        )  # fmt: skip
    if end < behind:
        places = offsets_from(end, BLOCK_R, INT64)[None, :]
        m, l, sum_wx, sum_w = _add_block(
            m, l, sum_wx, sum_w, x_ptrs + places * stride, places - skipped,
            row_mask & (places < (behind if extent is None else extent)), row_mask, length, w_ptr, False, SMOOTH, ACC,
            REPEATS, NEIGHBOURS,
        )  # fmt: skip
    row_max, row_sum = join(m, l)
    weights = tl.sum(sum_w, axis=1) if w_ptr is not None else tl.full((1,), length, ACC)
    return row_max, row_sum, tl.sum(sum_wx, axis=1), weights
