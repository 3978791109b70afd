"""The kernels behind every reduction.

The input is seen as results (kept, K) x reduced elements (R); both sides may have several dimensions of any
strides, merged where they can be. A program holds a (BLOCK_K, BLOCK_R) tile of both, walks along the reduced
side with one accumulator for each element of the tile, and combines the tile at the end: rounding grows with
the number of steps, not of elements, the loop has no reduction across lanes, and a contiguous side of either
kind is read in whole lines. Few long reductions are split over programs (grid dimension 1), whose partial
results a second launch combines in a fixed order; there are no atomics.

- `reduce_kernel`: sum, prod, min, max, any, all, mean and norms.
- `extreme_kernel`: argmin and argmax, with the element; ties go to the first position.
- `moments_kernel`, `merge_moments_kernel`: variance in one read by Welford's recurrence, parts by Chan's
  formula. mean(x^2) - mean^2, also one read, cancels where the mean is large; two passes read twice.
- `logsumexp_kernel`: one read, with a running maximum (online softmax, see `exponentials.py`).

Source: Welford, 1962; Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm", 1979.
"""

from __future__ import annotations

import triton
from triton import language as tl

from tritonnn.kernels.device import math as _math
from tritonnn.kernels.device.exponentials import add_exponentials, finite_or_0, join
from tritonnn.kernels.device.pointwise import convert
from tritonnn.kernels.device.strided import offset_of, offsets_from, positions, wide
from tritonnn.kernels.launch.launch import fp64


@triton.jit
def identity(OP: tl.constexpr, dtype: tl.constexpr):
    """What leaves a result as it is."""
    if OP == "sum":
        return 0
    elif OP == "prod":
        return 1
    elif OP == "min":
        if dtype.is_floating():
            return float("inf")
        else:
            return (1 << (dtype.primitive_bitwidth - 1)) - 1
    else:
        if dtype.is_floating():
            return float("-inf")
        else:
            return -(1 << (dtype.primitive_bitwidth - 1))


@triton.jit
def combine(a, b, OP: tl.constexpr):
    """Two partial results as one, elementwise; NaN wins over numbers."""
    if OP == "sum":
        return a + b
    elif OP == "prod":
        return a * b
    elif OP == "min":
        return _math.minimum(a, b)
    else:
        return _math.maximum(a, b)


@triton.jit
def _times(a, b):
    return a * b


@triton.jit
def collect(tile, OP: tl.constexpr):
    """The tile's rows as one number each."""
    if OP == "sum":
        return tl.sum(tile, axis=1)
    elif OP == "prod":
        return tl.reduce(tile, 1, _times)
    else:
        # tl.max drops NaN; PyTorch's extrema keep it
        any_nan = tl.max((tile != tile).to(tl.int32), axis=1)
        if OP == "min":
            best = tl.min(tl.where(tile != tile, identity(OP, tile.dtype), tile), axis=1)
        else:
            best = tl.max(tl.where(tile != tile, identity(OP, tile.dtype), tile), axis=1)
        return tl.where(any_nan != 0, float("nan"), best) if tile.dtype.is_floating() else best


@triton.jit
def map_element(x, order, TRUTH: tl.constexpr, ACC: tl.constexpr, MAP: tl.constexpr):
    """An element as the accumulator takes it; TRUTH: 1 where it is not 0; MAP: what a norm adds up."""
    if TRUTH:
        comparable = x.to(tl.float32) if x.dtype.is_floating() and x.dtype.primitive_bitwidth < 32 else x
        return (comparable != 0).to(ACC)
    value = convert(x, ACC)
    if MAP == "square":
        value = value * value
    elif MAP == "absolute":
        value = tl.abs(value)
    elif MAP == "power":
        value = _math.power(tl.abs(value), tl.full(value.shape, 0.0, ACC) + order.to(ACC))
    return value


@triton.jit
def root(acc, number, MAP: tl.constexpr):
    """A norm of the sum of what `map_element` made."""
    if MAP == "square":
        return _math.sqrt(acc)
    elif MAP == "power":
        return _math.power(acc, 1.0 / (tl.full(acc.shape, 0.0, acc.dtype) + number.to(acc.dtype)))
    else:
        return acc


@triton.jit
def reduce_kernel(
    out_ptr, in_ptr, kept_shape, kept_in, kept_out, red_shape, red_in, kept, reduced, split_size,
    split_stride,
    number: fp64, OP: tl.constexpr, TRUTH: tl.constexpr, ACC: tl.constexpr, DIVIDED: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr, MAP: tl.constexpr = "",
    ROOT: tl.constexpr = "",
):  # fmt: skip
    """out[i] = OP over j of in[i, j] for the j of this program's part.

    Args:
        kept_shape: extents of the results' dimensions; kept_in, kept_out: their strides in input and output.
        red_shape: extents of the reduced dimensions; red_in: their strides.
        kept: number of results; reduced: elements of one; split_size: how many of them a program takes.
        split_stride: distance in the output of the results of neighbouring parts.
        number: what a DIVIDED result is divided by, or the order of a norm.
        OP: sum, prod, min or max. TRUTH: of elements as 0 or 1. ACC: the accumulator's type.
        MAP: of a norm, what is made of elements: square, absolute or power; and ROOT, which of them is
        undone.
    """
    offs_k = positions(BLOCK_K, INT64)
    mask_k = offs_k < kept
    in_ptrs = in_ptr + offset_of(offs_k, kept_shape, kept_in)[:, None]
    start_r = wide(tl.program_id(1), INT64) * split_size
    end_r = tl.minimum(start_r + split_size, reduced)
    # of 0 and 1 the least is 0 and the most 1: what nothing gives, too
    init = (OP == "min") if TRUTH else identity(OP, ACC)
    acc = tl.full((BLOCK_K, BLOCK_R), init, ACC)
    # full steps first, without a mask over the elements and the `where` that would go with it
    full_end = start_r + (end_r - start_r) // BLOCK_R * BLOCK_R
    for start in range(start_r, full_end, BLOCK_R):
        offs_r = offsets_from(start, BLOCK_R, INT64)
        x = tl.load(in_ptrs + offset_of(offs_r, red_shape, red_in)[None, :], mask=mask_k[:, None])
        # rows behind the last one add up garbage, which is not stored
        acc = combine(acc, map_element(x, number, TRUTH, ACC, MAP), OP)
    if full_end < end_r:
        offs_r = offsets_from(full_end, BLOCK_R, INT64)
        mask = mask_k[:, None] & (offs_r < end_r)[None, :]
        x = map_element(
            tl.load(in_ptrs + offset_of(offs_r, red_shape, red_in)[None, :], mask=mask), number, TRUTH, ACC,
            MAP,
        )  # fmt: skip
        # the identity goes in behind MAP, which may make something else of one
        acc = combine(acc, tl.where(mask, x, tl.full((BLOCK_K, BLOCK_R), init, ACC)), OP)
    result = collect(acc, OP)
    if DIVIDED:
        result = _math.divide(result, tl.full((BLOCK_K,), number, ACC))
    result = root(result, number, ROOT)
    out_ptrs = (
        out_ptr + offset_of(offs_k, kept_shape, kept_out) + tl.program_id(1).to(tl.int64) * split_stride
    )
    tl.store(out_ptrs, convert(result, out_ptr.dtype.element_ty), mask=mask_k)


@triton.jit
def precedes(x, best, OP: tl.constexpr):
    """Whether x comes before the best so far; NaN comes before every number."""
    if OP == "min":
        better = x < best
    else:
        better = x > best
    return better | ((x != x) & (best == best))


@triton.jit
def extreme_kernel(
    values_ptr, indices_ptr, in_ptr, positions_ptr, kept_shape, kept_in, kept_values, kept_indices,
    red_shape, red_in, kept, reduced, split_size, split_stride,
    OP: tl.constexpr, ACC: tl.constexpr, SECOND: tl.constexpr, VALUES: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """The first smallest or largest element and where it is.

    Args:
        positions_ptr: in the SECOND stage, where each partial result was.
        VALUES: whether the element itself is wanted. Others as of `reduce_kernel`.
    """
    offs_k = positions(BLOCK_K, INT64)
    mask_k = offs_k < kept
    row_offset = offset_of(offs_k, kept_shape, kept_in)[:, None]
    start_r = wide(tl.program_id(1), INT64) * split_size
    end_r = tl.minimum(start_r + split_size, reduced)
    INDEX: tl.constexpr = tl.int64 if INT64 else tl.int32
    # behind every position: marks lanes that have seen nothing yet, and loses to any that have
    FAR: tl.constexpr = 9223372036854775807 if INT64 else 2147483647
    best = tl.full((BLOCK_K, BLOCK_R), identity(OP, ACC), ACC)
    arg = tl.full((BLOCK_K, BLOCK_R), FAR, INDEX)
    for start in range(start_r, end_r, BLOCK_R):
        offs_r = offsets_from(start, BLOCK_R, INT64)
        mask = mask_k[:, None] & (offs_r < end_r)[None, :]
        offset = row_offset + offset_of(offs_r, red_shape, red_in)[None, :]
        x = convert(tl.load(in_ptr + offset, mask=mask), ACC)
        if SECOND:
            position = tl.load(positions_ptr + offset, mask=mask).to(INDEX)
        else:
            position = offs_r[None, :]
        # or nothing was seen yet: an element may equal the identity
        better = mask & (precedes(x, best, OP) | (arg == FAR))
        best = tl.where(better, x, best)
        arg = tl.where(better, position, arg)
    is_nan = (best != best) & (arg != FAR)
    any_nan = tl.max(is_nan.to(tl.int32), axis=1) != 0
    best_number = tl.where(best != best, tl.full((BLOCK_K, BLOCK_R), identity(OP, ACC), ACC), best)
    result_value = tl.min(best_number, axis=1) if OP == "min" else tl.max(best_number, axis=1)
    is_winner = tl.where(any_nan[:, None], is_nan, best == result_value[:, None])
    # of the winners in all lanes the one that stands first
    index = tl.min(tl.where(is_winner, arg, FAR), axis=1)
    split_offset = tl.program_id(1).to(tl.int64) * split_stride
    tl.store(
        indices_ptr + offset_of(offs_k, kept_shape, kept_indices) + split_offset, index.to(tl.int64),
        mask=mask_k,
    )  # fmt: skip
    if VALUES:
        result_value = tl.where(any_nan, float("nan"), result_value) if ACC.is_floating() else result_value
        value = convert(result_value, values_ptr.dtype.element_ty)
        tl.store(values_ptr + offset_of(offs_k, kept_shape, kept_values) + split_offset, value, mask=mask_k)


@triton.jit
def moments_kernel(
    out_ptr, partial_ptr, in_ptr, kept_shape, kept_in, kept_out, red_shape, red_in, kept, reduced,
    split_size, degrees_of_freedom: fp64,
    ACC: tl.constexpr, PARTS: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """Variance by Welford's recurrence in every element of the tile, put together at the end.

    Args:
        partial_ptr: with PARTS, mean and sum of squared deviations (M2) of this part go there, as (split, 2,
        result).
        degrees_of_freedom: what the sum of squared deviations is divided by. Others as of `reduce_kernel`.
    """
    offs_k = positions(BLOCK_K, INT64)
    mask_k = offs_k < kept
    in_ptrs = in_ptr + offset_of(offs_k, kept_shape, kept_in)[:, None]
    start_r = wide(tl.program_id(1), INT64) * split_size
    end_r = tl.minimum(start_r + split_size, reduced)
    mean = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    m2 = tl.zeros((BLOCK_K, BLOCK_R), ACC)
    n = 0.0
    full_end = start_r + (end_r - start_r) // BLOCK_R * BLOCK_R
    for start in range(start_r, full_end, BLOCK_R):
        offs_r = offsets_from(start, BLOCK_R, INT64)
        x = convert(
            tl.load(in_ptrs + offset_of(offs_r, red_shape, red_in)[None, :], mask=mask_k[:, None]), ACC
        )
        n += 1.0
        delta = x - mean
        # n is the same for the whole tile: one division a step
        mean += delta * (1.0 / n.to(ACC))  # type: ignore[attr-defined]
        m2 += delta * (x - mean)
    if full_end < end_r:
        offs_r = offsets_from(full_end, BLOCK_R, INT64)
        mask = mask_k[:, None] & (offs_r < end_r)[None, :]
        x = convert(tl.load(in_ptrs + offset_of(offs_r, red_shape, red_in)[None, :], mask=mask), ACC)
        n += 1.0
        delta = tl.where(mask, x - mean, 0.0)
        mean += delta * (1.0 / n.to(ACC))  # type: ignore[attr-defined]
        m2 += delta * tl.where(mask, x - mean, 0.0)
    lane = tl.arange(0, BLOCK_R)
    # elements that each lane has seen
    counts = ((end_r - start_r - lane + BLOCK_R - 1) // BLOCK_R).to(ACC)[None, :]
    counts = tl.where(counts > 0.0, counts, 0.0)
    total_count = (end_r - start_r).to(ACC)
    # Chan's formula over the lanes, which saw different numbers of elements
    total_mean = tl.sum(mean * counts, axis=1) / total_count
    mean_delta = mean - total_mean[:, None]
    total_m2 = tl.sum(m2 + mean_delta * mean_delta * counts, axis=1)
    if PARTS:
        partial_ptrs = partial_ptr + tl.program_id(1).to(tl.int64) * 2 * kept + offs_k
        tl.store(partial_ptrs, total_mean, mask=mask_k)
        tl.store(partial_ptrs + kept, total_m2, mask=mask_k)
    else:
        result = total_m2 / tl.full((1,), degrees_of_freedom, ACC)
        tl.store(
            out_ptr + offset_of(offs_k, kept_shape, kept_out), convert(result, out_ptr.dtype.element_ty),
            mask=mask_k,
        )  # fmt: skip


@triton.jit
def merge_moments_kernel(
    out_ptr, partial_ptr, kept_shape, kept_out, kept, reduced, split_size, splits, degrees_of_freedom: fp64,
    ACC: tl.constexpr, BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr,
):  # fmt: skip
    """Variance from mean and M2 of every part, by Chan's formula."""
    offs_k = tl.program_id(0) * BLOCK_K + tl.arange(0, BLOCK_K)
    split = tl.arange(0, BLOCK_R)
    mask = (offs_k < kept)[:, None] & (split < splits)[None, :]
    partial_ptrs = partial_ptr + split.to(tl.int64)[None, :] * 2 * kept + offs_k[:, None]
    mean = tl.load(partial_ptrs, mask=mask, other=0.0)
    m2 = tl.load(partial_ptrs + kept, mask=mask, other=0.0)
    counts = tl.maximum(tl.minimum(reduced - split * split_size, split_size), 0).to(ACC)[None, :]
    total_mean = tl.sum(mean * counts, axis=1) / reduced.to(ACC)
    mean_delta = mean - total_mean[:, None]
    total_m2 = tl.sum(tl.where(mask, m2 + mean_delta * mean_delta * counts, 0.0), axis=1)
    result = total_m2 / tl.full((1,), degrees_of_freedom, ACC)
    tl.store(
        out_ptr + offset_of(offs_k, kept_shape, kept_out), convert(result, out_ptr.dtype.element_ty),
        mask=offs_k < kept,
    )  # fmt: skip


@triton.jit
def logsumexp_kernel(
    out_ptr, partial_ptr, in_ptr, kept_shape, kept_in, kept_out, red_shape, red_in, kept, reduced, split_size,
    ACC: tl.constexpr, PARTS: tl.constexpr, REPEATS: tl.constexpr, NEIGHBOURS: tl.constexpr,
    BLOCK_K: tl.constexpr, BLOCK_R: tl.constexpr, INT64: tl.constexpr,
):  # fmt: skip
    """log(sum(exp(x))) with a running maximum in every thread.

    Args:
        partial_ptr: with PARTS, the logarithm of this part goes there, as (split, result), in ACC.
        REPEATS, NEIGHBOURS: which elements of the tile a thread holds, as of `device/exponentials.py`.
    """
    offs_k = positions(BLOCK_K, INT64)
    mask_k = offs_k < kept
    in_ptrs = in_ptr + offset_of(offs_k, kept_shape, kept_in)[:, None]
    start_r = wide(tl.program_id(1), INT64) * split_size
    end_r = tl.minimum(start_r + split_size, reduced)
    LANES: tl.constexpr = BLOCK_R // (REPEATS * NEIGHBOURS)
    m = tl.full((BLOCK_K, LANES), float("-inf"), ACC)
    l = tl.zeros((BLOCK_K, LANES), ACC)
    # full steps without a mask over the elements; rows behind the last one make garbage, which is not stored
    full_end = start_r + (end_r - start_r) // BLOCK_R * BLOCK_R
    for start in range(start_r, full_end, BLOCK_R):
        offs_r = offsets_from(start, BLOCK_R, INT64)
        x = tl.load(in_ptrs + offset_of(offs_r, red_shape, red_in)[None, :], mask=mask_k[:, None], other=0.0)
        m, l = add_exponentials(m, l, convert(x, ACC), REPEATS, NEIGHBOURS)
    if full_end < end_r:
        offs_r = offsets_from(full_end, BLOCK_R, INT64)
        mask = mask_k[:, None] & (offs_r < end_r)[None, :]
        x = convert(tl.load(in_ptrs + offset_of(offs_r, red_shape, red_in)[None, :], mask=mask), ACC)
        m, l = add_exponentials(m, l, tl.where(mask, x, float("-inf")), REPEATS, NEIGHBOURS)
    row_max, row_sum = join(m, l)
    result = tl.log(row_sum) + finite_or_0(row_max)
    if PARTS:
        tl.store(partial_ptr + tl.program_id(1).to(tl.int64) * kept + offs_k, result, mask=mask_k)
    else:
        tl.store(
            out_ptr + offset_of(offs_k, kept_shape, kept_out), convert(result, out_ptr.dtype.element_ty),
            mask=mask_k,
        )  # fmt: skip
